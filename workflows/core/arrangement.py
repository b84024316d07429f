"""From a state to where every leg must be, and what it is told on the way."""

from enum import StrEnum

from activities.telephony.model import Placement
from hookflash import Outcome
from workflows.core import rivals
from workflows.core.state import CUSTOMER, LegRef, Party, PlannedTarget, Standing, State


class Farewell(StrEnum):
    """What a leg is told before it is released."""

    NOTICE = "notice"
    """A target that has answered is not needed any more, and nobody else has told it so."""
    APOLOGY = "apology"
    """Nobody could take the customer's call."""
    CALL_BACK = "call_back"
    """The customer is going to be called back."""


def placements(state: State) -> dict[LegRef, Placement]:
    """Return where every leg that this transfer ever had must be.

    A leg that would be the only one in the room, with nobody being rung, is on hold instead: music says 'wait',
    silence says 'gone'. So the standing of a party is a wish that comes true as soon as it is not alone.
    """
    rejected = state.ending is not None and state.ending.outcome is Outcome.REJECTED
    if rejected or state.current is None:
        # It never began: customer and agent stay wherever they are.
        dialled = [state.target_leg] if state.target_leg else []
        dialled += [rivals.leg_of(rival.target) for rival in state.rivals]
        return dict.fromkeys(dialled, Placement.GONE) | _former_legs(state)
    legs = {CUSTOMER: _PLACEMENT[state.customer], state.agent_leg: _PLACEMENT[state.agent]}
    targets = [(state.current, state.target), *state.rivals]
    legs |= {rivals.leg_of(target): _target_placement(target, standing) for target, standing in targets}
    together = [leg for leg, placement in legs.items() if placement is Placement.IN_ROOM]
    if len(together) == 1 and not _hears_ringing(state, together[0]):
        legs[together[0]] = Placement.ON_HOLD
    return legs | _former_legs(state)


def farewells(state: State) -> dict[LegRef, Farewell]:
    """Return what those are told who are let go by us, and have not been told by anybody else."""
    told: dict[LegRef, Farewell] = {}
    if state.ending is not None and state.customer is Standing.GONE and state.ending.outcome in _GOODBYES:
        told[CUSTOMER] = _GOODBYES[state.ending.outcome]
    if state.current is not None:
        targets = [(state.current, state.target), *state.rivals]
        told |= {rivals.leg_of(it): Farewell.NOTICE for it, standing in targets if standing is Standing.DISMISSED}
    return told


def _target_placement(target: PlannedTarget, standing: Standing) -> Placement:
    return Placement.SCREENING if target.waits_alone and standing.calling else _PLACEMENT[standing]


def _hears_ringing(state: State, leg: LegRef) -> bool:
    """Whether somebody who is alone in the room hears a phone ring there."""
    ringing = state.agent.calling or state.target.calling or any(it.standing.calling for it in state.rivals)
    return ringing and not (leg == CUSTOMER and state.rules.music_while_ringing)


def _former_legs(state: State) -> dict[LegRef, Placement]:
    legs = [LegRef(Party.AGENT, number) for number in range(1, state.agent_number)]
    if state.current is not None:
        present = {it.number for it in (state.current, *state.waiting, *[rival.target for rival in state.rivals])}
        legs += [LegRef(Party.TARGET, n) for n in range(1, state.known_targets + 1) if n not in present]
    return dict.fromkeys(legs, Placement.GONE)


_GOODBYES = {Outcome.FAILED: Farewell.APOLOGY, Outcome.CALLBACK_SCHEDULED: Farewell.CALL_BACK}

_PLACEMENT = {
    Standing.IN_ROOM: Placement.IN_ROOM,
    Standing.ON_HOLD: Placement.ON_HOLD,
    Standing.RINGING: Placement.RINGING,
    Standing.EXPIRED: Placement.RINGING,
    Standing.SCREENING: Placement.SCREENING,
    Standing.HANDED_OFF: Placement.HANDED_OFF,
    Standing.PAUSING: Placement.GONE,
    Standing.LEAVING: Placement.GONE,
    Standing.DISMISSED: Placement.GONE,
    Standing.GONE: Placement.GONE,
}
