"""Prints the state/event table of the decision core: ``python -m tests.core.state_table > docs/state-table.md``."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from hookflash import Actor, Cause, CommandName, Mode, Party, Stage
from tests.core.walk import Space, walk
from workflows.core import (
    CUSTOMER,
    Arranged,
    ArrangeFailed,
    Command,
    DigitPressed,
    Event,
    Farewell,
    LegAnswered,
    LegEnded,
    LegRef,
    MachineAnswered,
    State,
    TimerFired,
    farewells,
)

HEADER = """# What happens when: the state/event table

Printed from the decision core by `python -m tests.core.state_table > docs/state-table.md`; a test fails when it drifts.

A cell lists everything the event can lead to from that stage, over all states of the stage that can be reached: a
stage, an **outcome** which is then being arranged, the *next fallback* of the request's list (recall, another target,
voicemail, queue, flow, call-back, hang-up), `=` where the stage stays as it is, `✗` where the command is refused.
With `†` a target is sent away that has answered, or may have by then, and hears a short notice.

Late and doubled news of legs that no longer count change nothing in any stage, so they are not listed.
Events that change nothing in any mode are left out of a stage's table; after the end nothing changes any more.
"""

_SAME, _REFUSED = "=", "✗"
_STAGES = tuple(stage for stage in Stage if stage not in (Stage.STARTING, Stage.ENDED))

AnyList = TypeVar("AnyList", bound=tuple[Any, ...])

Cells = dict[tuple[Stage, str, Mode], str]
"""What an event of this name can lead to in a stage, for each mode."""


def cells(space: Space) -> Cells:
    """Return what belongs into the table, of one mode."""
    effects: dict[tuple[Stage, str], set[str]] = defaultdict(set)
    for before, event, after in chain.from_iterable(space.transitions.values()):
        if _is_listed(before) and (label := _label(_legs(before), event)):
            effects[before.stage, label].add(_effect(before, after))
    for stage, legs, events in _distinct(space.unchanged):
        for event in events:
            effects[stage, _label(legs, event)].add(_SAME)
    for stage, legs, refusals in _distinct(space.refused):
        for command, _ in refusals:
            effects[stage, _label(legs, command)].add(_REFUSED)
    return {(stage, label, space.mode): _cell(them) for (stage, label), them in effects.items() if label}


def table(cells: Cells) -> str:
    """Return the whole table in Markdown."""
    return HEADER + "".join(_section(stage, cells) for stage in _STAGES)


def read(text: str) -> Cells:
    """Return what is in the cells of a printed table."""
    found: Cells = {}
    for section in text.split("\n## ")[1:]:
        stage, _, (_, *modes), _, *rows = (_columns(line) for line in section.splitlines())
        for label, *row in rows:
            found |= {(Stage(stage[0]), label, Mode(mode)): cell for mode, cell in zip(modes, row, strict=True) if cell}
    return found


def _columns(line: str) -> list[str]:
    return [column.strip() for column in line.strip("|").split("|")]


def _is_listed(state: State) -> bool:
    return state.failures == 0 and not state.ended


class _Legs(NamedTuple):
    """What decides what a leg's event is called."""

    agent: LegRef
    target: LegRef | None
    beside: frozenset[int]
    target_up: bool


def _legs(state: State) -> _Legs:
    beside = frozenset(rival.target.number for rival in state.rivals)
    return _Legs(state.agent_leg, state.target_leg, beside, state.target.up)


def _distinct(lists: Mapping[State, AnyList]) -> Iterable[tuple[Stage, _Legs, AnyList]]:
    """Return each list of events once, in place of all states of a stage which differ in nothing that has a name."""
    found: dict[tuple[Stage, _Legs, int], AnyList] = {}
    for state, events in lists.items():
        if _is_listed(state):
            found[state.stage, _legs(state), id(events)] = events
    return ((stage, legs, events) for (stage, legs, _), events in found.items())


def _section(stage: Stage, cells: Cells) -> str:
    modes = [mode for mode in Mode if any(key[0] is stage and key[2] is mode for key in cells)]
    labels = {label for where, label, _ in cells if where is stage}
    rows = [
        f"| {label} | " + " | ".join(cells.get((stage, label, mode), "") for mode in modes) + " |"
        for label in sorted(labels, key=_order)
        if any(cells.get((stage, label, mode), _SAME) != _SAME for mode in modes)
    ]
    title = f"\n## {stage.value}\n\n| event | " + " | ".join(mode.value for mode in modes) + " |\n"
    return title + "|---" * (len(modes) + 1) + "|\n" + "\n".join(rows) + "\n"


def _cell(effects: Iterable[str]) -> str:
    return " / ".join(sorted(effects, key=lambda it: (it in (_SAME, _REFUSED), it)))


def _effect(state: State, following: State) -> str:
    told = " †" if _told(following) - _told(state) else ""
    return _whither(state, following) + told


def _told(state: State) -> set[LegRef]:
    return {leg for leg, what in farewells(state).items() if what is Farewell.NOTICE}


def _whither(state: State, following: State) -> str:
    if following.fallback > state.fallback:
        return "*next fallback*"
    if following.ending and following.ending != state.ending:
        return f"**{following.ending.outcome.value}**"
    return _SAME if following.stage is state.stage else following.stage.value


_ORDER = ("customer", "agent", "target", "time", "hold", "unhold")


def _order(label: str) -> tuple[int, str]:
    first = label.split()[0]
    return (_ORDER.index(first) if first in _ORDER else len(_ORDER), label)


def _label(legs: _Legs, event: Event) -> str:
    """Return what the event is called, empty for news of legs that no longer count and of no consequence."""
    match event:
        case LegAnswered(leg):
            return f"{who} answers" if (who := _who(legs, leg)) else ""
        case LegEnded(_, Cause.NODE_DOWN):
            return "the node goes down"
        case LegEnded(leg, cause):
            too_late = cause is Cause.NO_ANSWER and legs.target_up
            return f"{who} leg ends{', it answered too late' if too_late else ''}" if (who := _who(legs, leg)) else ""
        case DigitPressed(leg, digit):
            return f"{who} presses {digit}" if (who := _who(legs, leg)) else ""
        case MachineAnswered(leg):
            return f"{who} is a machine" if (who := _who(legs, leg)) else ""
        case TimerFired(deadline):
            return f"time is up: {deadline.timer.value}"
        case Command(name, party, _, by):
            if name in (CommandName.HOLD, CommandName.UNHOLD):
                return f"{name.value} {party.value}"
            return f"{name.value} (operator)" if by is Actor.OPERATOR else name.value
        case Arranged():
            return "the arrangement stands"
        case ArrangeFailed(permanently):
            return "the provider never can" if permanently else "the provider fails"
        case _:
            return ""


def _who(legs: _Legs, leg: LegRef) -> str:
    """Return whose leg it is, empty if it does not count any more."""
    if leg in (CUSTOMER, legs.agent, legs.target):
        return leg.party.value
    return "target that rings beside it" if leg.party is Party.TARGET and leg.number in legs.beside else ""


def main(write: Callable[[str], object] = sys.stdout.write) -> None:
    """Print the table."""
    found: Cells = {}
    for mode in Mode:
        found |= cells(walk(mode))
    write(table(found))


if __name__ == "__main__":
    main()
