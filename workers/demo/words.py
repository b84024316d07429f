"""What changed from one moment of a call to the next, in words."""

from collections.abc import Callable, Iterable, Mapping

from activities.telephony.model import Phase
from activities.telephony.simulator import PartyView, Snapshot, Sound
from hookflash import Cause
from workers.demo.picture import talkers

_ENDED = {
    Cause.HUNG_UP: "hangs up",
    Cause.BUSY: "is busy",
    Cause.NO_ANSWER: "does not answer",
    Cause.DECLINED: "declines",
    Cause.UNREACHABLE: "cannot be reached",
    Cause.INVALID_DESTINATION: "does not exist",
}

_HEARS = {
    Sound.MUSIC: "hears music",
    Sound.RINGBACK: "hears it ring",
    Sound.ANNOUNCEMENT: "is asked to accept",
    Sound.PLACE: "was handed off",
    Sound.SILENCE: "hears nothing",
}


class Teller:
    """Tells the changes of one call.

    Args:
        names: How parties are called here, by the exchange's name for them; others keep theirs.
        cause_of: Returns why a leg has ended.
    """

    def __init__(self, names: Mapping[str, str], cause_of: Callable[[str], Cause | None]) -> None:
        self._names = names
        self._cause_of = cause_of

    def name(self, party: PartyView) -> str:
        """Return how a party is called."""
        return self._names.get(party.name, party.name)

    def tell(self, before: Snapshot | None, now: Snapshot) -> str:
        """Return what is new: what the phones did, then who hears something else than before."""
        old = {party.leg: party for party in before.parties} if before else {}
        gone = [party for party in old.values() if now.party(party.leg) is None]
        told = [self._ended(party) for party in gone]
        changed = {it.leg for it in now.parties if it.leg not in old or it.hears != old[it.leg].hears}
        answered = [it for it in now.parties if it.leg in old and it.phase > old[it.leg].phase]
        told += [self._answered(party, now) for party in answered]
        if not any(party.phase is Phase.ANSWERED for party in answered):
            told += self._talk(now, changed)
        told += [
            f"{self.name(party)} {_HEARS[sound]}"
            for party in now.parties
            for sound in Sound
            if sound in party.hears and party.leg in changed
        ]
        # The drawing shows who is called; words are needed only where nothing else changed.
        called = [f"{self.name(it)} is called" for it in now.parties if it.leg not in old and it.phase < Phase.ANSWERED]
        return " · ".join(told or called)

    def _answered(self, party: PartyView, now: Snapshot) -> str:
        name = self.name(party)
        if party.phase is not Phase.ANSWERED:
            return f"{name} rings"
        others = [self.name(it) for it in talkers(now) if it.leg != party.leg and it.leg in party.hears]
        return f"{name} answers, talks with {listed(others)}" if others else f"{name} answers"

    def _ended(self, party: PartyView) -> str:
        if words := _ENDED.get(self._cause_of(party.leg) or Cause.RELEASED):
            return f"{self.name(party)} {words}"
        answered = party.phase is Phase.ANSWERED
        return f"{self.name(party)} {'leaves' if answered else 'stops ringing'}"

    def _talk(self, now: Snapshot, changed: set[str]) -> list[str]:
        together = talkers(now)
        if not changed & {party.leg for party in together}:
            return []
        return [f"{listed(self.name(party) for party in together)} talk"]


def listed(names: Iterable[str]) -> str:
    """Return ``A``, ``A and B`` or ``A, B and C``."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
