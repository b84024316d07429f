"""The decision core: pure Python, no Temporal, no I/O.

``state -> placements`` says where every leg must be, ``state -> deadlines`` which waits run, and ``decide`` what an
event makes of a state. Nothing else decides anything about a transfer.
"""

from workflows.core.arrangement import Farewell, farewells, placements
from workflows.core.commands import possible
from workflows.core.deadlines import EXTENSIBLE, deadlines
from workflows.core.decide import Decision, begin, decide, refuse
from workflows.core.events import (
    Arranged,
    ArrangeFailed,
    Command,
    Deadline,
    DigitPressed,
    Event,
    LegAnswered,
    LegEnded,
    LegRang,
    MachineAnswered,
    Timer,
    TimerFired,
)
from workflows.core.state import CUSTOMER, Ending, FallbackKind, LegRef, PlannedTarget, Rival, Rules, Standing, State

__all__ = [
    "CUSTOMER",
    "EXTENSIBLE",
    "ArrangeFailed",
    "Arranged",
    "Command",
    "Deadline",
    "Decision",
    "DigitPressed",
    "Ending",
    "Event",
    "FallbackKind",
    "Farewell",
    "LegAnswered",
    "LegEnded",
    "LegRang",
    "LegRef",
    "MachineAnswered",
    "PlannedTarget",
    "Rival",
    "Rules",
    "Standing",
    "State",
    "Timer",
    "TimerFired",
    "begin",
    "deadlines",
    "decide",
    "farewells",
    "placements",
    "possible",
    "refuse",
]
