"""What tests of every folder share: one real Temporal server for the run, and a client of it."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.support.temporal_server import start_server

pytest_plugins = ["tests.support.calm", "tests.support.requirements", "tests.support.together"]


@pytest.fixture(scope="session")
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server in memory, in real time. Tests share it: take task queues and ids of your own."""
    async with await start_server() as environment:
        yield environment


@pytest.fixture(scope="session")
def client(environment: WorkflowEnvironment) -> Client:
    """A client with the project's data converter."""
    return environment.client
