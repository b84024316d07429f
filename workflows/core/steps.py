"""The moves a transfer is made of. Each takes a state and returns the next; none of them asks why."""

from dataclasses import replace

from hookflash import Actor, Cause, Mode, Outcome
from workflows.core.state import Ending, FallbackKind, PlannedTarget, Standing, State

_HAND_OFF_OUTCOME = {
    FallbackKind.VOICEMAIL: Outcome.SENT_TO_VOICEMAIL,
    FallbackKind.QUEUE: Outcome.SENT_TO_QUEUE,
    FallbackKind.FLOW: Outcome.SENT_TO_FLOW,
}


def ring(state: State, target: PlannedTarget) -> State:
    """Ring a target. A customer who has nobody hears it ring; others stay where they are."""
    customer = state.customer if state.agent.up else Standing.IN_ROOM
    known = max(state.known_targets, target.number)
    return replace(state, current=target, known_targets=known, target=Standing.RINGING, customer=customer)


def attempt_failed(state: State, cause: Cause) -> State:
    """The target that was tried has not taken over: try the next one, or let the customer go back."""
    state = replace(state, target=Standing.GONE, cause=cause)
    if state.waiting:
        return ring(replace(state, waiting=state.waiting[1:]), state.waiting[0])
    return nobody_took_over(state, cause)


def nobody_took_over(state: State, cause: Cause, by: Actor = Actor.ENGINE) -> State:
    """No target is left. The customer goes back to the agent, waits for the agent's word, or is taken care of."""
    state = replace(state, target=Standing.GONE, cause=cause)
    if not state.agent.up:
        return fall_back(state, cause)
    agent_decides = state.rules.wait_when_unanswered and state.rules.mode in (Mode.WARM, Mode.CONSULT)
    if agent_decides and state.customer is Standing.ON_HOLD:
        return replace(state, agent=Standing.IN_ROOM)
    return give_back(state, Outcome.RETURNED_TO_AGENT, cause, by)


def give_back(state: State, outcome: Outcome, cause: Cause | None, by: Actor) -> State:
    """Customer and agent are together again, whatever the target does. The agent must be up."""
    return replace(
        state,
        customer=Standing.IN_ROOM,
        agent=Standing.IN_ROOM,
        target=Standing.GONE,
        cause=cause,
        ending=Ending(outcome, cause, by),
    )


def connect(state: State, by: Actor) -> State:
    """Customer and target talk, the agent leaves."""
    return replace(
        state,
        customer=Standing.IN_ROOM,
        agent=Standing.LEAVING if state.agent.up else Standing.GONE,
        target=Standing.IN_ROOM,
        ending=Ending(Outcome.CONNECTED, None, by),
    )


def fall_back(state: State, cause: Cause | None) -> State:
    """Nobody is left for the customer: the next entry of the fallback list takes over.

    The list is validated to end in something other than a recall. It can still be exhausted, when the provider does
    not know the place of a hand-off: then the customer is left on hold, under the provider's own time-out.
    """
    state = replace(state, target=Standing.GONE, agent=Standing.GONE, cause=cause, ending=None)
    if state.fallback >= len(state.rules.fallbacks):
        return replace(state, customer=Standing.ON_HOLD, ending=Ending(Outcome.FAILED, cause, Actor.ENGINE))
    kind = state.rules.fallbacks[state.fallback]
    state = replace(state, fallback=state.fallback + 1)
    if kind is FallbackKind.RECALL:
        return replace(state, customer=Standing.IN_ROOM, agent=Standing.RINGING, agent_number=state.agent_number + 1)
    if kind is FallbackKind.HANG_UP:
        return replace(state, customer=Standing.GONE, ending=Ending(Outcome.FAILED, cause, Actor.ENGINE))
    ending = Ending(_HAND_OFF_OUTCOME[kind], cause, Actor.ENGINE)
    return replace(state, customer=Standing.HANDED_OFF, ending=ending)


def let_in(state: State) -> State:
    """The target has answered, and accepted where it was asked to: it takes its place."""
    state = replace(state, target=Standing.IN_ROOM)
    if not state.agent.up:
        return connect(state, Actor.TARGET)
    if state.agent is Standing.IN_ROOM:
        return state  # the agent hears the target: a consultation, or all three
    if state.rules.mode in (Mode.COLD, Mode.BLIND):
        return connect(state, Actor.TARGET)
    if state.customer is Standing.IN_ROOM:
        return state  # the agent had stepped aside for the two
    return replace(state, agent=Standing.IN_ROOM)


def customer_left(state: State, cause: Cause) -> State:
    """The customer is gone. Two who are up may go on talking; a single one has nothing left to do here."""
    both_up = state.agent.up and state.target.up
    stay = Standing.IN_ROOM if both_up else Standing.GONE
    return replace(
        state,
        customer=Standing.GONE,
        agent=stay,
        target=stay,
        cause=Cause.CUSTOMER_LEFT,
        ending=Ending(Outcome.CUSTOMER_LEFT, cause, Actor.CUSTOMER),
    )


def reject(state: State, cause: Cause) -> State:
    """The transfer cannot begin. Nobody is moved; only what an unfinished first arrangement dialled is released."""
    return replace(state, target=Standing.GONE, cause=cause, ending=Ending(Outcome.REJECTED, cause, Actor.ENGINE))
