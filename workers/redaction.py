"""The last net under the rule that no number and no name is logged: takes out what looks like a number.

What is to be logged is chosen where it is logged; this is for what nobody thought of, such as another library's errors.
"""

import logging
import re

_GAP = "[…]"
_REPLACED: tuple[tuple[re.Pattern[str], str], ...] = (
    # What pydantic quotes of an input that it refuses, up to its type.
    (re.compile(r"input_value=.*?(?=, input_type=|\]\n|\]$)", re.DOTALL), f"input_value={_GAP}"),
    (re.compile(r"\b(tel|sips?):[^\s\"'<>,)]+", re.IGNORECASE), rf"\1:{_GAP}"),
    # E.164 with its plus sign, wherever it stands.
    (re.compile(r"\+[1-9][0-9]{6,14}"), f"+{_GAP}"),
    # Without one only by itself: ids of legs and of runs have digits too, as 1763773200.17 has.
    (re.compile(r"(?<![\w.:/@+-])[0-9]{7,15}(?![\w-]|\.[0-9])"), _GAP),
)


def redacted(text: str) -> str:
    """Return a text without what looks like a telephone number, or is quoted from an input."""
    for pattern, instead in _REPLACED:
        text = pattern.sub(instead, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Formats as any other, and then takes out what must not be there, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """See base class."""
        return redacted(super().format(record))
