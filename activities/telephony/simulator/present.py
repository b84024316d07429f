"""The legs that are there: kept so that those of one call, room or owner are found without a look at all the others."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from activities.telephony.simulator.legs import Filed, Leg


class Present(Mapping[str, Leg]):
    """Legs by id, in the order in which they came.

    A leg that is kept here says itself when its call, its room or its owner changes, so it is never found under what
    it was.
    """

    def __init__(self) -> None:
        self._legs: dict[str, Leg] = {}
        self._files = {field: defaultdict[str, dict[str, Leg]](dict) for field in Filed}

    def __getitem__(self, leg: str) -> Leg:
        return self._legs[leg]

    def __iter__(self) -> Iterator[str]:
        return iter(self._legs)

    def __len__(self) -> int:
        return len(self._legs)

    def add(self, leg: Leg) -> None:
        """Keep a leg from now on."""
        self._legs[leg.id] = leg
        for field in Filed:
            self._files[field][getattr(leg, field)][leg.id] = leg
        leg.filed_anew = self._file_anew

    def remove(self, leg: Leg) -> None:
        """Keep a leg no longer."""
        leg.filed_anew = None
        del self._legs[leg.id]
        for field in Filed:
            self._take_out(leg, field, getattr(leg, field))

    def of_call(self, call: str) -> tuple[Leg, ...]:
        """Return the legs of a call."""
        return self._found(Filed.CALL, call)

    def of_room(self, room: str) -> tuple[Leg, ...]:
        """Return the legs that are in a room, will be once they answer, or whose ringing is heard there."""
        return self._found(Filed.ROOM, room)

    def of_owner(self, owner: str) -> tuple[Leg, ...]:
        """Return the legs that an owner watches."""
        return self._found(Filed.OWNER, owner)

    def _found(self, field: Filed, value: str) -> tuple[Leg, ...]:
        return tuple(self._files[field].get(value, {}).values())

    def _file_anew(self, leg: Leg, field: Filed, before: str, now: str) -> None:
        self._take_out(leg, field, before)
        self._files[field][now][leg.id] = leg

    def _take_out(self, leg: Leg, field: Filed, value: str) -> None:
        file = self._files[field]
        del file[value][leg.id]
        if not file[value]:
            del file[value]
