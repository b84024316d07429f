"""What has to be true of a call once its transfer is over, whatever happened to it before."""

from activities.telephony.model import Placement
from activities.telephony.simulator.legs import Leg
from hookflash import Outcome, TransferResult
from tests.support.polling import eventually
from tests.workflows.engine import Running

_PLACES = {"voicemail", "queue", "flow"}


def what_is_wrong(result: TransferResult, customer: str, live: dict[str, Leg]) -> str:
    """Return how a call differs from what the result says of it; empty if it does not.

    Args:
        result: How the transfer ended.
        customer: Id of the customer's leg.
        live: Every leg of the call that has not ended, by id.
    """
    up = live.get(customer)
    others = sorted(("agent" if leg.name == "agent" else "target") for leg in live.values() if leg.id != customer)
    if any(not leg.up and leg.placement is not Placement.HANDED_OFF for leg in live.values()):
        return f"somebody still rings: {sorted(live)}"
    if result.outcome is Outcome.CUSTOMER_LEFT:
        # Agent and target may go on talking without the customer.
        return (
            "" if up is None and others in ([], ["agent", "target"]) else f"left over: {others}, {up and up.placement}"
        )
    if not result.customer_with:
        return "" if up is None and not others else f"left over: {others}, {up and up.placement}"
    if up is None:
        return "the customer is gone"
    if result.customer_with[0] in _PLACES:
        return "" if up.placement is Placement.HANDED_OFF and not others else f"not handed off alone: {others}"
    if result.customer_with == ("hold",):
        return "" if up.placement is Placement.ON_HOLD and not others else f"not on hold alone: {others}"
    if others != sorted(result.customer_with):
        return f"with {others} instead of {result.customer_with}"
    rooms = {(leg.placement, leg.room) for leg in live.values()}
    return "" if len(rooms) == 1 and up.placement is Placement.IN_ROOM else f"not together: {rooms}"


async def ends_soundly(transfer: Running, within: float = 20.0) -> TransferResult:
    """Wait for the result, and check that nobody is lost and no leg is left over.

    A leg that ended by itself since then takes the rest of the call with it, so the call may also be over. A call that
    the transfer never touched is nobody's business.
    """
    result = await transfer.result(within)
    customer = transfer.request.customer.leg

    async def sound() -> bool | None:
        untouched = not transfer.engine.exchange.legs[customer].owner and not transfer.target_legs
        over = untouched or not transfer.live()
        return True if over or not what_is_wrong(result, customer, transfer.live()) else None

    try:
        await eventually(sound, "", within=3)
    except AssertionError:
        wrong = what_is_wrong(result, customer, transfer.live())
        raise AssertionError(f"{result.outcome} ({result.cause}): {wrong}") from None
    ours = [leg for leg in transfer.engine.exchange.legs if leg.startswith("hf-")]
    assert all(transfer.engine.exchange.rings(leg) <= 1 for leg in ours), "a phone was rung twice"
    return result
