"""What happens to a leg that has answered outside the room: it is asked, and perhaps listened to. Pure."""

from activities.telephony.asterisk.scene import Scene
from activities.telephony.asterisk.state import BEGUN, DONE, LISTENED, PROMPTED
from activities.telephony.asterisk.steps import Listen, Note, Prompt, Step, StopListening, StopPrompt
from activities.telephony.model import Placement, WantedLeg


def questions(scene: Scene) -> list[Step]:
    """Return the prompts that are to be played, and who is to be listened to for a machine."""
    steps: list[Step] = []
    for leg in scene.legs:
        channel = scene.channels.get(leg.leg)
        if leg.placement is not Placement.SCREENING or leg.dial is None or channel is None or not channel.up:
            continue
        prompts = bool(leg.dial.prompt) and not channel.variable(PROMPTED)
        listens = leg.dial.detect_machine and not channel.variable(LISTENED)
        notes = [(PROMPTED, "1")] * prompts + [(LISTENED, BEGUN)] * listens
        if channel.variable(LISTENED) == BEGUN:
            # Somebody stopped half-way. What was said meanwhile cannot be judged any more.
            steps.append(StopListening(leg.leg))
        if notes:
            steps.append(Note(leg.leg, tuple(notes)))
        if listens:
            steps.append(Listen(leg.leg, scene.settings.app, scene.wanted.owner))
        if prompts:
            # Last: while a leg is played to, everything else that is asked of it has to wait.
            steps.append(Prompt(leg.leg, leg.dial.prompt))
    return steps


def stop_asking(scene: Scene, leg: WantedLeg) -> list[Step]:
    """Return what ends the screening of a leg that goes somewhere else."""
    channel = scene.channels[leg.leg]
    steps: list[Step] = [StopPrompt(leg.leg)] if channel.variable(PROMPTED) else []
    if channel.variable(LISTENED) in (BEGUN, DONE):
        steps.append(StopListening(leg.leg))
    return steps
