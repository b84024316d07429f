"""From a state to where every leg must be."""

from activities.telephony.model import Placement
from hookflash import Outcome, Party
from workflows.core.state import CUSTOMER, LegRef, Standing, State


def placements(state: State) -> dict[LegRef, Placement]:
    """Return where every leg that this transfer ever had must be.

    A leg that would be the only one in the room is on hold instead: music says 'wait', silence says 'gone'. So the
    standing of a party is a wish that comes true as soon as it is not alone.
    """
    rejected = state.ending is not None and state.ending.outcome is Outcome.REJECTED
    if rejected or state.current is None:
        # It never began: customer and agent stay wherever they are.
        dialled = [state.target_leg] if state.target_leg else []
        return dict.fromkeys(dialled, Placement.GONE) | _former_legs(state)
    legs = {CUSTOMER: _PLACEMENT[state.customer], state.agent_leg: _PLACEMENT[state.agent]}
    if state.target_leg:
        screened = state.gated and state.target.calling
        legs[state.target_leg] = Placement.SCREENING if screened else _PLACEMENT[state.target]
    company = [leg for leg, placement in legs.items() if placement in (Placement.IN_ROOM, Placement.RINGING)]
    if len(company) == 1 and legs[company[0]] is Placement.IN_ROOM:
        legs[company[0]] = Placement.ON_HOLD
    return legs | _former_legs(state)


def _former_legs(state: State) -> dict[LegRef, Placement]:
    not_yet = {target.number for target in state.waiting}
    tried = [n for n in range(1, state.known_targets + 1) if n not in not_yet]
    legs = [LegRef(Party.AGENT, number) for number in range(1, state.agent_number)]
    legs += [LegRef(Party.TARGET, n) for n in tried if state.current and n != state.current.number]
    return dict.fromkeys(legs, Placement.GONE)


_PLACEMENT = {
    Standing.IN_ROOM: Placement.IN_ROOM,
    Standing.ON_HOLD: Placement.ON_HOLD,
    Standing.RINGING: Placement.RINGING,
    Standing.EXPIRED: Placement.RINGING,
    Standing.SCREENING: Placement.SCREENING,
    Standing.HANDED_OFF: Placement.HANDED_OFF,
    Standing.LEAVING: Placement.GONE,
    Standing.GONE: Placement.GONE,
}
