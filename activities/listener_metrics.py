"""What is measured of the listening of one worker."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import NoReturn

from temporalio import activity

from activities import metrics
from activities.telephony.errors import TelephonyError
from activities.telephony.interface import Telephony
from activities.telephony.model import OwnedLegs

logger = logging.getLogger(__name__)


class ListenerMetrics:
    """Counts and gauges of the nodes that a worker hears.

    A worker may hear a node by two connections for a moment, when its next turn begins before it has ended the last.
    """

    def __init__(self) -> None:
        """Hear nothing yet."""
        self._connections = Counter[str]()

    def connected(self, provider: str, by: int) -> None:
        """Note that there are so many more connections to a node, or fewer; 0 if one was tried in vain."""
        self._connections[provider] += by
        self._show(metrics.LISTENER_UP, provider, min(self._connections[provider], 1))
        if by < 0 and not self._connections[provider]:
            self.legs(provider, {})  # whoever listens next shows them, and nobody twice

    async def count_legs(self, provider: str, telephony: Telephony, every: timedelta) -> NoReturn:
        """Show how many legs are open, again and again, as long as the node tells."""
        while True:
            await asyncio.sleep(every.total_seconds())
            try:
                self.legs(provider, await telephony.owners())
            except TelephonyError as error:
                logger.debug("the legs on %s were not counted: %s", provider, error)

    def legs(self, provider: str, owned: Mapping[str, OwnedLegs]) -> None:
        """Show how many legs are open on a node, by the workflows that own them."""
        self._show(metrics.LEGS_OPEN, provider, sum(len(it.phases) for it in owned.values()))

    def heard(self, provider: str, kind: str) -> None:
        """Count an event."""
        metrics.count(activity.metric_meter(), metrics.EVENTS_HEARD, {"provider": provider, "kind": kind})

    def looks(self, provider: str, transfers: int) -> None:
        """Count transfers that look at the real state."""
        metrics.count(activity.metric_meter(), metrics.LISTENER_LOOKS, {"provider": provider}, transfers)

    def _show(self, metric: metrics.Metric, provider: str, value: int) -> None:
        metrics.show(activity.metric_meter(), metric, {"provider": provider}, value)
