"""The tests' own engine ends in good order, whatever its listener is at, and hides no error of it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from temporalio.client import Client, RPCTimeoutOrCancelledError, WorkflowUpdateStage

from activities.telephony.simulator import SimulatedExchange
from hookflash import Mode
from tests.workflows.engine import Engine, Running, listening


@dataclass
class Commanding(Engine):
    """An engine without a worker, whose listener gives a command that nobody takes therefore."""

    limit: timedelta | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        handle = self.started[-1].handle
        self.begun.set()  # whoever waits for it goes on once the command is on its way
        try:
            await handle.start_update(  # pyright: ignore[reportUnknownMemberType]
                "cancel", wait_for_stage=WorkflowUpdateStage.ACCEPTED, rpc_timeout=self.limit
            )
        finally:
            self.over.set()


@pytest.fixture
async def engine(client: Client) -> AsyncIterator[Commanding]:
    engine = Commanding(client, SimulatedExchange())
    transfer: Running = await engine.transfer(Mode.COLD, "sim:bob")
    yield engine
    await transfer.handle.terminate()
    await engine.exchange.close()


async def test_it_may_end_while_its_listener_gives_a_command(engine: Commanding) -> None:
    async with listening(engine):
        await engine.begun.wait()
        assert not engine.over.is_set()
    assert engine.over.is_set()


async def test_a_command_of_its_listener_that_ran_out_of_time_is_an_error(engine: Commanding) -> None:
    engine.limit = timedelta(milliseconds=100)
    with pytest.raises(RPCTimeoutOrCancelledError):
        async with listening(engine):
            await engine.over.wait()
