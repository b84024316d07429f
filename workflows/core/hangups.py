"""What becomes of the others when a leg ends, in each state."""

from hookflash import Actor, Cause, Mode, Outcome, Party
from workflows.core import rivals, steps
from workflows.core.events import LegEnded
from workflows.core.state import CUSTOMER, Standing, State

_NOT_OURS = (Cause.UNKNOWN_LEG, Cause.IN_TRANSFER)
_BACK_WITH_AGENT = (Outcome.RETURNED_TO_AGENT, Outcome.CANCELLED, Outcome.CONSULTED, Outcome.RECALLED_AGENT)


def leg_ended(state: State, event: LegEnded) -> State:
    """Return the state after a leg has ended. Legs that no longer count change nothing."""
    if event.cause is Cause.NODE_DOWN and state.customer is not Standing.GONE:
        return steps.call_lost(state)  # whichever leg it is: all of them are on that node
    if event.leg == CUSTOMER:
        return _customer_ended(state, event.cause)
    if event.leg == state.agent_leg:
        return _agent_ended(state, event.cause)
    if event.leg == state.target_leg:
        return _target_ended(state, event.cause)
    if event.leg.party is Party.TARGET and rivals.find(state, event.leg.number):
        return steps.target_failed(state, event.leg.number, event.cause)
    return state


def _customer_ended(state: State, cause: Cause) -> State:
    if state.customer is Standing.GONE:
        return state
    if _was_never_there(state, cause):
        return steps.reject(state._replace(customer=Standing.GONE), cause)
    return steps.customer_left(state, cause)


def _was_never_there(state: State, cause: Cause) -> bool:
    return cause in _NOT_OURS and not state.begun and state.fallback == 0 and state.ending is None


def _agent_ended(state: State, cause: Cause) -> State:
    if state.agent in (Standing.GONE, Standing.PAUSING):
        return state
    if _was_never_there(state, cause):
        return steps.reject(state._replace(agent=Standing.GONE), cause)
    if state.ending:
        if state.ending.outcome in _BACK_WITH_AGENT:
            # The customer was on the way to an agent who is not there any more.
            return steps.fall_back(state, state.ending.cause or Cause.AGENT_LEFT)
        return _one_of_two_left(state, Party.AGENT)
    if state.agent.calling:
        return steps.fall_back(state, state.cause)
    together = state.customer is Standing.IN_ROOM and state.target is Standing.IN_ROOM
    if state.target.up and (together or state.rules.mode is not Mode.CONSULT):
        return steps.connect(state._replace(agent=Standing.GONE), Actor.AGENT)
    if state.target.pending and state.rules.mode is not Mode.CONSULT:
        return state._replace(agent=Standing.GONE, customer=Standing.IN_ROOM)
    return steps.fall_back(state, Cause.AGENT_LEFT)


def _target_ended(state: State, cause: Cause) -> State:
    if state.target in (Standing.GONE, Standing.DISMISSED):
        return state
    if cause is Cause.NO_ANSWER and state.target.up:
        return _was_too_late(state)
    if state.ending:
        if state.ending.outcome is Outcome.CONNECTED:
            if state.agent is Standing.LEAVING:  # still there: better than any fallback
                return steps.give_back(state, Outcome.RETURNED_TO_AGENT, Cause.TARGET_LEFT, Actor.TARGET)
            return steps.fall_back(state, Cause.TARGET_LEFT, Actor.TARGET)
        return _one_of_two_left(state, Party.TARGET)
    if not state.target.up:
        return steps.attempt_failed(state, cause)
    if state.rules.mode is Mode.CONSULT:
        return steps.give_back(state, Outcome.CONSULTED, None, Actor.TARGET)
    return steps.nobody_took_over(state, Cause.TARGET_LEFT, Actor.TARGET)


def _was_too_late(state: State) -> State:
    """The target answered while the provider was ending its leg, as its time was up: nobody has heard it."""
    if state.rules.mode is Mode.CONSULT and not state.agent.up:
        return steps.fall_back(state, Cause.NO_ANSWER, Actor.TARGET)  # it was to advise an agent who has left
    if state.ending is None:
        return steps.attempt_failed(state, Cause.NO_ANSWER)
    if state.ending.outcome is not Outcome.CONNECTED:
        return _one_of_two_left(state, Party.TARGET)
    agent = Standing.ON_HOLD if state.agent is Standing.LEAVING else Standing.GONE
    return steps.attempt_failed(state._replace(ending=None, agent=agent), Cause.NO_ANSWER)


def _one_of_two_left(state: State, party: Party) -> State:
    """After the customer, one of the two who went on talking leaves too: the other has nobody."""
    customer_left = state.ending is not None and state.ending.outcome is Outcome.CUSTOMER_LEFT
    if party is Party.TARGET:
        return state._replace(target=Standing.GONE, agent=Standing.GONE if customer_left else state.agent)
    state = steps.send_away(state, Actor.CUSTOMER) if customer_left else state
    return state._replace(agent=Standing.GONE)
