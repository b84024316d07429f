"""Recordings that run on legs: paused before their legs are moved, resumed after. Pure.

ARI can pause what ARI records. On a leg that is a snoop channel which is recorded: it goes with the leg through all
bridges. A recording of a bridge ends with the bridge, a leg itself is not recorded as long as it is in one, and
MixMonitor goes with the leg too, but ARI can neither see nor pause it (all measured).
"""

from collections.abc import Iterator

from activities.telephony.asterisk.scene import Scene
from activities.telephony.asterisk.state import PAUSED, Channel, Picture
from activities.telephony.asterisk.steps import Note, PauseRecording, ResumeRecording
from activities.telephony.model import LegRecording, RecordingTrouble, WantedLeg


def pauses(scene: Scene) -> Iterator[Note | PauseRecording]:
    """Yield what pauses recordings, before anybody is moved: nothing of the music and of private talk is in them."""
    for channel, recording in _recorded(scene):
        if recording.paused and scene.picture.recordings.get(recording.name) == "recording":
            if recording.name in scene.picture.tried_recordings:
                continue
            if channel.variable(PAUSED) != recording.name:
                yield Note(channel.id, ((PAUSED, recording.name),))
            yield PauseRecording(channel.id, recording.name)


def resumptions(scene: Scene) -> Iterator[Note | ResumeRecording]:
    """Yield what resumes the recordings that we have paused, once everybody has been moved.

    That we have paused one is forgotten when it is seen to run: whoever could not resume it tries again later.
    """
    for channel, recording in _recorded(scene):
        if recording.paused or channel.variable(PAUSED) != recording.name:
            continue
        if scene.picture.recordings.get(recording.name) != "paused":
            yield Note(channel.id, ((PAUSED, ""),))
        elif recording.name not in scene.picture.tried_recordings:
            yield ResumeRecording(channel.id, recording.name)


def trouble(leg: WantedLeg, picture: Picture, *, stands: bool) -> RecordingTrouble | None:
    """Return what is wrong with the recording of a leg that is there; of one that was not tried, whether it exists."""
    recording, channel = leg.recording, picture.channels.get(leg.leg)
    if recording is None or channel is None:
        return None
    state = picture.recordings.get(recording.name)
    if state is None:
        return RecordingTrouble.MISSING
    if not stands:
        return None
    if recording.paused:
        return None if state == "paused" else RecordingTrouble.NOT_PAUSED
    ours = channel.variable(PAUSED) == recording.name
    return RecordingTrouble.NOT_RESUMED if ours and state == "paused" else None


def _recorded(scene: Scene) -> Iterator[tuple[Channel, LegRecording]]:
    for leg in scene.legs:
        channel = scene.channels.get(leg.leg)
        if leg.recording is not None and channel is not None and channel.controlled:
            yield channel, leg.recording
