"""Checks of the transfers themselves: can they be read, and is one suspended."""

from collections.abc import AsyncIterator

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from hookflash import _ui, names
from hookflash._findings import Finding, failure, ok
from hookflash._operators.server import RPC_TIMEOUT


async def payloads(client: Client) -> AsyncIterator[Finding]:
    """Check that this machine can read what the engine writes, by the request of the last transfer.

    Raises:
        RPCError: The server does not answer.
    """
    query = f"WorkflowType = '{names.WORKFLOW_TYPE}'"
    async for it in client.list_workflows(query, limit=1, page_size=1, rpc_timeout=RPC_TIMEOUT):
        async for event in client.get_workflow_handle(it.id, run_id=it.run_id).fetch_history_events(page_size=1):
            page = _ui.workflow(it.id, it.run_id)
            given = event.workflow_execution_started_event_attributes.input.payloads
            break
        else:
            continue
        encodings = sorted({one.metadata["encoding"].decode(errors="replace") for one in given})
        try:
            # Without a type: whether the contract accepts it is another question.
            await client.data_converter.decode(list(given))
        except Exception as error:
            # Whatever codec there is, its errors are its own.
            text = f"the last transfer cannot be read ({', '.join(encodings)}): {type(error).__name__}"
            yield failure("payloads", text, "give this machine the keys of the workers, by the same environment", page)
            return
        yield ok("payloads", f"the last transfer can be read ({', '.join(encodings)})", page)
        return
    yield ok("payloads", "there is no transfer yet to read")


async def suspended(client: Client) -> AsyncIterator[Finding]:
    """Check that no transfer waits for its workers to be repaired.

    Raises:
        RPCError: The server does not answer.
    """
    running = f"WorkflowType = '{names.WORKFLOW_TYPE}' AND ExecutionStatus = 'Running'"
    query = f"{running} AND TemporalReportedProblems IS NOT NULL"
    try:
        found = await client.count_workflows(query)
    except RPCError as error:
        if error.status is RPCStatusCode.INVALID_ARGUMENT:
            return  # an older server, which does not report them
        raise
    if found.count:
        remedy = "hookflash list --query 'TemporalReportedProblems IS NOT NULL'; the UI shows the error of each"
        yield failure(
            "transfers", f"{found.count} are suspended by a fault of the workers", remedy, _ui.workflows(query)
        )
    else:
        yield ok("transfers", "none is suspended by a fault of the workers", _ui.workflows(query))
