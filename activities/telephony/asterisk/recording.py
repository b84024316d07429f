"""Recordings that run on legs: paused before their legs are moved, resumed after. Pure.

ARI can pause what ARI records. On a leg that is a snoop channel which is recorded: it goes with the leg through all
bridges. A recording of a bridge ends with the bridge, a leg itself is not recorded as long as it is in one, and
MixMonitor goes with the leg too, but ARI can neither see nor pause it (all measured).
"""

from collections.abc import Iterator

from activities.telephony.asterisk.scene import Scene
from activities.telephony.asterisk.state import PAUSED, Channel
from activities.telephony.asterisk.steps import Note, PauseRecording, ResumeRecording
from activities.telephony.model import LegRecording


def pauses(scene: Scene) -> Iterator[Note | PauseRecording]:
    """Yield what pauses recordings, before anybody is moved: nothing of the music and of private talk is in them."""
    for channel, recording in _recorded(scene):
        if recording.paused and scene.picture.recordings.get(recording.name) == "recording":
            if channel.variable(PAUSED) != recording.name:
                yield Note(channel.id, ((PAUSED, recording.name),))
            yield PauseRecording(recording.name)


def resumptions(scene: Scene) -> Iterator[Note | ResumeRecording]:
    """Yield what resumes the recordings that we have paused, once everybody has been moved."""
    for channel, recording in _recorded(scene):
        if not recording.paused and channel.variable(PAUSED) == recording.name:
            if scene.picture.recordings.get(recording.name) == "paused":
                yield ResumeRecording(recording.name)
            yield Note(channel.id, ((PAUSED, ""),))


def _recorded(scene: Scene) -> Iterator[tuple[Channel, LegRecording]]:
    for leg in scene.legs:
        channel = scene.channels.get(leg.leg)
        if leg.recording is not None and channel is not None and channel.controlled:
            yield channel, leg.recording
