"""A key that is down when its leg leaves a room of three or more. Pure.

Asterisk owes those who stay the end of that key, and does not send it (seen on 22.10.1): from then on they are sent the
key in the place of every voice. A leg that is put into the room once more is sent the end, within milliseconds and
without the loss of a packet. Whether a key is down Asterisk does not say, so it is done whenever somebody has left, by
our doing or not. In a room of two all goes well.
"""

from collections.abc import Collection

from activities.telephony.asterisk.scene import Scene
from activities.telephony.asterisk.steps import Move, NoteCompany, Step
from activities.telephony.model import Placement

STAYS = (Placement.IN_ROOM, Placement.RINGING)


def freed(scene: Scene, company: tuple[str, ...], moved: Collection[str]) -> tuple[Step, ...]:
    """Return the steps that let those hear who stay in the room, and what must be remembered for the next time.

    Args:
        scene: The arrangement and what is there.
        company: Who can talk in the room after this wave.
        moved: Legs that this wave takes out of the room.
    """
    if not scene.room_users():
        return ()
    room = scene.picture.room
    noted = room.company if room else ()
    # The room may have been seen with a member that ended while we looked.
    ended = {leg.leg for leg in scene.wanted.legs}.difference(scene.channels)
    here = set(room.channels if room else ()) - ended
    steps: list[Step] = []
    if not here.issuperset(noted):
        stay = [leg.leg for leg in scene.legs if leg.placement in STAYS and leg.leg not in moved]
        steps += [Move(leg, scene.wanted.room) for leg in stay if leg in noted and leg in here]
    # Who leaves in this wave is remembered until it is seen to have left.
    present = here.intersection(noted).union(company) - ended
    ringing = {leg.leg for leg in scene.legs if leg.placement is Placement.RINGING and leg.leg in scene.pending()}
    crowded = len(present) > 1 and len(present | ringing) > 2
    after = tuple(sorted(present)) if crowded else ()
    if after != noted:
        steps.append(NoteCompany(scene.wanted.room, after))
    return tuple(steps)
