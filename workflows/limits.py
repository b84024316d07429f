"""How long things may take that no single wait of a transfer says."""

from datetime import timedelta

from hookflash import AnotherTarget, Policy, Recall

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


def longest_wait(policy: Policy) -> timedelta:
    """Return the longest time that somebody may be on hold. The hold budget does not run once fallbacks are tried."""
    recalls = [it for it in policy.fallbacks if isinstance(it, Recall)]
    targets = [it.target for it in policy.fallbacks if isinstance(it, AnotherTarget)]
    in_turn = [it.attempts * (it.ring_timeout + it.pause) for it in recalls]
    in_turn += [it.ring_timeout + (it.accept.timeout if it.accept else timedelta()) for it in targets]
    return max(policy.hold_budget, policy.consult_limit, sum(in_turn, timedelta()))
