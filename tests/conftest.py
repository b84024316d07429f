"""What tests of every folder share: one real Temporal server for the run, and a client of it."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from hookflash.converter import data_converter
from hookflash.names import SEARCH_ATTRIBUTES
from tests.support.temporal_server import server_arguments, temporal_executable

pytest_plugins = ["tests.support.calm", "tests.support.requirements", "tests.support.together"]


@pytest.fixture(scope="session")
async def environment() -> AsyncIterator[WorkflowEnvironment]:
    """A Temporal server in memory, in real time. Tests share it: take task queues and ids of your own."""
    # The SDK leaves the type of search_attributes open, for which the whole signature counts as unknown.
    async with await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType]
        data_converter=data_converter,
        search_attributes=SEARCH_ATTRIBUTES,
        dev_server_existing_path=temporal_executable(),
        dev_server_extra_args=server_arguments(),
    ) as environment:
        yield environment


@pytest.fixture(scope="session")
def client(environment: WorkflowEnvironment) -> Client:
    """A client with the project's data converter."""
    return environment.client
