"""What a transfer hears: commands, what the provider says and what came of asking it, keys, and waits that are over.

Apart from the handlers that hear it, because making classes is slow, and the sandbox imports those for every single
workflow anew.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from activities.telephony.model import Observation
from hookflash import ProviderEvent
from workflows.aim import Aim
from workflows.core import Command, TimerFired


@dataclass
class Asked:
    """A command, and what became of it."""

    command: Command
    answered: bool = False
    refused: str = ""
    remaining: timedelta | None = None
    """For extend: how long the wait is to run from now on."""


class KeyPressed(NamedTuple):
    """A key was pressed, as the provider says."""

    event: ProviderEvent
    at: datetime
    """When it was heard: it may have to wait for its turn."""


class Observed(NamedTuple):
    """What the provider saw when an aim was carried out."""

    aim: Aim
    observation: Observation


class NotArranged(NamedTuple):
    """An aim could not be carried out."""

    aim: Aim
    permanently: bool
    why: str


class Reconcile(NamedTuple):
    """Somebody has looked at the whole node, and doubts that we know the real state."""

    legs: tuple[ProviderEvent, ...]
    """How far each of our legs has come, as if that had just been heard."""
    mark: str
    """``OwnedLegs.mark``."""


News = Asked | ProviderEvent | KeyPressed | Observed | NotArranged | TimerFired | Reconcile
