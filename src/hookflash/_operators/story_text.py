"""A story in the terminal: a lane per party, lines between those who talk.

::

                 customer     agent        Claims desk
    +0.2 s       ♫            ●┄┄┄┄┄┄┄┄┄┄┄┄☎     customer on hold · Claims desk is called
    +6.0 s       ●━━━━━━━━━━━━━━━━━━━━━━━━━●     customer and Claims desk talk · agent leaves
"""

import textwrap
from collections.abc import Mapping, Sequence

from hookflash._operators.story import RUNG, Moment, Story, together

PITCH = 13
"""Columns from one lane to the next."""

TALK, RING, ABSENT, THERE = "━", "┄", "·", "│"
_GLYPHS = {"in_room": "●", "on_hold": "♫", "ringing": "☎", "screening": "?", "handed_off": "▣"}


def drawn(story: Story, width: int) -> list[str]:
    """Return the lines of the picture.

    Args:
        story: The story.
        width: Columns of the terminal.
    """
    margin = " " * 21
    names = "".join(f"{textwrap.shorten(it, PITCH - 1, placeholder='…'):{PITCH}}" for it in story.lanes)
    lines = [f"{'local time':21}{names}".rstrip()]
    indent = len(margin) + (len(story.lanes) - 1) * PITCH + 1 + 3
    places: dict[str, str] = {}
    for moment in story.moments:
        if moment.places is not None:
            places = moment.places
            picture = _drawing(places, story.lanes)
        else:
            picture = _lifelines(places, story.lanes)
        first, *more = textwrap.wrap(" · ".join(it.text for it in moment.notes), max(40, width - indent))
        lines.append(f"{_time(story, moment):21}{picture}   {first}")
        for line in more:
            lines.append(f"{margin}{_lifelines(places, story.lanes)}   {line}")
    return lines


def _time(story: Story, moment: Moment) -> str:
    seconds = (moment.at - story.begun).total_seconds()
    return f"{moment.at.astimezone():%H:%M:%S} {f'+{seconds:.1f} s':>10}"


def _lifelines(places: Mapping[str, str], lanes: Sequence[str]) -> str:
    return (" " * (PITCH - 1)).join(THERE if it in places else ABSENT for it in lanes)


def _drawing(places: Mapping[str, str], lanes: Sequence[str]) -> str:
    cells = [" "] * ((len(lanes) - 1) * PITCH + 1)
    at = {lane: number * PITCH for number, lane in enumerate(lanes)}
    talking = [at[lane] for lane in together(places, tuple(lanes))]
    for lane, place in places.items():
        if place in RUNG and talking:
            _line(cells, min(talking, key=lambda here: abs(here - at[lane])), at[lane], RING)
    if talking:
        _line(cells, talking[0], talking[-1], TALK)
    for lane, column in at.items():
        passed = 0 < column < len(cells) - 1 and cells[column] in (TALK, RING)
        if lane not in places:
            cells[column] = cells[column] if passed else ABSENT
            continue
        cells[column] = _GLYPHS.get(places[lane], THERE)
        if passed and column not in talking and places[lane] not in RUNG:
            # The line goes past somebody who hears something else.
            cells[column - 1], cells[column + 1] = "(", ")"
    return "".join(cells)


def _line(cells: list[str], here: int, there: int, character: str) -> None:
    for column in range(min(here, there), max(here, there) + 1):
        cells[column] = character
