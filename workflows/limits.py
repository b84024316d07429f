"""Limits that are the same for everything that is rung."""

from datetime import timedelta

PROVIDER_STANDS_BEHIND = timedelta(seconds=2)
"""How much later than our own ring time-out the provider's is. Ours decides, because only the engine can take a leg out
of the room before it is ended; the provider's ends the ringing when the engine is dead. Long enough for an engine that
is busy, and short enough for a phone that nobody waits for. See ``docs/decisions/0009``."""

CAUSE_FOLLOWS = timedelta(milliseconds=500)
"""How long the event that says why a leg ended may come after the leg was seen to be gone."""
