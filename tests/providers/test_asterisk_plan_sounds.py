"""What is to be played, to whom, and who leaves with a farewell: pure, without an Asterisk."""

import pytest

from activities.telephony.asterisk.state import (
    ANNOUNCED,
    ANNOUNCING,
    LISTENED,
    OWNER,
    PLACE,
    PROMPTED,
    RINGBACK,
    Picture,
)
from activities.telephony.asterisk.steps import (
    Adopt,
    Create,
    DeleteRoom,
    Farewell,
    FinishWhisper,
    HandOff,
    HangUp,
    Leave,
    Listen,
    Move,
    Music,
    Note,
    Play,
    Prompt,
    Ring,
    StopListening,
    StopPlaying,
    StopPrompt,
    StopRing,
    StopWhisper,
    Whisper,
)
from activities.telephony.model import Announcement
from hookflash import Cause
from tests.providers.plans import (
    CREATE,
    DIAL,
    GONE,
    HANDED_OFF,
    HELD,
    HOLD,
    IN_ROOM,
    LONE,
    NO_TIMEOUT,
    ON_HOLD,
    OURS,
    RINGING,
    ROOM,
    RUNG,
    RUNG_OUTSIDE,
    SCREENING,
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

SOON, NOTICE = Announcement(media="hookflash-soon"), Announcement(media="hookflash-notice", number=3)
TALKING = picture(channel(C, **{PLACE: "room"}), channel(A, **{PLACE: "room"}), room=(C, A))
WAITING = picture(channel(C, **HELD), channel(A, **HELD), room=(), hold=(C, A))


def announced(number: int, how: str = "") -> dict[str, str]:
    return {ANNOUNCED: str(number), ANNOUNCING: how}


def test_who_waits_is_played_to_and_who_talks_is_whispered_to() -> None:
    held = wanted(leg(C, ON_HOLD, announcement=SOON), leg(A, ON_HOLD))
    assert plan(held, WAITING).steps == (Note(C, ((ANNOUNCED, "1"), (ANNOUNCING, "playing"))), Play(C, SOON.media))
    together = wanted(leg(C, IN_ROOM), leg(A, IN_ROOM, announcement=SOON))
    assert plan(together, TALKING).steps == (
        Note(A, ((ANNOUNCED, "1"), (ANNOUNCING, "whispering"))),
        Whisper(A, 1, SOON.media, "hookflash"),
    )


@pytest.mark.parametrize(("rings", "step"), [(False, Play), (True, Whisper)])
def test_nothing_can_be_mixed_into_silence(rings: bool, step: type) -> None:
    lone = LONE | {RINGBACK: T} if rings else LONE
    there = (channel(C, **HELD), channel(A, **lone)) + ((channel(T, "Ringing", **RUNG),) if rings else ())
    seen = picture(*there, room=(A, T) if rings else (A,), hold=(C,), dialled=(T,))
    want = wanted(leg(C, ON_HOLD), leg(A, IN_ROOM, announcement=SOON), leg(T, RINGING if rings else GONE))
    assert isinstance(plan(want, seen).steps[-1], step)


@pytest.mark.parametrize("number", [3, 4])
def test_what_was_announced_is_not_announced_again(number: int) -> None:
    seen = picture(channel(C, **HELD, **announced(number, "playing")), room=(), hold=(C,))
    assert plan(wanted(leg(C, ON_HOLD, announcement=NOTICE)), seen).steps == ()


def test_the_next_one_takes_the_place_of_the_last() -> None:
    seen = picture(channel(C, **HELD, **announced(2, "playing")), room=(), hold=(C,))
    assert plan(wanted(leg(C, ON_HOLD, announcement=NOTICE)), seen).steps == (
        StopPlaying(C),
        StopWhisper(C, 2),
        Note(C, ((ANNOUNCED, "3"), (ANNOUNCING, "playing"))),
        Play(C, NOTICE.media),
    )


def test_a_whisper_that_was_begun_is_finished_or_ended() -> None:
    begun = {PLACE: "room"} | announced(3, "whispering")
    seen = picture(channel(C, **{PLACE: "room"}), channel(A, **begun), room=(C, A))
    same = wanted(leg(C, IN_ROOM), leg(A, IN_ROOM, announcement=NOTICE))
    assert plan(same, seen).steps == (FinishWhisper(A, 3, NOTICE.media),)
    nothing = wanted(leg(C, IN_ROOM), leg(A, IN_ROOM))
    assert plan(nothing, seen).steps == (StopWhisper(A, 3),)
    newer = NOTICE.model_copy(update={"number": 4})
    steps = plan(wanted(leg(C, IN_ROOM), leg(A, IN_ROOM, announcement=newer)), seen).steps
    assert steps[0] == StopWhisper(A, 3)
    assert steps[-1] == Whisper(A, 4, NOTICE.media, "hookflash")
    assert steps.count(StopWhisper(A, 3)) == 1


@pytest.mark.parametrize("media", ["", "a,sound:b", "../secret", "x", "http://elsewhere/a", "é" * 3, "ab" * 40])
def test_what_is_no_recording_is_left_out(media: str) -> None:
    """ARI takes a list of media and URIs of other kinds, the dialplan arguments."""
    want = wanted(leg(C, ON_HOLD, announcement=Announcement(media=media)), leg(A, ON_HOLD))
    assert plan(want, WAITING).steps == ()
    over = plan(wanted(leg(C, GONE, farewell=media), leg(A, ON_HOLD)), WAITING).steps
    assert over == (HangUp(C, 16, OURS),)


def test_who_is_played_to_is_stopped_before_anything_is_asked_of_it() -> None:
    playing = HELD | announced(1, "playing")
    seen = picture(channel(C, **playing), channel(A, **HELD), room=(), hold=(C, A))
    moved = plan(wanted(leg(C, IN_ROOM), leg(A, IN_ROOM)), seen).steps
    assert moved[:3] == (StopPlaying(C), Move(C, ROOM), Move(A, ROOM))
    assert moved.count(StopPlaying(C)) == 1
    taken = Picture({C: channel(C, owner="former", **playing), A: channel(A, **HELD)}, seen.room, seen.hold)
    adopted = plan(wanted(leg(C, ON_HOLD), leg(A, ON_HOLD)), taken).steps
    assert adopted == (StopPlaying(C), Adopt(C, "transfer:test:1", "hookflash", "former", announced=True))
    handed = plan(wanted(leg(C, HANDED_OFF, place="voicemail"), leg(A, ON_HOLD)), seen).steps
    off = HandOff(C, "voicemail", "s", 1, timed=True, rings=False)
    assert handed == (StopPlaying(C), StopWhisper(C, 1), off)
    # Who is hung up hears no more of it anyway, and what is asked of others is their business.
    assert plan(wanted(leg(C, GONE), leg(A, ON_HOLD)), seen).steps == (HangUp(C, 16),)
    assert StopPlaying(C) not in plan(wanted(leg(C, ON_HOLD), leg(A, GONE)), seen).steps


def test_who_is_played_to_in_the_room_is_stopped_when_somebody_comes() -> None:
    lone = LONE | announced(1, "playing")
    seen = picture(channel(C, **HELD), channel(A, **lone), room=(A,), hold=(C,))
    steps = plan(wanted(leg(C, IN_ROOM), leg(A, IN_ROOM)), seen).steps
    assert steps[:2] == (StopPlaying(A), Move(C, ROOM))


def test_nothing_is_announced_without_a_leg_that_must_be_up() -> None:
    made = plan(wanted(leg(C, ON_HOLD), leg(A, ON_HOLD, announcement=SOON)), picture(channel(A, **HELD), hold=(A,)))
    assert (made.stands, made.steps) == (False, ())


def test_a_farewell_is_for_who_can_hear_it() -> None:
    over = wanted(leg(C, GONE, farewell="hookflash-bye"), leg(A, GONE), keep_room=False)
    assert plan(over, WAITING).steps == (
        Farewell(C, "hookflash-bye", timed=True, rings=False),
        HangUp(A, 16, OURS),
        DeleteRoom(ROOM),
    )
    ringing = picture(channel(A, **HELD), channel(T, "Ringing"), room=(T,), hold=(A,), dialled=(T,))
    steps = plan(wanted(leg(A, ON_HOLD), leg(T, GONE, farewell="hookflash-bye")), ringing).steps
    assert steps == (HangUp(T, 16, OURS),)
    elsewhere = picture(channel(C, app="VoiceMail"))
    assert plan(wanted(leg(C, GONE, farewell="hookflash-bye")), elsewhere).steps == (HangUp(C, 16),)


def test_a_farewell_before_the_customer_comes() -> None:
    seen = picture(channel(C, **HELD), channel(A, **{PLACE: "room"}), channel(T), room=(A, T), hold=(C,), dialled=(T,))
    want = wanted(leg(C, IN_ROOM), leg(A, IN_ROOM), leg(T, GONE, farewell="hookflash-bye"))
    farewell = Farewell(T, "hookflash-bye", timed=False, rings=False)
    assert plan(want, seen).steps[:3] == (Leave(T, ROOM), farewell, Move(C, ROOM))


def test_a_farewell_takes_the_place_of_all_other_sounds() -> None:
    heard = LONE | {RINGBACK: "x", PROMPTED: "1", LISTENED: "done"} | announced(2, "playing")
    seen = picture(channel(C, **heard), room=(C,))
    assert plan(wanted(leg(C, GONE, farewell="hookflash-bye")), seen).steps == (
        StopPlaying(C),
        StopPrompt(C),
        StopListening(C),
        StopWhisper(C, 2),
        Farewell(C, "hookflash-bye", timed=True, rings=True),
    )
    requests = Farewell(C, "hookflash-bye", timed=True, rings=True).requests()
    assert [(request.method, request.where) for request in requests] == [
        ("DELETE", f"/channels/{C}/ring"),
        ("POST", f"/channels/{C}/variables"),
        ("POST", f"/channels/{C}/continue"),
    ]
    body = requests[1].body
    assert body is not None
    assert (body["variables"][OWNER]["value"], body["variables"]["TIMEOUT(absolute)"]) == ("", NO_TIMEOUT[0][1])
    assert requests[2].query == {"context": "hookflash-farewell", "extension": "hookflash-bye", "priority": "1"}


@pytest.mark.parametrize("placement", [GONE, IN_ROOM, ON_HOLD, HANDED_OFF])
def test_who_hears_a_farewell_has_ended(placement: str) -> None:
    seen = picture(channel(C, owner="", app="Playback", **{PLACE: "farewell"}), channel(A, **HELD), hold=(A,))
    made = plan(wanted(leg(C, GONE).model_copy(update={"placement": placement}), leg(A, ON_HOLD)), seen)
    assert made.endings[C].cause == Cause.RELEASED
    assert not [step for step in made.steps if getattr(step, "leg", "") == C]


def test_a_farewell_that_did_not_begin_is_said_again() -> None:
    seen = picture(channel(C, owner="", **{PLACE: "farewell"}), hold=(C,))
    over = plan(wanted(leg(C, GONE, farewell="hookflash-bye")), seen)
    assert C not in over.endings
    assert over.steps == (Farewell(C, "hookflash-bye", timed=False, rings=False),)
    assert plan(wanted(leg(C, GONE)), seen).steps == (HangUp(C, 16),)


def test_ringback_while_anybody_rings_outside() -> None:
    lone = wanted(leg(C, IN_ROOM), leg(A, GONE), leg(T, SCREENING), leg("other", SCREENING, dial=DIAL))
    ringing = (channel(T, "Ringing", **RUNG_OUTSIDE), channel("other", "Ringing", **RUNG_OUTSIDE))
    silent = picture(channel(C, **{PLACE: "room"}), *ringing, room=(C,), dialled=(T, "other"))
    steps = plan(lone, silent).steps
    assert steps[0] == Ring(C)
    hears = channel(C, **LONE | {RINGBACK: T})
    assert plan(lone, picture(hears, *ringing, room=(C,), dialled=(T, "other"))).steps == ()
    # The first has answered and is asked; the second still rings.
    asked = picture(hears, channel(T, **{PROMPTED: "1"}), ringing[1], room=(C,), dialled=(T, "other"))
    assert Ring(C) in plan(lone, asked).steps
    assert StopRing(C) not in plan(lone, asked).steps
    nobody = picture(hears, channel(T, **{PROMPTED: "1"}), room=(C,), dialled=(T, "other"))
    assert StopRing(C) in plan(lone, nobody).steps


def test_all_who_come_too_late_are_told_so() -> None:
    rest = ("other", "third")
    seen = picture(
        channel(C, **LONE | {RINGBACK: "other"}),
        channel(T, **{PROMPTED: "1"}),
        *(channel(name, "Ringing") for name in rest),
        room=(C,),
        dialled=(T, *rest),
    )
    steps = plan(wanted(leg(C, IN_ROOM), leg(T, IN_ROOM), *(leg(name, GONE) for name in rest)), seen).steps
    assert steps[:2] == tuple(HangUp(name, 26, OURS) for name in rest)


@pytest.mark.parametrize(
    ("callers", "shown"),
    [({C: "+4930123456"}, "+4930123456"), ({C: ""}, "+1415"), ({}, "+1415"), ({C: 'a"b'}, "+1415")],
)
def test_whose_number_is_shown(callers: dict[str, str], shown: str) -> None:
    dial = DIAL.model_copy(update={"caller_id": "+1415", "caller_id_of": C})
    seen = Picture(WAITING.channels, WAITING.room, WAITING.hold, callers)
    steps = plan(wanted(leg(C, ON_HOLD), leg(A, ON_HOLD), leg(T, SCREENING, dial=dial)), seen).steps
    (create,) = [step for step in steps if isinstance(step, Create)]
    assert dict(create.variables)["CONNECTEDLINE(num,i)"] == shown
    assert dict(create.variables).items() >= dict(CREATE.variables).items()


def test_a_machine_is_listened_for_once_and_before_the_prompt() -> None:
    dial = DIAL.model_copy(update={"detect_machine": True})
    want = wanted(leg(C, ON_HOLD), leg(A, ON_HOLD), leg(T, SCREENING, dial=dial))

    def seen(**variables: str) -> Picture:
        held = (channel(C, **HELD), channel(A, **HELD))
        return picture(*held, channel(T, **UP_OUTSIDE | variables), room=(), hold=(C, A), dialled=(T,))

    assert plan(want, seen()).steps == (
        Note(T, ((PROMPTED, "1"), (LISTENED, "begun"))),
        Listen(T, "hookflash", "transfer:test:1"),
        Prompt(T, "accept"),
    )
    assert plan(want, seen(**{PROMPTED: "1", LISTENED: "done"})).steps == ()
    assert plan(want, seen(**{PROMPTED: "1", LISTENED: "begun"})).steps == (StopListening(T),)
    let_in = wanted(leg(C, IN_ROOM), leg(A, GONE), leg(T, IN_ROOM))
    steps = plan(let_in, seen(**{PROMPTED: "1", LISTENED: "done"})).steps
    untimed = Note(T, (UNTIMED,), NO_TIMEOUT)
    assert steps[:5] == (Move(C, ROOM), StopPrompt(T), StopListening(T), untimed, Move(T, ROOM))


def test_music_for_who_is_held_and_then_the_announcement() -> None:
    """In waves: nobody is announced anything before it is where it must be."""
    want = wanted(leg(C, ON_HOLD, announcement=SOON), leg(A, GONE))
    assert Music(HOLD, "default") in plan(want, TALKING).steps
    assert not [step for step in plan(want, TALKING).steps if isinstance(step, Play)]
