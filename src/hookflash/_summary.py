"""What the Temporal UI shows of a transfer before any worker has said a word: its static summary and details."""

import re
from datetime import timedelta

from hookflash.parties import Target
from hookflash.request import TransferRequest

_GAP = "\u00a0" * 3
"""Between the columns of a table: the Temporal UI renders none."""

_SUMMARY_LIMIT = 60
"""Characters of a summary that the Temporal UI shows without cutting it."""


def in_words(duration: timedelta) -> str:
    """Return ``20 s``, ``1 min 30 s``, ``1 h`` or ``300 ms``."""
    seconds = duration.total_seconds()
    if 0 < seconds < 1:
        return f"{round(seconds * 1000)} ms"
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{int(number)} {unit}" for number, unit in ((hours, "h"), (minutes, "min")) if number]
    parts += [f"{round(rest, 1):g} s"] if rest or not parts else []
    return " ".join(parts)


def name_of(target: Target) -> str:
    """Return how operators call a target. Never its address, which may be a phone number."""
    return target.name.strip() or target.directory or "target"


def static_summary(request: TransferRequest) -> str:
    """Return one line of plain text, for example ``Warm transfer to Claims desk``."""
    text = f"{request.mode.value.capitalize()} transfer to {name_of(request.targets[0])}"
    return text if len(text) <= _SUMMARY_LIMIT else f"{text[: _SUMMARY_LIMIT - 1].rstrip()}…"


def static_details(request: TransferRequest) -> str:
    """Return Markdown with the mode, the targets and their limits, the tenant and the labels."""
    lines = [
        f"**{request.mode.value.capitalize()}** transfer by `{request.provider}` for tenant `{request.tenant}`",
        "",
        f"| target{_GAP} | may ring{_GAP} | must accept within |",
        "|:---|:---|:---|",
    ]
    for target in request.targets:
        accept = in_words(target.accept.timeout) if target.accept else "-"
        ring = f"{in_words(target.ring_timeout)}{', with the one above' if target.with_previous else ''}"
        lines.append(f"| {_plain(name_of(target))}{_GAP} | {ring}{_GAP} | {accept} |")
    if request.labels:
        lines += ["", *(f"- {_plain(label)}: {_plain(text)}" for label, text in sorted(request.labels.items()))]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return a caller's text so that Markdown shows it as it is, shortened: details are for reading at a glance."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text[:100])
