"""The terminal: colours where it has them, plain text where it has not."""

import os
import shutil
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Self, TextIO

WIDEST = 100
"""Columns the demo never goes beyond, except for links, which must stay whole."""

_NARROWEST = 80

_PLAIN_GLYPHS = str.maketrans(
    {
        "●": "o",
        "○": "!",
        "▣": "#",
        "━": "=",
        "┄": "-",
        "♫": "~",
        "☎": "?",
        "»": ">",
        "✓": "+",
        "✗": "x",
        "·": ".",
        "─": "-",
        "—": "-",
        "…": "~",
    }
)
"""For terminals of another encoding than UTF-8."""


class Style(StrEnum):
    """How a piece of text looks, as a terminal's code for it."""

    BOLD = "1"
    DIM = "2"
    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    MAGENTA = "35"
    CYAN = "36"


class Screen:
    """Writes lines.

    Args:
        stream: Where to.
        colour: Whether it understands colours.
        width: Columns to use.
    """

    def __init__(self, stream: TextIO, *, colour: bool, width: int = WIDEST) -> None:
        self.width = width
        self.deserted = False
        """Whoever read the output has seen enough, as ``head`` has."""
        self.when_deserted: Callable[[], None] = lambda: None
        """Called when that happens."""
        self._stream = stream
        self._colour = colour
        self._unicode = _has_glyphs(stream)

    @classmethod
    def of(cls, stream: TextIO, environment: Mapping[str, str] = os.environ) -> Self:
        """Return the screen that a stream is: colours on a terminal, unless ``NO_COLOR`` says otherwise."""
        colour = stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
        columns = shutil.get_terminal_size((WIDEST, 24)).columns if stream.isatty() else WIDEST
        return cls(stream, colour=colour, width=max(_NARROWEST, min(columns, WIDEST)))

    def line(self, text: str = "") -> None:
        """Write one line; it is seen at once, also through a pipe. Once nobody reads any more it goes nowhere."""
        if self.deserted:
            return
        try:
            self._stream.write((text if self._unicode else text.translate(_PLAIN_GLYPHS)).rstrip() + "\n")
            self._stream.flush()
        except BrokenPipeError:
            # Not raised: most lines are written by the exchange's own callbacks, and calls must not fail for that.
            self.deserted = True
            self.when_deserted()

    def paint(self, text: str, *styles: Style) -> str:
        """Return a text in a style, or as it is where there are no colours."""
        if not (self._colour and styles and text.strip()):
            return text
        return f"\x1b[{';'.join(styles)}m{text}\x1b[0m"


def _has_glyphs(stream: TextIO) -> bool:
    try:
        "●━♫".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
