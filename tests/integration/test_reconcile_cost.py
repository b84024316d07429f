"""What a listener that begins again asks of a real Asterisk: the whole node once, and nobody's legs one by one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hookflash import Mode, Outcome, RunningTransfer, Stage
from tests.integration.lines import PATIENCE, Line, Lines
from tests.integration.reconciling import reconcile
from tests.integration.switchboard import ENGINE_APP, Office, reaches, worker_on
from tests.providers.ari_proxy import AriProxy
from tests.workers.process import WorkerProcess

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

FEW, MANY = 5, 30
WHOLE_NODE = {f"GET /ari/{it}" for it in ("events", "channels", "bridges", f"applications/{ENGINE_APP}")}
"""All that is asked, however many transfers are open."""
HANDS = 5
"""How many calls are begun in the same moment."""
ANSWERED = 3
"""Every so-manieth target has answered, and talks with the agent; the others ring."""


@pytest.fixture
async def proxy(large_office: Office) -> AsyncIterator[AriProxy]:
    async with AriProxy(large_office.node.ari_url) as proxy:
        yield proxy


@pytest.fixture
async def worker(large_office: Office, proxy: AriProxy, tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    log = tmp_path / "worker.log"
    variables = {"HOOKFLASH_ASTERISK_URL": proxy.url, "HOOKFLASH_LOG_LEVEL": "INFO"}
    async with worker_on(large_office.node, large_office.client, log, **variables) as worker:
        yield worker


async def test_a_reconcile_asks_for_the_whole_node_however_many_transfers_are_open(
    large_office: Office, proxy: AriProxy, worker: WorkerProcess
) -> None:
    lines = await Lines.plug_in(large_office)
    for phone in ("customer", "agent", "target1"):
        (await large_office.phones.phone(phone)).voice_of = lambda _: (
            0
        )  # so many voices are too much for phones in Python
    opened: list[tuple[Line, RunningTransfer]] = []
    async with AsyncExitStack() as stack:

        async def begin(number: int) -> tuple[Line, RunningTransfer]:
            line = await stack.enter_async_context(lines.talk())
            transfer = await line.transfer(Mode.WARM, ring=600)
            if number % ANSWERED == 0:
                line.calls["target"].answer()
                await reaches(transfer, Stage.CONSULTING)
            return line, transfer

        for wanted in (FEW, MANY):
            while len(opened) < wanted:
                opened += await asyncio.gather(*(begin(len(opened) + it) for it in range(1, HANDS + 1)))
            requests = await reconcile(large_office.client, proxy, worker)
            assert set(requests.looks) <= WHOLE_NODE
            assert len(requests.told) == len(set(requests.told)) == 2 * wanted + wanted // ANSWERED
        # What happened while nobody listened is found, and nobody else's legs are asked for.
        answered, left = opened[0], opened[1]
        others = {leg for line, _ in opened[2:] for leg in line.legs.values()}
        before = len(proxy.requests)
        proxy.listens = False
        await proxy.cut()
        answered[0].calls["target"].answer()
        await answered[0].calls["target"].until("answered", PATIENCE)
        await left[0].hang_up("customer")
        proxy.listens = True
        await reaches(answered[1], Stage.CONSULTING)
        assert (await left[1].wait()).outcome is Outcome.CUSTOMER_LEFT
        asked = [it for it in proxy.requests[before:] if not it.endswith("/transfer_progress")]
        assert [it for it in asked if others.intersection(it.split("/"))] == []
