"""Music for whoever is left with a phone that its user has put on hold.

To Asterisk a phone's hold key is one frame to the other of the two in a room, whose channel then plays music, and
letting go is a second one. No bridge remembers them: who is put into another room with such a phone gets neither a
frame nor a packet until its user resumes (main/bridge_channel.c and bridges/bridge_simple.c of Asterisk 22, measured on
22.10.1). A REFER does the same in a bridge of two that Asterisk does not listen to, as it then begins to.

So whoever is found alone with such a phone is told of its hold once more, as Asterisk would have done. The music ends
by Asterisk's own doing, whether we live or not: with the phone's second frame, with a third party, or when one of the
two leaves the room.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import TypeAdapter

from activities.telephony.asterisk.client import AriClient, InternalError, path
from activities.telephony.asterisk.execute import Executor
from activities.telephony.asterisk.sounds import HoldAgain, HoldOver
from activities.telephony.asterisk.state import TOLD_OF_HOLD, Bridge, Channel, Picture, Variable
from activities.telephony.asterisk.transfer_key import TALKING
from activities.telephony.model import Arrangement, Placement

ON_HOLD = "CHANNEL(rtp,hold)"
"""Whether the far end has put a channel on hold: ``1``, ``0``."""
TOGETHER = (Placement.IN_ROOM, Placement.RINGING)
BRIDGES = TypeAdapter(tuple[Bridge, ...])


class Pair(NamedTuple):
    """One of two who are alone with each other."""

    listener: Channel
    partner: Channel


def pairs(wanted: Arrangement, picture: Picture) -> Sequence[Pair]:
    """Return the two of a room, each as the one who listens; nobody unless exactly two are in it, and both are up."""
    members = picture.room.channels if picture.room else ()
    placed = {leg.leg for leg in wanted.legs if leg.placement in TOGETHER}
    return _both([picture.channels[it] for it in members if it in picture.channels and it in placed], members)


def _both(channels: Sequence[Channel], members: Sequence[str]) -> Sequence[Pair]:
    match channels:
        case [one, other] if len(members) == len(channels) and all(it.up and it.controlled for it in channels):
            return Pair(one, other), Pair(other, one)
        case _:
            return ()


class PhoneHolds:
    """Looks at who has pressed a hold key, and lets the others know.

    Args:
        client: To the node.
        executor: Carries out the steps.
    """

    def __init__(self, client: AriClient, executor: Executor) -> None:
        self._client = client
        self._executor = executor

    async def settle(self, pair: Pair, music: str = "") -> None:
        """Let one of two hear music if the other's phone is on hold, and end what we began if it is not.

        Args:
            pair: The two.
            music: Class of the music. Default: the channel's own.

        Raises:
            StaleError: Look again.
            TelephonyError: As ``Telephony.arrange``.
        """
        listener, partner = pair
        if not partner.endpoint:
            return  # no phone
        if await self._on_hold(partner.id):
            await self._executor.run((HoldAgain(listener.id, partner.id, music),))
            # Who resumes from here on ends the music too; who did before has not.
            if await self._on_hold(partner.id):
                return
        elif not listener.variable(TOLD_OF_HOLD):
            return
        await self._executor.run((HoldOver(listener.id),))

    async def settle_around(self, leg: str) -> None:
        """Do so for the only other party in the conversation of a leg that no arrangement is about.

        Raises:
            StaleError: Look again.
            TelephonyError: As ``Telephony.arrange``.
        """
        if not await self._on_hold(leg):
            return
        bridges = await self._client.get(path("bridges"), BRIDGES.validate_python) or ()
        talk = next((it for it in bridges if it.bridge_type == TALKING and leg in it.channels), None)
        if talk is None:
            return
        found = [await self._client.get(path("channels", it), Channel.model_validate) for it in talk.channels]
        for pair in _both([it for it in found if it is not None], talk.channels):
            if pair.partner.id == leg:
                await self.settle(pair)

    async def _on_hold(self, leg: str) -> bool:
        try:
            reply = await self._client.send("GET", path("channels", leg, "variable"), {"variable": ON_HOLD})
        except InternalError:
            return False  # Asterisk cannot say, for example without func_channel
        return reply.done and Variable.model_validate(reply.data).value == "1"
