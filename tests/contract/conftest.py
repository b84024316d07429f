"""A worker with the stand-in, and requests for calls that no other test knows."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from hookflash import TransferClient, TransferRequest
from tests.contract.stand_in import StandIn
from workflows.guard import GuardInterceptor

NewRequest = Callable[..., TransferRequest]


def worker(client: Client, queue: str, workflow: type = StandIn) -> AbstractAsyncContextManager[object]:
    """A worker that runs a stand-in, as long as the context lasts."""
    runner = SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules("hookflash"))
    return Worker(
        client, task_queue=queue, workflows=[workflow], interceptors=[GuardInterceptor()], workflow_runner=runner
    )


@pytest.fixture(scope="session")
async def queue(client: Client) -> AsyncIterator[str]:
    """The task queue of a worker that runs the stand-in."""
    name = f"contract-{uuid4()}"
    async with worker(client, name):
        yield name


@pytest.fixture
def transfers(client: Client, queue: str) -> TransferClient:
    """The client under test."""
    return TransferClient(client, queue)


@pytest.fixture
def new_request() -> NewRequest:
    """Makes requests for the transfer of one call, which is a new one in every test."""
    call = str(uuid4())

    def make(**fields: Any) -> TransferRequest:  # noqa: ANN401 fields of the request
        return TransferRequest.model_validate(
            {
                "mode": "warm",
                "provider": "simulator",
                "customer": {"leg": f"c-{call}"},
                "agent": {"leg": f"a-{call}"},
                "targets": [{"address": "sim:claims", "name": "Claims desk"}],
                **fields,
            }
        )

    return make
