"""What tests of every folder share: one real Temporal server for the run, and a client of it."""

import gc
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


@pytest.fixture(scope="module", autouse=True)
def own_garbage() -> None:
    """Keep collections to what this module makes: phones in this process are silent and deaf during each.

    With all that a run keeps, one took up to 0.4 s, and a leg that hears nobody for 0.3 s fails a test.
    """
    gc.collect()
    gc.freeze()
