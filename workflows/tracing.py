"""One readable trace per transfer, made inside workflows without OpenTelemetry: a replay makes no span twice.

The ids of spans follow from run ids, so whoever replays or takes a workflow over arrives at the same ones; a trace that
no caller has begun has the id of the first run. What was done is told to the process when it is
over, unless it is replayed.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, cast
from uuid import UUID

from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadConverter
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleUpdateInput,
    StartActivityInput,
    StartChildWorkflowInput,
    WorkflowInboundInterceptor,
    WorkflowOutboundInterceptor,
)

from hookflash.tracing import HEADER

RECORD = "__hookflash_record_span"
"""Name under which the process takes spans, see ``workers/tracing.py``."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class Place(NamedTuple):
    """Where in which trace something happens: W3C's ``traceparent``."""

    trace: str
    span: str
    """Empty: nothing is above it."""
    flags: str = "01"

    @classmethod
    def of(cls, headers: Mapping[str, Payload]) -> "Place | None":
        """Return what a caller has sent, None if that is nothing, or nothing that makes sense."""
        try:
            carrier = PayloadConverter.default.from_payload(headers[HEADER])
            found = _PARENT.fullmatch(str(cast("Mapping[str, object]", carrier)["traceparent"]))
        except Exception:
            return None  # whatever a caller sends, a transfer must not fail for it
        return cls(*found.groups()) if found else None

    def headers(self, others: Mapping[str, Payload]) -> dict[str, Payload]:
        """Return headers that lead here."""
        carrier = {"traceparent": f"00-{self.trace}-{self.span}-{self.flags}"}
        return {**others, HEADER: PayloadConverter.default.to_payload(carrier)}


class Span(NamedTuple):
    """Something that was done."""

    name: str
    above: Place
    id: str
    began: int
    """Nanoseconds since 1970."""
    ended: int
    attributes: dict[str, str]
    error: str
    """Kind of the error; empty: there was none."""


def trace_of_run() -> str:
    """Return the trace that the current run belongs to, for its log; empty if this process makes no traces."""
    # The SDK leaves open what such functions take.
    if RECORD not in workflow.extern_functions():  # pyright: ignore[reportUnknownMemberType]
        return ""
    info = workflow.info()
    return (Place.of(info.headers) or _top(info)).trace


def _top(info: workflow.Info) -> Place:
    """Return where a run begins that no caller traces."""
    return Place(UUID(info.first_execution_run_id).hex, "")


class WorkflowTracing(WorkflowInboundInterceptor):
    """Sits in front of one run."""

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        """See base class."""
        self._caller: Place | None = None
        super().init(_Outbound(outbound, self))

    @property
    def here(self) -> Place:
        """The place of this run, for what it starts."""
        return self._above._replace(span=_id(workflow.info().run_id))

    @property
    def _above(self) -> Place:
        return self._caller or _top(workflow.info())

    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:  # noqa: ANN401 the SDK's signature
        """Tell of a run when it is over."""
        self._caller = Place.of(input.headers)
        info = workflow.info()
        name, above, id = f"RunWorkflow:{info.workflow_type}", self._above, self.here.span
        began = (info.start_time - _EPOCH) // timedelta(microseconds=1) * 1000
        try:
            result = await super().execute_workflow(input)
        except Exception as error:
            if workflow.is_failure_exception(error):
                self._tell(name, above, id, began, type(error).__name__)
            raise
        self._tell(name, above, id, began)
        return result

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: ANN401 the SDK's signature
        """Tell of a command when it is answered."""
        began = workflow.time_ns()
        name, id = f"HandleUpdate:{input.update}", _id(f"{workflow.info().run_id}/{input.id}")
        try:
            result = await super().handle_update_handler(input)
        except Exception as error:
            self._tell(name, self.here, id, began, type(error).__name__)
            raise
        self._tell(name, self.here, id, began)
        return result

    def _tell(self, name: str, above: Place, id: str, began: int, error: str = "") -> None:
        if workflow.unsafe.is_replaying():
            return
        info = workflow.info()
        attributes = {"temporalWorkflowID": info.workflow_id, "temporalRunID": info.run_id}
        # The SDK leaves open what such functions take.
        functions = cast("Mapping[str, Callable[[Span], None]]", workflow.extern_functions())  # pyright: ignore[reportUnknownMemberType]
        record = functions[RECORD]
        record(Span(name, above, id, began, workflow.time_ns(), attributes, error))


class _Outbound(WorkflowOutboundInterceptor):
    """Says where it comes from, to whatever a run starts."""

    def __init__(self, next: WorkflowOutboundInterceptor, run: WorkflowTracing) -> None:
        super().__init__(next)
        self._run = run

    def start_activity(self, input: StartActivityInput) -> workflow.ActivityHandle[Any]:
        input.headers = self._run.here.headers(input.headers)
        return super().start_activity(input)

    async def start_child_workflow(self, input: StartChildWorkflowInput) -> workflow.ChildWorkflowHandle[Any, Any]:
        input.headers = self._run.here.headers(input.headers)
        return await super().start_child_workflow(input)


def _id(name: str) -> str:
    """Return the id of a span: 8 bytes, never all zero for any name that occurs."""
    return hashlib.blake2b(name.encode(), digest_size=8).hexdigest()
