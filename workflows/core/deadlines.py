"""Which waits run in a state, and what happens when one is over."""

from dataclasses import replace

from hookflash import Actor, Cause, Mode, Outcome, Stage
from workflows.core import steps
from workflows.core.events import Deadline, Timer
from workflows.core.state import Standing, State


def deadlines(state: State) -> tuple[Deadline, ...]:
    """Return the waits that run in this state, most urgent first."""
    if state.ended:
        return ()
    running: list[Deadline] = []
    if state.retrying:
        running.append(Deadline(Timer.RETRY, state.failures))
    if state.ending:
        return tuple(running)
    if state.target_leg and state.target is Standing.RINGING:
        running.append(Deadline(Timer.RING, state.target_leg.number))
    if state.target_leg and state.target is Standing.SCREENING:
        running.append(Deadline(Timer.ACCEPT, state.target_leg.number))
    if state.agent is Standing.RINGING:
        running.append(Deadline(Timer.RECALL, state.agent_number))
    if not state.customer_with_person and state.fallback == 0:
        # Fallbacks have limits of their own; the budget has done its work when the first of them is tried.
        running.append(Deadline(Timer.HOLD_BUDGET))
    if state.target_leg and _somebody_waits_aside(state):
        running.append(Deadline(Timer.CONSULT_LIMIT, state.target_leg.number))
    return tuple(running)


def timer_fired(state: State, deadline: Deadline) -> State:
    """Return the state after a wait is over. A wait that no longer runs changes nothing."""
    if deadline not in deadlines(state):
        return state
    match deadline.timer:
        case Timer.RETRY:
            return replace(state, retrying=False)
        case Timer.RING:
            return replace(state, target=Standing.EXPIRED)
        case Timer.RECALL:
            return replace(state, agent=Standing.EXPIRED)
        case Timer.ACCEPT:
            return steps.attempt_failed(state, Cause.ACCEPT_TIMEOUT)
        case Timer.HOLD_BUDGET:
            return _time_is_up(state, Cause.HOLD_BUDGET)
        case Timer.CONSULT_LIMIT:
            return _time_is_up(state, Cause.CONSULT_LIMIT)


def _somebody_waits_aside(state: State) -> bool:
    both_up = state.target.up and state.agent.up
    return both_up and Standing.ON_HOLD in (state.customer, state.agent, state.target)


def _time_is_up(state: State, cause: Cause) -> State:
    if not state.agent.up:
        return steps.fall_back(state, cause)
    if state.stage is Stage.INTRODUCED and state.rules.mode is not Mode.CONSULT:
        return steps.connect(state, Actor.ENGINE)  # the two are talking; it is the agent who has waited long enough
    advised = state.rules.mode is Mode.CONSULT and state.target.up
    outcome = Outcome.CONSULTED if advised else Outcome.RETURNED_TO_AGENT
    return steps.give_back(state, outcome, cause, Actor.ENGINE)
