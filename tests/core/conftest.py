import gc
from collections.abc import Iterator

import pytest

from hookflash import Mode
from tests.core.holding import where
from tests.core.walk import Space, walk


# A mode at a time: two processes can share them, and none has to keep all states. Given back after the last test of
# the mode, not at the end of the run: whatever comes then measures real calls in this process.
@pytest.fixture(scope="package", params=Mode, ids=lambda mode: mode.value)
def space(request: pytest.FixtureRequest) -> Iterator[Space]:
    found = [walk(request.param)]
    # Millions of tuples that live as long as these tests. A garbage collection of them all stops every thread
    # for seconds, and after two the SDK takes a workflow for deadlocked, in whatever test comes then.
    gc.freeze()
    yield found[0]
    found.clear()
    where.cache_clear()
    gc.unfreeze()
    gc.collect()
