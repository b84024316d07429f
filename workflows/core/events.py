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
    number: int | None = None
    """For accept and decline: number of the target. None: the one that was asked first."""
    timer: "Timer | None" = None
    """For extend: which wait."""


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
    RECALL_PAUSE = "recall_pause"
    HOLD_BUDGET = "hold_budget"
    REMINDER = "reminder"
    CONSULT_WARNING = "consult_warning"
    CONSULT_LIMIT = "consult_limit"
    LINGER = "linger"
    OVERALL_LIMIT = "overall_limit"
    RETRY = "retry"


class Deadline(NamedTuple):
    """A running wait: starts when it first appears in a state's deadlines, and is over when it is not there."""

    timer: Timer
    number: int = 1
    """Which target or agent leg it is about; 1 where it is about the transfer. For retry: the failure. For reminder:
    how manieth it is."""


class MachineAnswered(NamedTuple):
    """A leg that is asked to accept was answered by a machine."""

    leg: LegRef


class TimerFired(NamedTuple):
    """A wait is over."""

    deadline: Deadline


class Arranged(NamedTuple):
    """The arrangement of the present state stands."""


class ArrangeFailed(NamedTuple):
    """The arrangement of the present state could not be made true."""

    permanently: bool = False
    """The provider can never do it; trying again is no use."""


Event = (
    Command | LegRang | LegAnswered | LegEnded | DigitPressed | MachineAnswered | TimerFired | Arranged | ArrangeFailed
)
