"""Prints the state/event table of the decision core: ``python -m tests.core.state_table > docs/state-table.md``."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable

from hookflash import Actor, Cause, CommandName, Mode, Party, Stage
from tests.core.walk import Space, events, walk
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
    decide,
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


def table(space: Space) -> str:
    """Return the whole table in Markdown."""
    cells: dict[tuple[Stage, str, Mode], set[str]] = defaultdict(set)
    for state in space.parents:
        if state.failures == 0 and not state.ended:
            for event in events(state):
                label = _label(state, event)
                if label:
                    cells[state.stage, label, state.rules.mode].add(_effect(state, event))
    return HEADER + "".join(_section(stage, cells) for stage in _STAGES)


def _section(stage: Stage, cells: dict[tuple[Stage, str, Mode], set[str]]) -> str:
    modes = [mode for mode in Mode if any(key[0] is stage and key[2] is mode for key in cells)]
    labels = list(dict.fromkeys(label for where, label, _ in cells if where is stage))
    rows = [
        f"| {label} | " + " | ".join(_cell(cells.get((stage, label, mode), set())) for mode in modes) + " |"
        for label in sorted(labels, key=_order)
        if any(cells.get((stage, label, mode), {_SAME}) != {_SAME} for mode in modes)
    ]
    title = f"\n## {stage.value}\n\n| event | " + " | ".join(mode.value for mode in modes) + " |\n"
    return title + "|---" * (len(modes) + 1) + "|\n" + "\n".join(rows) + "\n"


def _cell(effects: Iterable[str]) -> str:
    return " / ".join(sorted(effects, key=lambda it: (it in (_SAME, _REFUSED), it)))


def _effect(state: State, event: Event) -> str:
    following, refused = decide(state, event)
    if refused:
        return _REFUSED
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


def _label(state: State, event: Event) -> str:
    """Return what the event is called, empty for news of legs that no longer count and of no consequence."""
    match event:
        case LegAnswered(leg):
            return f"{who} answers" if (who := _who(state, leg)) else ""
        case LegEnded(_, Cause.NODE_DOWN):
            return "the node goes down"
        case LegEnded(leg, cause):
            too_late = cause is Cause.NO_ANSWER and state.target.up
            return f"{who} leg ends{', it answered too late' if too_late else ''}" if (who := _who(state, leg)) else ""
        case DigitPressed(leg, digit):
            return f"{who} presses {digit}" if (who := _who(state, leg)) else ""
        case MachineAnswered(leg):
            return f"{who} is a machine" if (who := _who(state, leg)) else ""
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


def _who(state: State, leg: LegRef) -> str:
    """Return whose leg it is, empty if it does not count any more."""
    if leg in (CUSTOMER, state.agent_leg, state.target_leg):
        return leg.party.value
    beside = leg.party is Party.TARGET and any(it.target.number == leg.number for it in state.rivals)
    return "target that rings beside it" if beside else ""


def main(write: Callable[[str], object] = sys.stdout.write) -> None:
    """Print the table."""
    write(table(walk()))


if __name__ == "__main__":
    main()
