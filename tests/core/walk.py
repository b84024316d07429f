"""Walks every state a transfer can reach, along every event that can happen in it."""

import gc
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from hookflash import Actor, Cause, CommandName, Mode, Party
from workflows.core import (
    CUSTOMER,
    Arranged,
    ArrangeFailed,
    Command,
    DigitPressed,
    Event,
    FallbackKind,
    LegAnswered,
    LegEnded,
    LegRang,
    LegRef,
    MachineAnswered,
    PlannedTarget,
    Rules,
    Standing,
    State,
    Timer,
    TimerFired,
    begin,
    deadlines,
    decide,
)

MOST_TARGETS = 3
"""Retargets are walked up to this many targets; a further one is like the last."""

_LONG = (FallbackKind.RECALL, FallbackKind.VOICEMAIL, FallbackKind.HANG_UP)
_SHORT = (FallbackKind.FLOW,)
_PLAIN, _GATED = PlannedTarget(1), PlannedTarget(1, gated=True)
_TOGETHER = PlannedTarget(1, group=1), PlannedTarget(2, group=1)
_CHOOSING = PlannedTarget(1, group=1, gated=True), PlannedTarget(2, group=1, gated=True)
_MIXED = PlannedTarget(1, group=1, gated=True), PlannedTarget(2, group=1)

_Start = tuple[Rules, tuple[PlannedTarget, ...]]

_ONE_BY_ONE: tuple[_Start, ...] = tuple(
    (Rules(mode, fallbacks, wait_when_unanswered=wait, patience=2, endurance=3), targets)
    for mode in Mode
    for wait in ((False, True) if mode in (Mode.WARM, Mode.CONSULT) else (False,))
    for fallbacks, targets in (
        (_LONG, (_PLAIN, PlannedTarget(2, gated=True))),
        (_SHORT, (_GATED,)),
        (_SHORT, (_PLAIN,)),
    )
)

_SEVERAL_AT_ONCE: tuple[_Start, ...] = tuple(
    (Rules(mode, _SHORT, patience=1, endurance=2), targets)
    for mode in Mode
    for targets in ((_TOGETHER, _CHOOSING, _MIXED) if mode in (Mode.WARM, Mode.COLD) else (_MIXED,))
)

_LONG_WAY_BACK: tuple[_Start, ...] = tuple(
    (Rules(mode, fallbacks, patience=1, endurance=2), (_PLAIN,))
    for mode in (Mode.WARM, Mode.COLD, Mode.BLIND)
    for fallbacks in (
        (FallbackKind.RECALL, FallbackKind.RECALL_AGAIN, PlannedTarget(2, gated=True), FallbackKind.CALL_BACK),
        (PlannedTarget(2), FallbackKind.RECALL, FallbackKind.QUEUE),
    )
)

_WITH_TIME: tuple[_Start, ...] = tuple(
    (
        Rules(
            mode,
            _SHORT,
            patience=1,
            endurance=2,
            music_while_ringing=True,
            lingers=True,
            most_reminders=1,
            warns=True,
        ),
        (_PLAIN,),
    )
    for mode in Mode
)

STARTS = (*_ONE_BY_ONE, *_SEVERAL_AT_ONCE, *_LONG_WAY_BACK, *_WITH_TIME)
"""Every mode and policy, with the kinds of targets and fallbacks the walk begins with."""


def events(state: State) -> Iterator[Event]:
    """Yield every event that can happen in a state: expected, late, doubled and impossible ones."""
    yield Arranged()
    yield ArrangeFailed()
    yield ArrangeFailed(permanently=True)
    yield from (TimerFired(deadline) for deadline in deadlines(state))
    agents = {LegRef(Party.AGENT, 1), state.agent_leg}
    rivals = [LegRef(Party.TARGET, rival.target.number) for rival in state.rivals]
    targets = {LegRef(Party.TARGET, 1), *([state.target_leg] if state.target_leg else []), *rivals}
    for leg in sorted({CUSTOMER, *agents, *targets}):
        yield LegRang(leg)
        yield LegAnswered(leg)
        yield LegEnded(leg, Cause.HUNG_UP)
        if not state.begun:
            yield LegEnded(leg, Cause.UNKNOWN_LEG)
    yield LegEnded(CUSTOMER, Cause.NODE_DOWN)
    if state.target_leg:
        yield LegEnded(state.target_leg, Cause.NO_ANSWER)
    yield from (DigitPressed(leg, digit) for leg in sorted(targets) for digit in "129")
    yield from (MachineAnswered(leg) for leg in sorted(targets))
    yield from _commands(state)


def _commands(state: State) -> Iterator[Command]:
    asked = [it.target.number for it in state.rivals if it.standing is Standing.SCREENING]
    for name in CommandName:
        if name in (CommandName.HOLD, CommandName.UNHOLD):
            yield from (Command(name, party) for party in Party)
        elif name in (CommandName.ACCEPT, CommandName.DECLINE):
            yield from (Command(name, number=number) for number in (None, *asked))
        elif name is CommandName.EXTEND:
            yield from (Command(name, timer=timer) for timer in (Timer.HOLD_BUDGET, Timer.RING))
        elif name is not CommandName.RETARGET:
            yield Command(name)
        elif state.known_targets < MOST_TARGETS:
            yield Command(name, target=PlannedTarget(state.known_targets + 1, gated=False))
    yield Command(CommandName.CANCEL, by=Actor.OPERATOR)


@dataclass(repr=False)  # pytest would print millions of states
class Space:
    """All states that can be reached, and how."""

    # Only those that change something; the others are most of them.
    transitions: list[tuple[State, Event, State]] = field(default_factory=list[tuple[State, Event, State]])
    parents: dict[State, tuple[State, Event] | None] = field(default_factory=dict[State, "tuple[State, Event] | None"])

    def path(self, state: State) -> str:
        """Return the events that lead to a state, for a failing test's message."""
        steps: list[str] = []
        while (parent := self.parents[state]) is not None:
            state, event = parent
            steps.append(str(event))
        return "\n  ".join([str(state), *reversed(steps)])


def walk() -> Space:
    """Return the whole reachable space, breadth first, so that paths are the shortest ones."""
    space = Space()
    queue: deque[State] = deque()
    for rules, targets in STARTS:
        first = begin(rules, targets)
        space.parents[first] = None
        queue.append(first)
    gc.disable()  # millions of small tuples that all live on: collecting among them doubles the time
    while queue:
        state = queue.popleft()
        for event in events(state):
            following, refused = decide(state, event)
            if following is state or following == state:
                continue
            if refused:
                raise AssertionError(f"{event} was refused ({refused}) and changed\n  {space.path(state)}")
            space.transitions.append((state, event, following))
            if following not in space.parents:
                space.parents[following] = (state, event)
                queue.append(following)
    gc.enable()
    return space
