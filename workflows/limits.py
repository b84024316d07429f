"""Limits that are the same for everything that is rung."""

from datetime import timedelta

PROVIDER_DECIDES = timedelta(seconds=1)
"""How much later than the provider's own ring time-out ours is. The provider's decides the race between the time-out
and an answer in one place, so that nobody is joined after it; ours stands behind it. See ``docs/decisions/0003``."""

CAUSE_FOLLOWS = timedelta(milliseconds=500)
"""How long the event that says why a leg ended may come after the leg was seen to be gone."""
