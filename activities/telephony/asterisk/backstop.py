"""The time-outs of Asterisk's own behind legs: what still holds when every engine is dead, for good perhaps. Pure.

Asterisk carries them out alone (``TIMEOUT(absolute)``): the leg leaves for extension ``T`` of its context
(docs.asterisk.org, "Special Dialplan Extensions"), and one that we have made has none and ends, whether it was dialled,
rings or is up (measured). What was set is noted on the leg, so whoever looks next sees what has to change.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from activities.telephony.asterisk.request import Note
from activities.telephony.asterisk.scene import Scene
from activities.telephony.asterisk.sounds import StopPrompt
from activities.telephony.asterisk.state import ALONE, BACKSTOP, HELD, PROMPTED
from activities.telephony.asterisk.verdicts import DIALLED_PLACEMENTS
from activities.telephony.model import Placement, WantedLeg

LONGEST_HOLD = timedelta(hours=1)
"""Longest hold budget that a request may ask for."""

NEVER = timedelta(days=3650)
"""What takes a time-out back. Not zero, Asterisk's own word for none: a leg's thread looks whether it has a time-out,
then whether that is over, and has no lock. What became zero in between was over in 1970, and the leg is cut off (seen
on 22.10.1, twice in four million times)."""

NOBODY_COMES = timedelta(seconds=10)
"""How much longer a leg that is rung outside the room is kept than the engine needs it: it may have been restarted in
between. Nobody talks to that leg, and who has answered it hears nothing."""


@dataclass(frozen=True, slots=True)
class Backstop:
    """The time-out behind a leg."""

    seconds: int
    """From now on; 0: none."""
    noted: str
    """What is remembered of it."""

    @property
    def reported(self) -> tuple[str, str]:
        """The variable that remembers it."""
        return BACKSTOP, self.noted

    @property
    def function(self) -> tuple[str, str]:
        """The function that sets it."""
        return "TIMEOUT(absolute)", str(self.seconds or int(NEVER.total_seconds()))


NONE = Backstop(0, "")


def behind_waiting(scene: Scene, leg: str, *, waits: bool) -> Backstop | None:
    """Return the time-out behind a leg that is up, None if it is none of our business.

    It begins anew whenever the limit changes, and for each owner, who has a limit of its own.

    Args:
        scene: What there is.
        leg: Which leg.
        waits: Whether it is on hold, or alone in the room. Who is in company is never cut off.
    """
    if waits and scene.settings.hold_backstop:
        return _backstop(scene, _longest_wait(scene))
    # A leg that never waited here has no time-out of ours, and may have one of somebody else's.
    return NONE if scene.settings.hold_backstop or scene.backstop_of(leg) else None


def behind_called(scene: Scene, leg: WantedLeg, company: tuple[str, ...]) -> Backstop:
    """Return the time-out behind a leg that we call, from its creation on and until it is in company.

    Outside the room nobody but the engine can let it in, so it is kept for as long as it may ring and be asked. In the
    room Asterisk joins it by itself to whoever waits there, who leaves by their own time-out before it.
    """
    assert leg.dial is not None
    rings = timedelta() if scene.up(leg.leg) else leg.dial.ring_timeout
    if leg.placement is Placement.SCREENING:
        return _backstop(scene, rings + leg.dial.accept_timeout + NOBODY_COMES)
    if not scene.settings.hold_backstop or len(company) > 1:
        return NONE
    return _backstop(scene, rings + _longest_wait(scene))


def kept_up(scene: Scene, company: tuple[str, ...]) -> Iterator[Note | StopPrompt]:
    """Yield what keeps the time-outs right behind legs that were called before.

    Args:
        scene: What there is.
        company: Who can talk in the room after this wave.
    """
    for leg in scene.legs:
        channel = scene.channels.get(leg.leg)
        called = leg.placement in DIALLED_PLACEMENTS and leg.dial is not None
        if not called or channel is None or scene.to_dial(leg) or scene.drops(leg) or leg.leg in company:
            continue
        backstop = behind_called(scene, leg, company)
        if backstop.noted == scene.backstop_of(leg.leg):
            continue
        reported = [backstop.reported]
        if channel.variable(PROMPTED):
            # While it is played to, everything else that is asked of it would have to wait. It is asked again.
            yield StopPrompt(leg.leg)
            reported.append((PROMPTED, ""))
        yield Note(leg.leg, tuple(reported), (backstop.function,))


def taken_back(scene: Scene, leg: str) -> list[Note]:
    """Return what takes the time-out back of a leg that we have called, before it comes in from outside the room.

    Before, because that time-out is short: whoever stops in between must not have cut off who has been joined. Of who
    has waited it is long, and taken back once there is company.
    """
    waited = scene.place(leg) == ALONE or scene.place(leg).startswith(HELD)
    return [Note(leg, (NONE.reported,), (NONE.function,))] if scene.backstop_of(leg) and not waited else []


def _longest_wait(scene: Scene) -> timedelta:
    return (scene.wanted.hold_limit or LONGEST_HOLD) + scene.settings.hold_backstop


def _backstop(scene: Scene, limit: timedelta) -> Backstop:
    seconds = math.ceil(limit.total_seconds())
    return Backstop(seconds, f"{seconds} {scene.wanted.owner}")
