"""The caller's side of a trace: whoever traces with OpenTelemetry sees what became of a transfer in the same trace.

It needs the `tracing` extra (`pip install "hookflash[tracing]"`), and a tracer provider that the caller has set up.
`TransferClient.connect` uses it by itself where OpenTelemetry is installed. With a connection of your own:

    Client.connect(..., interceptors=[TracingInterceptor()])

The interceptors that Temporal's SDKs bring along for OpenTelemetry use the same header, so they do as well.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
    WorkflowHandle,
    WorkflowUpdateHandle,
)
from temporalio.converter import PayloadConverter

if TYPE_CHECKING:
    from opentelemetry import propagate, trace

    INSTALLED = True
else:
    try:
        from opentelemetry import propagate, trace

        INSTALLED = True
    except ImportError:
        INSTALLED = False

HEADER = "_tracer-data"
"""Header of Temporal that carries the trace, as in Temporal's own SDKs."""


def interceptors() -> list[Interceptor]:
    """Return what traces a client's calls; nothing where OpenTelemetry is not installed."""
    return [TracingInterceptor()] if INSTALLED else []


class TracingInterceptor(Interceptor):
    """Makes a span of every start and every command, and sends the trace along."""

    def __init__(self, provider: "trace.TracerProvider | None" = None) -> None:
        """Trace.

        Args:
            provider: Where spans go. Default: OpenTelemetry's global one.
        """
        self._provider = provider

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """See base class."""
        return _Outbound(next, trace.get_tracer("hookflash", tracer_provider=self._provider)) if INSTALLED else next


class _Outbound(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, tracer: "trace.Tracer") -> None:
        super().__init__(next)
        self._tracer = tracer

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        with _span(self._tracer, f"StartWorkflow:{input.workflow}", input.id):
            input.headers = _with_trace(input.headers)
            return await super().start_workflow(input)

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:
        with _span(self._tracer, f"StartWorkflowUpdate:{input.update}", input.id):
            input.headers = _with_trace(input.headers)
            return await super().start_workflow_update(input)


@contextmanager
def _span(tracer: "trace.Tracer", name: str, workflow: str) -> Generator[None]:
    # The words of an error can hold what nobody wants in a trace; its kind is enough.
    with tracer.start_as_current_span(
        name,
        kind=trace.SpanKind.CLIENT,
        attributes={"temporalWorkflowID": workflow},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise


def _with_trace(headers: Mapping[str, Payload]) -> Mapping[str, Payload]:
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return {**headers, HEADER: PayloadConverter.default.to_payload(carrier)} if carrier else headers
