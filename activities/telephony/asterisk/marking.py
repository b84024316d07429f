"""What stands for the legs of one owner, so that a look at the whole node tells whether anything has changed. Pure.

All that planning reads of a leg, but for how far it has come, is in its mark: whether ARI controls it, what we have
left on it, and where it is. A recording is not: Asterisk tells of one at a time.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import chain

from activities.telephony.asterisk.state import HOLD_PREFIX, OUR_PREFIX, Bridge, Channel, Picture
from activities.telephony.model import Arrangement, OwnedLegs

SIZE = 8
"""Bytes of a mark. It is compared with one other."""


def owned_legs(channels: Iterable[Channel], bridges: Iterable[Bridge]) -> dict[str, OwnedLegs]:
    """Return what there is of the legs of each owner.

    Args:
        channels: All of the node.
        bridges: All of the node.
    """
    owned: defaultdict[str, list[Channel]] = defaultdict(list)
    for channel in channels:
        if channel.owner:
            owned[channel.owner].append(channel)
    within = {leg: bridge for bridge in bridges for leg in bridge.channels}
    found: dict[str, OwnedLegs] = {}
    for owner, legs in owned.items():
        around = {bridge.id: bridge for leg in legs if (bridge := within.get(leg.id)) is not None}
        phases = {leg.id: leg.phase for leg in legs}
        found[owner] = OwnedLegs(phases=phases, mark=_mark(legs, around.values()))
    return found


def mark_of(wanted: Arrangement, picture: Picture) -> str:
    """Return the mark of an arrangement that is true; empty if a look at the whole node cannot say that it is."""
    if any(leg.recording is not None for leg in wanted.legs):
        return ""
    legs = [channel for channel in picture.channels.values() if channel.owner == wanted.owner]
    return _mark(legs, (bridge for bridge in (picture.room, picture.hold) if bridge is not None))


def _mark(legs: Iterable[Channel], bridges: Iterable[Bridge]) -> str:
    ids = {leg.id for leg in legs}
    # A bridge that none of them is in can hardly be found among all, so it cannot count.
    said = chain(map(_leg, legs), (_bridge(bridge, ids) for bridge in bridges if not ids.isdisjoint(bridge.channels)))
    return hashlib.blake2b("\n".join(sorted(said)).encode(), digest_size=SIZE).hexdigest()


def _leg(leg: Channel) -> str:
    return f"leg {leg.id} {leg.controlled} {_ours(leg.channelvars)}"


def _bridge(bridge: Bridge, legs: set[str]) -> str:
    if bridge.id.startswith(HOLD_PREFIX):
        return f"hold {bridge.id} {sorted(legs.intersection(bridge.channels))}"  # shared with strangers
    return f"room {bridge.id} {sorted(bridge.channels)} {_ours(bridge.bridgevars)}"


def _ours(variables: Mapping[str, object]) -> list[tuple[str, str]]:
    return sorted((name, str(value)) for name, value in variables.items() if name.startswith(OUR_PREFIX) and value)
