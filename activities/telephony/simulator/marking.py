"""What stands for the legs of one owner, so that a look at all of them tells whether anything has changed. Pure."""

import hashlib
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from activities.telephony.model import OwnedLegs
from activities.telephony.simulator.legs import Leg

SIZE = 8
"""Bytes of a mark. It is compared with one other."""


def owned_legs(present: Mapping[str, Leg], rooms: AbstractSet[str]) -> dict[str, OwnedLegs]:
    """Return what there is of the legs of each owner.

    Args:
        present: Every leg that is there, by id.
        rooms: Ids of the rooms that exist.
    """
    owners = {leg.owner for leg in present.values() if leg.owner}
    return {owner: _of(owner, present.values(), rooms) for owner in owners}


def mark_of(owner: str, present: Mapping[str, Leg], rooms: AbstractSet[str]) -> str:
    """Return the mark of one owner's legs."""
    return _of(owner, present.values(), rooms).mark


def _of(owner: str, present: Iterable[Leg], rooms: AbstractSet[str]) -> OwnedLegs:
    everybody = sorted(present, key=lambda leg: leg.id)
    legs = [leg for leg in everybody if leg.owner == owner]
    said = [f"leg {_said(leg)} {[it.id for it in everybody if leg.room and it.is_in(leg.room)]}" for leg in legs]
    said += [f"room {room}" for room in sorted({leg.room for leg in legs} & rooms)]
    mark = hashlib.blake2b("\n".join(said).encode(), digest_size=SIZE).hexdigest()
    return OwnedLegs(phases={leg.id: leg.phase for leg in legs}, mark=mark)


def _said(leg: Leg) -> tuple[str | int, ...]:
    where = (leg.id, leg.placement, leg.room, leg.music, leg.place)
    recording = (leg.recording, leg.recording_paused, leg.paused_by_engine)
    return *where, *recording, leg.announced, leg.shown, leg.transfers_for, leg.reported
