"""One moment of a call as a drawing: a lane per party, lines between those who hear each other.

::

    Carol        Anna         Claims desk
    ♫            ●┄┄┄┄┄┄┄┄┄┄┄┄☎                Carol is on hold, Anna hears it ring
    ●━━━━━━━━━━━━━━━━━━━━━━━━━●                Carol and the claims desk talk, Anna has left
"""

from collections.abc import Callable, Sequence

from activities.telephony.model import Phase
from activities.telephony.simulator import PartyView, Snapshot, Sound
from workers.demo.screen import Style

PITCH = 13
"""Columns from one lane to the next."""

TALK, RING, WAIT, ABSENT = "━", "┄", "♫", "·"

_GLYPHS = {
    Sound.MUSIC: (WAIT, Style.YELLOW),
    Sound.ANNOUNCEMENT: ("?", Style.YELLOW),
    Sound.PLACE: ("▣", Style.YELLOW),
    Sound.SILENCE: ("○", Style.YELLOW),
}

Cell = tuple[str, Style | None]
Paint = Callable[..., str]


def talkers(snapshot: Snapshot) -> list[PartyView]:
    """Return those who hear a person."""
    legs = {party.leg for party in snapshot.parties}
    return [party for party in snapshot.parties if party.hears & legs]


def drawing(snapshot: Snapshot, lanes: Sequence[str]) -> list[Cell]:
    """Return a character and its style for each column.

    Args:
        snapshot: The call.
        lanes: Names of the parties, from left to right.
    """
    cells: list[Cell] = [(" ", None)] * ((len(lanes) - 1) * PITCH + 1)
    at = {party.leg: lanes.index(party.name) * PITCH for party in snapshot.parties}
    talking = sorted(at[party.leg] for party in talkers(snapshot))
    ringing = [at[party.leg] for party in snapshot.parties if _rings(party)]
    waiting = [at[party.leg] for party in snapshot.parties if Sound.RINGBACK in party.hears]
    reached = talking or sorted(waiting)
    if reached:
        for there in ringing:
            near = min(reached, key=lambda here: abs(here - there))
            _line(cells, near, there, RING, Style.CYAN)
    if talking:
        _line(cells, talking[0], talking[-1], TALK, Style.GREEN)
    for lane, column in enumerate(range(0, len(cells), PITCH)):
        party = next((it for it in snapshot.parties if it.name == lanes[lane]), None)
        beside_a_line = 0 < column < len(cells) - 1 and cells[column][0] in (TALK, RING)
        joined = party is not None and (column in talking or column in waiting or column in ringing)
        if party is None:
            cells[column] = cells[column] if beside_a_line else (ABSENT, Style.DIM)
        else:
            cells[column] = _glyph(party)
        if party is not None and beside_a_line and not joined:
            # The line goes past somebody who hears something else.
            cells[column - 1], cells[column + 1] = ("(", Style.DIM), (")", Style.DIM)
    return cells


def painted(cells: Sequence[Cell], paint: Paint) -> str:
    """Return a drawing as text, each run of one style painted at once."""
    text, run, style = "", "", None
    for character, look in cells:
        if look != style:
            text, run, style = text + _run(run, style, paint), "", look
        run += character
    return text + _run(run, style, paint)


def _run(run: str, style: Style | None, paint: Paint) -> str:
    return paint(run, style) if style else run


def _rings(party: PartyView) -> bool:
    return party.phase in (Phase.DIALLING, Phase.RINGING)


def _glyph(party: PartyView) -> Cell:
    if _rings(party):
        return "☎", Style.CYAN
    for sound, glyph in _GLYPHS.items():
        if sound in party.hears:
            return glyph
    return "●", Style.CYAN if Sound.RINGBACK in party.hears else Style.GREEN


def _line(cells: list[Cell], here: int, there: int, character: str, style: Style) -> None:
    for column in range(min(here, there), max(here, there) + 1):
        cells[column] = (character, style)
