"""Who leaves, how, and with which cause. Pure."""

from activities.telephony.asterisk.addresses import InvalidAddressError, dialplan_place, is_recording, told_variables
from activities.telephony.asterisk.causes import ANSWERED_ELSEWHERE, NORMAL_CLEARING
from activities.telephony.asterisk.scene import Scene
from activities.telephony.asterisk.screening import stop_asking
from activities.telephony.asterisk.state import (
    ANNOUNCING,
    BACKSTOP,
    PLAYING,
    PROMPTED,
    RELEASED_FOR,
    RINGBACK,
    Channel,
)
from activities.telephony.asterisk.steps import (
    DeleteRoom,
    Farewell,
    GiveUp,
    HandOff,
    HangUp,
    Leave,
    Note,
    Step,
    StopWhisper,
)
from activities.telephony.errors import Unsupported
from activities.telephony.model import Placement, WantedLeg


def kept(scene: Scene) -> list[Step]:
    """Return what is taken back of legs that were about to be ended and are to stay: their end is news again."""
    return [
        Note(leg.leg, ((RELEASED_FOR, ""),))
        for leg in scene.legs
        if leg.placement not in (Placement.GONE, Placement.HANDED_OFF)
        and (channel := scene.channels.get(leg.leg)) is not None
        and channel.variable(RELEASED_FOR)
    ]


def handed_off(scene: Scene) -> tuple[Step, ...]:
    """Return the steps for whoever goes on in the dialplan."""
    return tuple(
        step
        for leg in scene.legs
        if leg.placement is Placement.HANDED_OFF
        and (channel := scene.channels.get(leg.leg)) is not None
        and not scene.handed_off(channel)
        for step in _hand_off(leg, channel)
    )


def released(scene: Scene) -> tuple[Step, ...]:
    """Return the end of legs that were in company until now, and of the room."""
    leaving = [leg for leg in scene.legs if leg.placement is Placement.GONE and leg.leg in scene.channels]
    steps = [step for leg in leaving for step in ended(scene, leg)]
    # A room may have been seen with a member that ended by itself, or went on in the dialplan, while we looked.
    room, away = scene.picture.room, (Placement.GONE, Placement.HANDED_OFF)
    ours = {leg.leg for leg in scene.wanted.legs if leg.placement in away}
    deserted = room is not None and not scene.room_users() and ours.issuperset(room.channels)
    if not scene.wanted.keep_room and deserted:
        steps.append(DeleteRoom(scene.wanted.room))
    return tuple(steps)


def dropped(scene: Scene, leg: WantedLeg) -> list[Step]:
    """Return the end of a leg that must not hear who comes in next, or whose time is up."""
    if leg.placement is not Placement.GONE:
        return [GiveUp(leg.leg, scene.wanted.room if scene.picture.in_room(leg.leg) else "")]
    steps = ended(scene, leg)
    if isinstance(steps[-1], Farewell) and scene.picture.in_room(leg.leg):
        # A leg that goes on in the dialplan leaves the room when it pleases, but is taken out of it at once.
        return [Leave(leg.leg, scene.wanted.room), *steps]
    return steps


def ended(scene: Scene, leg: WantedLeg) -> list[Step]:
    """Return the end of a leg: with its farewell if it can hear one, at once if not."""
    channel = scene.channels[leg.leg]
    if not (channel.up and channel.controlled and is_recording(leg.farewell)):
        return [HangUp(leg.leg, _reason(scene, leg), scene.wanted.owner if _can_be_noted(channel) else "")]
    farewell = Farewell(leg.leg, leg.farewell, timed=_timed(channel), rings=bool(channel.variable(RINGBACK)))
    return [*stop_asking(scene, leg), *_stop_whispering(channel), farewell]


def _hand_off(leg: WantedLeg, channel: Channel) -> list[Step]:
    try:
        place = dialplan_place(leg.place)
    except InvalidAddressError as error:
        raise Unsupported(f"{leg.name} cannot be handed off: {error}") from error
    rings = bool(channel.variable(RINGBACK))
    told = told_variables(leg.reason) if leg.reason else ()
    return [*_stop_whispering(channel), HandOff(leg.leg, *place, timed=_timed(channel), rings=rings, told=told)]


def _stop_whispering(channel: Channel) -> list[Step]:
    return [StopWhisper(channel.id, channel.announced)] if channel.announced else []


def _can_be_noted(channel: Channel) -> bool:
    """Whether it can be noted on a leg at once that it is about to end. Ending a call is no question of patience."""
    played_to = channel.variable(PROMPTED) or channel.variable(ANNOUNCING) == PLAYING
    return bool(channel.owner) and channel.controlled and not played_to


def _timed(channel: Channel) -> bool:
    return bool(channel.variable(BACKSTOP))


def _reason(scene: Scene, leg: WantedLeg) -> int:
    """Return the Q.850 cause for a leg that is dropped: a phone should not call an answered call missed."""
    taken = any(other.placement is not Placement.GONE and scene.answered_target(other) for other in scene.legs)
    return ANSWERED_ELSEWHERE if taken and not scene.up(leg.leg) else NORMAL_CLEARING
