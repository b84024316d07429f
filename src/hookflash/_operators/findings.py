"""What the doctor finds, in the words of `hookflash doctor asterisk`."""

from enum import StrEnum

from pydantic import BaseModel


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """Transfers work, and something is not as it should be."""
    FAILURE = "failure"
    """Transfers fail, or will."""


class Finding(BaseModel):
    """The answer to one question."""

    check: str
    """What was looked at, in a word."""
    level: Level
    text: str
    """What was found."""
    remedy: str = ""
    """What to do about it."""


def ok(check: str, text: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(check=check, level=Level.OK, text=text)


def warning(check: str, text: str, remedy: str) -> Finding:
    """Return that something is not as it should be, and that transfers work all the same."""
    return Finding(check=check, level=Level.WARNING, text=text, remedy=remedy)


def failure(check: str, text: str, remedy: str) -> Finding:
    """Return that something must be repaired."""
    return Finding(check=check, level=Level.FAILURE, text=text, remedy=remedy)
