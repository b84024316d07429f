"""Which tests stay together when several processes share a run, and which come first.

Those of a module stay together, and all that need the same walk: a module's fixtures are then made once, and so is the
walk of each mode, which takes half a minute. Marks of pytest-xdist's own `--dist=loadgroup` come to nothing with pytest
9.2, which keeps ids of tests in another form.

What needs a calm machine comes last. All but one process have nothing to do meanwhile, and every such test waits for
what the others are at: between other tests that costs a whole one of them. A module comes last as a whole, so such
tests have modules of their own: what could run beside others would otherwise run alone, between those that must.
"""

from collections import Counter

import pytest
from xdist.remote import Producer  # pyright: ignore[reportMissingTypeStubs] it is typed, and does not say so
from xdist.scheduler import LoadScopeScheduling  # pyright: ignore[reportMissingTypeStubs]

from tests.support.calm import MARKER

WALKING = ("tests/core/test_walk", "tests/core/test_state_table")
"""Beginnings of the modules that need the walk of a mode, which is in the brackets of a test's name."""


class Together(LoadScopeScheduling):
    """Gives a process whole modules."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """Takes the place of what `--dist` says."""
    config.option.loadscopereorder = False  # they are in order: the scheduler knows no marks
    return Together(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts the tests in order, if several processes share the run: large modules first, calm ones last."""
    if not hasattr(config, "workerinput"):
        return
    sizes = Counter(_scope(item.nodeid) for item in items)
    calm = {_scope(item.nodeid) for item in items if item.get_closest_marker(MARKER)}
    items.sort(key=lambda item: ((scope := _scope(item.nodeid)) in calm, -sizes[scope]))


def _scope(nodeid: str) -> str:
    module, _, name = nodeid.partition("::")
    return f"walk [{name.partition('[')[2]}" if module.startswith(WALKING) else module
