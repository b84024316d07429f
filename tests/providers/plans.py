"""The words in which the plans for an Asterisk are tested: what is wanted, what is seen, and what is to be done."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import SecretStr

from activities.telephony.asterisk import AsteriskSettings
from activities.telephony.asterisk.backstop import Backstop
from activities.telephony.asterisk.causes import Ending
from activities.telephony.asterisk.plan import Plan, make_plan
from activities.telephony.asterisk.state import (
    BACKSTOP,
    COMPANY,
    DIALLED,
    OWNER,
    PLACE,
    RINGBACK,
    Bridge,
    Channel,
    Dialplan,
    Picture,
    hold_bridge,
)
from activities.telephony.asterisk.steps import Create
from activities.telephony.model import Arrangement, Phase, Placement, WantedLeg
from activities.telephony.model import Dial as DialLeg

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, HANDED_OFF, GONE = Placement.SCREENING, Placement.HANDED_OFF, Placement.GONE
C, A, T = "customer", "agent", "target"
ROOM, HOLD, OURS = "room-1", hold_bridge("default"), "transfer:test:1"
RINGS, SCREENS, ASKED = (4220, f"4220 {OURS}"), (30, f"30 {OURS}"), (10, f"10 {OURS}")
"""Time-outs behind a target that rings in the room, outside of it, and that is up outside of it."""
RUNG, RUNG_OUTSIDE, UP_OUTSIDE = ({BACKSTOP: noted} for _, noted in (RINGS, SCREENS, ASKED))
TIMED, UNTIMED = (BACKSTOP, f"4200 {OURS}"), (BACKSTOP, "")
HELD = dict([(PLACE, "hold:default"), TIMED])
LONE = dict([(PLACE, "alone"), TIMED])
SETTINGS = AsteriskSettings(
    url="http://localhost/ari", app="hookflash", username="user", password=SecretStr("x"), trunk="carrier"
)
DIAL = DialLeg(address="pjsip:claims", ring_timeout=timedelta(seconds=20), prompt="accept", headers={"X-A": "b"})
CREATE = Create(
    T, "hookflash", "PJSIP/claims", "claims", OURS, (("PJSIP_HEADER(add,X-A)", "b"),), backstop=Backstop(*RINGS)
)
TIMEOUT = (("TIMEOUT(absolute)", "4200"),)
NO_TIMEOUT = (("TIMEOUT(absolute)", "315360000"),)


def leg(name: str, placement: Placement, *, expired: bool = False, **more: object) -> WantedLeg:
    known = Phase.NEW if name == T else Phase.ANSWERED
    fields = {"known": known, "dial": DIAL if name == T else None} | more
    return WantedLeg.model_validate({"leg": name, "name": name, "placement": placement, "expired": expired} | fields)


def wanted(*legs: WantedLeg, keep_room: bool = True) -> Arrangement:
    return Arrangement(owner=OURS, room=ROOM, legs=legs, keep_room=keep_room)


def channel(name: str, state: str = "Up", *, owner: str = OURS, app: str = "Stasis", **variables: str) -> Channel:
    return Channel(id=name, state=state, dialplan=Dialplan(app_name=app), channelvars={OWNER: owner, **variables})


def picture(
    *channels: Channel,
    room: tuple[str, ...] | None = None,
    hold: tuple[str, ...] | None = None,
    dialled: tuple[str, ...] = (),
    company: tuple[str, ...] = (),
) -> Picture:
    marks = {DIALLED + name: "1" for name in dialled} | {COMPANY: ",".join(company)}
    return Picture(
        {item.id: item for item in channels},
        Bridge(id=ROOM, channels=room, bridgevars=marks) if room is not None else None,
        Bridge(id=HOLD, channels=hold) if hold is not None else None,
    )


def plan(want: Arrangement, seen: Picture, known: Mapping[str, Ending] | None = None) -> Plan:
    return make_plan(want, seen, SETTINGS, known or {})


RINGING_NOW = picture(
    channel(C, **HELD),
    channel(A, **LONE | {RINGBACK: T}),
    channel(T, "Ringing", **RUNG),
    room=(A, T),
    hold=(C,),
    dialled=(T,),
)
CONSULTING = picture(
    channel(C, **HELD), channel(A, **{PLACE: "room"}), channel(T), room=(A, T), hold=(C,), dialled=(T,)
)
