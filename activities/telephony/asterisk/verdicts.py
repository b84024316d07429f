"""Which legs of an arrangement are not to be had any more, and why."""

from collections.abc import Mapping

from activities.telephony.asterisk.addresses import InvalidAddressError, destination
from activities.telephony.asterisk.causes import NO_ANSWER, RELEASE_TEXTS, Ending, unanswered
from activities.telephony.asterisk.state import Channel, Picture
from activities.telephony.errors import Unsupported
from activities.telephony.model import Arrangement, Phase, Placement, WantedLeg
from hookflash import Cause
from hookflash.events import Evidence

DIALLED_PLACEMENTS = (Placement.RINGING, Placement.SCREENING)


def endings(wanted: Arrangement, picture: Picture, known: Mapping[str, Ending], trunk: str | None) -> dict[str, Ending]:
    """Return the legs that have ended, or never can begin.

    Args:
        wanted: The arrangement.
        picture: What is there.
        known: Endings that were seen as they happened.
        trunk: Endpoint that carries numbers, if there is one.

    Raises:
        Unsupported: A leg is there, but ARI has no control of it and never had.
    """
    found: dict[str, Ending] = {}
    for leg in wanted.legs:
        channel = picture.channels.get(leg.leg)
        if channel is not None:
            ended = _of_present(leg, channel)
        else:
            ended = known.get(leg.leg) or _of_absent(leg, picture, trunk)
        if ended is not None:
            found[leg.leg] = ended
    return found


def _of_present(leg: WantedLeg, channel: Channel) -> Ending | None:
    if channel.leaving:
        return _said(Cause.RELEASED, "it hears its farewell")
    if channel.controlled or leg.placement in (Placement.GONE, Placement.HANDED_OFF):
        return None
    if channel.owner:
        return _said(Cause.PROVIDER_ERROR, "it has left for the dialplan, where the engine has no control of it")
    raise Unsupported(f"{leg.name} ({leg.leg}) is a call of the dialplan; only legs in a Stasis application can move")


def _of_absent(leg: WantedLeg, picture: Picture, trunk: str | None) -> Ending | None:
    """Judge a leg that is not there; None if it is to be dialled."""
    if leg.placement is Placement.GONE:
        return _said(Cause.RELEASED, "")
    if picture.restarted is not None and was_there(leg):
        return _said(Cause.NODE_DOWN, f"the node was restarted at {picture.restarted:%Y-%m-%d %H:%M:%S %Z}")
    if leg.known > Phase.NEW or picture.dialled(leg.leg):
        return _lost(leg)
    if leg.dial is None or leg.placement not in DIALLED_PLACEMENTS:
        # Once our room is there, an arrangement has been begun with this leg, even if its answer was lost.
        return _said(Cause.HUNG_UP if picture.room else Cause.UNKNOWN_LEG, "no such channel")
    if leg.expired:
        return _said(Cause.UNREACHABLE, "its time was up before it was dialled")
    try:
        destination(leg.dial.address, trunk)
    except InvalidAddressError as error:
        return _said(Cause.INVALID_DESTINATION, str(error))
    return None


def was_there(leg: WantedLeg) -> bool:
    """Whether a leg is one that the node must have had."""
    return leg.placement is not Placement.GONE and (leg.known > Phase.NEW or leg.dial is None)


def _lost(leg: WantedLeg) -> Ending:
    """Judge a leg that was there once. Asterisk keeps nothing of an ended channel, and sends no event twice."""
    unseen = "it has ended; its last event was not seen"
    if leg.known >= Phase.ANSWERED:
        # Or its node is being shut down: that is in the event alone.
        return Ending(Cause.HUNG_UP, Evidence(text=unseen), assumed=True)
    if leg.expired:
        return _said(unanswered(leg.known), unseen)
    return _said(None, unseen)


def unanswered_ending(phase: Phase) -> Ending:
    """Return the ending of a leg that is hung up because its time is up."""
    return Ending(unanswered(phase), Evidence(q850=NO_ANSWER, text="its time was up"))


def release_ending(q850: int) -> Ending:
    """Return the ending of a leg that is hung up because nobody needs it, as its event would say it."""
    return Ending(Cause.RELEASED, Evidence(q850=q850, text=RELEASE_TEXTS[q850]))


def _said(cause: Cause | None, text: str) -> Ending:
    return Ending(cause, Evidence(text=text))
