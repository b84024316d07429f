"""What is measured of call-backs, read where Prometheus reads it."""

from datetime import timedelta

import pytest
from temporalio.client import Client

from hookflash import Cause
from tests.workflows.calling_back import SHORT, Phones, calling_back, is_connected
from tests.workflows.measured import Measured

HERE = {"provider": "simulator"}
FINISHED = "hookflash_call_backs_finished_total"
ATTEMPTS = "hookflash_call_back_attempts_total"
LATENESS = "hookflash_call_back_lateness_seconds"


@pytest.fixture
async def measured(client: Client) -> Measured:
    return await Measured.connect(client)


async def test_a_call_back_that_is_kept_is_counted_with_its_attempts_and_its_lateness(measured: Measured) -> None:
    """It is promised for in a second, and kept at the second attempt."""
    after = timedelta(seconds=1)
    async with calling_back(measured.client, Phones(("busy", "answer=50ms"), ("answer=50ms",))) as calls:
        handle = await calls.start(after=after, attempts=2)
        await is_connected(calls)
        told = await handle.describe()
        seen = await measured.now()
    assert told.close_time
    assert seen.total(FINISHED, **HERE) == seen.total(FINISHED, **HERE, outcome="connected", failed="none") == 1
    assert seen.total(ATTEMPTS, **HERE, failed="caller", cause=Cause.BUSY.value) == 1
    assert seen.total(ATTEMPTS, **HERE, failed="none", cause="none") == 1
    assert seen.total(f"{LATENESS}_count", **HERE) == 1
    late = seen.total(f"{LATENESS}_sum", **HERE)
    pause = calls.promise().pause
    assert pause.total_seconds() < late <= (told.close_time - told.start_time - after).total_seconds()


async def test_a_call_back_that_is_not_kept_is_counted_by_who_was_not_there(measured: Measured) -> None:
    phones = Phones(("answer=50ms",) * 2, ("ring", "busy"))
    async with calling_back(measured.client, phones) as calls:
        await calls.start(attempts=2, ring_timeout=SHORT)
        assert (await calls.result()).outcome == "not_reached"
        await calls.nothing_left()
    seen = await measured.now()
    assert seen.total(FINISHED, **HERE, outcome="not_reached", failed="customer", cause=Cause.BUSY.value) == 1
    assert seen.total(ATTEMPTS, **HERE, failed="customer", cause=Cause.NO_ANSWER.value) == 1
    assert seen.total(ATTEMPTS, **HERE) == 2
    assert seen.total(f"{LATENESS}_count") == 0


async def test_one_that_is_called_off_before_its_time_has_no_attempt(measured: Measured) -> None:
    async with calling_back(measured.client) as calls:
        handle = await calls.start(after=timedelta(hours=1))
        await handle.cancel()
        assert (await calls.result()).outcome == "cancelled"
    seen = await measured.now()
    assert seen.total(FINISHED, outcome="cancelled", failed="none", cause="none") == 1
    assert seen.total(ATTEMPTS) == 0


async def test_replayed_again_and_again_it_is_counted_once(measured: Measured) -> None:
    phones = Phones(("answer=50ms",), ("answer=50ms",))
    async with calling_back(measured.client, phones, max_cached_workflows=0) as calls:
        await calls.start(after=timedelta(milliseconds=100))
        await is_connected(calls)
    seen = await measured.now()
    for name in (FINISHED, ATTEMPTS, f"{LATENESS}_count"):
        assert seen.total(name) == 1, name
