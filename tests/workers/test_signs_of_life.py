"""An attempt gives signs of life, and ends itself when it could not."""

import asyncio
import socket
import threading
import time
from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from activities.signs_of_life import BEAT, STANDSTILL, signs_of_life

# A loop of its own: in the session's, tasks of other tests' workers come and go.
pytestmark = [pytest.mark.timeout(30), pytest.mark.asyncio(loop_scope="function")]

LONG = timedelta(seconds=20)


@pytest.fixture
def beats() -> list[float]:
    return []


@pytest.fixture
def environment(beats: list[float]) -> ActivityEnvironment:
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *_: beats.append(time.monotonic())
    return environment


async def test_work_that_takes_longer_than_a_standstill_may_is_done_as_long_as_it_gives_signs(
    environment: ActivityEnvironment, beats: list[float]
) -> None:
    async def work() -> str:
        async with signs_of_life(LONG):
            await asyncio.sleep(STANDSTILL.total_seconds() + 2 * BEAT.total_seconds())
        return "done"

    assert await environment.run(work) == "done"
    assert len(beats) >= 2
    await asyncio.sleep(0)  # what was cancelled ends in the loop's next turn
    assert asyncio.all_tasks() == {asyncio.current_task()}, "an attempt that is over goes on giving signs of life"


async def test_work_ends_at_its_limit_though_it_lives(environment: ActivityEnvironment, beats: list[float]) -> None:
    async def work() -> None:
        async with signs_of_life(3 * BEAT):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await environment.run(work)
    assert beats


async def test_work_whose_process_stood_still_does_nothing_more(environment: ActivityEnvironment) -> None:
    """The answer for which it waited is there when the process goes on: it must not act upon it any more."""
    acted = False
    ours, theirs = socket.socketpair()
    ours.setblocking(False)

    async def work() -> None:
        nonlocal acted
        loop = asyncio.get_running_loop()
        async with signs_of_life(LONG):
            loop.call_soon(time.sleep, STANDSTILL.total_seconds() + BEAT.total_seconds())
            threading.Timer(0.1, theirs.send, [b"the answer"]).start()
            await loop.sock_recv(ours, 10)
            acted = True

    with ours, theirs, pytest.raises(TimeoutError):
        await environment.run(work)
    assert not acted
