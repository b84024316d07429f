"""What stands for the legs of one owner, so that a look at all of them tells whether anything has changed. Pure."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from activities.telephony.model import OwnedLegs
from activities.telephony.simulator.legs import Leg
from activities.telephony.simulator.present import Present

SIZE = 8
"""Bytes of a mark. It is compared with one other."""


def owned_legs(present: Mapping[str, Leg], rooms: AbstractSet[str]) -> dict[str, OwnedLegs]:
    """Return what there is of the legs of each owner.

    Args:
        present: Every leg that is there, by id.
        rooms: Ids of the rooms that exist.
    """
    owned: defaultdict[str, list[Leg]] = defaultdict(list)
    for leg in present.values():
        if leg.owner:
            owned[leg.owner].append(leg)
    members = _members(present.values())
    phases = {owner: {leg.id: leg.phase for leg in legs} for owner, legs in owned.items()}
    return {owner: OwnedLegs(phases=phases[owner], mark=_mark(legs, members, rooms)) for owner, legs in owned.items()}


def mark_of(owner: str, present: Present, rooms: AbstractSet[str]) -> str:
    """Return the mark of one owner's legs."""
    legs = present.of_owner(owner)
    theirs = {leg.room for leg in legs if leg.room}
    return _mark(legs, _members(leg for room in theirs for leg in present.of_room(room)), rooms)


def _members(legs: Iterable[Leg]) -> Mapping[str, list[str]]:
    members: defaultdict[str, list[str]] = defaultdict(list)
    for leg in legs:
        if leg.room and leg.is_in(leg.room):
            members[leg.room].append(leg.id)
    return members


def _mark(legs: Iterable[Leg], members: Mapping[str, list[str]], rooms: AbstractSet[str]) -> str:
    said = [f"{_said(leg)} {leg.room in rooms} {sorted(members.get(leg.room, ()))}" for leg in legs]
    return hashlib.blake2b("\n".join(sorted(said)).encode(), digest_size=SIZE).hexdigest()


def _said(leg: Leg) -> tuple[str | int, ...]:
    where = (leg.id, leg.placement, leg.room, leg.music, leg.place)
    recording = (leg.recording, leg.recording_paused, leg.paused_by_engine)
    return *where, *recording, leg.announced, leg.shown, leg.transfers_for, leg.reported
