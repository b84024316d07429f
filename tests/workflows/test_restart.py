"""After a restart of everything, the server too: a transfer goes on, and a repeated start finds it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from activities.telephony.simulator import SimulatedExchange
from hookflash import Mode, Outcome, Stage, Target, TransferClient, TransferInProgress
from tests.support.polling import eventually
from tests.support.temporal_server import start_server
from tests.workflows.engine import Engine, listening


@asynccontextmanager
async def server_with(database: Path) -> AsyncGenerator[Client]:
    """Run a server that keeps what it knows in a file."""
    async with await start_server(database=database) as server:
        yield server.client


@pytest.mark.timeout(120)
async def test_everything_is_restarted_while_it_rings(tmp_path: Path) -> None:
    database, exchange = tmp_path / "temporal.db", SimulatedExchange()
    async with server_with(database) as client:
        engine = Engine(client, exchange)
        target = Target(address="sim:bob?ring", ring_timeout=timedelta(minutes=2))
        request = engine.request(Mode.COLD, target, idempotency_key="order-17")
        transfers = TransferClient(client, engine.queue)
        async with engine.worker(), listening(engine):
            transfer = await transfers.start(request)

            async def rings() -> bool | None:
                return (await transfer.status()).stage is Stage.RINGING or None

            await eventually(rings, "the target's phone rings")

    # The exchange, which is no part of the engine, goes on meanwhile.
    async with server_with(database) as client:
        engine.client, transfers = client, TransferClient(client, engine.queue)
        again = await transfers.start(request)
        assert (again.id, again.run_id) == (transfer.id, transfer.run_id)
        other = request.model_copy(update={"targets": (Target(address="sim:dora"),)})
        with pytest.raises(TransferInProgress, match=transfer.id):
            await transfers.start(other)
        leg = next(leg.id for leg in exchange.legs.values() if leg.ringing)
        async with engine.worker(), listening(engine):
            exchange.answer(leg)
            assert (await again.wait()).outcome is Outcome.CONNECTED
            # The same request once more is the same transfer, also when it is over: it has a key.
            assert (await transfers.start(request)).run_id == transfer.run_id
    await exchange.close()
    assert not exchange.violations
