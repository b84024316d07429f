"""Which announcements are missing, and which must stop because their leg is asked for something else. Pure."""

from collections.abc import Iterator, Sequence

from activities.telephony.asterisk.addresses import is_recording
from activities.telephony.asterisk.scene import Scene
from activities.telephony.asterisk.state import ANNOUNCED, ANNOUNCING, PLAYING, WHISPERING
from activities.telephony.asterisk.steps import (
    FinishWhisper,
    HangUp,
    Move,
    Note,
    Play,
    Step,
    StopPlaying,
    StopWhisper,
    Whisper,
)
from activities.telephony.model import Placement, WantedLeg

PLACEMENTS = (Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING)
"""A leg that rang may have been answered, and is in the room then."""


def announcements(scene: Scene) -> tuple[Step, ...]:
    """Return what is to be played to whom, once everybody is where they must be."""
    return tuple(step for leg in scene.legs for step in _announcement(scene, leg))


def _announcement(scene: Scene, leg: WantedLeg) -> Iterator[Step]:
    channel = scene.channels.get(leg.leg)
    if channel is None or not channel.up or not channel.controlled or leg.placement not in PLACEMENTS:
        return
    wanted = leg.announcement if leg.announcement is not None and is_recording(leg.announcement.media) else None
    begun = channel.variable(ANNOUNCING) == WHISPERING
    if begun and wanted is not None and wanted.number == channel.announced:
        yield FinishWhisper(leg.leg, wanted.number, wanted.media)
        return
    new = wanted is not None and wanted.number > channel.announced
    if begun or (new and channel.announced):
        # Nobody can follow two at once. One that is played ends because its leg is asked for something else.
        yield StopWhisper(leg.leg, channel.announced)
    if wanted is None or not new:
        return
    alone = _hears_nobody(scene, leg.leg)
    how = PLAYING if alone else WHISPERING
    yield Note(leg.leg, ((ANNOUNCED, str(wanted.number)), (ANNOUNCING, how)))
    if alone:
        yield Play(leg.leg, wanted.media)
    else:
        yield Whisper(leg.leg, wanted.number, wanted.media, scene.settings.app)


def _hears_nobody(scene: Scene, leg: str) -> bool:
    """Whether playing would cut a leg off from nobody. A whisper is mixed into what it hears, so not into silence."""
    if scene.picture.on_hold(leg):
        return True
    return scene.company([], gone=[]) == (leg,) and not scene.ringback_of(leg)


def undisturbed(scene: Scene, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps, with a stop of each announcement that would make one of them wait, or cut somebody off.

    Whoever is played to cannot be moved, nor noted on, until the recording ends: the arrangement would not be done in
    time. Ending a call is no question of patience.
    """
    playing = [leg for leg, channel in scene.channels.items() if channel.variable(ANNOUNCING) == PLAYING]
    ready: list[Step] = []
    for step in steps:
        for leg in list(playing):
            if _disturbs(scene, step, leg):
                playing.remove(leg)
                ready.append(StopPlaying(leg))
        ready.append(step)
    return tuple(ready)


def _disturbs(scene: Scene, step: Step, leg: str) -> bool:
    if getattr(step, "leg", "") == leg:
        return not isinstance(step, HangUp)
    return isinstance(step, Move) and step.bridge == scene.wanted.room and scene.picture.in_room(leg)
