"""Which steps are missing, and in which order: pure, without an Asterisk."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from pydantic import SecretStr

from activities.telephony.asterisk import AsteriskSettings
from activities.telephony.asterisk.causes import Ending
from activities.telephony.asterisk.plan import Plan, make_plan
from activities.telephony.asterisk.state import (
    BACKSTOP,
    COMPANY,
    DIALLED,
    OWNER,
    PLACE,
    PROMPTED,
    RINGBACK,
    Bridge,
    Channel,
    Dialplan,
    Picture,
    hold_bridge,
)
from activities.telephony.asterisk.steps import (
    Adopt,
    Answer,
    Create,
    CreateHold,
    CreateRoom,
    DeleteRoom,
    Dial,
    GiveUp,
    HandOff,
    HangUp,
    Leave,
    Move,
    Music,
    Note,
    NoteCompany,
    Prompt,
    Ring,
    StopPrompt,
    StopRing,
)
from activities.telephony.errors import Unsupported
from activities.telephony.model import Arrangement, Phase, Placement, WantedLeg
from activities.telephony.model import Dial as DialLeg
from hookflash import Cause
from hookflash.events import Evidence

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, HANDED_OFF, GONE = Placement.SCREENING, Placement.HANDED_OFF, Placement.GONE
C, A, T = "customer", "agent", "target"
ROOM, HOLD, OURS = "room-1", hold_bridge("default"), "transfer:test:1"
TIMED, UNTIMED = (BACKSTOP, f"4200 {OURS}"), (BACKSTOP, "")
HELD = dict([(PLACE, "hold:default"), TIMED])
LONE = dict([(PLACE, "alone"), TIMED])
SETTINGS = AsteriskSettings(
    url="http://localhost/ari", app="hookflash", username="user", password=SecretStr("x"), trunk="carrier"
)
DIAL = DialLeg(address="pjsip:claims", ring_timeout=timedelta(seconds=20), prompt="accept", headers={"X-A": "b"})
CREATE = Create(T, "hookflash", "PJSIP/claims", "claims", OURS, (("PJSIP_HEADER(add,X-A)", "b"),))
TIMEOUT = (("TIMEOUT(absolute)", "4200"),)
NO_TIMEOUT = (("TIMEOUT(absolute)", "0"),)


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


def test_warm_from_the_very_beginning() -> None:
    """Hold, music, agent in, ringback, and only then is anybody dialled; what can wait comes last."""
    want = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING))
    made = plan(want, picture(channel(C, owner=""), channel(A, owner="")))
    assert made.stands
    assert made.steps == (
        Adopt(C, OURS, "hookflash"),
        Adopt(A, OURS, "hookflash"),
        CreateRoom(ROOM),
        CreateHold(HOLD),
        Move(C, HOLD),
        Music(HOLD, "default"),
        Move(A, ROOM),
        Ring(A),
        CREATE,
        Move(T, ROOM),
        Dial(T, ROOM, 20),
        Note(C, ((PLACE, "hold:default"), TIMED), TIMEOUT),
        Note(A, ((RINGBACK, T), (PLACE, "alone"), TIMED), TIMEOUT),
    )


RINGING_NOW = picture(
    channel(C, **HELD),
    channel(A, **LONE | {RINGBACK: T}),
    channel(T, "Ringing"),
    room=(A, T),
    hold=(C,),
    dialled=(T,),
)
CONSULTING = picture(
    channel(C, **HELD), channel(A, **{PLACE: "room"}), channel(T), room=(A, T), hold=(C,), dialled=(T,)
)


@pytest.mark.parametrize("state", ["Down", "Ringing", "Up"])
def test_what_was_dialled_is_never_dialled_again(state: str) -> None:
    channels = {**RINGING_NOW.channels, T: channel(T, state)}
    seen = Picture(channels, RINGING_NOW.room, RINGING_NOW.hold)
    steps = plan(wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING)), seen).steps
    # An answer ends the ringback for good; nothing else is left to do.
    answered = (
        StopRing(A),
        Note(A, ((RINGBACK, ""), (PLACE, "room"), UNTIMED), NO_TIMEOUT),
        Note(T, ((PLACE, "room"), UNTIMED), NO_TIMEOUT),
    )
    assert steps == ((answered[0], answered[1]) if state == "Up" else ())


def test_what_was_made_and_never_dialled_is_continued() -> None:
    seen = picture(channel(C, **HELD), channel(A), channel(T, "Down"), room=(A,), hold=(C,))
    steps = plan(wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING)), seen).steps
    assert [step for step in steps if isinstance(step, Create | Move | Dial)] == [
        Move(T, ROOM),
        Dial(T, ROOM, 20),
    ]


def test_a_leg_that_was_dialled_and_is_not_there_has_ended() -> None:
    seen = picture(channel(C, **HELD), channel(A), room=(A,), hold=(C,), dialled=(T,))
    made = plan(wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING)), seen)
    assert made.endings[T].cause is None
    assert made.stands
    assert not [step for step in made.steps if isinstance(step, Create | Dial)]


@pytest.mark.parametrize(
    ("name", "fields", "cause"),
    [
        (T, {"known": Phase.RINGING, "expired": True}, Cause.NO_ANSWER),
        (T, {"known": Phase.DIALLING, "expired": True}, Cause.UNREACHABLE),
        (T, {"known": Phase.NEW, "expired": True}, Cause.UNREACHABLE),
        (T, {"known": Phase.ANSWERED}, Cause.HUNG_UP),
        (T, {"known": Phase.RINGING}, None),
        (T, {"dial": None}, Cause.UNKNOWN_LEG),
        (T, {"dial": DialLeg(address="local:1", ring_timeout=timedelta(1))}, Cause.INVALID_DESTINATION),
        (T, {"placement": GONE}, Cause.RELEASED),
    ],
)
def test_why_a_leg_is_not_there(name: str, fields: dict[str, object], cause: Cause) -> None:
    fields = {"placement": RINGING} | fields
    placement = Placement(str(fields.pop("placement")))
    expired = bool(fields.pop("expired", False))
    made = plan(wanted(leg(name, placement, expired=expired, **fields)), picture())
    assert made.endings[name].cause == cause


def test_an_ending_that_was_seen_says_more() -> None:
    seen = Ending(Cause.BUSY, Evidence(sip_status=486))
    made = plan(wanted(leg(T, RINGING, known=Phase.RINGING)), picture(), {T: seen})
    assert made.endings == {T: seen}


def test_swap_holds_before_it_unholds() -> None:
    steps = plan(wanted(leg(A, IN_ROOM), leg(T, ON_HOLD), leg(C, IN_ROOM)), CONSULTING).steps
    assert steps[:3] == (Move(T, HOLD), Music(HOLD, "default"), Move(C, ROOM))


def test_who_must_not_hear_the_customer_goes_first() -> None:
    steps = plan(wanted(leg(C, IN_ROOM), leg(A, IN_ROOM), leg(T, GONE)), CONSULTING).steps
    assert steps[:2] == (HangUp(T, 16), Move(C, ROOM))


def test_the_agent_is_let_go_when_everything_else_is_true() -> None:
    want = wanted(leg(C, IN_ROOM), leg(A, GONE), leg(T, IN_ROOM))
    first = plan(want, CONSULTING)
    assert first.steps == (
        Move(C, ROOM),
        NoteCompany(ROOM, (A, C, T)),
        Note(C, ((PLACE, "room"), UNTIMED), NO_TIMEOUT),
    )
    three_way = picture(
        channel(C, **{PLACE: "room"}),
        channel(A, **{PLACE: "room"}),
        channel(T),
        room=(A, T, C),
        dialled=(T,),
        company=(A, C, T),
    )
    assert plan(want, three_way).steps == (HangUp(A, 16),)


def test_another_phone_need_not_call_it_missed() -> None:
    seen = picture(channel(C), channel("other", "Ringing"), channel(T), room=(C, T), dialled=(T, "other"))
    steps = plan(wanted(leg(C, IN_ROOM), leg(T, IN_ROOM), leg("other", GONE)), seen).steps
    assert steps == (HangUp("other", 26),)


def test_an_expired_ring_is_ended_and_an_answered_one_is_not() -> None:
    want = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING, expired=True))
    assert plan(want, RINGING_NOW).steps == (GiveUp(T, ROOM),)
    assert plan(want, CONSULTING).steps == ()


def test_a_ring_that_is_given_up_and_turns_out_answered_comes_back_at_once() -> None:
    """It was taken out of the room while it rang, be it by an attempt that went no further."""
    want = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING, expired=True))
    caller = channel(A, **{RINGBACK: T} | LONE)
    outside = picture(channel(C, **HELD), caller, channel(T), room=(A,), hold=(C,), dialled=(T,))
    assert plan(want, outside).steps[:2] == (Move(T, ROOM), StopRing(A))
    rings = picture(channel(C, **HELD), caller, channel(T, "Ringing"), room=(A,), hold=(C,), dialled=(T,))
    assert plan(want, rings).steps == (GiveUp(T, ""),)


def test_who_waits_hears_ringback_until_it_is_said_what_follows_a_ring_that_is_over() -> None:
    want = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING, expired=True))
    over = picture(channel(C, **HELD), channel(A, **{RINGBACK: T} | LONE), room=(A,), hold=(C,), dialled=(T,))
    assert plan(want, over).steps == ()
    ended = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING, known=Phase.RINGING))
    assert StopRing(A) in plan(ended, over).steps


def test_ringback_for_who_was_moved_or_left_alone() -> None:
    want = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING))
    moved_out = picture(
        channel(C, **HELD), channel(A, **{RINGBACK: T}), channel(T, "Ringing"), room=(T,), hold=(C,), dialled=(T,)
    )
    assert Ring(A) in plan(want, moved_out).steps
    two = picture(channel(C), channel(A), channel(T, "Ringing"), room=(C, A, T), dialled=(T,), company=(A, C))
    blind = wanted(leg(C, IN_ROOM), leg(A, GONE), leg(T, RINGING))
    assert plan(blind, two).steps == (HangUp(A, 16),)
    alone = picture(channel(C), channel(T, "Ringing"), room=(C, T), dialled=(T,))
    assert plan(blind, alone).steps == (Ring(C), Note(C, ((RINGBACK, T), (PLACE, "alone"), TIMED), TIMEOUT))


def test_ringback_ends_with_the_ringing() -> None:
    want = wanted(leg(C, IN_ROOM), leg(A, IN_ROOM), leg(T, GONE))
    steps = plan(want, RINGING_NOW).steps
    assert StopRing(A) in steps
    assert Note(A, ((RINGBACK, ""), (PLACE, "room"), UNTIMED), NO_TIMEOUT) in steps


def test_a_caller_is_answered_first() -> None:
    steps = plan(wanted(leg(C, ON_HOLD), leg(A, IN_ROOM)), picture(channel(C, "Ring"), channel(A))).steps
    assert steps.index(Answer(C)) < steps.index(Move(C, HOLD))


def test_screening() -> None:
    want = wanted(leg(C, ON_HOLD), leg(A, ON_HOLD), leg(T, SCREENING))
    held = (channel(C, **HELD), channel(A, **HELD))
    assert plan(want, picture(*held, room=(), hold=(C, A))).steps == (
        CREATE,
        Note(T, ((PLACE, "screened"),)),
        Dial(T, ROOM, 20),
    )
    rings = picture(*held, channel(T, "Ringing"), room=(), hold=(C, A), dialled=(T,))
    assert plan(want, rings).steps == ()
    up = picture(*held, channel(T), room=(), hold=(C, A), dialled=(T,))
    assert plan(want, up).steps == (Note(T, ((PROMPTED, "1"),)), Prompt(T, "accept"))
    prompted = picture(*held, channel(T, **{PROMPTED: "1"}), room=(), hold=(C, A), dialled=(T,))
    assert plan(want, prompted).steps == ()
    together = wanted(leg(C, IN_ROOM), leg(A, GONE), leg(T, IN_ROOM))
    steps = plan(together, prompted).steps
    assert steps[:3] == (Move(C, ROOM), StopPrompt(T), Move(T, ROOM))
    inside = picture(*held, channel(T), room=(T,), hold=(C, A), dialled=(T,))
    assert plan(want, inside).steps[0] == Leave(T, ROOM)


def test_a_room_goes_though_a_member_of_it_ended_while_we_looked() -> None:
    # Its bridge was read before the leg ended, and its channel afterwards.
    want = wanted(leg(C, GONE), leg(A, GONE), keep_room=False)
    assert plan(want, picture(channel(A), room=(C, A))).steps == (HangUp(A, 16), DeleteRoom(ROOM))
    assert plan(want, picture(room=(C, A))).steps == (DeleteRoom(ROOM),)
    assert plan(want, picture(room=(C, "stranger"))).steps == ()


def test_hand_off_then_hang_ups_then_the_room() -> None:
    want = wanted(leg(C, HANDED_OFF, place="voicemail,4711"), leg(A, GONE), leg(T, GONE), keep_room=False)
    seen = picture(channel(C, **HELD), channel(A, **HELD), room=(), hold=(C, A))
    assert plan(want, seen).steps == (HandOff(C, "voicemail", "4711", 1, waits=True, rings=False),)
    away = picture(channel(C, owner="", app="VoiceMail"), channel(A, **HELD), room=(), hold=(A,))
    assert plan(want, away).steps == (HangUp(A, 16), DeleteRoom(ROOM))
    # The room was read before the leg went on, and its channel afterwards.
    gone_on = picture(channel(C, owner="", app="VoiceMail"), room=(C,))
    assert plan(want, gone_on).steps == (DeleteRoom(ROOM),)
    # The place may be a Stasis application of somebody else's.
    flow = picture(channel(C, owner="", **{PLACE: "handed_off"}))
    assert plan(want, flow).steps == ()


@pytest.mark.parametrize("placement", [IN_ROOM, ON_HOLD, HANDED_OFF])
def test_without_a_leg_that_must_be_up_nothing_but_comfort(placement: Placement) -> None:
    seen = picture(channel(A), room=(A,))
    made = plan(wanted(leg(C, placement), leg(A, IN_ROOM), leg(T, RINGING)), seen)
    assert not made.stands
    assert made.endings[C].cause == Cause.HUNG_UP
    assert made.steps == (
        CreateHold(HOLD),
        Move(A, HOLD),
        Music(HOLD, "default"),
        Note(A, ((PLACE, "hold:default"), TIMED), TIMEOUT),
    )
    together = picture(channel(A), channel(T), room=(A, T), dialled=(T,))
    assert plan(wanted(leg(C, placement), leg(A, GONE), leg(T, IN_ROOM)), together).steps == ()


def test_music_is_started_again_for_who_was_only_moved() -> None:
    seen = picture(channel(C), channel(A, **{PLACE: "room"}), channel(T), room=(A, T), hold=(C,), dialled=(T,))
    steps = plan(wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, IN_ROOM)), seen).steps
    assert steps == (Music(HOLD, "default"), Note(C, ((PLACE, "hold:default"), TIMED), TIMEOUT))


def test_a_call_of_the_dialplan_cannot_be_moved() -> None:
    with pytest.raises(Unsupported):
        plan(wanted(leg(C, ON_HOLD)), picture(channel(C, owner="", app="Dial")))


def test_a_leg_that_left_for_the_dialplan_is_lost() -> None:
    made = plan(wanted(leg(C, ON_HOLD)), picture(channel(C, app="Dial")))
    assert not made.stands
    assert made.endings[C].cause == Cause.PROVIDER_ERROR


def test_a_former_owner_is_replaced_on_every_leg_also_on_one_that_goes() -> None:
    seen = picture(channel(C, owner="former"), channel(A, owner="former"), room=(C, A))
    adopted = tuple(Adopt(it, OURS, "hookflash", "former") for it in (C, A))
    assert plan(wanted(leg(C, IN_ROOM), leg(A, GONE)), seen).steps == adopted


def test_a_number_behind_a_trunk_is_told_nothing() -> None:
    seen = picture(channel(C), channel(A), room=(C, A))
    inside = plan(wanted(leg(C, IN_ROOM), leg(A, ON_HOLD), leg(T, RINGING)), seen)
    (create,) = [step for step in inside.steps if isinstance(step, Create)]
    assert dict(create.variables)["PJSIP_HEADER(add,X-A)"] == "b"
    outside = leg(T, RINGING, dial=DIAL.model_copy(update={"address": "tel:+14155550100"}))
    made = plan(wanted(leg(C, IN_ROOM), leg(A, ON_HOLD), outside), seen)
    (create,) = [step for step in made.steps if isinstance(step, Create)]
    assert not [name for name, _ in create.variables if "HEADER" in name]
