import gc

import pytest

from tests.core.walk import Space, walk


@pytest.fixture(scope="session")
def space() -> Space:
    space = walk()
    # Millions of tuples that live to the end of the run. A garbage collection of them all stops every thread
    # for seconds, and after two the SDK takes a workflow for deadlocked, in whatever test comes then.
    gc.freeze()
    return space
