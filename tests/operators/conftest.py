"""An engine to operate."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from tests.operators.operated import Operated, engine
from tests.support.namespaces import new_namespace


@pytest.fixture(scope="module")
async def operated(client: Client, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Operated]:
    """A namespace of its own with a worker process."""
    own = await new_namespace(client, "operators")
    async with engine(own, tmp_path_factory.mktemp("engine")):
        yield Operated(own)
