"""The live timeline of one call: a line whenever somebody hears something else than before."""

import textwrap
from collections.abc import Callable, Sequence

from activities.telephony.simulator import Snapshot
from hookflash import Cause
from workers.demo.picture import PITCH, drawing, painted
from workers.demo.screen import Screen, Style
from workers.demo.words import Teller

_MARGIN = " " * 11
_GAP = 5
_NARROWEST_WORDS = 24
"""Columns that the words beside the drawing need at least."""


class Timeline:
    """Draws one call.

    Args:
        screen: Where to.
        cause_of: Returns why a leg has ended.
        customer: What the customer is called.
        agent: What the agent is called.
        targets: Names of the targets, as far as they are known; others get a lane when they are first called.
    """

    def __init__(
        self,
        screen: Screen,
        cause_of: Callable[[str], Cause | None],
        *,
        customer: str = "customer",
        agent: str = "agent",
        targets: Sequence[str] = (),
    ) -> None:
        self._screen = screen
        self._names = {"customer": customer, "agent": agent}
        self._lanes = ["customer", "agent", *targets]
        self._teller = Teller(self._names, cause_of)
        self._before: Snapshot | None = None

    def head(self) -> None:
        """Write the names of the lanes."""
        names = (self._names.get(lane, lane) for lane in self._lanes)
        line = "".join(f"{textwrap.shorten(name, PITCH - 1, placeholder='…'):{PITCH}}" for name in names)
        self._screen.line(_MARGIN + self._screen.paint(line, Style.BOLD))

    def show(self, snapshot: Snapshot) -> None:
        """Write a line about a change, unless it is a step on the way or looks as before."""
        if not snapshot.settled:
            return
        new = [party.name for party in snapshot.parties if party.name not in self._lanes]
        if new:
            self._lanes += dict.fromkeys(new)
            self.head()
        words = self._teller.tell(self._before, snapshot)
        self._before = snapshot
        if words:
            self._write(snapshot, words)

    def command(self, at: float, who: str, what: str) -> None:
        """Write what somebody asks for.

        Args:
            at: Seconds since the call began.
            who: Who asks.
            what: What for.
        """
        paint = self._screen.paint
        self._screen.line(paint(f"{at:7.2f} s  ", Style.DIM) + paint(f"» {who}: {what}", Style.MAGENTA, Style.BOLD))

    def _write(self, snapshot: Snapshot, words: str) -> None:
        cells = drawing(snapshot, self._lanes)
        indent = len(_MARGIN) + len(cells) + _GAP
        first, *more = textwrap.wrap(words, max(_NARROWEST_WORDS, self._screen.width - indent))
        time = self._screen.paint(f"{snapshot.at:7.2f} s  ", Style.DIM)
        self._screen.line(time + painted(cells, self._screen.paint) + " " * _GAP + first)
        for line in more:
            self._screen.line(" " * indent + line)
