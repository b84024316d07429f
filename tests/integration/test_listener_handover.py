"""Callers enter the engine's application while listening passes from one worker to another, in good order."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client

from tests.integration.switchboard import temporal_server, worker_variables
from tests.integration.two_nodes import PATIENCE
from tests.rig.asterisk_config import APP
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.phone import PhoneRack
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess, temporal_at, worker_process

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(240)]

LISTENS = "listening to asterisk"
PACE = 0.02
"""Seconds from one caller to the next: the gap that must not be there would be some tenths of a second long."""


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with temporal_server() as client:
        yield client


async def taken(node: AsteriskNode) -> bool:
    """Let a caller enter the application as the dialplan has it, and return whether Asterisk takes them."""
    leg = f"caller-{uuid4()}"
    await node.ari.call(
        "POST",
        "/channels",
        endpoint="PJSIP/customer",
        context="from-phone",
        extension="desk",
        priority=1,
        channelId=leg,
    )

    async def where() -> str | None:
        channel = await node.ari.channel(leg)
        app = channel["dialplan"]["app_name"] if channel else "gone"
        return app if app in {"Stasis", "Wait", "gone"} else None  # "Wait" is the dialplan's fallback

    app = await eventually(where, "where the caller is", PATIENCE)
    await node.ari.call("DELETE", f"/channels/{leg}", ok=(204, 404))
    return app == "Stasis"


async def test_no_caller_is_refused_while_listening_passes_from_one_worker_to_another(
    client: Client, asterisk_node: AsteriskNode, phones: PhoneRack, nothing_left_over: None, tmp_path: Path
) -> None:
    await phones.phone("customer", Behaviour.answers())
    # The callers' way into the dialplan leads to the engine's application here.
    variables = {**worker_variables(asterisk_node), **temporal_at(client), "HOOKFLASH_ASTERISK_APP": APP}
    async with AsyncExitStack() as stack:

        async def start(name: str) -> WorkerProcess:
            worker = await stack.enter_async_context(worker_process(tmp_path / f"{name}.log", **variables))
            await worker.ready()
            return worker

        old = await start("old")
        await old.logs(LISTENS, PATIENCE)
        new = await start("new")
        assert await taken(asterisk_node)

        old.send(signal.SIGTERM)
        ended = asyncio.create_task(old.end())
        callers: list[asyncio.Task[bool]] = []
        async with asyncio.TaskGroup() as calling:
            while not ended.done() or LISTENS not in new.log:
                callers.append(calling.create_task(taken(asterisk_node)))
                await asyncio.sleep(PACE)
        assert await taken(asterisk_node)
        assert ended.result() == 0, old.log
        assert len(callers) > 1
        assert all(it.result() for it in callers), [it.result() for it in callers]
