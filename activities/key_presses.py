"""Which keys a workflow is told of. Whoever is on the line can press as many as they like.

Each is a signal, and Temporal takes 10,000 of them per run; after that not even the one that says that a leg has ended.
So it has to be limited before they are sent: what a workflow does not listen to counts all the same.
"""

import logging
from collections import Counter

from activities.telephony.model import LegEvent, LegEventKind
from hookflash.names import CALL_BACK, WATCH

MOST_KEYS = 300
"""Keys of a leg that are told in one turn of listening, most of an hour: over the longest transfer, a day, they
leave room for everything else. A person who gives commands by phone does not get near it."""

logger = logging.getLogger(__name__)


class KeyPresses:
    """Counts the keys of each leg. One for each turn of listening."""

    def __init__(self) -> None:
        self._pressed: Counter[tuple[str, str]] = Counter()

    def is_told(self, event: LegEvent) -> bool:
        """Return whether an event is one that its workflow is to be told of. All are that are no keys."""
        if event.kind is not LegEventKind.DIGIT:
            return True
        if event.owner.startswith((WATCH, CALL_BACK)):
            return False  # keys mean nothing to these
        leg = (event.owner, event.leg)
        self._pressed[leg] += 1
        if self._pressed[leg] == MOST_KEYS + 1:
            logger.warning("leg %s presses keys without end: they are not passed on any more", event.leg)
        return self._pressed[leg] <= MOST_KEYS
