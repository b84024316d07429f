"""Which tests stay together when several processes share a run: those of a module, and all that need the same walk.

A module's fixtures are then made once, and so is the walk of each mode, which takes half a minute. Marks of
pytest-xdist's own `--dist=loadgroup` come to nothing with pytest 9.2, which keeps ids of tests in another form.
"""

import pytest
from xdist.remote import Producer  # pyright: ignore[reportMissingTypeStubs] it is typed, and does not say so
from xdist.scheduler import LoadScopeScheduling  # pyright: ignore[reportMissingTypeStubs]

WALKING = ("tests/core/test_walk", "tests/core/test_state_table")
"""Beginnings of the modules that need the walk of a mode, which is in the brackets of a test's name."""


class Together(LoadScopeScheduling):
    """Gives a process whole modules."""

    def _split_scope(self, nodeid: str) -> str:
        module, _, name = nodeid.partition("::")
        return f"walk [{name.partition('[')[2]}" if module.startswith(WALKING) else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Together:
    """Takes the place of what `--dist` says."""
    return Together(config, log)
