"""What the tests of the workers share."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.worker import Worker

from hookflash.converter import data_converter
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
