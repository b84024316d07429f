"""What becomes of the others when a leg ends, in each state."""

from dataclasses import replace

from hookflash import Actor, Cause, Mode, Outcome, Party
from workflows.core import steps
from workflows.core.events import LegEnded
from workflows.core.state import CUSTOMER, Standing, State

_NOT_OURS = (Cause.UNKNOWN_LEG, Cause.IN_TRANSFER)
_BACK_WITH_AGENT = (Outcome.RETURNED_TO_AGENT, Outcome.CANCELLED, Outcome.CONSULTED, Outcome.RECALLED_AGENT)


def leg_ended(state: State, event: LegEnded) -> State:
    """Return the state after a leg has ended. Legs that no longer count change nothing."""
    if event.leg == CUSTOMER:
        return _customer_ended(state, event.cause)
    if event.leg == state.agent_leg:
        return _agent_ended(state, event.cause)
    if event.leg == state.target_leg:
        return _target_ended(state, event.cause)
    return state


def _customer_ended(state: State, cause: Cause) -> State:
    if state.customer is Standing.GONE:
        return state
    if _was_never_there(state, cause):
        return steps.reject(replace(state, customer=Standing.GONE), cause)
    return steps.customer_left(state, cause)


def _was_never_there(state: State, cause: Cause) -> bool:
    return cause in _NOT_OURS and not state.begun and state.fallback == 0 and state.ending is None


def _agent_ended(state: State, cause: Cause) -> State:
    if state.agent is Standing.GONE:
        return state
    if _was_never_there(state, cause):
        return steps.reject(replace(state, agent=Standing.GONE), cause)
    if state.ending:
        if state.ending.outcome in _BACK_WITH_AGENT:
            # The customer was on the way to an agent who is not there any more.
            return steps.fall_back(state, state.ending.cause or Cause.AGENT_LEFT)
        return _one_of_two_left(state, Party.AGENT)
    if state.agent.calling:
        return steps.fall_back(state, state.cause)
    together = state.customer is Standing.IN_ROOM and state.target is Standing.IN_ROOM
    if state.target.up and (together or state.rules.mode is not Mode.CONSULT):
        return steps.connect(replace(state, agent=Standing.GONE), Actor.AGENT)
    target_may_take_over = state.target.calling or state.target is Standing.SCREENING
    if target_may_take_over and state.rules.mode is not Mode.CONSULT:
        return replace(state, agent=Standing.GONE, customer=Standing.IN_ROOM)
    return steps.fall_back(state, Cause.AGENT_LEFT)


def _target_ended(state: State, cause: Cause) -> State:
    if state.target is Standing.GONE:
        return state
    if state.ending:
        if state.ending.outcome is Outcome.CONNECTED:
            if state.agent is Standing.LEAVING:  # still there: better than any fallback
                return steps.give_back(state, Outcome.RETURNED_TO_AGENT, Cause.TARGET_LEFT, Actor.TARGET)
            return steps.fall_back(state, Cause.TARGET_LEFT)
        return _one_of_two_left(state, Party.TARGET)
    if not state.target.up:
        return steps.attempt_failed(state, cause)
    if state.rules.mode is Mode.CONSULT:
        return steps.give_back(state, Outcome.CONSULTED, None, Actor.TARGET)
    return steps.nobody_took_over(state, Cause.TARGET_LEFT, Actor.TARGET)


def _one_of_two_left(state: State, party: Party) -> State:
    """After the customer, one of the two who went on talking leaves too: the other has nobody."""
    if state.ending and state.ending.outcome is Outcome.CUSTOMER_LEFT:
        return replace(state, agent=Standing.GONE, target=Standing.GONE)
    gone = Standing.GONE
    return replace(state, agent=gone) if party is Party.AGENT else replace(state, target=gone)
