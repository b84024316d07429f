"""What is done in which order: who must not be overheard goes before anybody comes, and nobody is alone in between."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from activities.telephony.errors import Unsupported
from activities.telephony.model import Arrangement, Dial, Phase, Placement, WantedLeg
from activities.telephony.twilio.picture import Picture
from activities.telephony.twilio.plan import make_plan
from activities.telephony.twilio.resources import Call, CallStatus, Conference, Document, Participant, Record
from activities.telephony.twilio.settings import TwilioSettings
from activities.telephony.twilio.steps import Cancel, HandOff, HangUp, Hold, Join, Keep, Step, Unhold
from hookflash import Cause

CUSTOMER, AGENT, TARGET = "CA" + "c" * 32, "CA" + "a" * 32, "hf-target"
TARGETS_CALL = "CA" + "7" * 32
OWNER, ROOM = "transfer:twilio:x/run", "hf-room"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
SETTINGS = TwilioSettings(
    account_sid="AC" + "a" * 32,
    api_key_sid="SK" + "b" * 32,
    api_key_secret=SecretStr("x"),
    caller_id="+14155550100",
)
SIDS = {CUSTOMER: CUSTOMER, AGENT: AGENT, TARGET: TARGETS_CALL}
DIAL = Dial(address="tel:+14155550142", ring_timeout=timedelta(seconds=20))
IN_ROOM, ON_HOLD, RINGING, GONE = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING, Placement.GONE


def picture(
    *, inside: dict[str, bool] | None = None, outside: dict[str, CallStatus] | None = None, **records: Record
) -> Picture:
    """Return what is there: who is in the room (and on hold), the calls of others, and changed records of ours."""
    inside, outside = inside or {}, outside or {}
    kept = {
        leg: Record(owner=OWNER, call=SIDS[leg], music="default", dialled=leg == TARGET) for leg in (*inside, *outside)
    }
    kept |= {SIDS_BY_NAME[name]: record for name, record in records.items()}
    return Picture(
        {leg: Document(unique_name=leg, revision="1", data=it, date_created=NOON) for leg, it in kept.items()},
        Conference(sid="CF" + "1" * 32, friendly_name=ROOM) if inside else None,
        tuple(
            Participant(call_sid=SIDS[leg], label=leg, hold=held, status="connected") for leg, held in inside.items()
        ),
        {leg: Call(sid=SIDS[leg], status=status) for leg, status in outside.items()},
        NOON + timedelta(seconds=1),
    )


SIDS_BY_NAME = {"customer": CUSTOMER, "agent": AGENT, "target": TARGET}


def wanted(placements: dict[str, Placement], *, expired: bool = False, known: Phase = Phase.NEW) -> Arrangement:
    legs = tuple(
        WantedLeg(
            leg=leg,
            name=leg,
            placement=placement,
            dial=DIAL if leg == TARGET else None,
            expired=expired and leg == TARGET,
            known=known if leg == TARGET else Phase.ANSWERED,
        )
        for leg, placement in placements.items()
    )
    return Arrangement(owner=OWNER, room=ROOM, legs=legs)


def steps(seen: Picture, wish: Arrangement) -> tuple[Step, ...]:
    plan = make_plan(wish, seen, SETTINGS)
    assert plan.stands
    return plan.steps


def kinds(found: tuple[Step, ...]) -> list[tuple[type[Step], str]]:
    return [(type(step), step.leg) for step in found]


def test_who_is_to_be_held_comes_in_and_is_held_before_anybody_else_comes() -> None:
    aim = wanted({CUSTOMER: ON_HOLD, AGENT: IN_ROOM, TARGET: RINGING})
    both: dict[str, CallStatus] = {CUSTOMER: "in-progress", AGENT: "in-progress"}
    assert kinds(steps(picture(outside=both), aim)) == [(Join, CUSTOMER)]
    came = picture(inside={CUSTOMER: False}, outside={AGENT: "in-progress"})
    assert kinds(steps(came, aim)) == [(Hold, CUSTOMER), (Join, AGENT)]


def test_private_talk_ends_before_the_customer_hears_it() -> None:
    consulting = picture(inside={CUSTOMER: True, AGENT: False, TARGET: False})
    swapped = wanted({CUSTOMER: IN_ROOM, AGENT: IN_ROOM, TARGET: ON_HOLD}, known=Phase.ANSWERED)
    assert kinds(steps(consulting, swapped)) == [(Hold, TARGET), (Unhold, CUSTOMER)]
    given_back = wanted({CUSTOMER: IN_ROOM, AGENT: IN_ROOM, TARGET: GONE}, known=Phase.ANSWERED)
    assert kinds(steps(consulting, given_back)) == [(Keep, TARGET), (HangUp, TARGET), (Unhold, CUSTOMER)]


def test_the_customer_has_somebody_before_the_agent_goes() -> None:
    consulting = picture(inside={CUSTOMER: True, AGENT: False, TARGET: False})
    completed = wanted({CUSTOMER: IN_ROOM, AGENT: GONE, TARGET: IN_ROOM}, known=Phase.ANSWERED)
    assert kinds(steps(consulting, completed)) == [(Unhold, CUSTOMER)]
    together = picture(inside={CUSTOMER: False, AGENT: False, TARGET: False})
    assert kinds(steps(together, completed)) == [(Keep, AGENT), (HangUp, AGENT)]


def test_what_is_so_needs_nothing() -> None:
    consulting = picture(inside={CUSTOMER: True, AGENT: False, TARGET: False})
    assert steps(consulting, wanted({CUSTOMER: ON_HOLD, AGENT: IN_ROOM, TARGET: RINGING})) == ()


def test_other_music_is_put_on() -> None:
    other = Record(owner=OWNER, call=CUSTOMER, music="harp")
    held = picture(inside={CUSTOMER: True, AGENT: False}, customer=other)
    found = steps(held, wanted({CUSTOMER: ON_HOLD, AGENT: IN_ROOM}))
    assert kinds(found) == [(Hold, CUSTOMER), (Keep, CUSTOMER)]


def test_why_it_is_ended_is_noted_first_and_taken_back_if_it_was_answered() -> None:
    late = wanted({CUSTOMER: ON_HOLD, AGENT: IN_ROOM, TARGET: RINGING}, expired=True, known=Phase.RINGING)
    rings = picture(inside={CUSTOMER: True, AGENT: False}, outside={TARGET: "ringing"})
    found = steps(rings, late)
    assert kinds(found) == [(Keep, TARGET), (Cancel, TARGET)]
    assert isinstance(found[0], Keep)
    assert found[0].record.ending is Cause.NO_ANSWER
    answered = picture(inside={CUSTOMER: True, AGENT: False, TARGET: False}, target=found[0].record)
    (kept,) = steps(answered, late)
    assert isinstance(kept, Keep)
    assert kept.record.ending is None


def test_a_dialling_without_an_answer_is_waited_for_and_then_given_up() -> None:
    aim = wanted({CUSTOMER: ON_HOLD, AGENT: IN_ROOM, TARGET: RINGING})
    asked = Record(owner=OWNER, dialled=True)
    now = picture(inside={CUSTOMER: True, AGENT: False}, target=asked)
    waiting = make_plan(aim, now, SETTINGS)
    assert (waiting.steps, waiting.endings, waiting.stands) == ((), {}, True)
    later = Picture(now.records, now.room, now.participants, {}, NOON + timedelta(minutes=1))
    given_up = make_plan(aim, later, SETTINGS)
    assert (given_up.steps, given_up.endings[TARGET].cause) == ((), Cause.UNREACHABLE)


def test_without_a_place_to_go_to_nobody_is_handed_off() -> None:
    aim = wanted({CUSTOMER: Placement.HANDED_OFF, AGENT: GONE})
    with pytest.raises(Unsupported, match="HOOKFLASH_TWILIO_PLACES_URL"):
        make_plan(aim, picture(inside={CUSTOMER: True, AGENT: False}), SETTINGS)


def test_a_place_is_asked_for_as_a_whole() -> None:
    """An extension may have a # in it, and behind that one nothing of a URL is sent."""
    aim = wanted({CUSTOMER: Placement.HANDED_OFF})
    leg = aim.legs[0].model_copy(update={"place": "flows,*1#"})
    settings = SETTINGS.model_copy(update={"places_url": "https://flows.example"})
    plan = make_plan(aim.model_copy(update={"legs": (leg,)}), picture(inside={CUSTOMER: False}), settings)
    assert [it.url for it in plan.steps if isinstance(it, HandOff)] == ["https://flows.example/flows,*1%23"]


def test_without_somebody_who_must_be_there_only_the_lonely_one_gets_music() -> None:
    alone = picture(inside={CUSTOMER: False}, outside={AGENT: "completed"})
    plan = make_plan(wanted({CUSTOMER: IN_ROOM, AGENT: IN_ROOM, TARGET: RINGING}), alone, SETTINGS)
    assert (kinds(plan.steps), plan.stands) == ([(Hold, CUSTOMER)], False)
    assert plan.endings[AGENT].cause is Cause.HUNG_UP
