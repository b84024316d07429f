"""Legs that ended, or whose time is up, and what is done without them: pure, without an Asterisk."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from activities.telephony.asterisk.causes import Ending
from activities.telephony.asterisk.state import PLACE, RINGBACK
from activities.telephony.asterisk.steps import (
    Create,
    CreateHold,
    DeleteRoom,
    Dial,
    GiveUp,
    HangUp,
    Move,
    Music,
    Note,
    StopRing,
)
from activities.telephony.model import Dial as DialLeg
from activities.telephony.model import Phase, Placement
from hookflash import Cause
from hookflash.events import Evidence
from tests.providers.plans import (
    CONSULTING,
    GONE,
    HANDED_OFF,
    HELD,
    HOLD,
    IN_ROOM,
    LONE,
    ON_HOLD,
    OURS,
    RINGING,
    RINGING_NOW,
    ROOM,
    TIMED,
    TIMEOUT,
    A,
    C,
    T,
    channel,
    leg,
    picture,
    plan,
    wanted,
)


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


def test_of_a_leg_that_was_up_it_is_said_whether_an_event_may_know_better() -> None:
    """A node that is being shut down takes its legs away one after another, and only the events say why."""
    want = wanted(leg(T, RINGING, known=Phase.ANSWERED))
    assert plan(want, picture()).endings[T].assumed
    hung_up = Ending(Cause.HUNG_UP, Evidence(q850=16))
    assert not plan(want, picture(), {T: hung_up}).endings[T].assumed
    restarted = replace(picture(), restarted=datetime(2026, 11, 23, tzinfo=UTC))
    assert not plan(want, restarted).endings[T].assumed


def test_an_ending_that_was_seen_says_more() -> None:
    seen = Ending(Cause.BUSY, Evidence(sip_status=486))
    made = plan(wanted(leg(T, RINGING, known=Phase.RINGING)), picture(), {T: seen})
    assert made.endings == {T: seen}


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


def test_a_room_goes_though_a_member_of_it_ended_while_we_looked() -> None:
    # Its bridge was read before the leg ended, and its channel afterwards.
    want = wanted(leg(C, GONE), leg(A, GONE), keep_room=False)
    assert plan(want, picture(channel(A), room=(C, A))).steps == (HangUp(A, 16, OURS), DeleteRoom(ROOM))
    assert plan(want, picture(room=(C, A))).steps == (DeleteRoom(ROOM),)
    assert plan(want, picture(room=(C, "stranger"))).steps == ()


@pytest.mark.parametrize("placement", [IN_ROOM, ON_HOLD, HANDED_OFF])
def test_without_a_leg_that_must_be_up_nothing_but_comfort(placement: Placement) -> None:
    seen = picture(channel(A), room=(A,))
    made = plan(wanted(leg(C, placement), leg(A, IN_ROOM), leg(T, RINGING)), seen)
    assert not made.stands
    assert made.endings[C].cause == Cause.HUNG_UP
    assert made.steps == (
        CreateHold(HOLD),
        Music(HOLD, "default"),
        Move(A, HOLD),
        Music(HOLD, "default"),
        Note(A, ((PLACE, "hold:default"), TIMED), TIMEOUT),
    )
    together = picture(channel(A), channel(T), room=(A, T), dialled=(T,))
    assert plan(wanted(leg(C, placement), leg(A, GONE), leg(T, IN_ROOM)), together).steps == ()


def test_a_leg_that_left_for_the_dialplan_is_lost() -> None:
    made = plan(wanted(leg(C, ON_HOLD)), picture(channel(C, app="Dial")))
    assert not made.stands
    assert made.endings[C].cause == Cause.PROVIDER_ERROR
