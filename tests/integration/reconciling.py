"""What a reconcile asks of a node: the event socket is cut, and every request counted until all is at rest again."""

import asyncio
from typing import NamedTuple

from temporalio.client import Client

from tests.integration.lines import PATIENCE
from tests.providers.ari_proxy import AriProxy
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess

TRANSFERS_TOLD = "look at the real state"
PHONES_TOLD = "phones were told that a key which nobody has heard leads to nothing"
"""What a listener logs when it has told the transfers, and, some seconds later, the phones."""


class Requests(NamedTuple):
    """Method and path of each request."""

    looks: list[str]
    """All but the others."""
    told: list[str]
    """One for each phone that may have pressed its transfer key in vain."""


async def reconcile(client: Client, proxy: AriProxy, worker: WorkerProcess) -> Requests:
    """Cut the event socket of a worker that has phones to tell, and return its requests until all is at rest again."""
    await eventually(lambda: at_rest(client), "an end of what transfers did before", PATIENCE)
    before = len(proxy.requests)
    logged = [worker.log.count(it) for it in (TRANSFERS_TOLD, PHONES_TOLD)]
    await proxy.cut()

    async def told() -> bool | None:
        now = [worker.log.count(it) for it in (TRANSFERS_TOLD, PHONES_TOLD)]
        return all(more > less for more, less in zip(now, logged, strict=True)) or None

    await eventually(told, "transfers and phones that were told", PATIENCE)
    await eventually(lambda: at_rest(client), "an end of what transfers do", PATIENCE)
    requests = proxy.requests[before:]
    told_phones = [it for it in requests if it.endswith("/transfer_progress")]
    return Requests([it for it in requests if it not in told_phones], told_phones)


async def at_rest(client: Client) -> bool | None:
    """Return True if no workflow but the listener has anything to do."""
    running = [it async for it in client.list_workflows("ExecutionStatus = 'Running' AND WorkflowType != 'Listener'")]
    found = await asyncio.gather(*(client.get_workflow_handle(it.id, run_id=it.run_id).describe() for it in running))
    described = [it.raw_description for it in found]
    busy = any(it.pending_activities or it.HasField("pending_workflow_task") for it in described)
    return None if busy else True
