"""Where a customer goes on is judged too: a place of the dialplan may be one that dials whatever number it is given."""

import pytest

from activities.telephony.model import Placement
from hookflash import AnotherTarget, Cause, HandOff, HangUp, Mode, Outcome, Policy
from hookflash.fallbacks import Fallback
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running
from tests.workflows.people import causes, journal, leg_of, person, tried
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)

DIALS = HandOff(kind="voicemail", place="outbound,+4990012345")
"""A context that dials out, and the number that the caller would like it to dial."""
QUEUE = HandOff(kind="queue", place="claims")
EXTENSION = HandOff(kind="queue", place="claims,4711")
NOT_USED = "must not be used: destination_denied"


async def _forsaken(engine: Engine, *fallbacks: Fallback, tenant: str = "bold") -> Running:
    """Transfer blind to somebody who is engaged: the agent has left, and the fallbacks begin."""
    policy = Policy(fallbacks=fallbacks)
    return await engine.transfer(Mode.BLIND, person("Bob", "busy"), policy=policy, tenant=tenant)


def _where(transfer: Running) -> str:
    """Return the place where the customer is."""
    customer = transfer.engine.exchange.legs[transfer.request.customer.leg]
    assert customer.placement is Placement.HANDED_OFF
    return customer.place


async def test_a_denied_place_is_left_out_and_the_next_fallback_takes_the_customer(engine: Engine) -> None:
    transfer = await _forsaken(engine, DIALS, QUEUE)
    result = await ends_soundly(transfer)
    assert (result.outcome, tried(result.fallbacks)) == (Outcome.SENT_TO_QUEUE, ["QUEUE"])
    assert _where(transfer) == "claims"
    assert causes(result) == ["Bob busy"], "a place is no target"
    told = journal(await transfer.status())
    assert f"fallback voicemail {NOT_USED}" in told
    assert not any("4990012345" in it for it in told), "a place may hold a number, and the journal may not"


async def test_a_denied_place_at_the_end_gives_way_to_the_operator_s_own(engine: Engine) -> None:
    transfer = await _forsaken(engine, AnotherTarget(target=person("Sue", "busy")), DIALS)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.customer_with) == (Outcome.SENT_TO_FLOW, ("flow",))
    assert tried(result.fallbacks) == ["target", "FLOW"]
    assert _where(transfer) == "hookflash-fallback"


async def test_a_denied_place_before_a_hang_up_is_only_left_out(engine: Engine) -> None:
    result = await ends_soundly(await _forsaken(engine, DIALS, HangUp()))
    assert (result.outcome, result.cause, tried(result.fallbacks)) == (Outcome.FAILED, Cause.BUSY, ["HANG_UP"])


@pytest.mark.parametrize("allowed", [QUEUE, EXTENSION, HandOff(kind="queue", place="hookflash-fallback,s,1")])
async def test_a_place_that_the_tenant_allows_takes_the_customer(engine: Engine, allowed: HandOff) -> None:
    transfer = await _forsaken(engine, allowed, tenant="bold" if allowed is QUEUE else "placed")
    assert (await ends_soundly(transfer)).outcome is Outcome.SENT_TO_QUEUE
    assert _where(transfer) == allowed.place
    assert not any(NOT_USED in it for it in journal(await transfer.status()))


async def test_a_tenant_with_places_of_its_own_has_no_other(engine: Engine) -> None:
    transfer = await _forsaken(engine, QUEUE, EXTENSION, tenant="placed")
    result = await ends_soundly(transfer)
    assert (tried(result.fallbacks), _where(transfer)) == (["QUEUE"], "claims,4711")


@pytest.mark.parametrize(
    ("tenant", "place", "goes_on_at"),
    [
        ("bold", "outbound,+4990012345", "hookflash-fallback"),
        ("placed", "outbound,+4990012345", "hookflash-fallback"),
        ("placed", "survey", "survey"),
        ("placed", "claims,4711", "claims,4711"),
    ],
)
async def test_where_the_customer_goes_on_when_the_target_leaves_is_judged(
    engine: Engine, tenant: str, place: str, goes_on_at: str
) -> None:
    policy = Policy(when_target_leaves=HandOff(kind="flow", place=place))
    transfer = await engine.transfer(Mode.COLD, person("Bob", "answer=50ms"), policy=policy, tenant=tenant)
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
    denied = f"when_target_leaves {NOT_USED}" in journal(await transfer.status())
    assert denied == (goes_on_at != place)
    engine.exchange.hang_up(leg_of(transfer, "Bob").id)
    customer = engine.exchange.legs[transfer.request.customer.leg]

    async def handed_off() -> bool | None:
        return customer.placement is Placement.HANDED_OFF or None

    await eventually(handed_off, "the hand-off")
    assert _where(transfer) == goes_on_at
