"""What an arrangement is about."""

from typing import NamedTuple

from activities.telephony.model import Placement
from hookflash import Cause, Outcome
from workflows.core import Farewell, LegRef, Standing, State, farewells, placements
from workflows.core.rivals import leg_of

_TELLING = (Standing.SCREENING, Standing.EXPIRED)


class Aim(NamedTuple):
    """What an arrangement is about. Two states with the same aim need no new arrangement."""

    legs: tuple[tuple[LegRef, Placement, Standing | None], ...]
    """With the standing where the placement does not say everything: a leg that was answered is in the same place as
    before, but now wants its prompt; one whose time is up is still to ring, or to end."""
    fallback: int
    """Which fallback the customer is handed off to."""
    final: bool
    """Whether this is the last one: then it is looked at once more, even if nothing has to change."""
    reminders: int = 0
    """How often the customer has been reminded."""
    warnings: int = 0
    """How often the agent has been warned."""
    farewells: tuple[tuple[LegRef, Farewell], ...] = ()
    """What those are told who are released."""
    handed_off: tuple[Outcome, Cause | None] | None = None
    """With what the customer is handed off, and why."""

    @classmethod
    def of(cls, state: State) -> "Aim":
        """Return what a state aims at."""
        current = {leg: state.standing(leg.party) for leg in (state.agent_leg, state.target_leg) if leg}
        current |= {leg_of(rival.target): rival.standing for rival in state.rivals}
        telling = {leg: standing for leg, standing in current.items() if standing in _TELLING}
        legs = tuple((leg, placement, telling.get(leg)) for leg, placement in placements(state).items())
        return cls(
            legs,
            state.fallback,
            final=state.ending is not None,
            reminders=state.reminders,
            warnings=state.warnings,
            farewells=tuple(farewells(state).items()),
            handed_off=state.ending[:2] if state.ending and state.customer is Standing.HANDED_OFF else None,
        )
