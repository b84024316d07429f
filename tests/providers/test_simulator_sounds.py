"""What only the simulated exchange says of sounds: how long they last, what they do not hide, what answers."""

from datetime import timedelta

import pytest

from activities.telephony.model import (
    Announcement,
    Arrangement,
    Dial,
    LegEvent,
    LegEventKind,
    Phase,
    Placement,
    WantedLeg,
)
from activities.telephony.simulator import SimulatedExchange, Sound, VirtualClock
from hookflash import Cause
from tests.providers.simulated import listen

CAROL, ANNA = "sim:carol", "sim:anna"
BOB, EVE = "hf-" + "b" * 32, "hf-" + "e" * 32
IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, HANDED_OFF, GONE = Placement.SCREENING, Placement.HANDED_OFF, Placement.GONE
PHONES = {BOB: "sim:bob", EVE: "sim:eve"}


class Call:
    """Carol and Anna talk, and an engine that remembers nothing arranges who is where."""

    def __init__(self, *, customer_script: str = "") -> None:
        self.clock = VirtualClock()
        self.exchange = SimulatedExchange(self.clock)
        self.exchange.place_call(CAROL, ANNA, customer_script=customer_script)

    async def arrange(
        self,
        placements: dict[str, Placement],
        *,
        announcements: dict[str, int] | None = None,
        farewell: str = "",
        known: Phase = Phase.NEW,
        room: str = "room",
        dial: dict[str, object] | None = None,
        shows: dict[str, str] | None = None,
    ) -> dict[str, tuple[Phase, Cause | None, int | None]]:
        """Make it so. Returns phase, cause and Q.850 value of each leg.

        Args:
            placements: Where everybody is to be.
            announcements: Number of what is to be played to whom.
            farewell: What those hear who are released.
            known: How far the engine knows the dialled legs to have come.
            room: Where they meet.
            dial: Fields of every ``Dial``.
            shows: Whose number phones show from now on.
        """
        given = {"ring_timeout": timedelta(seconds=20), "prompt": "prompt"} | (dial or {})
        wanted = Arrangement(
            owner="transfer",
            room=room,
            legs=tuple(
                WantedLeg(
                    leg=leg,
                    name=leg,
                    placement=placement,
                    known=known if leg in PHONES else Phase.ANSWERED,
                    dial=Dial.model_validate({"address": PHONES[leg]} | given) if leg in PHONES else None,
                    place="voicemail",
                    announcement=Announcement(media="m", number=(announcements or {}).get(leg, 0)),
                    shows=(shows or {}).get(leg, ""),
                    farewell=farewell,
                )
                for leg, placement in placements.items()
            ),
        )
        observation = await self.exchange.arrange(wanted)
        return {seen.leg: (seen.phase, seen.cause, seen.evidence.q850) for seen in observation.legs}

    def heard(self, leg: str) -> set[str]:
        party = self.exchange.snapshot(CAROL).party(leg)
        return set(party.hears) if party else set()


@pytest.fixture
def call() -> Call:
    return Call()


# Announcements.


async def test_an_announcement_lasts_a_second(call: Call) -> None:
    await call.arrange({CAROL: ON_HOLD, ANNA: ON_HOLD}, announcements={CAROL: 1})
    call.clock.advance(0.9)
    assert (call.heard(CAROL), call.heard(ANNA)) == ({Sound.ANNOUNCEMENT}, {Sound.MUSIC})
    call.clock.advance(0.1)
    assert call.heard(CAROL) == {Sound.MUSIC}


async def test_a_new_announcement_takes_the_place_of_the_one_that_plays(call: Call) -> None:
    await call.arrange({CAROL: ON_HOLD, ANNA: ON_HOLD}, announcements={CAROL: 1})
    call.clock.advance(0.9)
    await call.arrange({CAROL: ON_HOLD, ANNA: ON_HOLD}, announcements={CAROL: 2})
    call.clock.advance(0.9)
    assert call.heard(CAROL) == {Sound.ANNOUNCEMENT}
    call.clock.advance(0.1)
    assert call.heard(CAROL) == {Sound.MUSIC}


async def test_an_announcement_goes_with_its_leg_from_place_to_place(call: Call) -> None:
    await call.arrange({CAROL: IN_ROOM, ANNA: IN_ROOM}, announcements={CAROL: 1})
    assert (call.heard(CAROL), call.heard(ANNA)) == ({Sound.ANNOUNCEMENT}, {CAROL})
    await call.arrange({CAROL: ON_HOLD, ANNA: ON_HOLD})
    assert (call.heard(CAROL), call.heard(ANNA)) == ({Sound.ANNOUNCEMENT}, {Sound.MUSIC})
    await call.arrange({CAROL: HANDED_OFF, ANNA: GONE})
    assert call.heard(CAROL) == {Sound.PLACE}
    assert call.exchange.violations == ()


async def test_an_announcement_hides_no_silence_that_the_engine_causes(call: Call) -> None:
    await call.arrange({CAROL: IN_ROOM, ANNA: IN_ROOM}, announcements={CAROL: 1})
    await call.arrange({CAROL: IN_ROOM, ANNA: GONE})
    assert call.heard(CAROL) == {Sound.ANNOUNCEMENT}
    assert ["the customer is in silence" in violation for violation in call.exchange.violations] == [True]


async def test_who_is_alone_behind_an_announcement_is_in_silence_when_it_is_over(call: Call) -> None:
    await call.arrange({CAROL: IN_ROOM, ANNA: IN_ROOM}, announcements={CAROL: 1})
    call.exchange.hang_up(ANNA)
    call.clock.advance(1.9)
    assert (call.heard(CAROL), call.exchange.violations) == ({Sound.SILENCE}, ())
    call.clock.advance(0.1)
    assert len(call.exchange.violations) == 1


async def test_who_answers_later_hears_what_is_announced_to_who_is_up(call: Call) -> None:
    ringing = {CAROL: ON_HOLD, ANNA: IN_ROOM, BOB: RINGING}
    await call.arrange(ringing, announcements={BOB: 1})
    call.exchange.answer(BOB)
    assert call.heard(BOB) == {ANNA}
    await call.arrange(ringing, announcements={BOB: 1}, known=Phase.RINGING)
    assert (call.heard(BOB), call.heard(ANNA)) == ({Sound.ANNOUNCEMENT}, {BOB})


# Farewells.


async def test_a_farewell_lasts_a_second_however_often_it_is_arranged() -> None:
    call = Call(customer_script="press=1&after=500ms")
    await call.arrange({CAROL: ON_HOLD, ANNA: GONE})
    events = await listen(call.exchange)
    for farewell in ("f", "", "g"):
        assert (await call.arrange({CAROL: GONE}, farewell=farewell))[CAROL] == (Phase.ENDED, Cause.RELEASED, 16)
        call.clock.advance(0.25)
        assert call.heard(CAROL) == {Sound.ANNOUNCEMENT}
    call.clock.advance(0.25)
    assert call.heard(CAROL) == set()
    # Told by the answer at once, and nothing after it: not even of the key that was pressed while it played.
    assert (kinds(await events()), call.exchange.violations) == ([], ())


async def test_a_farewell_breaks_off_what_is_announced(call: Call) -> None:
    await call.arrange({CAROL: ON_HOLD, ANNA: ON_HOLD}, announcements={CAROL: 1})
    call.clock.advance(0.5)
    await call.arrange({CAROL: GONE, ANNA: ON_HOLD}, farewell="f")
    assert call.exchange.legs[CAROL].announcement is None
    call.clock.advance(0.9)
    assert (call.heard(CAROL), call.heard(ANNA)) == ({Sound.ANNOUNCEMENT}, {Sound.MUSIC})
    call.clock.advance(0.1)
    assert call.heard(CAROL) == set()


async def test_who_hears_a_farewell_can_hang_up(call: Call) -> None:
    await call.arrange({CAROL: GONE, ANNA: GONE}, farewell="f")
    assert (call.heard(CAROL), call.heard(ANNA)) == ({Sound.ANNOUNCEMENT}, {Sound.ANNOUNCEMENT})
    with pytest.raises(ValueError, match="in a call already"):
        call.exchange.place_call(CAROL, ANNA)
    with pytest.raises(ValueError, match="is not up"):
        call.exchange.press(CAROL, "1")
    call.exchange.hang_up(CAROL)
    assert (call.heard(CAROL), call.heard(ANNA)) == (set(), {Sound.ANNOUNCEMENT})
    call.exchange.hang_up(ANNA)
    call.exchange.place_call(CAROL, ANNA)
    call.clock.advance(5.0)
    assert call.heard(CAROL) == {ANNA}


# Targets that are screened.


async def test_ringback_until_the_last_screened_target_has_answered(call: Call) -> None:
    await call.arrange({CAROL: IN_ROOM, ANNA: GONE, BOB: SCREENING, EVE: SCREENING})
    call.exchange.answer(BOB)
    assert call.heard(CAROL) == {Sound.RINGBACK}
    call.exchange.answer(EVE)
    assert call.heard(CAROL) == {Sound.SILENCE}
    call.clock.advance(0.9)
    assert call.exchange.violations == ()
    call.clock.advance(0.1)
    assert len(call.exchange.violations) == 1


async def test_ringback_goes_on_when_a_phone_that_rings_is_to_be_screened(call: Call) -> None:
    await call.arrange({CAROL: IN_ROOM, ANNA: ON_HOLD, BOB: RINGING})
    await call.arrange({CAROL: IN_ROOM, ANNA: ON_HOLD, BOB: SCREENING}, known=Phase.RINGING)
    assert call.heard(CAROL) == {Sound.RINGBACK}
    call.exchange.answer(BOB)
    assert (call.heard(CAROL), call.heard(BOB)) == ({Sound.SILENCE}, {Sound.ANNOUNCEMENT})
    assert call.exchange.violations == ()


async def test_ringback_is_heard_in_the_room_of_the_arrangement_only(call: Call) -> None:
    await call.arrange({ANNA: ON_HOLD, BOB: SCREENING}, room="another")
    await call.arrange({CAROL: IN_ROOM, ANNA: ON_HOLD})
    assert call.heard(CAROL) == {Sound.SILENCE}
    await call.arrange({CAROL: IN_ROOM, BOB: SCREENING}, known=Phase.RINGING)
    assert call.heard(CAROL) == {Sound.RINGBACK}


@pytest.mark.parametrize(("known", "violations"), [(Phase.RINGING, 0), (Phase.ANSWERED, 1)])
async def test_who_waits_for_a_screened_target_is_in_silence_if_the_engine_knows_it_has_answered(
    call: Call, known: Phase, violations: int
) -> None:
    await call.arrange({CAROL: ON_HOLD, ANNA: ON_HOLD, BOB: SCREENING})
    call.exchange.answer(BOB)
    await call.arrange({CAROL: IN_ROOM, ANNA: ON_HOLD, BOB: SCREENING}, known=known)
    assert len(call.exchange.violations) == violations


@pytest.mark.parametrize(("prompt", "heard"), [("", Sound.SILENCE), ("missing", Sound.ANNOUNCEMENT)])
async def test_a_screened_target_without_a_prompt_stays_there(call: Call, prompt: str, heard: Sound) -> None:
    await call.arrange({CAROL: IN_ROOM, ANNA: IN_ROOM, BOB: SCREENING}, dial={"prompt": prompt})
    call.exchange.answer(BOB)
    call.exchange.hang_up(ANNA)
    # Who was left alone in the room gets music, but not who is screened.
    await call.arrange({CAROL: IN_ROOM, ANNA: IN_ROOM, BOB: SCREENING}, known=Phase.RINGING)
    assert (call.heard(CAROL), call.heard(BOB)) == ({Sound.MUSIC}, {heard})
    call.clock.advance(5.0)
    assert call.exchange.violations == ()


@pytest.mark.parametrize(("answers", "q850"), [(True, 26), (False, 16)])
async def test_whether_somebody_else_has_answered_is_in_the_evidence(call: Call, answers: bool, q850: int) -> None:
    await call.arrange({CAROL: ON_HOLD, ANNA: ON_HOLD, BOB: SCREENING, EVE: SCREENING})
    if answers:
        call.exchange.answer(EVE)
    released = await call.arrange({CAROL: ON_HOLD, ANNA: GONE, BOB: GONE, EVE: SCREENING}, known=Phase.RINGING)
    assert released[BOB] == (Phase.ENDED, Cause.RELEASED, q850)
    assert released[ANNA] == (Phase.ENDED, Cause.RELEASED, 16)  # was up
    last = await call.arrange({CAROL: ON_HOLD, EVE: GONE}, known=Phase.RINGING)
    assert last[EVE] == (Phase.ENDED, Cause.RELEASED, 16)


# What answers a phone.


@pytest.mark.parametrize(
    ("placement", "detect", "told_of_it"), [(SCREENING, True, True), (SCREENING, False, False), (RINGING, True, False)]
)
async def test_a_machine_answers(call: Call, placement: Placement, detect: bool, told_of_it: bool) -> None:
    dial: dict[str, object] = {"address": "sim:bob?machine=2s", "detect_machine": detect}
    events = await listen(call.exchange)
    await call.arrange({CAROL: ON_HOLD, ANNA: IN_ROOM, BOB: placement}, dial=dial)
    call.clock.advance(2.0)
    assert call.exchange.legs[BOB].ringing
    call.clock.advance(0.1)
    expected = [LegEventKind.RINGING, LegEventKind.ANSWERED, *([LegEventKind.MACHINE] if told_of_it else [])]
    assert kinds(await events()) == [(BOB, kind) for kind in expected]


async def test_a_person_is_no_machine(call: Call) -> None:
    events = await listen(call.exchange)
    dial: dict[str, object] = {"address": "sim:bob?answer=1s", "detect_machine": True}
    await call.arrange({CAROL: ON_HOLD, ANNA: ON_HOLD, BOB: SCREENING}, dial=dial)
    call.clock.advance(5.0)
    assert kinds(await events()) == [(BOB, LegEventKind.RINGING), (BOB, LegEventKind.ANSWERED)]


def kinds(events: list[LegEvent]) -> list[tuple[str, LegEventKind]]:
    return [(event.leg, event.kind) for event in events]


async def test_who_comes_into_the_room_as_a_target_hears_what_is_announced_at_once() -> None:
    """Somebody who is up already, as a party to whom the agent has talked on another line: nothing is left to do."""
    call = Call()
    joined = {CAROL: RINGING, ANNA: IN_ROOM}
    await call.arrange(joined, announcements={CAROL: 1})
    changes = call.exchange.changes
    await call.arrange(joined, announcements={CAROL: 1})
    assert call.exchange.changes == changes
