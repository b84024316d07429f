"""Which waits run in a state, and what happens when one is over."""

from collections.abc import Iterator

from hookflash import Actor, Cause, Mode, Outcome, Stage
from workflows.core import rivals, steps
from workflows.core.events import Deadline, Timer
from workflows.core.state import Standing, State

EXTENSIBLE = (
    Timer.ACCEPT,
    Timer.RECALL_PAUSE,
    Timer.HOLD_BUDGET,
    Timer.CONSULT_LIMIT,
    Timer.LINGER,
    Timer.OVERALL_LIMIT,
)
"""Waits that a command can make longer. Not the ringing: behind it stands the provider's limit, which stays."""


def deadlines(state: State) -> tuple[Deadline, ...]:
    """Return the waits that run in this state, most urgent first."""
    if state.ended:
        return ()
    retry = (Deadline(Timer.RETRY, state.failures),) if state.retrying else ()
    return retry if state.ending else (*retry, *_of_targets(state), *_of_agent(state), *_of_transfer(state))


def _of_targets(state: State) -> Iterator[Deadline]:
    running = [(it.target.number, it.standing) for it in rivals.pending(state)]
    if state.current:
        running.insert(0, (state.current.number, state.target))
    yield from (Deadline(Timer.RING, number) for number, standing in running if standing is Standing.RINGING)
    yield from (Deadline(Timer.ACCEPT, number) for number, standing in running if standing is Standing.SCREENING)


def _of_agent(state: State) -> Iterator[Deadline]:
    if state.agent is Standing.RINGING:
        yield Deadline(Timer.RECALL, state.agent_number)
    if state.agent is Standing.PAUSING:
        yield Deadline(Timer.RECALL_PAUSE, state.agent_number)


def _of_transfer(state: State) -> Iterator[Deadline]:
    if not state.customer_with_person and state.reminders < state.rules.most_reminders:
        yield Deadline(Timer.REMINDER, state.reminders + 1)
    if state.current and _somebody_waits_aside(state):
        if state.rules.warns and state.warned_of != state.current.number:
            yield Deadline(Timer.CONSULT_WARNING, state.current.number)
        yield Deadline(Timer.CONSULT_LIMIT, state.current.number)
    if state.rules.lingers and state.rules.mode is Mode.WARM and state.stage is Stage.THREE_WAY:
        yield Deadline(Timer.LINGER)
    if state.fallback > 0:
        return  # fallbacks have limits of their own; budget and limit have done their work when the first is tried
    if not state.customer_with_person:
        yield Deadline(Timer.HOLD_BUDGET)
    yield Deadline(Timer.OVERALL_LIMIT)


def timer_fired(state: State, deadline: Deadline) -> State:
    """Return the state after a wait is over. A wait that no longer runs changes nothing."""
    if deadline not in deadlines(state):
        return state
    match deadline.timer:
        case Timer.RETRY:
            return state._replace(retrying=False)
        case Timer.RING:
            return _ringing_is_over(state, deadline.number)
        case Timer.RECALL:
            return state._replace(agent=Standing.EXPIRED)
        case Timer.RECALL_PAUSE:
            return state._replace(agent=Standing.RINGING)
        case Timer.ACCEPT:
            return steps.target_failed(state, deadline.number, Cause.ACCEPT_TIMEOUT)
        case Timer.REMINDER:
            return state._replace(reminders=deadline.number)
        case Timer.CONSULT_WARNING:
            return state._replace(warnings=state.warnings + 1, warned_of=deadline.number)
        case Timer.LINGER:
            return steps.connect(state, Actor.ENGINE)
        case Timer.HOLD_BUDGET | Timer.CONSULT_LIMIT | Timer.OVERALL_LIMIT:
            return _time_is_up(state, Cause(deadline.timer.value))


def _ringing_is_over(state: State, number: int) -> State:
    rival = rivals.find(state, number)
    if rival is None:
        return state._replace(target=Standing.EXPIRED)
    return rivals.place(state, rival.target, Standing.EXPIRED)


def _somebody_waits_aside(state: State) -> bool:
    both_up = state.target.up and state.agent.up
    return both_up and Standing.ON_HOLD in (state.customer, state.agent, state.target)


def _time_is_up(state: State, cause: Cause) -> State:
    if not state.agent.up:
        return steps.fall_back(state, cause)
    with_target = state.stage in (Stage.INTRODUCED, Stage.THREE_WAY)
    if with_target and state.rules.mode is not Mode.CONSULT:
        return steps.connect(state, Actor.ENGINE)  # they know each other; it is the agent who has waited long enough
    advised = state.rules.mode is Mode.CONSULT and state.target.up
    outcome = Outcome.CONSULTED if advised else Outcome.RETURNED_TO_AGENT
    return steps.give_back(state, outcome, cause, Actor.ENGINE)
