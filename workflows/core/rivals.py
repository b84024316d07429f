"""Several targets that ring at the same time: the first that takes the call wins.

One of them is the state's current target, one that has come furthest; the others are its rivals.
"""

from collections.abc import Iterable

from workflows.core.state import LegRef, Party, PlannedTarget, Rival, Standing, State


def ring(state: State, others: Iterable[PlannedTarget]) -> State:
    """Ring others at the same time as the current target."""
    rivals = tuple(Rival(target, Standing.RINGING) for target in others)
    known = max([state.known_targets, *(rival.target.number for rival in rivals)])
    return state._replace(rivals=(*state.rivals, *rivals), known_targets=known)


def leg_of(target: PlannedTarget) -> LegRef:
    """Return the leg of a target."""
    return LegRef(Party.TARGET, target.number)


def pending(state: State) -> tuple[Rival, ...]:
    """Return the rivals that may still take the call."""
    return tuple(rival for rival in state.rivals if rival.standing.pending)


def find(state: State, number: int) -> Rival | None:
    """Return the rival with this number if it may still take the call."""
    return next((rival for rival in pending(state) if rival.target.number == number), None)


def place(state: State, target: PlannedTarget, standing: Standing) -> State:
    """Give a rival another standing."""
    return state._replace(rivals=tuple(Rival(target, standing) if it.target == target else it for it in state.rivals))


def drop(state: State, number: int) -> State:
    """Forget a rival: it is not going to take the call."""
    if not state.rivals:
        return state
    return state._replace(rivals=tuple(it for it in state.rivals if it.target.number != number))


def promote(state: State, rival: Rival) -> State:
    """Make a rival the current target. The one that was is a rival now, if it may still take the call."""
    others = drop(state, rival.target.number).rivals
    if state.current is not None and state.target.pending:
        others = (*others, Rival(state.current, state.target))
    # Sorted: the same targets in the same places are the same state, however it came to be.
    return state._replace(current=rival.target, target=rival.standing, rivals=tuple(sorted(others)))


def promote_first(state: State) -> State:
    """Make the rival that has come furthest the current target, which has ended."""
    asked = [rival for rival in pending(state) if rival.standing is Standing.SCREENING]
    return promote(state, (asked or pending(state))[0])


def dismiss(state: State) -> State:
    """Send every rival away: the call is taken, or over. They stay here, for they have yet to be told."""
    if not state.rivals:
        return state
    return state._replace(rivals=tuple(Rival(it.target, Standing.DISMISSED) for it in state.rivals))


def stop_ringing(state: State) -> State:
    """Forget the rivals that have not answered: they just stop ringing."""
    if not state.rivals:
        return state
    return state._replace(rivals=tuple(it for it in state.rivals if not it.standing.calling))


def make_way(state: State, target: PlannedTarget) -> State:
    """Make a target the current one that is about to ring. Whoever has yet to be told that it is not needed stays."""
    former = (Rival(state.current, state.target),) if state.current and state.target is Standing.DISMISSED else ()
    rivals = tuple(sorted((*dismiss(state).rivals, *former)))
    return drop(state._replace(current=target, target=Standing.RINGING, rivals=rivals), target.number)
