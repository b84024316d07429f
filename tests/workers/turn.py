"""What tests of a listener's turn drive: a turn in the background, and workflows that record what they are told."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import ActivityEnvironment

from activities.listen import Listen
from activities.listener_session import Listening
from hookflash import ProviderEvent
from tests.support.polling import eventually
from tests.workers.recorder import Recorder
from tests.workers.scripted_telephony import ScriptedTelephony

NODE = "node"

Handle = WorkflowHandle[Any, Any]


class Turn(ActivityEnvironment):
    """A listener in the background."""

    def __init__(
        self,
        client: Client,
        telephony: ScriptedTelephony,
        length: timedelta = timedelta(hours=1),
        node: str = NODE,
        heartbeat_timeout: timedelta | None = None,
    ) -> None:
        super().__init__()
        self.info = replace(self.info, start_to_close_timeout=length, heartbeat_timeout=heartbeat_timeout)
        self.beats: list[Listening] = []
        self.on_heartbeat = self.beats.append
        self.leaving = asyncio.Event()
        turn = Listen(client, {node: telephony}, leaving=self.leaving).listen
        self.task = asyncio.create_task(self.run(turn, node))


@asynccontextmanager
async def listening(
    client: Client, telephony: ScriptedTelephony, node: str = NODE, heartbeat_timeout: timedelta | None = None
) -> AsyncGenerator[Turn]:
    """A turn that ends with the block, if it has not before."""
    turn = Turn(client, telephony, node=node, heartbeat_timeout=heartbeat_timeout)
    try:
        await telephony.until_connections(1)
        yield turn
    finally:
        turn.task.cancel()
        await asyncio.gather(turn.task, return_exceptions=True)


async def heard(transfer: Handle, count: int) -> list[ProviderEvent]:
    """Return what a transfer was told, once that many events were."""

    async def look() -> list[ProviderEvent] | None:
        events = await transfer.query(Recorder.heard)
        return events if len(events) >= count else None

    return await eventually(look, f"{count} events of {transfer.id}")
