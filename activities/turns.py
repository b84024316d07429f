"""Which nodes this process hears, or has just failed to hear."""

import time
from collections.abc import Callable
from datetime import timedelta

MEMORY = timedelta(seconds=15)
"""How long a failed try counts: longer than the pause before the next. After that it was somebody else's turn."""


class Turns:
    """What the listeners of a process have come to. One process at a time listens to a node."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know of nothing yet.

        Args:
            clock: Seconds that never go back.
        """
        self._clock = clock
        self._failed_at: dict[str, float] = {}

    def fine(self, provider: str) -> None:
        """Note that this process hears a node, or that it is not its turn any more."""
        self._failed_at.pop(provider, None)

    def lost(self, provider: str) -> None:
        """Note that this process does not hear a node that it was its turn to hear."""
        self._failed_at[provider] = self._clock()

    def unheard(self) -> list[str]:
        """Return the nodes that this process should hear and does not, in order."""
        since = self._clock() - MEMORY.total_seconds()
        return sorted(provider for provider, at in self._failed_at.items() if at >= since)
