import pytest

from tests.core.walk import Space, walk


@pytest.fixture(scope="session")
def space() -> Space:
    return walk()
