"""Who stays in a room of three is put into it once more when somebody leaves: pure, without an Asterisk.

A key may be down when its leg leaves, and Asterisk would send it to those who stay in the place of every voice.
"""

import pytest

from activities.telephony.asterisk.state import PLACE
from activities.telephony.asterisk.steps import CreateHold, HangUp, Move, Music, NoteCompany, Ring
from tests.providers.plans import (
    GONE,
    HELD,
    HOLD,
    IN_ROOM,
    ON_HOLD,
    OURS,
    RINGING,
    ROOM,
    A,
    C,
    T,
    channel,
    leg,
    picture,
    plan,
    wanted,
)

TALKS = {PLACE: "room"}
TWO, THREE = (C, T), (A, C, T)
CONNECTED = wanted(leg(C, IN_ROOM), leg(A, GONE), leg(T, IN_ROOM))
CUSTOMER, AGENT, TARGET = channel(C, **TALKS), channel(A, **TALKS), channel(T, **TALKS)


def test_who_stays_is_freed_once_when_it_is_seen_that_somebody_has_left() -> None:
    still_there = picture(CUSTOMER, AGENT, TARGET, room=(A, T, C), dialled=(T,), company=THREE)
    assert plan(CONNECTED, still_there).steps == (HangUp(A, 16, OURS),)
    has_left = picture(CUSTOMER, TARGET, room=TWO, dialled=(T,), company=THREE)
    assert plan(CONNECTED, has_left).steps == (Move(C, ROOM), Move(T, ROOM), NoteCompany(ROOM, ()))
    freed = picture(CUSTOMER, TARGET, room=TWO, dialled=(T,))
    assert plan(CONNECTED, freed).steps == ()


def test_who_has_hung_up_need_not_be_named() -> None:
    want = wanted(leg(C, IN_ROOM), leg(T, IN_ROOM))
    seen = picture(CUSTOMER, TARGET, room=TWO, dialled=(T,), company=THREE)
    assert plan(want, seen).steps == (Move(C, ROOM), Move(T, ROOM), NoteCompany(ROOM, ()))


def test_a_leg_that_ended_while_we_looked_has_left() -> None:
    seen = picture(CUSTOMER, TARGET, room=(A, *TWO), dialled=(T,), company=THREE)
    assert plan(CONNECTED, seen).steps == (Move(C, ROOM), Move(T, ROOM), NoteCompany(ROOM, ()))


def test_who_is_put_on_hold_has_left() -> None:
    want = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, IN_ROOM))
    in_room = picture(CUSTOMER, AGENT, TARGET, room=(A, T, C), dialled=(T,), company=THREE)
    leaves = plan(want, in_room).steps
    assert Move(C, HOLD) in leaves
    assert not [step for step in leaves if isinstance(step, NoteCompany)], "it is not seen to have left yet"
    on_hold = picture(channel(C, **HELD), AGENT, TARGET, room=(A, T), hold=(C,), dialled=(T,), company=THREE)
    assert plan(want, on_hold).steps == (Move(A, ROOM), Move(T, ROOM), NoteCompany(ROOM, ()))


def test_who_is_being_moved_away_is_not_put_back() -> None:
    want = wanted(leg(C, ON_HOLD), leg(T, IN_ROOM))
    seen = picture(CUSTOMER, TARGET, room=TWO, dialled=(T,), company=THREE)
    steps = plan(want, seen).steps
    assert steps[:4] == (CreateHold(HOLD), Music(HOLD, "default"), Move(C, HOLD), Music(HOLD, "default"))
    assert Move(C, ROOM) not in steps
    assert steps[4] == Move(T, ROOM)


def test_with_a_phone_that_rings_two_are_enough() -> None:
    want = wanted(leg(C, IN_ROOM), leg(A, IN_ROOM), leg(T, RINGING))
    ringing = channel(T, "Ringing")
    together = picture(CUSTOMER, AGENT, ringing, room=(C, A, T), dialled=(T,))
    assert plan(want, together).steps == (NoteCompany(ROOM, (A, C)),)
    blind = wanted(leg(C, IN_ROOM), leg(T, RINGING))
    alone = picture(CUSTOMER, ringing, room=(C, T), dialled=(T,), company=(A, C))
    steps = plan(blind, alone).steps
    assert steps[:3] == (Move(C, ROOM), NoteCompany(ROOM, ()), Ring(C)), "ringback is for who is in the room already"


def test_nobody_is_disturbed_when_a_phone_stops_ringing() -> None:
    """It was never in the talk, so its keys were not either."""
    want = wanted(leg(C, IN_ROOM), leg(A, IN_ROOM))
    seen = picture(CUSTOMER, AGENT, room=(C, A), company=(A, C))
    assert plan(want, seen).steps == (NoteCompany(ROOM, ()),)


@pytest.mark.parametrize("company", [(), (C, T)])
def test_a_room_of_two_needs_nothing(company: tuple[str, ...]) -> None:
    want = wanted(leg(C, IN_ROOM), leg(A, GONE), leg(T, IN_ROOM))
    steps = plan(want, picture(CUSTOMER, TARGET, room=TWO, dialled=(T,), company=company)).steps
    assert not [step for step in steps if isinstance(step, Move)]


def test_nothing_is_done_in_a_room_that_nobody_needs() -> None:
    want = wanted(leg(C, GONE), leg(T, GONE), keep_room=False)
    seen = picture(CUSTOMER, TARGET, room=TWO, dialled=(T,), company=THREE)
    assert [type(step) for step in plan(want, seen).steps] == [HangUp]
