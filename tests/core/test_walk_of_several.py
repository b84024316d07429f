"""Several targets at once, ways back that take more than one try, and what people are told: in every state."""

import pytest

from hookflash import Cause, Mode, Outcome, Stage
from tests.core.holding import asked, every_event, every_state, every_transition, room, targets, where
from tests.core.walk import Space
from workflows.core import (
    CUSTOMER,
    Event,
    FallbackKind,
    Farewell,
    LegAnswered,
    LegEnded,
    PlannedTarget,
    Standing,
    State,
    Timer,
    TimerFired,
    farewells,
)

pytestmark = pytest.mark.timeout(900)  # the walk itself is part of the first test


def test_only_one_target_is_ever_let_in(space: Space) -> None:
    def holds(state: State) -> bool:
        others = [standing for leg, (_, standing) in targets(state).items() if leg != state.target_leg]
        if state.target.up:
            return all(standing is Standing.DISMISSED for standing in others)
        return not any(standing.up for standing in others)

    every_state(space, holds)


def test_one_that_has_come_furthest_is_the_current_target(space: Space) -> None:
    every_state(space, lambda state: not asked(state) or state.target_leg in asked(state))


def test_who_rings_beside_one_that_fails_goes_on_ringing(space: Space) -> None:
    def holds(before: State, event: LegEnded, after: State) -> bool:
        if event.leg not in targets(before) or before.ending:
            return True
        beside = {leg: it for leg, it in targets(before).items() if leg != event.leg and it[1].pending}
        return not targets(before)[event.leg][1].pending or not beside or targets(after) == beside

    every_event(space, LegEnded, holds)


def test_the_first_to_answer_wins_and_all_others_are_sent_away(space: Space) -> None:
    won: set[tuple[State, State]] = set()

    def holds(before: State, event: LegAnswered, after: State) -> bool:
        if event.leg not in targets(before) or not before.rivals:
            return True
        target, standing = targets(before)[event.leg]
        if target.gated or not standing.calling:
            return True
        won.add((before, after))
        others = {leg: standing for leg, (_, standing) in targets(after).items() if leg != event.leg}
        dismissed = all(standing is Standing.DISMISSED for standing in others.values())
        return after.target_leg == event.leg and after.target.up and dismissed and len(others) == len(before.rivals)

    every_event(space, LegAnswered, holds)
    assert won


def test_who_answered_while_its_leg_was_being_ended_has_not_taken_over(space: Space) -> None:
    def holds(before: State, event: LegEnded, after: State) -> bool:
        if event.cause is not Cause.NO_ANSWER or not before.target.up:
            return True
        if before.ending is not None and before.ending.outcome is not Outcome.CONNECTED:
            return True
        next_rings = bool(before.waiting) and after.current == before.waiting[0]
        back = after.ending is not None and after.ending[:2] == (Outcome.RETURNED_TO_AGENT, Cause.NO_ANSWER)
        return next_rings or back or after.fallback > before.fallback or after.stage is Stage.DECIDING

    every_event(space, LegEnded, holds)


def test_who_is_sent_away_unheard_is_told_so_and_nobody_else(space: Space) -> None:
    def holds(state: State) -> bool:
        dismissed = {leg for leg, (_, standing) in targets(state).items() if standing is Standing.DISMISSED}
        told = {leg for leg, what in farewells(state).items() if what is Farewell.NOTICE}
        return told == dismissed and not dismissed & set(room(state))

    every_state(space, holds)


def test_a_customer_who_is_let_go_is_told_what_comes_next(space: Space) -> None:
    said = {Outcome.FAILED: Farewell.APOLOGY, Outcome.CALLBACK_SCHEDULED: Farewell.CALL_BACK}

    def holds(state: State) -> bool:
        let_go = state.customer is Standing.GONE and state.ending is not None and state.ending.outcome in said
        expected = said[state.ending.outcome] if let_go and state.ending else None
        return farewells(state).get(CUSTOMER) == expected

    every_state(space, holds)


def test_an_agent_is_rung_again_only_after_a_pause(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        rung = after.agent is Standing.RINGING and before.agent is not Standing.RINGING
        if not rung or before.agent is Standing.PAUSING:
            return not rung or (isinstance(event, TimerFired) and event.deadline.timer is Timer.RECALL_PAUSE)
        return after.rules.fallbacks[after.fallback - 1] is FallbackKind.RECALL

    every_transition(space, holds)


def test_a_target_among_the_fallbacks_gets_the_customer_or_the_next_entry_does(space: Space) -> None:
    def holds(before: State, _: Event, after: State) -> bool:
        entry = after.rules.fallbacks[after.fallback - 1] if after.fallback > before.fallback else None
        if not isinstance(entry, PlannedTarget):
            return True
        return after.current == entry and after.stage is Stage.RINGING and after.customer is Standing.IN_ROOM

    every_transition(space, holds)


def test_the_overall_limit_leaves_the_customer_with_a_person_or_with_a_fallback(space: Space) -> None:
    def holds(before: State, event: TimerFired, after: State) -> bool:
        if event.deadline.timer is not Timer.OVERALL_LIMIT:
            return True
        if after.ending is None:
            return after.fallback > before.fallback
        met = after.ending.outcome is Outcome.CONNECTED
        cause = None if met else Cause.OVERALL_LIMIT
        with_person = CUSTOMER in room(after) and len(room(after)) == 2
        return after.ending.cause is cause and (with_person or after.fallback > before.fallback)

    every_event(space, TimerFired, holds)


def test_the_agent_leaves_by_itself_only_a_three_way_call(space: Space) -> None:
    def holds(before: State, event: TimerFired, after: State) -> bool:
        if event.deadline.timer is not Timer.LINGER:
            return True
        introduced = len(room(before)) == 3 and before.rules.mode is Mode.WARM
        return introduced and after.ending is not None and after.ending.outcome is Outcome.CONNECTED

    every_event(space, TimerFired, holds)


def test_a_reminder_moves_nobody(space: Space) -> None:
    def holds(before: State, event: TimerFired, after: State) -> bool:
        said = event.deadline.timer in (Timer.REMINDER, Timer.CONSULT_WARNING)
        return not said or where(before) == where(after)

    every_event(space, TimerFired, holds)
