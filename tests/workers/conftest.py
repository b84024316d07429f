"""What the tests of the workers share."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from tests.support.namespaces import new_namespace
from tests.workers.environ import Environ
from tests.workers.recorder import Recorder
from tests.workers.turn import NODE, Handle
from workers.sandbox import sandbox


@pytest.fixture
async def own_namespace(client: Client) -> Client:
    """A client of a new namespace: the engine's task queues have fixed names, and tests must not share them."""
    return await new_namespace(client, "workers")


@pytest.fixture
async def recorder_queue(client: Client) -> AsyncIterator[str]:
    """A task queue with a worker for `Recorder`."""
    worker = Worker(client, task_queue=f"recorder-{uuid4()}", workflows=[Recorder], workflow_runner=sandbox())
    async with worker:
        yield worker.task_queue


@pytest.fixture
async def transfers(client: Client, recorder_queue: str) -> list[Handle]:
    """Three workflows that record what they are told."""
    ids = [f"transfer:{NODE}:{uuid4()}" for _ in range(3)]
    return [await client.start_workflow(Recorder.run, id=it, task_queue=recorder_queue) for it in ids]


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environ:
    for name in [name for name in os.environ if name.startswith(("HOOKFLASH_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # where the temporal CLI keeps its profiles
    monkeypatch.setenv("HOME", str(tmp_path))
    return Environ(monkeypatch)
