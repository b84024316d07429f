"""Tests that need a calm machine: nothing else of the run goes on beside them.

Several processes share a run (`--numprocesses`). A test marked `calm` waits until the others have ended the tests they
are at, and they wait for it. The lock is of the run's own folder, so runs do not wait for each other.
"""

import fcntl
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

MARKER = "calm"


class _Turns:
    """Two files: whoever wants in takes the first for a moment, so that nobody overtakes a test that waits."""

    def __init__(self, folder: Path) -> None:
        self._door = (folder / "door.lock").open("w")
        self._room = (folder / "room.lock").open("w")

    def enter(self, *, alone: bool) -> None:
        fcntl.flock(self._door, fcntl.LOCK_EX)
        fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(self._door, fcntl.LOCK_UN)

    def leave(self) -> None:
        fcntl.flock(self._room, fcntl.LOCK_UN)

    def close(self) -> None:
        self._door.close()
        self._room.close()


_TURNS = pytest.StashKey[_Turns]()


def pytest_configure(config: pytest.Config) -> None:
    """Opens the lock, if several processes share the run."""
    worker: dict[str, str] | None = getattr(config, "workerinput", None)
    if worker is not None:
        folder = Path(tempfile.gettempdir()) / f"hookflash-{worker['testrunuid']}"
        folder.mkdir(exist_ok=True)
        config.stash[_TURNS] = _Turns(folder)


# Around everything else, so that waiting for a turn does not count as the test's own time.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Waits for a turn, and gives it back."""
    turns = item.config.stash.get(_TURNS, None)
    if turns is None:
        return (yield)
    turns.enter(alone=item.get_closest_marker(MARKER) is not None)
    try:
        return (yield)
    finally:
        turns.leave()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Closes the lock."""
    turns = config.stash.get(_TURNS, None)
    if turns is not None:
        turns.close()
