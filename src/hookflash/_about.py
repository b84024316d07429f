"""What lines of a log are about: a leg, and the run that watches it. Said once, around the work, and not in each line.

Whoever writes the log asks for it (``workers/json_logs.py``). What is said holds for the task in which it is said, and
for those that it begins.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class About(NamedTuple):
    """What is known; empty: nothing."""

    owner: str = ""
    """See `hookflash.names.owner_token`."""
    leg: str = ""


_NOTHING = About()
_about: ContextVar[About] = ContextVar("about", default=_NOTHING)


def now() -> About:
    """Return what is being worked on."""
    return _about.get()


@contextmanager
def about(*, owner: str = "", leg: str = "") -> Generator[None]:
    """Have whatever is logged in this block be about them.

    Args:
        owner: Run that watches the leg. Default: as around the block.
        leg: The provider's id of the leg. Default: as around the block.
    """
    around = _about.get()
    token = _about.set(About(owner or around.owner, leg or around.leg))
    try:
        yield
    finally:
        _about.reset(token)
