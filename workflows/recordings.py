"""The recordings that a request names: when each of them is to be paused, and what is wrong with it."""

from activities.telephony.model import LegRecording, Placement, RecordingTrouble, SeenLeg
from hookflash import Party
from hookflash.policy import RecordingOnHold
from workflows.aim import Aim
from workflows.call import Call
from workflows.core import CUSTOMER, LegRef
from workflows.wording import recording_trouble


def wanted_recording(call: Call, aim: Aim, ref: LegRef, placement: Placement) -> LegRecording | None:
    """Return what becomes of a leg's recording. Also while it rings: who answers is joined before we hear of it."""
    name = _named(call, ref)
    continues = call.request.policy.recording_on_hold is RecordingOnHold.CONTINUE
    if name is None or placement is Placement.GONE or continues:
        return None
    in_room = [leg for leg, where, _ in aim.legs if where is Placement.IN_ROOM]
    apart = ref != CUSTOMER and CUSTOMER not in in_room
    return LegRecording(name=name, paused=placement is Placement.ON_HOLD or apart)


class RecordingTroubles:
    """What was wrong with recordings until now: each arrangement finds it anew, and people are told of it once."""

    def __init__(self) -> None:
        self._told: set[tuple[str, RecordingTrouble]] = set()

    def news(self, call: Call, seen: SeenLeg) -> str:
        """Return a journal line for what is wrong with a leg's recording; empty if nothing is, or it was told."""
        ref = call.legs.ref(seen.leg)
        name = _named(call, ref) if ref is not None else None
        if ref is None or name is None or seen.recording is None or (seen.leg, seen.recording) in self._told:
            return ""
        self._told.add((seen.leg, seen.recording))
        return recording_trouble(seen.recording, ref.party, name)


def _named(call: Call, ref: LegRef) -> str | None:
    """Return the recording that the request names for a leg."""
    request = call.request
    return {CUSTOMER: request.customer.recording, LegRef(Party.AGENT): request.agent.recording}.get(ref)
