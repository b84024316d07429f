"""A node looked at by the doctor, and broken for a while to see that the doctor finds it."""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from activities.telephony.asterisk import AsteriskSettings
from activities.telephony.asterisk.doctor import Expectations, Finding, Level, examine
from tests.rig.asterisk_node import AsteriskNode
from tests.support.polling import eventually

WITHOUT_SOUNDS = Expectations(music=(), recordings=())
"""For what has nothing to do with them: to listen takes seconds."""

WRONG_PASSWORD = "a wrong password"

Change = Callable[[str], str]
"""What becomes of the text of a file."""


async def examined(how: AsteriskSettings, expected: Expectations | None = None) -> list[Finding]:
    """Return everything that the doctor finds."""
    return [finding async for finding in examine(how, expected or Expectations())]


def bad(found: list[Finding]) -> list[tuple[str, str]]:
    """Return check and level of what is not as it should be."""
    return [(it.check, it.level.value) for it in found if it.level is not Level.OK]


def without(pattern: str) -> Change:
    """Take out whatever matches; ``^`` is the beginning of a line."""
    return lambda text: re.sub(pattern, "", text, flags=re.MULTILINE)


def replacing(old: str, new: str) -> Change:
    """Put one text in the place of another."""
    return lambda text: text.replace(old, new)


def configuration(node: AsteriskNode, name: str) -> Path:
    """Return a file of a node's configuration."""
    return node.folder / "etc" / f"{name}.conf"


@asynccontextmanager
async def edited(file: Path, change: Change, read_again: Callable[[], Awaitable[object]]) -> AsyncGenerator[None]:
    """Change a file of a node's configuration, and change it back.

    Args:
        file: Which.
        change: What becomes of its text; it must become another.
        read_again: Lets Asterisk read it, after both changes.
    """
    try:
        with _other_text(file, change):
            await read_again()
            yield
    finally:
        await read_again()


@contextmanager
def _other_text(file: Path, change: Change) -> Generator[None]:
    before = file.read_text()
    after = change(before)
    assert after != before
    file.write_text(after)
    try:
        yield
    finally:
        file.write_text(before)


async def nothing_is_left(node: AsteriskNode) -> None:
    """By Asterisk's own console, because ARI may be what is broken."""

    async def gone() -> bool | None:
        channels, bridges = await node.cli("core show channels count"), await node.cli("bridge show all")
        return True if channels.startswith("0 active channels") and "hookflash-doctor" not in bridges else None

    await eventually(gone, "nothing left of the doctor", 10)
