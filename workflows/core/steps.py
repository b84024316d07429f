"""The moves a transfer is made of. Each takes a state and returns the next; none of them asks why."""

from hookflash import Actor, Cause, Mode, Outcome
from workflows.core import rivals
from workflows.core.state import Ending, FallbackKind, PlannedTarget, Standing, State

_HAND_OFF_OUTCOME = {
    FallbackKind.VOICEMAIL: Outcome.SENT_TO_VOICEMAIL,
    FallbackKind.QUEUE: Outcome.SENT_TO_QUEUE,
    FallbackKind.FLOW: Outcome.SENT_TO_FLOW,
}


def send_away(state: State, by: Actor) -> State:
    """Release the target and all who ring beside it; whoever has answered is told so.

    Not a target that has left by itself, nor one with which the agent, who lets it go, is talking: both know. Of those
    that still ring, as far as we know, only after the customer: callers often leave in the moment of the answer.
    """
    if by is not Actor.CUSTOMER:
        state = rivals.stop_ringing(state)
    talking = state.agent is state.target is Standing.IN_ROOM
    rings = state.target.calling and by is not Actor.CUSTOMER
    knows = by is Actor.TARGET or (by is Actor.AGENT and talking) or state.target is Standing.GONE
    return rivals.dismiss(state)._replace(target=Standing.GONE if rings or knows else Standing.DISMISSED)


def ring(state: State, target: PlannedTarget) -> State:
    """Ring a target, alone. A customer who has nobody hears it ring; others stay where they are."""
    customer = state.customer if state.agent.up else Standing.IN_ROOM
    known = max(state.known_targets, target.number)
    return rivals.make_way(state, target)._replace(known_targets=known, customer=customer)


def ring_next(state: State) -> State:
    """Ring the next of the waiting targets, and those that are to ring at the same time."""
    first, *rest = state.waiting
    together = 0
    while first.group and together < len(rest) and rest[together].group == first.group:
        together += 1
    state = ring(state._replace(waiting=tuple(rest[together:])), first)
    return rivals.ring(state, rest[:together])


def attempt_failed(state: State, cause: Cause) -> State:
    """The current target has not taken over: one that rings beside it may, or the next, or the customer goes back."""
    if cause is Cause.CALLER_ID_REFUSED and state.current is not None and state.current.again:
        return _ring_again(state, state.current)
    state = state._replace(target=Standing.GONE, cause=cause)
    if rivals.pending(state):
        return rivals.promote_first(state)
    if state.waiting:
        return ring_next(state)
    return nobody_took_over(state, cause)


def _ring_again(state: State, target: PlannedTarget) -> State:
    """Ring the current target with another caller id, beside whoever rings already."""
    again = target._replace(number=target.again, again=0)
    known = max(state.known_targets, again.number)
    return state._replace(current=again, target=Standing.RINGING, known_targets=known)


def target_failed(state: State, number: int, cause: Cause) -> State:
    """One of the targets that may take the call is not going to."""
    if state.current is not None and number == state.current.number:
        return attempt_failed(state, cause)
    rival = rivals.find(state, number)
    if cause is Cause.CALLER_ID_REFUSED and rival is not None and rival.target.again:
        # Made the current one for a moment, so that there is one way to ring it again.
        return attempt_failed(rivals.promote(state, rival), cause)
    return rivals.drop(state, number)._replace(cause=cause)


def nobody_took_over(state: State, cause: Cause, by: Actor = Actor.ENGINE) -> State:
    """No target is left. The customer goes back to the agent, waits for the agent's word, or is taken care of."""
    state = state._replace(target=Standing.GONE, cause=cause)
    if not state.agent.up:
        return fall_back(state, cause)
    agent_decides = state.rules.wait_when_unanswered and state.rules.mode in (Mode.WARM, Mode.CONSULT)
    if agent_decides and state.customer is Standing.ON_HOLD:
        return state._replace(agent=Standing.IN_ROOM)
    return give_back(state, Outcome.RETURNED_TO_AGENT, cause, by)


def give_back(state: State, outcome: Outcome, cause: Cause | None, by: Actor) -> State:
    """Customer and agent are together again, whatever the target does. The agent must be there."""
    return send_away(state, by)._replace(
        customer=Standing.IN_ROOM,
        agent=Standing.IN_ROOM,
        cause=cause,
        ending=Ending(outcome, cause, by),
    )


def connect(state: State, by: Actor) -> State:
    """Customer and target talk, the agent leaves."""
    return state._replace(
        customer=Standing.IN_ROOM,
        agent=Standing.LEAVING if state.agent.up else Standing.GONE,
        target=Standing.IN_ROOM,
        ending=Ending(Outcome.CONNECTED, None, by),
    )


def fall_back(state: State, cause: Cause | None, by: Actor = Actor.ENGINE) -> State:
    """Nobody is left for the customer: the next entry of the fallback list takes over.

    The list is validated to end in something other than a recall. It can still be exhausted, when the provider does
    not know the place of a hand-off: then the customer is left on hold, under the provider's own time-out.
    """
    state = send_away(state, by)._replace(agent=Standing.GONE, waiting=(), cause=cause, ending=None)
    if state.fallback >= len(state.rules.fallbacks):
        return state._replace(customer=Standing.ON_HOLD, ending=Ending(Outcome.FAILED, cause, Actor.ENGINE))
    entry = state.rules.fallbacks[state.fallback]
    state = state._replace(fallback=state.fallback + 1)
    if isinstance(entry, PlannedTarget):
        return ring(state, entry)
    if entry in (FallbackKind.RECALL, FallbackKind.RECALL_AGAIN):
        agent = Standing.RINGING if entry is FallbackKind.RECALL else Standing.PAUSING
        return state._replace(customer=Standing.IN_ROOM, agent=agent, agent_number=state.agent_number + 1)
    if entry in (FallbackKind.CALL_BACK, FallbackKind.HANG_UP):
        outcome = Outcome.CALLBACK_SCHEDULED if entry is FallbackKind.CALL_BACK else Outcome.FAILED
        return state._replace(customer=Standing.GONE, ending=Ending(outcome, cause, Actor.ENGINE))
    ending = Ending(_HAND_OFF_OUTCOME[entry], cause, Actor.ENGINE)
    return state._replace(customer=Standing.HANDED_OFF, ending=ending)


def let_in(state: State) -> State:
    """The current target has answered, and accepted where it was asked to: it takes its place."""
    state = rivals.dismiss(state._replace(target=Standing.IN_ROOM))
    if not state.agent.up:
        return connect(state, Actor.TARGET)
    if state.agent is Standing.IN_ROOM:
        return state  # the agent hears the target: a consultation, or all three
    if state.rules.mode in (Mode.COLD, Mode.BLIND):
        return connect(state, Actor.TARGET)
    if state.customer is Standing.IN_ROOM:
        return state  # the agent had stepped aside for the two
    return state._replace(agent=Standing.IN_ROOM)


def customer_left(state: State, cause: Cause) -> State:
    """The customer is gone. Two who are up may go on talking; a single one has nothing left to do here.

    A target that has just answered, or is about to, is told so.
    """
    if state.agent.up and state.target.up:
        state = rivals.dismiss(state)._replace(agent=Standing.IN_ROOM, target=Standing.IN_ROOM)
    else:
        state = send_away(state, Actor.CUSTOMER)._replace(agent=Standing.GONE)
    ending = Ending(Outcome.CUSTOMER_LEFT, cause, Actor.CUSTOMER)
    return state._replace(customer=Standing.GONE, cause=Cause.CUSTOMER_LEFT, ending=ending)


def call_lost(state: State) -> State:
    """The provider's node has lost the whole call: all that can still be done is to call the customer back.

    The entries of the fallback list before that one are left out, for each of them needs a customer on the line.
    """
    gone = Standing.GONE
    state = state._replace(customer=gone, agent=gone, target=gone, rivals=(), waiting=(), cause=Cause.NODE_DOWN)
    for number, entry in enumerate(state.rules.fallbacks[state.fallback :], start=state.fallback + 1):
        if entry is FallbackKind.CALL_BACK:
            ending = Ending(Outcome.CALLBACK_SCHEDULED, Cause.NODE_DOWN, Actor.ENGINE)
            return state._replace(fallback=number, ending=ending)
    return state._replace(ending=Ending(Outcome.FAILED, Cause.NODE_DOWN, Actor.ENGINE))


def reject(state: State, cause: Cause) -> State:
    """The transfer cannot begin. Nobody is moved; only what an unfinished first arrangement dialled is released."""
    ending = Ending(Outcome.REJECTED, cause, Actor.ENGINE)
    return send_away(state, Actor.ENGINE)._replace(cause=cause, ending=ending)
