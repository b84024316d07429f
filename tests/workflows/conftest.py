"""Engines that several tests share: on the real server, and on one that skips the time in which nothing happens."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from tests.support.temporal_server import start_skipping_server
from tests.workflows.engine import Engine, running_engine


@pytest.fixture(scope="module")
async def shared_engine(client: Client) -> AsyncIterator[Engine]:
    """One engine for all tests of a module: calls do not know of each other, and starting an engine takes a while."""
    async with running_engine(client, replays=8) as engine:
        yield engine


@pytest.fixture
def engine(shared_engine: Engine) -> Engine:
    """The module's engine. Modules that disturb it, or the exchange, have their own."""
    return shared_engine


@pytest.fixture(autouse=True)
def _nobody_was_wronged(request: pytest.FixtureRequest) -> object:  # pyright: ignore[reportUnusedFunction]
    """Blame the test in which it happened for broken privacy and for a customer in silence."""
    yield
    if "shared_engine" in request.fixturenames:
        exchange = request.getfixturevalue("shared_engine").exchange
        assert not exchange.violations, "\n".join(exchange.violations)


@pytest.fixture(scope="session")
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server that skips the time in which nothing happens."""
    async with await start_skipping_server() as environment:
        yield environment
