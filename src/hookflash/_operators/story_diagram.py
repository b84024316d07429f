"""A story as a sequence diagram for a ticket: Mermaid's text, or SVG."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

from hookflash._operators.story import Note, Story

_ROW, _LANE, _MARGIN = 30, 190, 110
"""Pixels from one row to the next, from one lane to the next, and left of the first."""

_TITLE = 50


def mermaid(story: Story) -> str:
    """Return the text of a sequence diagram, as GitHub, GitLab and many ticket systems draw it."""
    actors = {lane: f"P{number}" for number, lane in enumerate(story.lanes)}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {actor} as {_plain(lane)}" for lane, actor in actors.items()]
    for moment in story.moments:
        for note in moment.notes:
            first, last = _reach(note, story.lanes)
            over = actors[first] if first == last else f"{actors[first]},{actors[last]}"
            where = f"{actors[note.called_by]}->>{actors[first]}" if note.called_by else f"Note over {over}"
            lines.append(f"    {where}: {_clock(moment.at)} {_plain(note.text)}")
    # Mermaid has links for participants, and draws none where it is careful, as on GitHub: for who reads the text.
    return "\n".join([*lines, f"    %% {story.ui}"] if story.ui else lines)


def svg(story: Story) -> str:
    """Return the same diagram as an SVG document."""
    notes = [(moment, note) for moment in story.moments for note in moment.notes]
    width = 2 * _MARGIN + (len(story.lanes) - 1) * _LANE
    height = _TITLE + (len(notes) + (2 if story.ui else 1)) * _ROW
    x = {lane: _MARGIN + number * _LANE for number, lane in enumerate(story.lanes)}
    title = escape(f"{story.id} {story.run_id}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12" text-anchor="middle">',
        f"<title>{title}</title>",
        '<marker id="arrow" markerWidth="8" markerHeight="8" refX="8" refY="4" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z"/></marker>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for lane, column in x.items():
        parts.append(f'<text x="{column}" y="25" font-weight="bold">{escape(lane)}</text>')
        parts.append(f'<line x1="{column}" y1="35" x2="{column}" y2="{height - 10}" stroke="silver"/>')
    for row, (moment, note) in enumerate(notes):
        first, last = _reach(note, story.lanes)
        text = f"{_clock(moment.at)} {note.text}"
        middle, top = (x[first] + x[last]) / 2, _TITLE + row * _ROW
        if note.called_by:
            ends = f'x1="{x[note.called_by]}" x2="{x[first]}" y1="{top + 19}" y2="{top + 19}"'
            parts.append(f'<line {ends} stroke="black" marker-end="url(#arrow)"/>')
            parts.append(f'<text x="{(x[note.called_by] + x[first]) / 2:.0f}" y="{top + 14}">{escape(text)}</text>')
            continue
        # Text has no width before it is drawn: an estimate for 12 pixels.
        box = min(max(x[last] - x[first] + 40, 6.6 * len(text) + 12), width - 4)
        left = min(max(middle - box / 2, 2), width - box - 2)
        parts.append(
            f'<rect x="{left:.0f}" y="{top}" width="{box:.0f}" height="{_ROW - 8}" rx="4" fill="ivory" stroke="gray"/>'
        )
        parts.append(f'<text x="{left + box / 2:.0f}" y="{top + 15}">{escape(text)}</text>')
    if story.ui:
        text = f'<text x="{width / 2:.0f}" y="{height - 15}" fill="blue">{title}</text>'
        parts.append(f'<a href="{escape(story.ui)}">{text}</a>')
    return "\n".join([*parts, "</svg>"])


def _reach(note: Note, lanes: Sequence[str]) -> tuple[str, str]:
    """Return the first and the last lane of a note."""
    return (note.about[0], note.about[-1]) if note.about else (lanes[0], lanes[-1])


def _clock(at: datetime) -> str:
    # With the offset: a ticket is read in other places.
    return f"{at.astimezone(UTC):%H:%M:%SZ}"


def _plain(text: str) -> str:
    """Return a text that means nothing to Mermaid: its own escapes for what ends a line, and for the word `end`."""
    text = re.sub(r"[^\w .,()+/'&?!-]", lambda found: f"#{ord(found[0])};", text)
    return re.sub(r"\b(e)(nd)\b", lambda found: f"#{ord(found[1])};{found[2]}", text, flags=re.IGNORECASE)
