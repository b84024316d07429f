"""The tests' own Temporal server: a start that fails by chance is tried again."""

import pytest
from temporalio.testing import WorkflowEnvironment

from tests.support.temporal_server import start_server, tried_again


async def test_a_server_that_does_not_start_at_once_is_started_again() -> None:
    begun: list[int] = []

    async def start() -> WorkflowEnvironment:
        begun.append(len(begun))
        if len(begun) == 1:
            raise RuntimeError("did not start within 5s")
        return await start_server()

    async with await tried_again(start) as server:
        assert (await server.client.count_workflows()).count == 0
    assert begun == [0, 1]


async def test_a_server_that_never_starts_is_an_error() -> None:
    begun: list[int] = []

    async def start() -> WorkflowEnvironment:
        begun.append(len(begun))
        raise RuntimeError("no such executable")

    with pytest.raises(RuntimeError, match="no such executable"):
        await tried_again(start)
    assert begun == [0, 1, 2]
