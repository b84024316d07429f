"""Which legs of an arrangement are not to be had any more, and why. Pure."""

from collections.abc import Mapping

from activities.telephony.errors import Unsupported
from activities.telephony.model import Arrangement, Phase, Placement, WantedLeg
from activities.telephony.twilio.addresses import InvalidAddressError, caller, destination
from activities.telephony.twilio.causes import Ending, ending_of
from activities.telephony.twilio.picture import Picture
from activities.telephony.twilio.resources import Left
from activities.telephony.twilio.settings import TwilioSettings
from hookflash import Cause
from hookflash.events import Evidence

DIALLED_PLACEMENTS = (Placement.RINGING, Placement.SCREENING)


def endings(wanted: Arrangement, picture: Picture, settings: TwilioSettings) -> dict[str, Ending]:
    """Return the legs that have ended, or never can begin.

    Raises:
        Unsupported: A call is there, and cannot be moved.
    """
    found: Mapping[str, Ending | None] = {leg.leg: _ending(leg, picture, settings) for leg in wanted.legs}
    return {leg: ending for leg, ending in found.items() if ending is not None}


LOST = Ending(Cause.UNREACHABLE, Evidence(text="its dialling was not answered, and it is not there"))
"""Of a leg that may never have been rung, and never is again."""


def _ending(leg: WantedLeg, picture: Picture, settings: TwilioSettings) -> Ending | None:
    if picture.left(leg.leg) is Left.FAREWELL:
        return _said(Cause.RELEASED, "it hears its farewell")
    if picture.live(leg.leg):
        if picture.left(leg.leg) is Left.HANDED_OFF and leg.placement not in (Placement.GONE, Placement.HANDED_OFF):
            return _said(Cause.PROVIDER_ERROR, "it was handed off, where the engine has no control of it")
        return None
    record = picture.record(leg.leg)
    if record is not None and record.ending is not None:
        return _said(record.ending, record.ending_text)
    call = picture.calls.get(leg.leg)
    if call is not None:
        if leg.placement is Placement.GONE:
            return _said(Cause.RELEASED, "")
        return ending_of(call, leg.known)
    return _of_absent(leg, picture, settings)


def _of_absent(leg: WantedLeg, picture: Picture, settings: TwilioSettings) -> Ending | None:
    """Judge a leg of which Twilio knows no call; None if it is to be dialled, or may still appear."""
    if picture.undecided(leg.leg, settings.undecided):
        return None
    if leg.placement is Placement.GONE:
        return _said(Cause.RELEASED, "")
    if picture.record(leg.leg) is not None:
        return LOST
    if leg.known > Phase.NEW:
        return _said(Cause.HUNG_UP if leg.known >= Phase.ANSWERED else None, "there is no such call any more")
    if leg.dial is None or leg.placement not in DIALLED_PLACEMENTS:
        return _said(Cause.UNKNOWN_LEG, "no such call")
    if leg.expired:
        return _said(Cause.UNREACHABLE, "its time was up before it was dialled")
    try:
        destination(leg.dial.address)
    except InvalidAddressError as error:
        return _said(Cause.INVALID_DESTINATION, str(error))
    try:
        caller(leg.dial.caller_id, settings)
    except InvalidAddressError as error:
        return _said(Cause.CALLER_ID_REFUSED, str(error))
    return None


def check_movable(wanted: Arrangement, picture: Picture) -> None:
    """See that no leg is to be torn out of a ``<Dial><Number>``, which would end the other party's call.

    Raises:
        Unsupported: One would be.
    """
    for leg in wanted.legs:
        call = picture.calls.get(leg.leg)
        fresh = picture.record(leg.leg) is None and leg.placement is not Placement.GONE
        if fresh and call is not None and call.live and call.parent_call_sid:
            raise Unsupported(
                f"{leg.name} ({leg.leg}) was rung by <Dial><Number>; only calls that are in a <Conference> from the "
                "start can be transferred"
            )


def _said(cause: Cause | None, text: str) -> Ending:
    return Ending(cause, Evidence(text=text))
