"""The whole behaviour of a transfer as one total function: every event has a decided answer in every state.

Pure: no clock, no I/O, no Temporal. ``tests/core`` walks every state that can be reached and checks the design's
invariants in each; ``docs/state-table.md`` is printed from it.
"""

from dataclasses import replace
from typing import NamedTuple

from hookflash import Actor, Cause, CommandName, Mode, Outcome
from workflows.core import steps
from workflows.core.arrangement import placements
from workflows.core.commands import Refused, obey
from workflows.core.deadlines import timer_fired
from workflows.core.events import (
    Arranged,
    ArrangeFailed,
    Command,
    DigitPressed,
    Event,
    LegAnswered,
    LegEnded,
    LegRang,
    TimerFired,
)
from workflows.core.hangups import leg_ended
from workflows.core.state import Ending, PlannedTarget, Rules, Standing, State


class Decision(NamedTuple):
    """The next state, and for a command why it was refused."""

    state: State
    refused: str = ""


_FIRST = {  # where customer and agent wait while the first target rings
    Mode.WARM: (Standing.ON_HOLD, Standing.IN_ROOM),
    Mode.CONSULT: (Standing.ON_HOLD, Standing.IN_ROOM),
    Mode.COLD: (Standing.IN_ROOM, Standing.ON_HOLD),
    Mode.BLIND: (Standing.IN_ROOM, Standing.GONE),
}

_KEYS = {"1": CommandName.ACCEPT, "2": CommandName.DECLINE}


def begin(rules: Rules, targets: tuple[PlannedTarget, ...]) -> State:
    """Return the first state of a transfer.

    Args:
        rules: What stays the same.
        targets: At least one target, in the order to try them.
    """
    customer, agent = _FIRST[rules.mode]
    first, *rest = targets
    state = State(
        rules, customer=customer, agent=agent, target=Standing.GONE, waiting=tuple(rest), known_targets=len(targets)
    )
    return steps.ring(state, first)


def refuse(rules: Rules, ending: Ending) -> State:
    """Return the state of a transfer that ends before it has begun: nothing is touched."""
    together = Standing.IN_ROOM
    state = State(rules, customer=together, agent=together, target=Standing.GONE, waiting=(), cause=ending.cause)
    return replace(state, ending=ending, ended=True)


def decide(state: State, event: Event) -> Decision:
    """Return what becomes of a transfer when something happens to it.

    Args:
        state: The transfer until now.
        event: What happened. Late, doubled and impossible events change nothing.
    """
    if isinstance(event, Command):
        try:
            # A command is worth a try at once, also while the engine waits before it tries the provider again.
            return Decision(replace(obey(state, event), retrying=False))
        except Refused as refusal:
            return Decision(state, str(refusal))
    following = state if state.ended else _happened(state, event)
    if following is not state and following.retrying and placements(following) != placements(state):
        following = replace(following, retrying=False)  # what failed is not what is wanted any more
    return Decision(following)


def _happened(
    state: State, event: LegRang | LegAnswered | LegEnded | DigitPressed | TimerFired | Arranged | ArrangeFailed
) -> State:
    match event:
        case LegRang():
            return state  # told to the operator, decides nothing
        case LegAnswered():
            return _leg_answered(state, event)
        case LegEnded():
            return leg_ended(state, event)
        case DigitPressed():
            return _digit_pressed(state, event)
        case TimerFired():
            return timer_fired(state, event.deadline)
        case Arranged():
            return _arranged(state)
        case ArrangeFailed():
            return _arrange_failed(state, permanently=event.permanently)


def _leg_answered(state: State, event: LegAnswered) -> State:
    if event.leg == state.target_leg and state.target.calling:
        # Also when its time was up: the provider found it answered, so the two may be talking already.
        return replace(state, target=Standing.SCREENING) if state.gated else steps.let_in(state)
    if event.leg == state.agent_leg and state.agent.calling:
        return steps.give_back(state, Outcome.RECALLED_AGENT, state.cause, Actor.ENGINE)
    return state


def _digit_pressed(state: State, event: DigitPressed) -> State:
    command = _KEYS.get(event.digit)
    if event.leg != state.target_leg or command is None:
        return state
    return decide(state, Command(command, by=Actor.TARGET)).state


def _arranged(state: State) -> State:
    state = replace(state, begun=True, failures=0, retrying=False, ended=state.ending is not None)
    if state.ending:
        return state
    # What the provider saw was told before: a leg that had to end, and of which nothing was said, is gone.
    if state.target is Standing.EXPIRED:
        return steps.attempt_failed(state, Cause.NO_ANSWER)
    return steps.fall_back(state, state.cause) if state.agent is Standing.EXPIRED else state


def _arrange_failed(state: State, *, permanently: bool) -> State:
    state = replace(state, failures=state.failures + 1, retrying=True)
    if state.failures >= state.rules.endurance:
        ending = Ending(Outcome.FAILED, Cause.PROVIDER_ERROR, Actor.ENGINE)
        return replace(state, ending=ending, ended=True, retrying=False)
    if permanently and state.customer is Standing.HANDED_OFF:
        return replace(steps.fall_back(state, state.cause), retrying=False)
    if state.ending or (state.failures < state.rules.patience and not permanently):
        return state
    if state.agent.up:
        return steps.give_back(state, Outcome.RETURNED_TO_AGENT, Cause.PROVIDER_ERROR, Actor.ENGINE)
    # An outage only delays a recall that is under way: the agent is better for the customer than the next entry.
    going_forward = state.target is not Standing.GONE or permanently
    return steps.fall_back(state, Cause.PROVIDER_ERROR) if going_forward else state
