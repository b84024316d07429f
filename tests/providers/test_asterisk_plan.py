"""Which steps are missing, and in which order: pure, without an Asterisk."""

from dataclasses import replace

import pytest

from activities.telephony.asterisk.backstop import Backstop
from activities.telephony.asterisk.plan import music_ahead
from activities.telephony.asterisk.state import PLACE, PROMPTED, RINGBACK, Picture
from activities.telephony.asterisk.steps import (
    Adopt,
    Answer,
    Create,
    CreateHold,
    CreateRoom,
    DeleteRoom,
    Dial,
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
from activities.telephony.model import Phase, WantedLeg
from tests.providers.plans import (
    CONSULTING,
    CREATE,
    DIAL,
    GONE,
    HANDED_OFF,
    HELD,
    HOLD,
    IN_ROOM,
    NO_TIMEOUT,
    ON_HOLD,
    OURS,
    RINGING,
    RINGING_NOW,
    ROOM,
    RUNG,
    RUNG_OUTSIDE,
    SCREENING,
    SCREENS,
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


def test_warm_from_the_very_beginning() -> None:
    """Music, hold, agent in, ringback, and only then is anybody dialled; what can wait comes last."""
    want = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING))
    made = plan(want, picture(channel(C, owner=""), channel(A, owner="")))
    assert made.stands
    assert made.steps == (
        CreateHold(HOLD),
        Music(HOLD, "default"),
        Adopt(C, OURS, "hookflash"),
        Adopt(A, OURS, "hookflash"),
        CreateRoom(ROOM),
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


@pytest.mark.parametrize("state", ["Down", "Ringing", "Up"])
def test_what_was_dialled_is_never_dialled_again(state: str) -> None:
    channels = {**RINGING_NOW.channels, T: channel(T, state, **RUNG)}
    seen = Picture(channels, RINGING_NOW.room, RINGING_NOW.hold)
    steps = plan(wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING)), seen).steps
    # An answer ends the ringback for good; nothing else is left to do.
    answered = (
        StopRing(A),
        Note(A, ((RINGBACK, ""), (PLACE, "room"), UNTIMED), NO_TIMEOUT),
        Note(T, (UNTIMED,), NO_TIMEOUT),
    )
    assert steps == (answered if state == "Up" else ())


def test_what_was_made_and_never_dialled_is_continued() -> None:
    seen = picture(channel(C, **HELD), channel(A), channel(T, "Down"), room=(A,), hold=(C,))
    steps = plan(wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING)), seen).steps
    assert [step for step in steps if isinstance(step, Create | Move | Dial)] == [
        Move(T, ROOM),
        Dial(T, ROOM, 20),
    ]


def test_music_that_was_asked_for_ahead_is_asked_for_again_with_its_listener_only() -> None:
    unseen = leg(C, ON_HOLD, known=Phase.NEW)
    want = wanted(unseen, leg(A, IN_ROOM))
    assert music_ahead(want) == Music(HOLD, "default")
    there = picture(channel(C), channel(A), room=(A,), hold=())
    assert plan(want, there).steps[:2] == (Move(C, HOLD), Music(HOLD, "default"))
    # Without the bridge there was nothing in which it could have begun.
    not_there = picture(channel(C), channel(A), room=(A,))
    assert plan(want, not_there).steps[:3] == (CreateHold(HOLD), Music(HOLD, "default"), Move(C, HOLD))


@pytest.mark.parametrize(
    "legs",
    [
        pytest.param((leg(C, IN_ROOM, known=Phase.NEW), leg(A, IN_ROOM)), id="nobody is to wait"),
        pytest.param((leg(C, ON_HOLD, known=Phase.ANSWERED), leg(T, RINGING)), id="who waits may do so already"),
    ],
)
def test_no_music_is_asked_for_ahead(legs: tuple[WantedLeg, ...]) -> None:
    assert music_ahead(wanted(*legs)) is None


def test_swap_holds_before_it_unholds() -> None:
    holding = leg(T, ON_HOLD, known=Phase.ANSWERED)
    steps = plan(wanted(leg(A, IN_ROOM), holding, leg(C, IN_ROOM)), CONSULTING).steps
    assert steps[:4] == (Music(HOLD, "default"), Move(T, HOLD), Music(HOLD, "default"), Move(C, ROOM))


def test_who_must_not_hear_the_customer_goes_first() -> None:
    steps = plan(wanted(leg(C, IN_ROOM), leg(A, IN_ROOM), leg(T, GONE)), CONSULTING).steps
    assert steps[:2] == (HangUp(T, 16, OURS), Move(C, ROOM))


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
    assert plan(want, three_way).steps == (HangUp(A, 16, OURS),)


def test_another_phone_need_not_call_it_missed() -> None:
    seen = picture(channel(C), channel("other", "Ringing"), channel(T), room=(C, T), dialled=(T, "other"))
    steps = plan(wanted(leg(C, IN_ROOM), leg(T, IN_ROOM), leg("other", GONE)), seen).steps
    assert steps == (HangUp("other", 26, OURS),)


def test_ringback_for_who_was_moved_or_left_alone() -> None:
    want = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, RINGING))
    moved_out = picture(
        channel(C, **HELD), channel(A, **{RINGBACK: T}), channel(T, "Ringing"), room=(T,), hold=(C,), dialled=(T,)
    )
    assert Ring(A) in plan(want, moved_out).steps
    two = picture(channel(C), channel(A), channel(T, "Ringing"), room=(C, A, T), dialled=(T,), company=(A, C))
    blind = wanted(leg(C, IN_ROOM), leg(A, GONE), leg(T, RINGING))
    assert plan(blind, two).steps == (HangUp(A, 16, OURS),)
    alone = picture(channel(C), channel(T, "Ringing", **RUNG), room=(C, T), dialled=(T,))
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
        replace(CREATE, backstop=Backstop(*SCREENS)),
        Note(T, ((PLACE, "screened"),)),
        Dial(T, ROOM, 20),
    )
    rings = picture(*held, channel(T, "Ringing", **RUNG_OUTSIDE), room=(), hold=(C, A), dialled=(T,))
    assert plan(want, rings).steps == ()
    up = picture(*held, channel(T, **UP_OUTSIDE), room=(), hold=(C, A), dialled=(T,))
    assert plan(want, up).steps == (Note(T, ((PROMPTED, "1"),)), Prompt(T, "accept"))
    prompted = picture(*held, channel(T, **UP_OUTSIDE | {PROMPTED: "1"}), room=(), hold=(C, A), dialled=(T,))
    assert plan(want, prompted).steps == ()
    together = wanted(leg(C, IN_ROOM), leg(A, GONE), leg(T, IN_ROOM))
    steps = plan(together, prompted).steps
    assert steps[:4] == (Move(C, ROOM), StopPrompt(T), Note(T, (UNTIMED,), NO_TIMEOUT), Move(T, ROOM))
    inside = picture(*held, channel(T), room=(T,), hold=(C, A), dialled=(T,))
    assert plan(want, inside).steps[0] == Leave(T, ROOM)


def test_hand_off_then_hang_ups_then_the_room() -> None:
    want = wanted(leg(C, HANDED_OFF, place="voicemail,4711"), leg(A, GONE), leg(T, GONE), keep_room=False)
    seen = picture(channel(C, **HELD), channel(A, **HELD), room=(), hold=(C, A))
    assert plan(want, seen).steps == (HandOff(C, "voicemail", "4711", 1, timed=True, rings=False),)
    away = picture(channel(C, owner="", app="VoiceMail"), channel(A, **HELD), room=(), hold=(A,))
    assert plan(want, away).steps == (HangUp(A, 16, OURS), DeleteRoom(ROOM))
    # The room was read before the leg went on, and its channel afterwards.
    gone_on = picture(channel(C, owner="", app="VoiceMail"), room=(C,))
    assert plan(want, gone_on).steps == (DeleteRoom(ROOM),)
    # The place may be a Stasis application of somebody else's.
    flow = picture(channel(C, owner="", **{PLACE: "handed_off"}))
    assert plan(want, flow).steps == ()


def test_music_is_started_again_for_who_was_only_moved() -> None:
    seen = picture(channel(C), channel(A, **{PLACE: "room"}), channel(T), room=(A, T), hold=(C,), dialled=(T,))
    steps = plan(wanted(leg(C, ON_HOLD), leg(A, IN_ROOM), leg(T, IN_ROOM)), seen).steps
    assert steps == (Music(HOLD, "default"), Note(C, ((PLACE, "hold:default"), TIMED), TIMEOUT))


def test_a_call_of_the_dialplan_cannot_be_moved() -> None:
    with pytest.raises(Unsupported):
        plan(wanted(leg(C, ON_HOLD)), picture(channel(C, owner="", app="Dial")))


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
