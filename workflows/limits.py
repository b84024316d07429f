"""Limits that are the same for everything that is rung, and for everything that outlasts an outage."""

from datetime import timedelta

PROVIDER_STANDS_BEHIND = timedelta(seconds=2)
"""How much later than our own ring time-out the provider's is. Ours decides, because only the engine can take a leg out
of the room before it is ended; the provider's ends the ringing when the engine is dead. Long enough for an engine that
is busy, and short enough for a phone that nobody waits for. See ``docs/decisions/0009``."""

CAUSE_FOLLOWS = timedelta(milliseconds=500)
"""How long the event that says why a leg ended may come after the leg was seen to be gone."""

AWAY_LIMIT = timedelta(days=1)
"""How long a provider may be out of reach before those give up who wait for it: a call-back, and the watch over a call.
Its calls may well go on, so they wait; but no conversation lasts a day, nobody expects a call that is a day late, and a
node that was taken away for good, or out of the settings, never says so."""
