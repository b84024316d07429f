"""Fixtures of whole transfers over Twilio: one office and worker for a module, a call for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.twilio.office import Call, Office, open_office, talking
from tests.workers.process import WorkerProcess


@pytest.fixture(scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with open_office(tmp_path_factory.mktemp("twilio")) as office:
        yield office


@pytest.fixture
async def worker(office: Office) -> WorkerProcess:
    """Give the worker that listens: that of the tests before, or another if one of them has killed it."""
    return await office.listening_worker()


@pytest.fixture
async def call(office: Office, worker: WorkerProcess) -> AsyncIterator[Call]:
    async with talking(office) as call:
        yield call
