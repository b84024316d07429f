"""Walks every state a transfer can reach, along every event that can happen in it."""

import gc
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from hookflash import Actor, Cause, CommandName, Mode, Party
from workflows.core import (
    CUSTOMER,
    Arranged,
    ArrangeFailed,
    Command,
    Deadline,
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


def events(state: State) -> tuple[Event, ...]:
    """Return every event that can happen in a state: expected, late, doubled and impossible ones."""
    rivals = tuple(it.target.number for it in state.rivals)
    asked = tuple(it.target.number for it in state.rivals if it.standing is Standing.SCREENING)
    return (
        *_ARRANGED,
        *_waits(deadlines(state)),
        *_news(state.agent_leg, state.target_leg, rivals, state.begun),
        *_commands(asked, state.known_targets),
    )


_ARRANGED = (Arranged(), ArrangeFailed(), ArrangeFailed(permanently=True))


# The same few events happen in many states. Each is one object then: quick to make, and light to keep.
@cache
def _waits(running: tuple[Deadline, ...]) -> tuple[Event, ...]:
    return tuple(TimerFired(deadline) for deadline in running)


@cache
def _news(agent: LegRef, target: LegRef | None, rivals: tuple[int, ...], begun: bool) -> tuple[Event, ...]:
    return tuple(_news_of({LegRef(Party.AGENT, 1), agent}, target, rivals, begun))


def _news_of(agents: set[LegRef], target: LegRef | None, rivals: tuple[int, ...], begun: bool) -> Iterator[Event]:
    beside = [LegRef(Party.TARGET, number) for number in rivals]
    targets = {LegRef(Party.TARGET, 1), *([target] if target else []), *beside}
    for leg in sorted({CUSTOMER, *agents, *targets}):
        yield LegRang(leg)
        yield LegAnswered(leg)
        yield LegEnded(leg, Cause.HUNG_UP)
        if not begun:
            yield LegEnded(leg, Cause.UNKNOWN_LEG)
    yield LegEnded(CUSTOMER, Cause.NODE_DOWN)
    if target:
        yield LegEnded(target, Cause.NO_ANSWER)
    yield from (DigitPressed(leg, digit) for leg in sorted(targets) for digit in "129")
    yield from (MachineAnswered(leg) for leg in sorted(targets))


@cache
def _commands(asked: tuple[int, ...], known_targets: int) -> tuple[Event, ...]:
    return tuple(_commands_of(asked, known_targets))


def _commands_of(asked: tuple[int, ...], known_targets: int) -> Iterator[Command]:
    for name in CommandName:
        if name in (CommandName.HOLD, CommandName.UNHOLD):
            yield from (Command(name, party) for party in Party)
        elif name in (CommandName.ACCEPT, CommandName.DECLINE):
            yield from (Command(name, number=number) for number in (None, *asked))
        elif name is CommandName.EXTEND:
            yield from (Command(name, timer=timer) for timer in (Timer.HOLD_BUDGET, Timer.RING))
        elif name is not CommandName.RETARGET:
            yield Command(name)
        elif known_targets < MOST_TARGETS:
            yield Command(name, target=PlannedTarget(known_targets + 1, gated=False))
    yield Command(CommandName.CANCEL, by=Actor.OPERATOR)


AnyEvent = TypeVar("AnyEvent", bound=Event)


@dataclass(repr=False)  # pytest would print millions of states
class Space:
    """All states that transfers of one mode can reach, and what every event makes of each."""

    mode: Mode
    parents: dict[State, tuple[State, Event] | None] = field(default_factory=dict[State, "tuple[State, Event] | None"])
    """Every state, with the shortest way to it."""
    transitions: dict[type, list[tuple[State, Any, State]]] = field(default_factory=lambda: defaultdict(list))
    """By the kind of event. Only those that change something; the others are most of them."""
    unchanged: dict[State, tuple[Event, ...]] = field(default_factory=dict[State, tuple[Event, ...]])
    """The events that change nothing in a state, refused commands not among them."""
    refused: dict[State, tuple[tuple[Event, str], ...]] = field(
        default_factory=dict[State, tuple[tuple[Event, str], ...]]
    )
    """The commands that are refused in a state, and why."""

    def after(self, kind: type[AnyEvent]) -> list[tuple[State, AnyEvent, State]]:
        """Return the transitions along a kind of events."""
        return self.transitions[kind]

    def path(self, state: State) -> str:
        """Return the events that lead to a state, for a failing test's message."""
        steps: list[str] = []
        while (parent := self.parents[state]) is not None:
            state, event = parent
            steps.append(str(event))
        return "\n  ".join([str(state), *reversed(steps)])


def walk(mode: Mode) -> Space:
    """Return all that transfers of a mode can reach, breadth first, so that paths are the shortest ones."""
    space = Space(mode)
    gc.disable()  # millions of small tuples that all live on: collecting among them doubles the time
    try:
        _explore(space, [begin(rules, targets) for rules, targets in STARTS if rules.mode is mode])
    finally:
        gc.enable()
    return space


def _explore(space: Space, firsts: list[State]) -> None:
    states = {first: first for first in firsts}  # equal ones are kept as one object
    lists: dict[tuple[int, ...], tuple[Event, ...]] = {}  # and so are the same events; different kinds can be equal
    refused_lists: dict[tuple[tuple[Event, str], ...], tuple[tuple[Event, str], ...]] = {}
    space.parents.update(dict.fromkeys(firsts))
    queue = deque(firsts)
    while queue:
        state = queue.popleft()
        unchanged: list[Event] = []
        refusals: list[tuple[Event, str]] = []
        for event in events(state):
            following, refused = decide(state, event)
            if refused:
                if following != state:
                    raise AssertionError(f"{event} was refused ({refused}) and changed\n  {space.path(state)}")
                refusals.append((event, refused))
            elif following is state or following == state:
                unchanged.append(event)
            else:
                known = states.setdefault(following, following)
                if known is following:
                    space.parents[known] = (state, event)
                    queue.append(known)
                space.transitions[type(event)].append((state, event, known))
        space.unchanged[state] = lists.setdefault(tuple(map(id, unchanged)), tuple(unchanged))
        space.refused[state] = refused_lists.setdefault(it := tuple(refusals), it)
