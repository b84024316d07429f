"""What an examination finds: one answer to each question, and what to do about it."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """Transfers work, and something is missing, or less safe than it could be."""
    FAILURE = "failure"
    """Transfers fail, or will, or somebody may be rung who must not be."""


class Finding(BaseModel):
    """The answer to one question."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    check: str
    """What was looked at, in a word."""
    level: Level
    """How bad it is."""
    text: str
    """What was found. Never a secret, never a number."""
    remedy: str = ""
    """What to do about it: the command, or the file and the line to add. Default: nothing."""
    page: str | None = Field(default=None, exclude=True)
    """Where the Temporal UI shows it, as a path below the namespace (see `hookflash._ui`). Default: nowhere."""


def ok(check: str, text: str, page: str | None = None) -> Finding:
    """Return that something is as it should be."""
    return Finding(check=check, level=Level.OK, text=text, page=page)


def warning(check: str, text: str, remedy: str, page: str | None = None) -> Finding:
    """Return that something is not as it should be, and that transfers work all the same."""
    return Finding(check=check, level=Level.WARNING, text=text, remedy=remedy, page=page)


def failure(check: str, text: str, remedy: str, page: str | None = None) -> Finding:
    """Return that something must be repaired."""
    return Finding(check=check, level=Level.FAILURE, text=text, remedy=remedy, page=page)
