"""The time-out that Asterisk itself has behind whoever waits: pure, without an Asterisk."""

from datetime import timedelta

from activities.telephony.asterisk.plan import make_plan
from activities.telephony.asterisk.state import BACKSTOP, PLACE
from activities.telephony.asterisk.steps import Note
from tests.providers.plans import (
    GONE,
    HELD,
    IN_ROOM,
    LONE,
    ON_HOLD,
    OURS,
    SETTINGS,
    TIMED,
    TIMEOUT,
    A,
    C,
    channel,
    leg,
    picture,
    plan,
    wanted,
)


def test_the_backstop_waits_longer_than_the_engine() -> None:
    want = wanted(leg(C, ON_HOLD), leg(A, GONE)).model_copy(update={"hold_limit": timedelta(seconds=30)})
    (note,) = (step for step in plan(want, picture(channel(C))).steps if isinstance(step, Note))
    assert note.functions == (("TIMEOUT(absolute)", "630"),)
    without = SETTINGS.model_copy(update={"hold_backstop": timedelta(0)})
    steps = make_plan(want, picture(channel(C)), without, {}).steps
    assert Note(C, ((PLACE, "hold:default"),)) in steps


def test_the_backstop_follows_the_limit_once() -> None:
    waiting = picture(channel(C, **HELD), channel(A, **LONE), room=(A,), hold=(C,))
    want = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM))
    assert plan(want, waiting).steps == ()
    for minutes in (30, 90):  # shorter or longer, it is what the arrangement says, from now on
        seconds = str((minutes + 10) * 60)
        update = {"hold_limit": timedelta(minutes=minutes)}
        timed, timeout = (BACKSTOP, f"{seconds} {OURS}"), (("TIMEOUT(absolute)", seconds),)
        other = want.model_copy(update=update)
        assert plan(other, waiting).steps == (Note(C, (timed,), timeout), Note(A, (timed,), timeout))
        told = picture(channel(C, **HELD | dict([timed])), channel(A, **LONE | dict([timed])), room=(A,), hold=(C,))
        assert plan(other, told).steps == ()


def test_the_backstop_begins_anew_for_who_takes_over() -> None:
    taken = picture(channel(C, **HELD | {BACKSTOP: "4200 former"}), channel(A, **HELD), hold=(C, A))
    steps = plan(wanted(leg(C, ON_HOLD), leg(A, ON_HOLD)), taken).steps
    assert steps == (Note(C, (TIMED,), TIMEOUT),)


def test_who_is_not_waiting_has_no_backstop_and_without_one_nothing_is_remembered() -> None:
    update = {"hold_limit": timedelta(minutes=90)}
    together = picture(channel(C, **{PLACE: "room"}), channel(A), room=(C, A))
    assert plan(wanted(leg(C, IN_ROOM), leg(A, IN_ROOM)).model_copy(update=update), together).steps == ()
    without = SETTINGS.model_copy(update={"hold_backstop": timedelta(0)})
    waiting = picture(channel(C, **{PLACE: "hold:default"}), hold=(C,))
    assert make_plan(wanted(leg(C, ON_HOLD)).model_copy(update=update), waiting, without, {}).steps == ()
