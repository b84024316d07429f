"""The whole behaviour of a transfer as one total function: every event has a decided answer in every state.

Pure: no clock, no I/O, no Temporal. ``tests/core`` walks every state that can be reached and checks the design's
invariants in each; ``docs/state-table.md`` is printed from it.
"""

from typing import NamedTuple

from hookflash import Actor, Cause, CommandName, Mode, Outcome
from workflows.core import rivals, steps
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
    MachineAnswered,
    TimerFired,
)
from workflows.core.hangups import leg_ended
from workflows.core.state import Ending, LegRef, Party, PlannedTarget, Rival, Rules, Standing, State


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
    state = State(
        rules,
        customer=customer,
        agent=agent,
        target=Standing.GONE,
        waiting=targets,
        known_targets=max(target.number for target in targets),
    )
    return steps.ring_next(state)


def refuse(rules: Rules, ending: Ending) -> State:
    """Return the state of a transfer that ends before it has begun: nothing is touched."""
    together = Standing.IN_ROOM
    state = State(rules, customer=together, agent=together, target=Standing.GONE, waiting=(), cause=ending.cause)
    return state._replace(ending=ending, ended=True)


def decide(state: State, event: Event) -> Decision:
    """Return what becomes of a transfer when something happens to it.

    Args:
        state: The transfer until now.
        event: What happened. Late, doubled and impossible events change nothing.
    """
    if isinstance(event, Command):
        try:
            # A command is worth a try at once, also while the engine waits before it tries the provider again.
            return Decision(obey(state, event)._replace(retrying=False))
        except Refused as refusal:
            return Decision(state, str(refusal))
    following = state if state.ended else _happened(state, event)
    if following is not state and following.retrying and placements(following) != placements(state):
        following = following._replace(retrying=False)  # what failed is not what is wanted any more
    return Decision(following)


def _happened(
    state: State,
    event: LegRang | LegAnswered | LegEnded | DigitPressed | MachineAnswered | TimerFired | Arranged | ArrangeFailed,
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
        case MachineAnswered():
            return _machine_answered(state, event)
        case TimerFired():
            return timer_fired(state, event.deadline)
        case Arranged():
            return _arranged(state)
        case ArrangeFailed():
            return _arrange_failed(state, permanently=event.permanently)


def _leg_answered(state: State, event: LegAnswered) -> State:
    if event.leg == state.target_leg and state.target.calling:
        # Also when its time was up: the provider found it answered, so the two may be talking already.
        return state._replace(target=Standing.SCREENING) if state.gated else steps.let_in(state)
    if event.leg == state.agent_leg and state.agent.calling:
        return steps.give_back(state, Outcome.RECALLED_AGENT, state.cause, Actor.ENGINE)
    rival = rivals.find(state, event.leg.number) if event.leg.party is Party.TARGET else None
    if rival is None or not rival.standing.calling:
        return state
    if not rival.target.gated:
        return steps.let_in(rivals.promote(state, rival))
    asked = Rival(rival.target, Standing.SCREENING)
    if state.target is Standing.SCREENING:
        return rivals.place(state, *asked)
    return rivals.promote(state, asked)


def _is_asked(state: State, leg: LegRef) -> bool:
    """Whether a leg is that of a target who is asked to accept."""
    if leg == state.target_leg:
        return state.target is Standing.SCREENING
    rival = rivals.find(state, leg.number) if leg.party is Party.TARGET else None
    return rival is not None and rival.standing is Standing.SCREENING


def _digit_pressed(state: State, event: DigitPressed) -> State:
    command = _KEYS.get(event.digit)
    if command is None or not _is_asked(state, event.leg):
        return state
    return decide(state, Command(command, by=Actor.TARGET, number=event.leg.number)).state


def _machine_answered(state: State, event: MachineAnswered) -> State:
    return steps.target_failed(state, event.leg.number, Cause.MACHINE) if _is_asked(state, event.leg) else state


def _arranged(state: State) -> State:
    state = state._replace(begun=True, failures=0, retrying=False, ended=state.ending is not None)
    if state.ending:
        return state
    # What the provider saw was told before: a leg that had to end, and of which nothing was said, is gone.
    for rival in state.rivals:
        if rival.standing is Standing.EXPIRED:
            state = steps.target_failed(state, rival.target.number, Cause.NO_ANSWER)
    if state.target is Standing.EXPIRED:
        return steps.attempt_failed(state, Cause.NO_ANSWER)
    return steps.fall_back(state, state.cause) if state.agent is Standing.EXPIRED else state


def _is_untouched(state: State) -> bool:
    """Whether customer and agent are still as they were before the transfer, and nobody wants more than that."""
    given_up = state.ending is not None and state.ending.outcome in (Outcome.CANCELLED, Outcome.RETURNED_TO_AGENT)
    return not state.begun and state.fallback == 0 and state.customer.up and (state.ending is None or given_up)


def _arrange_failed(state: State, *, permanently: bool) -> State:
    state = state._replace(failures=state.failures + 1, retrying=True)
    if state.failures >= state.rules.endurance:
        ending = Ending(Outcome.FAILED, Cause.PROVIDER_ERROR, Actor.ENGINE)
        return state._replace(ending=ending, ended=True, retrying=False)
    if permanently and _is_untouched(state):
        return steps.reject(state, Cause.PROVIDER_ERROR)._replace(retrying=False)
    if permanently and state.customer is Standing.HANDED_OFF:
        return steps.fall_back(state, state.cause)._replace(retrying=False)
    if state.ending or (state.failures < state.rules.patience and not permanently):
        return state
    if state.agent.up:
        return steps.give_back(state, Outcome.RETURNED_TO_AGENT, Cause.PROVIDER_ERROR, Actor.ENGINE)
    # An outage only delays a recall that is under way: the agent is better for the customer than the next entry.
    going_forward = state.target.there or permanently
    return steps.fall_back(state, Cause.PROVIDER_ERROR) if going_forward else state
