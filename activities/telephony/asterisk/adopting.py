"""Taking over a call that is still in the dialplan: which legs may be taken, and how.

ARI has no control of such legs. One AMI Redirect sends both at once, from their ``Dial()`` or ``Queue()``, to a context
of the dialplan that lets them into our application. Ids and media stay, and one more request joins them in our room:
they go on talking, as legs like all others.
Nothing here has to be remembered: whoever looks next sees how far it has come.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from activities.telephony.asterisk.client import AriClient, path
from activities.telephony.asterisk.execute import Executor, StaleError
from activities.telephony.asterisk.manager import Manager
from activities.telephony.asterisk.request import Request
from activities.telephony.asterisk.settings import AsteriskSettings, ManagerSettings
from activities.telephony.asterisk.state import Bridge, Channel, Picture
from activities.telephony.asterisk.steps import CreateRoom
from activities.telephony.errors import OutcomeUnknown, Unsupported
from activities.telephony.model import Arrangement, Placement, WantedLeg

CONTEXT = "hookflash-adopt"
"""Context of the dialplan that lets a leg into our application, and rejoins the two if nobody listens there."""
CUSTOMER = "customer"
AGENT = "agent"
"""Extensions of that context. Who is who decides who fetches whom if nobody listens."""
PEER = "HOOKFLASH_PEER"
"""On the customer's leg: name of the other's channel."""
APP = "HOOKFLASH_APP"
"""On both legs: our application."""

_LEFT_ALONE = (Placement.GONE, Placement.HANDED_OFF)


class Pair(NamedTuple):
    """Two legs that talk to each other in the dialplan."""

    customer: Channel
    other: Channel


def stray_legs(wanted: Arrangement, picture: Picture) -> list[WantedLeg]:
    """Return the legs that are in the dialplan and that nobody of us ever had, if one of them is to be arranged."""
    found = [leg for leg in wanted.legs if (it := picture.channels.get(leg.leg)) is not None and _is_stray(it)]
    return found if any(leg.placement not in _LEFT_ALONE for leg in found) else []


def _is_stray(channel: Channel) -> bool:
    return not channel.controlled and not channel.leaving and not channel.owner


def may_adopt(
    wanted: Arrangement,
    picture: Picture,
    stray: Sequence[WantedLeg],
    bridges: Iterable[Bridge],
    settings: ManagerSettings,
) -> Pair:
    """Return the pair to take.

    Args:
        wanted: The arrangement.
        picture: What is there of it.
        stray: Its ``stray_legs``.
        bridges: All bridges of the node.
        settings: What may be taken.

    Raises:
        Unsupported: It may not, or cannot, be taken; the message says why.
        StaleError: It is being taken right now; look again.
    """
    channels = [picture.channels[leg.leg] for leg in stray]
    ids = {channel.id for channel in channels}
    together = any(set(bridge.channels) == ids for bridge in bridges)
    if any(channel.dialplan.context == CONTEXT for channel in channels) and not (together and len(ids) == 2):
        raise StaleError("a leg is on its way into the application")
    for leg, channel in zip(stray, channels, strict=True):
        if channel.dialplan.context not in (*settings.contexts, CONTEXT):
            where = f"of the dialplan context {channel.dialplan.context!r}, from which none may be taken"
            raise Unsupported(f"{leg.name} ({leg.leg}) is a call {where}")
    if len(ids) != 2 or not together:
        raise Unsupported(_why_not_together(wanted, picture, stray))
    customer = next((it for it in channels if it.id == wanted.protected), channels[0])
    return Pair(customer, next(it for it in channels if it is not customer))


def _why_not_together(wanted: Arrangement, picture: Picture, stray: Sequence[WantedLeg]) -> str:
    first = stray[0]
    who = f"{first.name} ({first.leg}) is a call of the dialplan"
    others = [leg for leg in wanted.legs if leg.dial is None and leg.leg != first.leg]
    if len(stray) > 1:
        return f"{who} and is not bridged with {' and '.join(it.name for it in stray[1:])} alone"
    for other in others:
        there = "is in a Stasis application already" if other.leg in picture.channels else "does not exist or has ended"
        return f"{who}, but {other.name} ({other.leg}) {there}: only two who talk to each other can be taken"
    return f"{who} by itself: only two who talk to each other can be taken"


class Adopter:
    """Takes pairs over on one node."""

    def __init__(self, client: AriClient, executor: Executor, settings: AsteriskSettings) -> None:
        self._client = client
        self._executor = executor
        self._settings = settings

    async def take(self, pair: Pair, room: str, manager_settings: ManagerSettings) -> None:
        """Bring both legs into our application, and together again in a room of ours.

        What they hear of it is the time between the last two requests, so all that can be done before is.

        Raises:
            StaleError: They were not as they seemed; look again.
            Unsupported: Nobody listens to our application; the dialplan has brought them together again.
            TelephonyError: As ``Telephony.arrange``.
        """
        async with Manager(manager_settings, self._settings.request_timeout) as manager:
            for channel in pair:
                await self._subscribe(channel)
                await self._act(manager, "Setvar", Channel=channel.name, Variable=APP, Value=self._settings.app)
            customer, other = pair
            await self._act(manager, "Setvar", Channel=customer.name, Variable=PEER, Value=other.name)
            await self._executor.run((CreateRoom(room),))
            await self._act(
                manager,
                "Redirect",
                Channel=customer.name,
                Context=CONTEXT,
                Exten=CUSTOMER,
                Priority="1",
                ExtraChannel=other.name,
                ExtraContext=CONTEXT,
                ExtraExten=AGENT,
                ExtraPriority="1",
            )
            await self._join(pair, room)

    async def _subscribe(self, channel: Channel) -> None:
        """See that our application has a listener, or had one: without it the two would be torn apart for nothing."""
        where = path("applications", self._settings.app, "subscription")
        source = {"eventSource": f"channel:{channel.id}"}
        await self._executor.send(Request("POST", where, source, no_listener=frozenset({404})))

    async def _act(self, manager: Manager, action: str, **fields: str) -> None:
        try:
            reply = await manager.act(action, **fields)
        except ValueError as error:
            raise Unsupported(f"{action}: the name of a channel cannot be sent to a manager") from error
        except OutcomeUnknown:
            self._executor.touched = True
            raise
        if not reply.done:
            raise StaleError(f"{action} was refused: {reply.message}")
        self._executor.touched = True

    async def _join(self, pair: Pair, room: str) -> None:
        both = {"channel": ",".join(it.id for it in pair), "inhibitConnectedLineUpdates": "true"}
        where = path("bridges", room, "addChannel")
        try:
            # 422: they are not in Stasis yet.
            await self._executor.send(Request("POST", where, both, not_yet=frozenset({422})))
        except StaleError:
            found = [await self._client.get(path("channels", it.id), Channel.model_validate) for it in pair]
            if any(it is not None and it.dialplan.app_name == "Bridge" for it in found):
                text = f"nobody listens to {self._settings.app}: the two were left to each other in the dialplan"
                raise Unsupported(text) from None
            raise
