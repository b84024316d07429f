"""The time-outs that Asterisk itself has behind whoever waits, and behind whom we call: pure, without an Asterisk."""

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.telephony.asterisk.backstop import NONE, Backstop
from activities.telephony.asterisk.plan import make_plan
from activities.telephony.asterisk.state import BACKSTOP, PLACE, PROMPTED
from activities.telephony.asterisk.steps import Create, Dial, Farewell, Move, Note, Prompt, Step, StopPrompt
from activities.telephony.model import Arrangement
from tests.providers.plans import (
    CREATE,
    DIAL,
    GONE,
    HELD,
    IN_ROOM,
    LONE,
    NO_TIMEOUT,
    ON_HOLD,
    OURS,
    RINGING,
    RINGS,
    ROOM,
    RUNG,
    SCREENING,
    SCREENS,
    SETTINGS,
    TIMED,
    TIMEOUT,
    UNTIMED,
    UP_OUTSIDE,
    A,
    C,
    T,
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


def test_it_is_taken_back_by_one_that_no_call_lives_to_see() -> None:
    """Asterisk 22.10.1 compares it without a lock: a leg that had one, and has none when it is compared, was cut off.

    A customer, in the moment of coming back from hold. It takes some million times, and cannot be seen in a test.
    """
    ((_, seconds),) = NO_TIMEOUT
    assert NONE.function == NO_TIMEOUT[0]
    assert timedelta(seconds=int(seconds)) > timedelta(days=3000)


def test_who_is_not_waiting_has_no_backstop_and_without_one_nothing_is_remembered() -> None:
    update = {"hold_limit": timedelta(minutes=90)}
    together = picture(channel(C, **{PLACE: "room"}), channel(A), room=(C, A))
    assert plan(wanted(leg(C, IN_ROOM), leg(A, IN_ROOM)).model_copy(update=update), together).steps == ()
    without = SETTINGS.model_copy(update={"hold_backstop": timedelta(0)})
    waiting = picture(channel(C, **{PLACE: "hold:default"}), hold=(C,))
    assert make_plan(wanted(leg(C, ON_HOLD)).model_copy(update=update), waiting, without, {}).steps == ()


SCREENED = {PLACE: "screened"}
WAITING = (channel(C, **HELD), channel(A, **HELD))
ASK = wanted(leg(C, ON_HOLD), leg(A, ON_HOLD), leg(T, SCREENING))
WARM = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING))


def timed(seconds: int) -> Note:
    return Note(T, ((BACKSTOP, f"{seconds} {OURS}"),), (("TIMEOUT(absolute)", str(seconds)),))


def of_target(steps: tuple[Step, ...]) -> list[Step]:
    return [step for step in steps if getattr(step, "leg", "") == T]


def test_whom_we_call_has_one_from_the_first_moment_on() -> None:
    """Behind 20 seconds of ringing: in the room for as long as who waits there, outside for 10 seconds more."""
    for want, backstop in ((WARM, Backstop(*RINGS)), (ASK, Backstop(*SCREENS))):
        assert replace(CREATE, backstop=backstop) in plan(want, picture(*WAITING, hold=(C, A))).steps
    (request,) = replace(CREATE, backstop=Backstop(*SCREENS)).requests()
    assert request.body is not None
    variables = request.body["variables"]
    assert variables["TIMEOUT(absolute)"] == "30"
    assert variables[BACKSTOP] == {"value": SCREENS[1], "report_events": True}


def test_who_is_asked_is_kept_as_long_as_that_takes() -> None:
    gate = DIAL.model_copy(update={"accept_timeout": timedelta(seconds=15)})
    asked = wanted(leg(C, ON_HOLD), leg(A, ON_HOLD), leg(T, SCREENING, dial=gate))
    assert Backstop(45, f"45 {OURS}") in [
        step.backstop for step in plan(asked, picture(*WAITING, hold=(C, A))).steps if isinstance(step, Create)
    ]
    rung = SCREENED | {BACKSTOP: f"45 {OURS}"}
    answered = picture(*WAITING, channel(T, **rung), room=(), hold=(C, A), dialled=(T,))
    # From its answer on, and before it is played to: after that everything has to wait.
    assert plan(asked, answered).steps == (timed(25), Note(T, ((PROMPTED, "1"),)), Prompt(T, "accept"))


def test_who_is_asked_for_longer_is_asked_anew() -> None:
    """While it is played to nothing could be noted on it, and the tone has no end."""
    gate = DIAL.model_copy(update={"accept_timeout": timedelta(minutes=2)})
    longer = wanted(leg(C, ON_HOLD), leg(A, ON_HOLD), leg(T, SCREENING, dial=gate))
    prompted = channel(T, **SCREENED | UP_OUTSIDE | {PROMPTED: "1"})
    steps = plan(longer, picture(*WAITING, prompted, room=(), hold=(C, A), dialled=(T,))).steps
    limit = (BACKSTOP, f"130 {OURS}")
    assert steps == (StopPrompt(T), Note(T, (limit, (PROMPTED, "")), (("TIMEOUT(absolute)", "130"),)))
    noted = channel(T, **SCREENED | dict([limit]))
    again = plan(longer, picture(*WAITING, noted, room=(), hold=(C, A), dialled=(T,))).steps
    assert again == (Note(T, ((PROMPTED, "1"),)), Prompt(T, "accept"))


@pytest.mark.parametrize("room", [(C,), (C, T)], ids=["before it comes in", "after it came in"])
def test_it_is_taken_back_before_who_was_asked_comes_in_and_whatever_happened_in_between(room: tuple[str, ...]) -> None:
    """Its time-out is short: whoever stops half-way must not have two cut off who talk."""
    want = wanted(leg(C, IN_ROOM), leg(A, GONE), leg(T, IN_ROOM))
    target = channel(T, **SCREENED | UP_OUTSIDE)
    steps = of_target(plan(want, picture(channel(C), target, room=room, dialled=(T,))).steps)
    inside = Note(T, ((PLACE, "room"), UNTIMED), NO_TIMEOUT)
    outside = [Note(T, (UNTIMED,), NO_TIMEOUT), Move(T, ROOM)]
    assert steps == ([inside] if T in room else [*outside, inside])
    done = channel(T, **{PLACE: "room"})
    assert plan(want, picture(channel(C), done, room=(C, T), dialled=(T,))).steps == ()


def test_who_answers_in_the_room_is_never_cut_off_once_somebody_looks() -> None:
    seen = picture(channel(C, **HELD), channel(A, **LONE), channel(T, **RUNG), room=(A, T), hold=(C,), dialled=(T,))
    steps = plan(wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, IN_ROOM)), seen).steps
    assert of_target(steps) == [Note(T, (UNTIMED,), NO_TIMEOUT)]
    without = SETTINGS.model_copy(update={"hold_backstop": timedelta(0)})
    assert Note(T, (UNTIMED,), NO_TIMEOUT) in make_plan(WARM, seen, without, {}).steps, "it was set by other settings"


def test_who_rings_for_two_who_talk_may_join_them_for_good() -> None:
    together = wanted(leg(C, IN_ROOM), leg(A, IN_ROOM), leg(T, RINGING))
    two = (channel(C, **{PLACE: "room"}), channel(A, **{PLACE: "room"}))
    assert replace(CREATE, backstop=NONE) in plan(together, picture(*two, room=(C, A))).steps
    (request,) = replace(CREATE, backstop=NONE).requests()
    assert "TIMEOUT" not in str(request.body)
    rings = picture(*two, channel(T, "Ringing", **RUNG), room=(C, A, T), dialled=(T,), company=(A, C))
    assert of_target(plan(together, rings).steps) == [Note(T, (UNTIMED,), NO_TIMEOUT)]


def test_it_follows_the_wait_of_who_is_rung_for() -> None:
    longer = WARM.model_copy(update={"hold_limit": timedelta(minutes=90)})
    rings = channel(T, "Ringing", **RUNG)
    seen = picture(channel(C, **HELD), channel(A, **LONE), rings, room=(A, T), hold=(C,), dialled=(T,))
    assert of_target(plan(longer, seen).steps) == [timed(6020)]


def test_who_answers_and_finds_nobody_waits_like_anybody_else() -> None:
    """As who is called back first does: the customer is only rung then."""
    caller = wanted(leg(T, RINGING))
    assert replace(CREATE, backstop=Backstop(*RINGS)) in plan(caller, picture()).steps
    alone = plan(caller, picture(channel(T, **RUNG), room=(T,), dialled=(T,))).steps
    assert alone == (Note(T, ((PLACE, "alone"), TIMED), TIMEOUT),)


@pytest.mark.parametrize("want", [WARM, ASK], ids=["in the room", "outside"])
def test_one_that_was_made_and_not_dialled_gets_the_whole_time_for_its_ringing(want: Arrangement) -> None:
    """It was made by somebody who then died: how long ago is not known."""
    made = RINGS if want is WARM else SCREENS
    seen = picture(*WAITING, channel(T, "Down", **{BACKSTOP: made[1]}), room=(), hold=(C, A))
    steps = of_target(plan(want, seen).steps)
    fresh = (("TIMEOUT(absolute)", str(made[0])),)
    inside = [Move(T, ROOM), Note(T, ((BACKSTOP, made[1]),), fresh)]
    outside = [Note(T, ((PLACE, "screened"), (BACKSTOP, made[1])), fresh)]
    assert steps == [*(inside if want is WARM else outside), Dial(T, ROOM, 20)]


def test_without_a_back_stop_only_who_is_rung_outside_has_one() -> None:
    without = SETTINGS.model_copy(update={"hold_backstop": timedelta(0)})
    for want, backstop in ((WARM, NONE), (ASK, Backstop(*SCREENS))):
        steps = make_plan(want, picture(*WAITING, hold=(C, A)), without, {}).steps
        assert [step.backstop for step in steps if isinstance(step, Create)] == [backstop]


def test_a_farewell_is_heard_to_its_end() -> None:
    want = wanted(leg(C, IN_ROOM), leg(T, GONE, farewell="hookflash-notice"))
    late = channel(T, **SCREENED | UP_OUTSIDE)
    steps = plan(want, picture(channel(C, **{PLACE: "room"}), late, room=(C,), dialled=(T,))).steps
    (farewell,) = [step for step in steps if isinstance(step, Farewell)]
    assert NO_TIMEOUT[0] in functions(farewell)


def functions(farewell: Farewell) -> list[tuple[str, object]]:
    """Return the variables that it sets."""
    bodies = [request.body["variables"] for request in farewell.requests() if request.body]
    return [(name, value) for variables in bodies for name, value in variables.items() if isinstance(value, str)]
