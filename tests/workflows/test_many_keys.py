"""What somebody can do to a transfer who presses keys without end: nothing."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client

from hookflash import Mode, Outcome, ProviderEvent, Stage
from tests.workflows.engine import Engine, Running, listening
from tests.workflows.interrupting import InterruptedExchange, Moments
from tests.workflows.replaying import replay_all
from tests.workflows.scenarios import SHORT, gated
from tests.workflows.soundness import ends_soundly

pytestmark = [pytest.mark.calm, pytest.mark.timeout(60)]


async def test_two_thousand_keys_do_no_harm(client: Client) -> None:
    engine = Engine(client, InterruptedExchange(Moments()))
    options: dict[str, Any] = {"sticky_queue_schedule_to_start_timeout": SHORT}
    async with engine.worker(**options), listening(engine):
        transfer = await engine.transfer(Mode.COLD, gated("answer=50ms", timedelta(seconds=50)))
        await transfer.reaches(Stage.SCREENING)
        # So many that Temporal ends workflow tasks before their time, to get rid of them: it keeps a hundred meanwhile.
        await _pressed(transfer, 400)
    # All of these are one workflow task, which must be done within two seconds of this process's time.
    await _pressed(transfer, 2000)
    async with engine.worker(**options), listening(engine):
        # More than it listens to: the target is let in by a command, and its end is heard all the same.
        await transfer.do("accept")
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
    await replay_all([transfer.handle])
    assert engine.exchange.violations == ()


async def _pressed(transfer: Running, times: int) -> None:
    """Press a key that means nothing, again and again."""
    key = ProviderEvent(kind="digit", leg=transfer.target_leg, digit="9")
    for _ in range(times // 100):
        await asyncio.gather(*(transfer.engine.signal(transfer.handle.id, key) for _ in range(100)))
