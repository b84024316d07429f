"""Everything that can happen to a transfer. Each is decided in every state."""

from enum import StrEnum
from typing import NamedTuple

from hookflash import Actor, Cause, CommandName, Party
from workflows.core.state import LegRef, PlannedTarget


class Command(NamedTuple):
    """Somebody asked for something."""

    name: CommandName
    party: Party = Party.CUSTOMER
    """For hold and unhold."""
    target: PlannedTarget | None = None
    """For retarget."""
    by: Actor = Actor.AGENT


class LegRang(NamedTuple):
    """A leg began to ring."""

    leg: LegRef


class LegAnswered(NamedTuple):
    """A leg was answered."""

    leg: LegRef


class LegEnded(NamedTuple):
    """A leg ended: refused, not answered, hung up or vanished."""

    leg: LegRef
    cause: Cause


class DigitPressed(NamedTuple):
    """A party pressed a key."""

    leg: LegRef
    digit: str


class Timer(StrEnum):
    """The waits of a transfer. Each ends by itself."""

    RING = "ring"
    ACCEPT = "accept"
    RECALL = "recall"
    HOLD_BUDGET = "hold_budget"
    CONSULT_LIMIT = "consult_limit"
    RETRY = "retry"


class Deadline(NamedTuple):
    """A running wait: starts when it first appears in a state's deadlines, and is over when it is not there."""

    timer: Timer
    number: int = 1
    """Which target or agent leg it is about; 1 where it is about the transfer. For retry: the failure."""


class TimerFired(NamedTuple):
    """A wait is over."""

    deadline: Deadline


class Arranged(NamedTuple):
    """The arrangement of the present state stands."""


class ArrangeFailed(NamedTuple):
    """The arrangement of the present state could not be made true."""

    permanently: bool = False
    """The provider can never do it; trying again is no use."""


Event = Command | LegRang | LegAnswered | LegEnded | DigitPressed | TimerFired | Arranged | ArrangeFailed
