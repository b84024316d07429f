"""What the tests of the workers share."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.worker import Worker

from hookflash.converter import data_converter
from tests.workers.environ import Environ
from tests.workers.recorder import Recorder
from workers.engine import sandbox


@pytest.fixture
async def own_namespace(client: Client) -> Client:
    """A client of a new namespace: the engine's task queues have fixed names, and tests must not share them."""
    request = RegisterNamespaceRequest(namespace=f"workers-{uuid4()}")
    request.workflow_execution_retention_period.FromTimedelta(timedelta(days=1))
    await client.workflow_service.register_namespace(request)
    address = client.service_client.config.target_host
    return await Client.connect(address, namespace=request.namespace, data_converter=data_converter)


@pytest.fixture
async def recorder_queue(client: Client) -> AsyncIterator[str]:
    """A task queue with a worker for `Recorder`."""
    worker = Worker(client, task_queue=f"recorder-{uuid4()}", workflows=[Recorder], workflow_runner=sandbox())
    async with worker:
        yield worker.task_queue


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environ:
    for name in [name for name in os.environ if name.startswith(("HOOKFLASH_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # where the temporal CLI keeps its profiles
    monkeypatch.setenv("HOME", str(tmp_path))
    return Environ(monkeypatch)
