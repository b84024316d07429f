"""Traces of a worker process: spans of workflows, activities and requests, exported over OTLP/HTTP."""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from importlib.metadata import version
from typing import Any, NamedTuple

from opentelemetry import trace
from opentelemetry.context import Context, attach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags
from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from activities.metrics import Recorded
from workers.settings import Settings
from workflows.tracing import RECORD, Place, Span, WorkflowTracing


def start_tracing(settings: Settings) -> TracerProvider:
    """Export the spans of this process from now on. `shutdown` sends what is left.

    Args:
        settings: Where spans go; without it OpenTelemetry's own variables say, as they do for everything else.
    """
    base = settings.otlp_endpoint
    exporter = OTLPSpanExporter(endpoint=f"{base.rstrip('/')}/v1/traces") if base else OTLPSpanExporter()
    name = os.environ.get("OTEL_SERVICE_NAME") or "hookflash"
    resource = Resource.create({"service.name": name, "service.version": version("hookflash")})
    provider = TracerProvider(resource=resource, id_generator=_GivenIds(), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return provider


class _Given(NamedTuple):
    trace: int
    span: int


_given: ContextVar[_Given | None] = ContextVar("given", default=None)


class _GivenIds(RandomIdGenerator):
    """Ids at random, but for the spans of workflows, which bring their own."""

    def generate_span_id(self) -> int:
        given = _given.get()
        return given.span if given else super().generate_span_id()

    def generate_trace_id(self) -> int:
        given = _given.get()
        return given.trace if given else super().generate_trace_id()


class TracingInterceptor(Interceptor):
    """Traces a worker's workflows and activities."""

    def __init__(self, provider: trace.TracerProvider) -> None:
        """Trace.

        Args:
            provider: Where spans go.
        """
        self._tracer = provider.get_tracer("hookflash")
        self._recorded = Recorded()

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        """See base class."""
        # The SDK leaves open what such functions take.
        input.unsafe_extern_functions[RECORD] = self._record  # pyright: ignore[reportUnknownMemberType]
        return WorkflowTracing

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        return _TracedActivity(next, self._tracer)

    def _record(self, told: Span) -> None:
        """Make a span of what a workflow has done."""
        if not self._recorded.first_time(told.id):
            return  # the task was done again, which is no replay
        given = _given.set(_Given(int(told.above.trace, 16), int(told.id, 16)))
        try:
            span = self._tracer.start_span(
                told.name,
                context=_context(told.above),
                kind=SpanKind.SERVER,
                attributes=told.attributes,
                start_time=told.began,
            )
        finally:
            _given.reset(given)
        if told.error:
            _note_error(span, told.error)
        span.end(told.ended)


class _TracedActivity(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, tracer: trace.Tracer) -> None:
        super().__init__(next)
        self._tracer = tracer

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: ANN401 the SDK's signature
        info = activity.info()
        attributes = {
            "temporalWorkflowID": info.workflow_id or "",
            "temporalRunID": info.workflow_run_id or "",
            "temporalActivityID": info.activity_id,
            "temporalActivityAttempt": info.attempt,
        }
        # The words of an error can hold what nobody wants in a trace; its kind is enough.
        span = self._tracer.start_span(
            f"RunActivity:{info.activity_type}",
            context=_context_of(input.headers),
            kind=SpanKind.SERVER,
            attributes=attributes,
        )
        # For good: the task is this attempt's alone, and what the SDK logs of it after this belongs to the trace too.
        attach(trace.set_span_in_context(span))
        try:
            return await super().execute_activity(input)
        except Exception as error:
            kind = error.type if isinstance(error, ApplicationError) else None
            _note_error(span, kind or type(error).__name__)
            raise
        finally:
            span.end()


def _note_error(span: trace.Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)


def _context_of(headers: Mapping[str, Payload]) -> Context:
    place = Place.of(headers)
    return _context(place) if place else Context()


def _context(place: Place) -> Context:
    """Return the context below a place; an empty one at the top of a trace."""
    if not place.span:
        return Context()
    above = SpanContext(
        int(place.trace, 16), int(place.span, 16), is_remote=True, trace_flags=TraceFlags(int(place.flags, 16))
    )
    return trace.set_span_in_context(NonRecordingSpan(above), Context())
