"""What targets are told whom the engine lets go: in every state, whatever happens."""

from collections.abc import Callable

import pytest

from hookflash import Actor, CommandName, Mode
from tests.core.holding import every_transition, node_down, targets
from tests.core.walk import Space
from workflows.core import (
    Command,
    DigitPressed,
    Event,
    Farewell,
    LegEnded,
    LegRef,
    MachineAnswered,
    Standing,
    State,
    Timer,
    TimerFired,
    farewells,
)

pytestmark = pytest.mark.timeout(900)  # the walk itself is part of the first test


def test_whoever_has_answered_and_is_let_go_by_us_is_told_so(space: Space) -> None:
    reasons: set[str] = set()
    answered, told = _of_each(space, _answered), _of_each(space, _told)

    def holds(before: State, event: Event, after: State) -> bool:
        let_go = answered[before] - answered[after]
        if not let_go:
            return True
        knowing = {leg for leg in let_go if (why := _knows(before, event, leg)) and not reasons.add(why)}
        return let_go & told[after] == let_go - knowing

    every_transition(space, holds)
    talks = {"the agent said so"} if space.mode is not Mode.BLIND else set[str]()
    assert reasons == {"left", "declined", "a machine", "said nothing", "lost"} | talks


def test_who_is_to_be_told_is_told_whatever_comes_before_the_provider_has_done_it(space: Space) -> None:
    told = _of_each(space, _told)

    def holds(before: State, event: Event, after: State) -> bool:
        if not told[before] or node_down(event):
            return True
        # The walk may give a retarget the number of a fallback: then that leg is rung anew. The engine never does.
        rung = {after.target_leg} if after.target.there else set[LegRef]()
        return told[before] - rung <= told[after]

    every_transition(space, holds)


def _answered(state: State) -> frozenset[LegRef]:
    legs = ((leg, standing) for leg, (_, standing) in targets(state).items())
    return frozenset(leg for leg, standing in legs if standing.up or standing is Standing.SCREENING)


def _told(state: State) -> frozenset[LegRef]:
    return frozenset(leg for leg, what in farewells(state).items() if what is Farewell.NOTICE)


def _of_each(space: Space, legs: Callable[[State], frozenset[LegRef]]) -> dict[State, frozenset[LegRef]]:
    """Return some legs of every state: once for each, not for each of its transitions, of which there are many more."""
    return {state: legs(state) for state in space.parents}


def _knows(before: State, event: Event, leg: LegRef) -> str:
    """Return why a target that is let go need not be told so; empty: it has to be."""
    standing = targets(before)[leg][1]
    match event:
        case LegEnded(ended, _) if node_down(event) or ended == leg:
            return "lost" if node_down(event) else "left"
        case DigitPressed(pressed, "2") if pressed == leg:
            return "declined"
        case Command(CommandName.DECLINE):
            return "declined"
        case MachineAnswered(answered) if answered == leg:
            return "a machine"
        case TimerFired(deadline) if deadline == (Timer.ACCEPT, leg.number):
            return "said nothing"
        case Command(_, by=Actor.AGENT) if before.agent is standing is Standing.IN_ROOM:
            return "the agent said so"
        case _:
            return ""
