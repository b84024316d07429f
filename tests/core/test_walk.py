"""The design's invariants, checked in every state a transfer can reach."""

from collections.abc import Callable

import pytest

from activities.telephony.model import Placement
from hookflash import Cause, CommandName, Outcome, Party, Stage
from tests.core.walk import Space, events
from workflows.core import (
    CUSTOMER,
    Arranged,
    Command,
    Event,
    FallbackKind,
    LegAnswered,
    LegEnded,
    LegRef,
    Standing,
    State,
    TimerFired,
    deadlines,
    decide,
    placements,
    possible,
)


def every_state(space: Space, holds: Callable[[State], bool]) -> None:
    broken = [state for state in space.parents if not holds(state)]
    assert not broken, f"{len(broken)} states, for example after\n  {space.path(broken[0])}"


def every_transition(space: Space, holds: Callable[[State, Event, State], bool]) -> None:
    broken = [step for step in space.transitions if not holds(*step)]
    if broken:
        before, event, after = broken[0]
        pytest.fail(f"{len(broken)} transitions, for example\n  {space.path(before)}\n  {event}\n->{after}")


def room(state: State) -> list[LegRef]:
    return [leg for leg, placement in placements(state).items() if placement is Placement.IN_ROOM]


def test_the_walk_covers_every_stage_and_outcome(space: Space) -> None:
    print(f"\nwalked {len(space.parents):,} states, {len(space.transitions):,} transitions")
    assert {state.stage for state in space.parents} == set(Stage) - {Stage.STARTING}
    assert {state.ending.outcome for state in space.parents if state.ending} == set(Outcome) - {Outcome.SENT_TO_QUEUE}


def test_1_the_customer_is_with_somebody_or_hears_something(space: Space) -> None:
    def holds(state: State) -> bool:
        where = placements(state)
        if where.get(CUSTOMER) is not Placement.IN_ROOM:
            return True  # gone, handed off, not touched, or on hold with music
        others = {placement for leg, placement in where.items() if leg != CUSTOMER}
        return bool(others & {Placement.IN_ROOM, Placement.RINGING})

    every_state(space, holds)


def test_1_every_wait_of_the_customer_has_a_limit(space: Space) -> None:
    def holds(state: State) -> bool:
        waits = state.customer.up and not state.customer_with_person
        about_to_change = state.ending is not None or Standing.EXPIRED in (state.agent, state.target)
        return not waits or about_to_change or bool(deadlines(state))

    every_state(space, holds)


def test_1_with_nobody_doing_anything_the_customer_reaches_a_person_or_a_named_fallback(space: Space) -> None:
    def holds(state: State) -> bool:
        for _ in range(30):
            if state.ended or (state.customer_with_person and state.begun):
                return True
            state = decide(state, Arranged()).state
            if not state.ended and deadlines(state):
                state = decide(state, TimerFired(deadlines(state)[0])).state
        return False

    every_state(space, holds)


def test_2_the_engine_hangs_up_on_the_customer_only_as_the_explicit_last_fallback(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        if before.customer is Standing.GONE or after.customer is not Standing.GONE:
            return True
        if isinstance(event, LegEnded) and event.leg == CUSTOMER:
            return True
        used = after.rules.fallbacks[: after.fallback]
        return used == after.rules.fallbacks and used[-1] is FallbackKind.HANG_UP

    every_transition(space, holds)


def test_3_connected_is_never_reported_before_the_target_was_let_in(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        if after.ending is None or after.ending.outcome is not Outcome.CONNECTED or before.ending == after.ending:
            return True
        answered = isinstance(event, LegAnswered) and event.leg == before.target_leg and not before.gated
        return before.target.up or answered or before.target is Standing.SCREENING

    every_transition(space, holds)


def test_3_a_gated_target_is_let_in_only_by_its_own_consent(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        let_in = after.target.up and not before.target.up
        consented = before.target is Standing.SCREENING and (
            (isinstance(event, Command) and event.name is CommandName.ACCEPT) or "1" in event
        )
        return not (let_in and after.gated) or consented

    every_transition(space, holds)


def test_3_an_ended_transfer_stays_as_it_is(space: Space) -> None:
    every_transition(space, lambda before, _, after: not before.ended or before == after)


def test_3_every_ended_transfer_has_an_outcome(space: Space) -> None:
    every_state(space, lambda state: not state.ended or state.ending is not None)


def test_4_nothing_rings_and_nobody_is_alone_when_a_transfer_has_ended(space: Space) -> None:
    def holds(state: State) -> bool:
        given_up = state.ending is not None and state.ending.cause is Cause.PROVIDER_ERROR and state.failures > 0
        if not state.ended or given_up:
            return True  # after the provider failed for good, nothing can be said of its legs
        where = placements(state)
        left = {Placement.RINGING, Placement.SCREENING} & set(where.values())
        waiting = [leg for leg, placement in where.items() if placement is Placement.ON_HOLD]
        exhausted = state.ending is not None and state.ending.outcome is Outcome.FAILED
        return not left and (not waiting or (waiting == [CUSTOMER] and exhausted)) and len(room(state)) != 1

    every_state(space, holds)


def test_4_every_leg_that_no_longer_counts_is_gone(space: Space) -> None:
    def holds(state: State) -> bool:
        live = {CUSTOMER, state.agent_leg, state.target_leg}
        return all(placement is Placement.GONE for leg, placement in placements(state).items() if leg not in live)

    every_state(space, holds)


def test_4_no_leg_is_ever_forgotten(space: Space) -> None:
    legs = {state: frozenset(placements(state)) for state in space.parents}

    def holds(before: State, _: Event, after: State) -> bool:
        rejected = after.ending is not None and after.ending.outcome is Outcome.REJECTED
        return legs[before] - ({CUSTOMER, before.agent_leg} if rejected else set()) <= legs[after]

    every_transition(space, holds)


def test_6_a_consultation_is_private(space: Space) -> None:
    def holds(state: State) -> bool:
        return state.stage is not Stage.CONSULTING or placements(state)[CUSTOMER] is Placement.ON_HOLD

    every_state(space, holds)


def test_6_a_target_who_is_asked_to_accept_hears_nobody(space: Space) -> None:
    def holds(state: State) -> bool:
        leg = state.target_leg
        return state.target is not Standing.SCREENING or (
            leg is not None and placements(state).get(leg, Placement.SCREENING) is Placement.SCREENING
        )

    every_state(space, holds)


def test_7_cancel_and_unhold_are_accepted_until_the_end(space: Space) -> None:
    def holds(state: State) -> bool:
        return state.ending is not None or {CommandName.CANCEL, CommandName.UNHOLD} <= set(possible(state))

    every_state(space, holds)


def test_7_a_refused_command_says_why(space: Space) -> None:
    for state in space.parents:
        for event in events(state) if state.failures == 0 else ():
            refused = decide(state, event).refused if isinstance(event, Command) else ""
            assert not refused or len(refused.split()) >= 4


def test_5_late_and_doubled_news_of_former_legs_changes_nothing(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        if not isinstance(event, LegAnswered | LegEnded):
            return True
        return event.leg in (CUSTOMER, before.agent_leg, before.target_leg) or before == after

    every_transition(space, holds)


def test_5_a_leg_that_has_ended_does_not_end_twice(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        if not isinstance(event, LegEnded) or decide(after, event).state == after:
            return True
        # The same party may have a new leg by now, under another name.
        return placements(after).get(event.leg) is not Placement.GONE and event.leg.party is Party.TARGET

    every_transition(space, holds)


def test_8_the_customer_leaving_ends_every_ringing_at_once(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        if not isinstance(event, LegEnded) or event.leg != CUSTOMER or Outcome.REJECTED in (after.ending or ()):
            return True
        return not {Standing.RINGING, Standing.SCREENING, Standing.EXPIRED} & {after.agent, after.target}

    every_transition(space, holds)


def test_10_an_outage_does_not_end_a_transfer_before_the_engine_has_run_out_of_patience(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        failed = type(event).__name__ == "ArrangeFailed"
        return not (failed and after.ended and not before.ended) or after.failures >= after.rules.endurance

    every_transition(space, holds)
