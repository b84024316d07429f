"""The agent's keys and what they mean: which are a code, and that a code does what its command does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookflash import Actor, CommandName, FeatureCodes, Mode, Party, Policy, Target
from tests.core.one_call import ANNA, CAROL, LATENCY, OneCall
from workflows.core import CUSTOMER, Command, DigitPressed, LegRef, PlannedTarget, Rules, Standing, State, begin
from workflows.core.state import FallbackKind
from workflows.feature_codes import DigitCollector, usable

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
TIMEOUT = timedelta(seconds=2)
CODES = FeatureCodes(cancel="0", complete="*2", conference="*31", swap="*32", hold="##", unhold="#1D0")
AGENT, TARGET = LegRef(Party.AGENT), LegRef(Party.TARGET)
RINGING = begin(Rules(Mode.WARM, (FallbackKind.HANG_UP,)), (PlannedTarget(1),))


def typed(*keys: str, pause: timedelta = TIMEOUT, state: State = RINGING, leg: LegRef = AGENT) -> list[str]:
    """Return the codes that are found in some keys, with a pause where one string ends and the next begins."""
    collector, at, found = DigitCollector(CODES), NOON, list[str]()
    for together in keys:
        for key in together:
            if done := collector.hear(state, DigitPressed(leg, key), at):
                assert done.code == CODES.codes[done.command.name]
                assert done.command.by is Actor.AGENT
                assert done.command.party is Party.CUSTOMER
                found.append(done.command.name.value)
        at += pause
    return found


@pytest.mark.parametrize(
    ("keys", "commands"),
    [
        ("*2", ["complete"]),
        ("*31*320", ["conference", "swap", "cancel"]),
        ("00", ["cancel", "cancel"]),
        ("#1D0", ["unhold"]),
        ("7*2", ["complete"]),
        ("**2", ["complete"]),  # what cannot go on to be a code is forgotten, and its end begins the next
        ("*3*31", ["conference"]),
        ("#1##", ["hold"]),
        ("*30", ["cancel"]),
        ("###", ["hold"]),
        ("*3#2", []),
        ("2*", []),
        ("#1d0", ["cancel"]),
        ("", []),
    ],
)
def test_a_code_is_found_at_its_last_key(keys: str, commands: list[str]) -> None:
    assert typed(keys) == commands


def test_of_a_code_and_one_that_ends_like_it_the_longer_is_meant() -> None:
    collector = DigitCollector(FeatureCodes(cancel="1", complete="*1"))
    found = [collector.hear(RINGING, DigitPressed(AGENT, key), NOON) for key in "*11"]
    assert [it.code if it else "" for it in found] == ["", "*1", "1"]


@pytest.mark.parametrize("keys", [("*", "2"), ("*", "3", "1"), ("*3", "1"), ("*3", "2")])
def test_a_pause_between_two_keys_of_a_code_may_last_as_long_as_was_asked_for(keys: tuple[str, ...]) -> None:
    assert len(typed(*keys)) == 1
    assert typed(*keys, pause=TIMEOUT + timedelta(microseconds=1)) == []


def test_a_code_is_found_after_one_that_was_given_up() -> None:
    assert typed("*3", "*2", pause=timedelta(seconds=3)) == ["complete"]
    assert typed("#1D", "0", "*31", pause=timedelta(seconds=3)) == ["cancel", "conference"]


@pytest.mark.parametrize("leg", [CUSTOMER, TARGET, LegRef(Party.AGENT, 2)])
def test_nobody_but_the_agent_presses_codes(leg: LegRef) -> None:
    assert typed("0*2*31*32##", leg=leg) == []


def test_keys_of_others_neither_help_nor_disturb() -> None:
    collector = DigitCollector(CODES)
    heard = [(AGENT, "*"), (CUSTOMER, "2"), (TARGET, "5"), (AGENT, "2")]
    found = [collector.hear(RINGING, DigitPressed(leg, key), NOON) for leg, key in heard]
    assert found[:3] == [None, None, None]
    assert found[3] == ("*2", Command(CommandName.COMPLETE, by=Actor.AGENT))


def test_an_agent_who_has_left_or_is_called_back_presses_no_codes() -> None:
    for standing in Standing:
        state = RINGING._replace(agent=standing)
        assert typed("0", state=state) == (["cancel"] if standing.up else [])
        assert bool(usable(CODES, state)) == standing.up


def test_without_codes_keys_mean_nothing() -> None:
    for codes in (None, FeatureCodes()):
        collector = DigitCollector(codes)
        assert [collector.hear(RINGING, DigitPressed(AGENT, key), NOON) for key in "0*2"] == [None] * 3
        assert usable(codes, RINGING) == {}


def test_the_usable_codes_are_those_that_would_be_obeyed() -> None:
    assert usable(CODES, RINGING) == CODES.codes  # swap: the agent goes back to the customer while it rings
    deciding = RINGING._replace(target=Standing.GONE)
    assert set(usable(CODES, deciding)) == {CommandName.CANCEL, CommandName.HOLD, CommandName.UNHOLD}


@st.composite
def _codes(draw: st.DrawFn) -> FeatureCodes:
    """Return codes of few different keys, so that they have much in common; none is a part of another.

    Where one is, the longer one wins: whoever presses it would never get to its end otherwise.
    """
    names = ["cancel", "complete", "conference", "swap", "hold", "unhold"]
    found: dict[str, str] = {}
    for code in draw(st.lists(st.text("*1", min_size=1, max_size=4), max_size=len(names))):
        if not any(code in it or it in code for it in found.values()):
            found[names[len(found)]] = code
    return FeatureCodes.model_validate(found)


@given(_codes(), st.text("*12", max_size=30))
def test_every_code_that_is_pressed_is_found_once(codes: FeatureCodes, keys: str) -> None:
    """The same as to look, after each key, for a code at the end of all keys since the last one that was found."""
    collector, since = DigitCollector(codes), ""
    for key in keys:
        since += key
        expected = next((code for code in codes.codes.values() if since.endswith(code)), None)
        found = collector.hear(RINGING, DigitPressed(AGENT, key), NOON)
        assert (found.code if found else None) == expected
        since = "" if expected else since


_PHONES = st.sampled_from(["ring", "busy", "answer=1s", "answer=1s&hangup=3s", "answer=300ms"])
_STEPS = st.lists(
    st.one_of(st.sampled_from(sorted(CODES.codes)), st.sampled_from([0.3, 1.0, 3.0]), st.sampled_from([ANNA, CAROL])),
    max_size=8,
)


@given(st.sampled_from([Mode.WARM, Mode.COLD, Mode.CONSULT]), st.lists(_PHONES, min_size=1, max_size=2), _STEPS)
@settings(max_examples=100, deadline=None)
def test_a_code_does_what_its_command_does(
    mode: Mode, phones: list[str], steps: list[CommandName | float | str]
) -> None:
    targets = tuple(Target(address=f"sim:bob?{it}", name=it, ring_timeout=timedelta(seconds=4)) for it in phones)
    pressing, commanding = (OneCall(mode, targets, Policy(feature_codes=CODES), "busy", ("", "")) for _ in range(2))
    for step in (0.3, *steps):  # the agent counts once the provider has said that it is there
        for call in (pressing, commanding):
            if not isinstance(step, CommandName):
                call.exchange.hang_up(step) if isinstance(step, str) else call.wait(step)
            elif call is pressing:
                call.press(ANNA, CODES.codes[step])
                call.wait(LATENCY)
            else:
                there = call.exchange.legs[ANNA].up
                call.wait(LATENCY)
                if there and call.state.agent.up:
                    call.command(Command(step, by=Actor.AGENT))
        assert pressing.state._replace(rules=RINGING.rules) == commanding.state._replace(rules=RINGING.rules)
