"""How something is checked in every state of the walk, along every transition or after every event of a kind."""

from collections.abc import Callable, Iterable
from functools import cache
from itertools import chain

import pytest

from activities.telephony.model import Placement
from hookflash import Cause, CommandName, Party
from tests.core.walk import AnyEvent, Space
from workflows.core import Command, Event, LegEnded, LegRef, PlannedTarget, Rival, Standing, State, placements


def every_state(space: Space, holds: Callable[[State], bool]) -> None:
    broken = [state for state in space.parents if not holds(state)]
    assert not broken, f"{len(broken)} states, for example after\n  {space.path(broken[0])}"


def every_transition(space: Space, holds: Callable[[State, Event, State], bool]) -> None:
    _judge(space, (step for step in chain.from_iterable(space.transitions.values()) if not holds(*step)))


def every_event(space: Space, kind: type[AnyEvent], holds: Callable[[State, AnyEvent, State], bool]) -> None:
    """Look only at the transitions along one kind of events, which are few among all."""
    _judge(space, (step for step in space.after(kind) if not holds(*step)))


def every_command(space: Space, name: CommandName, holds: Callable[[State, Command, State], bool]) -> None:
    every_event(space, Command, lambda before, event, after: event.name is not name or holds(before, event, after))


def _judge(space: Space, wrong: Iterable[tuple[State, Event, State]]) -> None:
    broken = list(wrong)
    if broken:
        before, event, after = broken[0]
        pytest.fail(f"{len(broken)} transitions, for example\n  {space.path(before)}\n  {event}\n->{after}")


where = cache(placements)


def room(state: State) -> list[LegRef]:
    return [leg for leg, placement in where(state).items() if placement is Placement.IN_ROOM]


def pending(state: State) -> bool:
    return state.target.pending


def targets(state: State) -> dict[LegRef, tuple[PlannedTarget, Standing]]:
    return _targets(state.current, state.target, state.rivals)


@cache  # by what it depends on: there are few of these among millions of states
def _targets(
    current: PlannedTarget | None, target: Standing, rivals: tuple[Rival, ...]
) -> dict[LegRef, tuple[PlannedTarget, Standing]]:
    first = [(current, target)] if current else []
    return {LegRef(Party.TARGET, it.number): (it, standing) for it, standing in [*first, *rivals]}


def asked(state: State) -> set[LegRef]:
    return {leg for leg, (_, standing) in targets(state).items() if standing is Standing.SCREENING}


def node_down(event: Event) -> bool:
    return isinstance(event, LegEnded) and event.cause is Cause.NODE_DOWN


def somebody_rings(state: State) -> bool:
    return state.agent.calling or any(standing.calling for _, standing in targets(state).values())
