"""Recordings that the exchange can play: it has every one but one."""

MISSING = "missing"
"""The only recording that it does not have."""

SECONDS = 1.0
"""How long each of them lasts."""


def can_play(recording: str) -> bool:
    """Return whether the exchange has a recording. The empty name means that none is wanted."""
    return recording not in ("", MISSING)
