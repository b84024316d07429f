"""The design's invariants, checked in every state a transfer can reach.

What commands may do is in ``test_walk_of_commands``, what happens to a transfer by itself in ``test_walk_of_news``.
"""

import pytest

from activities.telephony.model import Placement
from hookflash import Cause, CommandName, Mode, Outcome, Stage
from tests.core.holding import asked, every_state, every_transition, pending, room, somebody_rings, targets, where
from tests.core.walk import Space
from workflows.core import (
    CUSTOMER,
    Arranged,
    Command,
    Deadline,
    DigitPressed,
    Event,
    FallbackKind,
    LegAnswered,
    LegEnded,
    Standing,
    State,
    Timer,
    TimerFired,
    deadlines,
    decide,
)

pytestmark = pytest.mark.timeout(900)  # the walk itself is part of the first test


ABSENT: dict[Mode, set[Stage | Outcome]] = {
    Mode.WARM: {Outcome.CONSULTED},
    Mode.COLD: {Outcome.CONSULTED, Stage.DECIDING},
    Mode.BLIND: {  # all that needs an agent who has not left at once
        Outcome.CONSULTED,
        Outcome.CANCELLED,
        Outcome.RETURNED_TO_AGENT,
        Stage.CONSULTING,
        Stage.DECIDING,
        Stage.INTRODUCED,
        Stage.PARKED,
        Stage.SWAPPED,
        Stage.THREE_WAY,
    },
    Mode.CONSULT: {Outcome.CALLBACK_SCHEDULED, Outcome.SENT_TO_QUEUE},  # fallbacks it is not walked with
}
"""What does not happen in a mode. Everything happens in one of them."""


def test_the_walk_covers_every_stage_and_outcome(space: Space) -> None:
    transitions = sum(len(along) for along in space.transitions.values())
    print(f"\n{space.mode.value}: walked {len(space.parents):,} states, {transitions:,} transitions")
    stages = {state.stage for state in space.parents}
    outcomes = {state.ending.outcome for state in space.parents if state.ending}
    assert stages == set(Stage) - {Stage.STARTING} - ABSENT[space.mode]
    assert outcomes == set(Outcome) - ABSENT[space.mode]
    assert all(any(it not in absent for absent in ABSENT.values()) for it in (*Stage, *Outcome))
    causes = {state.ending.cause for state in space.parents if state.ending}
    assert {Cause.MACHINE, Cause.OVERALL_LIMIT, Cause.ACCEPT_TIMEOUT, Cause.HOLD_BUDGET} <= causes


def test_1_the_customer_is_with_somebody_or_hears_something(space: Space) -> None:
    def holds(state: State) -> bool:
        legs = where(state)
        if legs.get(CUSTOMER) is not Placement.IN_ROOM:
            return True  # gone, handed off, not touched, or on hold with music
        others = {placement for leg, placement in legs.items() if leg != CUSTOMER}
        return Placement.IN_ROOM in others or somebody_rings(state)

    every_state(space, holds)


def test_1_every_wait_of_the_customer_has_a_limit(space: Space) -> None:
    def holds(state: State) -> bool:
        waits = state.customer.up and not state.customer_with_person
        about_to_change = state.ending is not None or Standing.EXPIRED in (state.agent, state.target)
        return not waits or about_to_change or bool(deadlines(state))

    every_state(space, holds)


def test_1_a_wait_runs_exactly_while_somebody_waits(space: Space) -> None:
    def holds(state: State) -> bool:
        target, rules = state.target_leg.number if state.target_leg else 0, state.rules
        talking = CUSTOMER in room(state) and len(room(state)) > 1
        aside = Standing.ON_HOLD in (state.customer, state.agent, state.target)
        private = state.agent.up and state.target.up and aside
        all_three = {CUSTOMER, state.agent_leg, state.target_leg} == set(room(state))
        waits = {
            Deadline(Timer.RECALL, state.agent_number): state.agent is Standing.RINGING,
            Deadline(Timer.RECALL_PAUSE, state.agent_number): state.agent is Standing.PAUSING,
            Deadline(Timer.CONSULT_WARNING, target): private and rules.warns and state.warned_of != target,
            Deadline(Timer.CONSULT_LIMIT, target): private,
            Deadline(Timer.LINGER): all_three and rules.lingers and rules.mode is Mode.WARM,
            Deadline(Timer.REMINDER, state.reminders + 1): not talking and state.reminders < rules.most_reminders,
            Deadline(Timer.HOLD_BUDGET): not talking and state.fallback == 0,
            Deadline(Timer.OVERALL_LIMIT): state.fallback == 0,
        }
        for leg, (_, standing) in targets(state).items():
            waits[Deadline(Timer.RING, leg.number)] = standing is Standing.RINGING
            waits[Deadline(Timer.ACCEPT, leg.number)] = standing is Standing.SCREENING
        expected = {deadline for deadline, runs in waits.items() if runs and not state.ending}
        retry = {Deadline(Timer.RETRY, state.failures)} if state.retrying else set[Deadline]()
        return set(deadlines(state)) == expected | retry

    every_state(space, holds)


def test_1_a_customer_without_an_agent_hears_the_target_ring(space: Space) -> None:
    def holds(before: State, _: Event, after: State) -> bool:
        if after.customer is Standing.IN_ROOM or after.agent.up or not pending(after):
            return True
        return not (before.agent.up or after.target_leg not in targets(before))

    every_transition(space, holds)


def test_1_only_who_would_be_alone_in_the_room_is_kept_out_of_it(space: Space) -> None:
    def holds(state: State) -> bool:
        wishes = {CUSTOMER: state.customer, state.agent_leg: state.agent}
        if state.target_leg:
            wishes[state.target_leg] = state.target
        wanted = {leg for leg, standing in wishes.items() if standing is Standing.IN_ROOM}
        deaf = wanted == {CUSTOMER} and state.rules.music_while_ringing
        company = len(wanted) > 1 or (somebody_rings(state) and not deaf)
        rejected = state.ending is not None and state.ending.outcome is Outcome.REJECTED
        return rejected or set(room(state)) == (wanted if company else set())

    every_state(space, holds)


def test_1_with_nobody_doing_anything_the_customer_reaches_a_person_or_a_named_fallback(space: Space) -> None:
    # Where nobody has reached anything yet, and the state that is next: known for every state, so never decided twice.
    under_way = {state: _left_to_itself(state) for state in space.parents if not _is_settled(state)}
    assert space.parents.keys() >= set(under_way.values())
    for _ in range(29):
        under_way = {state: following for state, following in under_way.items() if following in under_way}
    every_state(space, lambda state: state not in under_way)


def _is_settled(state: State) -> bool:
    return state.ended or (state.customer_with_person and state.begun)


def _left_to_itself(state: State) -> State:
    state = decide(state, Arranged()).state
    running = deadlines(state)
    return decide(state, TimerFired(running[0])).state if running and not state.ended else state


def test_2_the_engine_lets_the_customer_go_only_as_the_explicit_last_fallback_or_to_call_back(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        if before.customer is Standing.GONE or after.customer is not Standing.GONE:
            return True
        if isinstance(event, LegEnded) and event.leg == CUSTOMER:
            return True
        used = after.rules.fallbacks[: after.fallback]
        last = used == after.rules.fallbacks and used[-1] is FallbackKind.HANG_UP
        return last or used[-1] is FallbackKind.CALL_BACK

    every_transition(space, holds)


def test_3_connected_is_never_reported_before_the_target_was_let_in(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        if after.ending is None or after.ending.outcome is not Outcome.CONNECTED or before.ending == after.ending:
            return True
        if before.target.up:
            return True
        assert after.target_leg
        target, standing = targets(before)[after.target_leg]
        answered = isinstance(event, LegAnswered) and event.leg == after.target_leg and not target.gated
        return answered or standing is Standing.SCREENING

    every_transition(space, holds)


def test_3_the_outcome_says_who_is_with_the_customer(space: Space) -> None:
    with_agent = (Outcome.RETURNED_TO_AGENT, Outcome.RECALLED_AGENT, Outcome.CANCELLED, Outcome.CONSULTED)

    def holds(state: State) -> bool:
        if state.ending is None or state.ending.outcome not in (Outcome.CONNECTED, *with_agent):
            return True
        other = state.target_leg if state.ending.outcome is Outcome.CONNECTED else state.agent_leg
        return set(room(state)) == {CUSTOMER, other}

    every_state(space, holds)


def test_3_who_only_advises_gets_the_customer_only_if_they_were_talking_when_the_agent_left(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        connected = after.ending is not None and after.ending.outcome is Outcome.CONNECTED and not before.ending
        if not connected or after.rules.mode is not Mode.CONSULT:
            return True
        agent_left = isinstance(event, LegEnded) and event.leg == before.agent_leg
        return agent_left and {CUSTOMER, before.target_leg} <= set(room(before))

    every_transition(space, holds)


def test_3_a_gated_target_is_let_in_only_by_its_own_consent(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        if before.target.up or not (after.target.up and after.gated):
            return True
        accepted = isinstance(event, Command) and event.name is CommandName.ACCEPT
        pressed = isinstance(event, DigitPressed) and (event.leg, event.digit) == (after.target_leg, "1")
        return after.target_leg in asked(before) and (accepted or pressed)

    every_transition(space, holds)


def test_3_an_ended_transfer_stays_as_it_is(space: Space) -> None:
    every_transition(space, lambda before, _, after: not before.ended or before == after)


def test_3_every_ended_transfer_has_an_outcome(space: Space) -> None:
    every_state(space, lambda state: not state.ended or state.ending is not None)


def test_4_nothing_rings_and_nobody_is_alone_when_a_transfer_has_ended(space: Space) -> None:
    def holds(state: State) -> bool:
        if not state.ended or state.failures >= state.rules.endurance:
            return True  # after the provider failed for good, nothing can be said of its legs
        legs = where(state)
        left = {Placement.RINGING, Placement.SCREENING} & set(legs.values())
        waiting = [leg for leg, placement in legs.items() if placement is Placement.ON_HOLD]
        exhausted = state.ending is not None and state.ending.outcome is Outcome.FAILED
        return not left and (not waiting or (waiting == [CUSTOMER] and exhausted)) and len(room(state)) != 1

    every_state(space, holds)


def test_4_every_leg_that_no_longer_counts_is_gone(space: Space) -> None:
    def holds(state: State) -> bool:
        live = {CUSTOMER, state.agent_leg, *targets(state)}
        return all(placement is Placement.GONE for leg, placement in where(state).items() if leg not in live)

    every_state(space, holds)


def test_4_no_leg_is_ever_forgotten(space: Space) -> None:
    legs = {state: frozenset(where(state)) for state in space.parents}

    def holds(before: State, _: Event, after: State) -> bool:
        rejected = after.ending is not None and after.ending.outcome is Outcome.REJECTED
        return legs[before] - ({CUSTOMER, before.agent_leg} if rejected else set()) <= legs[after]

    every_transition(space, holds)


def test_6_a_consultation_is_private(space: Space) -> None:
    def holds(before: State, event: Event, after: State) -> bool:
        if isinstance(event, Command) and event.name in (CommandName.UNHOLD, CommandName.CONFERENCE):
            return True
        return not (len(together := room(after)) > 2 and CUSTOMER in together and CUSTOMER not in room(before))

    every_transition(space, holds)


def test_6_a_target_who_is_let_in_talks_to_the_agent_while_the_customer_is_on_hold(space: Space) -> None:
    def holds(before: State, _: Event, after: State) -> bool:
        consulting = before.agent is Standing.IN_ROOM or after.rules.mode in (Mode.WARM, Mode.CONSULT)
        if not (pending(before) and after.target.up and before.agent.up and consulting):
            return True
        if before.customer is not Standing.ON_HOLD:
            return CUSTOMER in room(after)
        return where(after)[CUSTOMER] is Placement.ON_HOLD and set(room(after)) == {after.agent_leg, after.target_leg}

    every_transition(space, holds)


def test_6_a_target_who_must_accept_never_rings_into_the_room(space: Space) -> None:
    def holds(state: State) -> bool:
        screened = {True: Placement.SCREENING, False: Placement.RINGING}
        there = {leg: it for leg, (it, standing) in targets(state).items() if standing.pending}
        return all(where(state)[leg] is screened[it.waits_alone] for leg, it in there.items())

    every_state(space, holds)
