import gc
from collections.abc import Iterator

import pytest

from tests.core.walk import Space, walk


# Given back after these tests, not at the end of the run: whatever comes then measures real calls in this process.
@pytest.fixture(scope="package")
def space() -> Iterator[Space]:
    found = [walk()]
    # Millions of tuples that live as long as these tests. A garbage collection of them all stops every thread
    # for seconds, and after two the SDK takes a workflow for deadlocked, in whatever test comes then.
    gc.freeze()
    yield found[0]
    found.clear()
    gc.unfreeze()
    gc.collect()
