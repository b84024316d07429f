"""How something is checked in every state of the walk, along every transition or after every command."""

from collections.abc import Callable
from functools import cache

import pytest

from activities.telephony.model import Placement
from hookflash import Cause, CommandName, Party
from tests.core.walk import Space
from workflows.core import Command, Event, LegEnded, LegRef, PlannedTarget, Standing, State, placements


def every_state(space: Space, holds: Callable[[State], bool]) -> None:
    broken = [state for state in space.parents if not holds(state)]
    assert not broken, f"{len(broken)} states, for example after\n  {space.path(broken[0])}"


def every_transition(space: Space, holds: Callable[[State, Event, State], bool]) -> None:
    broken = [step for step in space.transitions if not holds(*step)]
    if broken:
        before, event, after = broken[0]
        pytest.fail(f"{len(broken)} transitions, for example\n  {space.path(before)}\n  {event}\n->{after}")


def every_command(space: Space, name: CommandName, holds: Callable[[State, Command, State], bool]) -> None:
    def after_it(before: State, event: Event, after: State) -> bool:
        return not isinstance(event, Command) or event.name is not name or holds(before, event, after)

    every_transition(space, after_it)


where = cache(placements)


def room(state: State) -> list[LegRef]:
    return [leg for leg, placement in where(state).items() if placement is Placement.IN_ROOM]


def pending(state: State) -> bool:
    return state.target.pending


def targets(state: State) -> dict[LegRef, tuple[PlannedTarget, Standing]]:
    current = [(state.current, state.target)] if state.current else []
    return {LegRef(Party.TARGET, it.number): (it, standing) for it, standing in [*current, *state.rivals]}


def asked(state: State) -> set[LegRef]:
    return {leg for leg, (_, standing) in targets(state).items() if standing is Standing.SCREENING}


def node_down(event: Event) -> bool:
    return isinstance(event, LegEnded) and event.cause is Cause.NODE_DOWN


def somebody_rings(state: State) -> bool:
    return state.agent.calling or any(standing.calling for _, standing in targets(state).values())
