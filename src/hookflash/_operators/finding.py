"""Transfers as Temporal's visibility knows them: without a worker, and without their content."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import AwareDatetime, BaseModel
from temporalio.client import WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from hookflash import names
from hookflash._failures import rpc_failure
from hookflash._operators.session import Session
from hookflash.errors import HookflashError, InvalidRequest

PAGE = 1000
"""Transfers that one request tells of."""


class Found(BaseModel):
    """One transfer. Words are those of the contract; one of a newer engine is passed on as it is."""

    id: str
    run_id: str
    open: bool
    status: str
    """Temporal's own: ``running``, ``completed``, ``terminated``, ``failed``, ..."""
    mode: str | None = None
    stage: str | None = None
    outcome: str | None = None
    cause: str | None = None
    provider: str | None = None
    tenant: str | None = None
    agent: str | None = None
    held: bool | None = None
    begun: AwareDatetime
    ended: AwareDatetime | None = None
    length: timedelta
    """Until the end, or until now."""
    ui: str | None = None
    """Where the Temporal UI shows it, if that is known."""

    @property
    def state(self) -> str:
        """What is going on, or how it ended: for a transfer that ended without an outcome, what Temporal calls it."""
        if self.open:
            return self.stage or "starting"
        return self.outcome or self.status


def query_of(conditions: Sequence[str]) -> str:
    """Return the query, in Temporal's words, that finds the transfers for which all conditions hold."""
    return " AND ".join([f"WorkflowType = '{names.WORKFLOW_TYPE}'", *conditions])


async def find(session: Session, conditions: Sequence[str], *, page: int = PAGE) -> AsyncIterator[Found]:
    """Find transfers, open ones first, then those that ended last.

    Args:
        session: The connection.
        conditions: In Temporal's words; all must hold.
        page: How many one request asks for.

    Raises:
        InvalidRequest: Temporal does not understand a condition.
        EngineUnreachable: The server cannot be reached.
    """
    query = query_of(conditions)
    now = datetime.now(UTC)
    try:
        async for execution in session.temporal.list_workflows(query, page_size=page):
            # A query of the operator's own may be more than it seems to be, for example with a bracket too many.
            if execution.workflow_type == names.WORKFLOW_TYPE:
                yield _found(session, execution, now)
    except RPCError as error:
        raise refusal(error) from error


def refusal(error: RPCError) -> HookflashError:
    """Return what an operator is told whose query was not answered."""
    if error.status is RPCStatusCode.INVALID_ARGUMENT:
        return InvalidRequest(f"--query: Temporal does not understand it: {error.message}")
    return rpc_failure(error, "list")


def _found(session: Session, execution: WorkflowExecution, now: datetime) -> Found:
    def value(key: SearchAttributeKey[Any]) -> Any:  # noqa: ANN401 the key's own
        return execution.typed_search_attributes.get(key)

    status = execution.status or WorkflowExecutionStatus.RUNNING
    ended = execution.close_time
    return Found(
        id=execution.id,
        run_id=execution.run_id,
        open=status is WorkflowExecutionStatus.RUNNING,
        status=status.name.lower(),
        mode=value(names.TRANSFER_MODE),
        stage=value(names.TRANSFER_STAGE),
        outcome=value(names.TRANSFER_OUTCOME),
        cause=value(names.TRANSFER_CAUSE),
        provider=value(names.TRANSFER_PROVIDER),
        tenant=value(names.TRANSFER_TENANT),
        agent=value(names.TRANSFER_AGENT),
        held=value(names.TRANSFER_HELD),
        begun=execution.start_time,
        ended=ended,
        # The clocks of this machine and of the server may differ.
        length=max((ended or now) - execution.start_time, timedelta()),
        ui=session.link(execution.id, execution.run_id),
    )
