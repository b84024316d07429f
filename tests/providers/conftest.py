"""Stops the Asterisk that the contract's worlds share."""

from collections.abc import AsyncIterator

import pytest

from tests.providers.asterisk_world import stop_shared_node


@pytest.fixture(scope="session", autouse=True)
async def shared_node_stops() -> AsyncIterator[None]:
    """Stop the shared node at the end of the run, if a test has started it."""
    yield
    await stop_shared_node()
