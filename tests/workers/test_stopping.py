"""A process ends although one of its workers does not."""

import asyncio
import logging
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from tests.workers.recorder import Recorder
from workers import engine
from workers.engine import Limits, running

AT_ONCE = Limits(graceful_shutdown_timeout=timedelta(0))


class Endless(Worker):
    """A worker that does not come back from its shutdown."""

    async def shutdown(self) -> None:
        await asyncio.Event().wait()

    async def end(self) -> None:
        await super().shutdown()


async def test_a_worker_that_does_not_end_is_left_behind_and_named(
    own_namespace: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(engine, "ENDS_WITHIN", timedelta(milliseconds=200))
    ends = Worker(own_namespace, task_queue="ends", workflows=[Recorder])
    stays = Endless(own_namespace, task_queue="stays", workflows=[Recorder])
    async with running([ends, stays], AT_ONCE):
        pass
    assert ends.is_shutdown
    assert not stays.is_shutdown
    assert [it.getMessage() for it in caplog.records if it.levelno == logging.WARNING] == [
        "the worker of stays has not ended within 0:00:00.200000: it is left behind"
    ]
    await stays.end()


async def test_what_has_begun_has_its_time(own_namespace: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "ENDS_WITHIN", timedelta(0))
    worker = Worker(own_namespace, task_queue="ends", workflows=[Recorder])
    async with running([worker], Limits(graceful_shutdown_timeout=timedelta(seconds=30))):
        pass
    assert worker.is_shutdown
