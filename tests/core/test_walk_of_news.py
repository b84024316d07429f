"""What late news, hang-ups and outages do in every state."""

import pytest

from activities.telephony.model import Placement
from hookflash import Actor, Cause, Mode, Outcome, Party, Stage
from tests.core.holding import (
    asked,
    every_event,
    every_state,
    every_transition,
    node_down,
    room,
    somebody_rings,
    targets,
    where,
)
from tests.core.test_walk import ABSENT
from tests.core.walk import Space
from workflows.core import CUSTOMER, ArrangeFailed, Event, FallbackKind, LegAnswered, LegEnded, Standing, State, decide

pytestmark = pytest.mark.timeout(900)  # the walk itself is part of the first test


def test_5_late_and_doubled_news_of_former_legs_changes_nothing(space: Space) -> None:
    def holds(before: State, event: LegAnswered | LegEnded, after: State) -> bool:
        return event.leg in (CUSTOMER, before.agent_leg, *targets(before)) or before == after

    every_event(space, LegAnswered, holds)
    every_event(space, LegEnded, holds)


def test_5_a_leg_that_has_ended_does_not_end_twice(space: Space) -> None:
    def holds(_: State, event: LegEnded, after: State) -> bool:
        if decide(after, event).state == after:
            return True
        # The same party may have a new leg by now, under another name.
        return where(after).get(event.leg) is not Placement.GONE and event.leg.party is Party.TARGET

    every_event(space, LegEnded, holds)


def test_5_an_answer_counts_also_when_the_ringing_time_is_up(space: Space) -> None:
    def holds(state: State) -> bool:
        if state.ended or not (state.target.calling or state.agent.calling):
            return True
        if state.agent.calling:
            recalled = decide(state, LegAnswered(state.agent_leg)).state
            return recalled.ending is not None and recalled.ending.outcome is Outcome.RECALLED_AGENT
        for leg, (target, standing) in targets(state).items():
            answered = targets(decide(state, LegAnswered(leg)).state)[leg]
            taken = (target, Standing.SCREENING if target.gated else Standing.IN_ROOM)
            if standing.calling and answered != taken:
                return False
        return True

    every_state(space, holds)


def test_8_agent_and_target_who_were_both_there_stay_together_without_the_customer(space: Space) -> None:
    def holds(before: State, event: LegEnded, after: State) -> bool:
        if event.leg != CUSTOMER or Outcome.REJECTED in (after.ending or ()):
            return True
        both = before.agent.up and before.target.up and not node_down(event)
        return set(room(after)) == ({after.agent_leg, after.target_leg} if both else set())

    every_event(space, LegEnded, holds)


def test_8_the_customer_leaving_ends_every_ringing_at_once(space: Space) -> None:
    def holds(_: State, event: LegEnded, after: State) -> bool:
        if event.leg != CUSTOMER or Outcome.REJECTED in (after.ending or ()):
            return True
        return not somebody_rings(after) and not asked(after) and after.agent is not Standing.PAUSING

    every_event(space, LegEnded, holds)


def test_9_the_agent_decides_when_nobody_took_over_unless_the_two_are_talking_already(space: Space) -> None:
    def holds(before: State, event: LegEnded, after: State) -> bool:
        if event.leg != before.target_leg or before.ending or not before.agent.up:
            return True
        beside = {leg for leg, (_, standing) in targets(before).items() if standing.pending} - {event.leg}
        if beside:
            return after.target_leg in beside
        if before.waiting and (not before.target.up or event.cause is Cause.NO_ANSWER):
            return after.current == before.waiting[0]
        advised = before.rules.mode is Mode.CONSULT and before.target.up and event.cause is not Cause.NO_ANSWER
        if before.rules.wait_when_unanswered and before.customer is Standing.ON_HOLD and not advised:
            return after.stage is Stage.DECIDING and after.agent is Standing.IN_ROOM
        outcome = Outcome.CONSULTED if advised else Outcome.RETURNED_TO_AGENT
        return after.ending is not None and after.ending.outcome is outcome

    every_event(space, LegEnded, holds)


def test_9_nothing_falls_back_while_the_agent_is_there(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        if after.fallback == before.fallback:
            return True
        there = before.agent.up or before.agent is Standing.LEAVING
        left = isinstance(event, LegEnded) and event.leg == before.agent_leg
        return not there or left or node_down(event)

    every_transition(space, holds)


def test_9_of_a_call_that_its_node_has_lost_only_a_call_back_is_left(space: Space) -> None:
    seen: set[Outcome] = set()

    def holds(before: State, event: LegEnded, after: State) -> bool:
        if not node_down(event) or before.customer is Standing.GONE:
            return True
        assert after.ending is not None
        seen.add(after.ending.outcome)
        promised = FallbackKind.CALL_BACK in after.rules.fallbacks[before.fallback :]
        kept = after.rules.fallbacks[after.fallback - 1] is FallbackKind.CALL_BACK
        outcome = Outcome.CALLBACK_SCHEDULED if promised else Outcome.FAILED
        nobody = {Placement.GONE} >= set(where(after).values())
        same = after.fallback == before.fallback
        return after.ending == (outcome, Cause.NODE_DOWN, Actor.ENGINE) and nobody and (kept if promised else same)

    every_event(space, LegEnded, holds)
    assert seen == {Outcome.CALLBACK_SCHEDULED, Outcome.FAILED} - ABSENT[space.mode]


def test_10_an_outage_does_not_end_a_transfer_before_the_engine_has_run_out_of_patience(space: Space) -> None:
    def holds(before: State, _: ArrangeFailed, after: State) -> bool:
        return not after.ended or before.ended or after.failures >= after.rules.endurance

    every_event(space, ArrangeFailed, holds)


def test_10_what_the_provider_never_can_is_refused_as_long_as_nothing_was_touched(space: Space) -> None:
    """Legs that are not ours to move: nobody is moved, nobody rings, and the fallbacks are for people we have."""

    def holds(before: State, event: ArrangeFailed, after: State) -> bool:
        never = event.permanently and not before.begun and before.ending is None
        if not never or before.fallback or before.failures + 1 >= before.rules.endurance or not before.customer.up:
            return True
        refused = after.ending is not None and after.ending[:2] == (Outcome.REJECTED, Cause.PROVIDER_ERROR)
        return refused and not after.retrying and set(where(after).values()) <= {Placement.GONE}

    every_event(space, ArrangeFailed, holds)
