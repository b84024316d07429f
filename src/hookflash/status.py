"""What a transfer says while it runs: the answer of the ``status`` query."""

from pydantic import AwareDatetime, Field

from hookflash._base import Reported
from hookflash.result import TransferResult
from hookflash.vocabulary import CommandName, Mode, Party, Stage


class LegStatus(Reported):
    """Where one party's leg is."""

    party: Party
    """Whose leg."""
    leg: str
    """The provider's id of the leg."""
    name: str
    """How operators call the party."""
    placement: str
    """``in_room``, ``on_hold``, ``ringing``, ``screening``, ``handed_off`` or ``gone``."""


class Deadline(Reported):
    """A wait that ends by itself."""

    wait: str = ""
    """Which wait, for example ``hold_budget``; what ``extend`` takes, where it can be extended. Default: not said."""
    name: str
    """What ends, for example ``Ring Claims desk (20 s)``."""
    at: AwareDatetime
    """When (RFC 3339, UTC)."""


class JournalEntry(Reported):
    """One line of what happened."""

    at: AwareDatetime
    """When (RFC 3339, UTC)."""
    text: str
    """What, in words, without phone numbers."""


class TransferStatus(Reported):
    """Answer of the ``status`` query and of every command."""

    mode: Mode
    """The mode that was asked for."""
    stage: Stage
    """What is going on."""
    legs: tuple[LegStatus, ...]
    """Where everybody is who is not gone."""
    possible: tuple[CommandName, ...]
    """Commands that would be accepted now."""
    feature_codes: dict[CommandName, str] = Field(default_factory=dict[CommandName, str])
    """Keys by which the agent can give some of them now. Default: none were asked for."""
    deadlines: tuple[Deadline, ...]
    """Waits that are running."""
    journal: tuple[JournalEntry, ...]
    """The last events, oldest first: fifty at most. In the answer to a command: those since it was given."""
    fingerprint: str = ""
    """Digest of the request (see ``TransferRequest.fingerprint``): tells a repeated start from a different one.
    Default: the request is not known yet."""
    result: TransferResult | None = None
    """The result, once it is known. Default: still running."""
