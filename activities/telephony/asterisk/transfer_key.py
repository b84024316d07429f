"""A phone's own transfer key: whose it is, what it asks for, and what its phone is told. Pure.

By default Asterisk carries out a REFER by itself, and the engine would lose the call. With ``ari-only`` (22.3) it only
says so in a ``ChannelTransfer`` event, accepts it with 202, and waits for ``transfer_progress``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from activities.telephony.asterisk.addresses import InvalidAddressError, destination
from activities.telephony.asterisk.client import path
from activities.telephony.asterisk.request import Note, Request, variable
from activities.telephony.asterisk.scene import MUST_BE_UP, Scene
from activities.telephony.asterisk.state import REPORTED, TENANT, Bridge, Channel
from activities.telephony.model import Report, TransferAsked

HANDLING = ("PJSIP_TRANSFER_HANDLING()", "ari-only")
"""The function that makes the key ours, and its value."""

_STATES = {
    Report.PROGRESS: "channel_progress",
    Report.ANSWERED: "channel_answered",
    Report.DECLINED: "channel_declined",
}
_CANNOT_BE_TOLD = frozenset({400, 404, 409, 412, 422})
"""Refusals that say: it is gone, or is no phone that could be told. That must not cost anybody the call."""
_TWO = 2
TALKING = "mixing"
_PLUS = re.compile(r"\+[0-9]+", re.ASCII)


class Asker(BaseModel):
    """One side of a call that a REFER is about: ``referred_by``, and ``refer_to`` where there is such a call."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    source_channel: Channel | None = None
    destination_channel: Channel | None = None
    connected_channel: Channel | None = None
    bridge: Bridge | None = None

    @property
    def partner(self) -> str:
        """Leg of the only other party, empty if there is none. Who is on hold shares a bridge with strangers."""
        talk = self.bridge is not None and self.bridge.bridge_type == TALKING and len(self.bridge.channels) == _TWO
        return self.connected_channel.id if talk and self.connected_channel is not None else ""


class Requested(BaseModel):
    """What a REFER says of its destination. Asterisk tells the user part alone, decoded, and not the host."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    destination: str = ""
    protocol_id: str = ""
    """Call-ID of the call in which somebody is to be replaced (RFC 3891), whether Asterisk knows it or not."""


class ReferTo(Asker):
    """Where a REFER wants the other party to go."""

    requested_destination: Requested = Requested()


def asked(referred_by: Asker, refer_to: ReferTo, trunk: str | None) -> TransferAsked | None:
    """Return what a phone asks for; None if no phone asks for anything."""
    source, wanted, other = referred_by.source_channel, refer_to.requested_destination, refer_to.destination_channel
    if source is None:
        return None
    return TransferAsked(
        leg=source.id,
        owner=source.owner,
        again=is_told(source),
        tenant=source.variable(TENANT),
        callable_at=f"pjsip:{source.endpoint}" if source.endpoint not in ("", trunk) else "",
        customer=referred_by.partner,
        destination=wanted.destination,
        address=_address(wanted.destination),
        consults=bool(wanted.protocol_id),
        consulting=other.id if other is not None else "",
        consulted=refer_to.partner,
    )


def _address(user: str) -> str:
    address = f"tel:{user}" if _PLUS.fullmatch(user) else f"pjsip:{user}"
    try:
        destination(address, trunk="any")  # whether there is one is found out when it is dialled
    except InvalidAddressError:
        return ""
    return address


def key_variables(tenant: str) -> dict[str, object]:
    """Return the variables that make the key of a new leg ours."""
    return {TENANT: {"value": tenant, "report_events": True}, HANDLING[0]: HANDLING[1]} if tenant else {}


def keys(scene: Scene) -> Iterator[Note]:
    """Yield what makes the keys of phones ours that somebody else has called, or that call."""
    for leg in scene.legs:
        channel = scene.channels.get(leg.leg)
        if channel is None or not leg.transfers_for or leg.placement not in MUST_BE_UP:
            continue
        ours = channel.endpoint not in ("", scene.settings.trunk)
        if ours and channel.variable(TENANT) != leg.transfers_for:
            yield Note(leg.leg, ((TENANT, leg.transfers_for),), (HANDLING,))


def reports(scene: Scene) -> Iterator["Tell"]:
    """Yield what phones have yet to be told."""
    for leg in scene.legs:
        channel = scene.channels.get(leg.leg)
        if leg.report is None or channel is None or not channel.controlled:
            continue
        if channel.variable(REPORTED) != _told(leg.report, scene.wanted.owner):
            yield Tell(leg.leg, leg.report, scene.wanted.owner)


def is_told(channel: Channel) -> bool:
    """Whether a phone is being told of a transfer that it has asked for."""
    return bool(channel.owner) and channel.variable(REPORTED) == _told(Report.PROGRESS, channel.owner)


def _told(report: Report, owner: str) -> str:
    return f"{report} {owner}"


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell a phone what has come of its request, and remember it afterwards: telling it twice does no harm."""

    leg: str
    report: Report
    owner: str = ""
    """Who tells it. Default: nobody who would have to remember."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        where = path("channels", self.leg, "transfer_progress")
        tell = Request("POST", where, {"states": _STATES[self.report]}, fine=_CANNOT_BE_TOLD)
        return (tell, variable(self.leg, REPORTED, _told(self.report, self.owner))) if self.owner else (tell,)
