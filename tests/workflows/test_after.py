"""After the transfer: the two talk, and when one of them leaves the other is not left in silence."""

import pytest

from activities.telephony.model import Placement
from hookflash import HandOff, Mode, Outcome, Policy, Stage
from hookflash.names import supervision_id
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running
from tests.workflows.people import gone, hear, leg_of, person, ring
from tests.workflows.soundness import ends_soundly
from workflows.connected_call import ConnectedCallResult

pytestmark = pytest.mark.timeout(60)

SURVEY = HandOff(kind="flow", place="survey")


async def connected(engine: Engine, place: str = "survey", mode: Mode = Mode.COLD) -> Running:
    """Transfer a call, and wait until the two are watched over."""
    policy = Policy(when_target_leaves=SURVEY.model_copy(update={"place": place}))
    transfer = await engine.transfer(mode, person("Bob", "answer=50ms"), policy=policy)
    if mode is Mode.COLD:
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
        await hear(transfer, customer="Bob", Bob="customer")
        await watched(transfer)
    return transfer


async def watched(transfer: Running) -> None:
    async def all_of_them() -> bool | None:
        owners = {leg.owner for leg in transfer.live().values()}
        return True if owners and all(it.startswith("connected:") for it in owners) else None

    await eventually(all_of_them, "the watch")


async def watch(transfer: Running) -> ConnectedCallResult:
    """Return how the watch ended."""
    assert transfer.handle.first_execution_run_id
    name = supervision_id(transfer.handle.id, transfer.handle.first_execution_run_id)
    handle = transfer.engine.client.get_workflow_handle(name, result_type=ConnectedCallResult)
    return await handle.result()


async def _handed_off(transfer: Running) -> None:
    customer = transfer.engine.exchange.legs[transfer.request.customer.leg]

    async def there() -> bool | None:
        return customer.placement is Placement.HANDED_OFF or None

    await eventually(there, "the hand-off")


async def test_a_customer_whose_target_hangs_up_goes_on_to_the_place(engine: Engine) -> None:
    transfer = await connected(engine)
    engine.exchange.hang_up(leg_of(transfer, "Bob").id)
    await _handed_off(transfer)
    customer = engine.exchange.legs[transfer.request.customer.leg]
    assert (customer.place, customer.live, customer.owner) == ("survey", True, "")
    await hear(transfer, customer="the place it was handed to")
    assert await watch(transfer) == ConnectedCallResult(left="Bob", customer_sent_to="survey")
    assert not engine.exchange.rooms & {leg.room for leg in engine.exchange.legs.values() if leg.call == customer.call}


async def test_a_customer_who_hangs_up_first_goes_nowhere(engine: Engine) -> None:
    transfer = await connected(engine)
    engine.exchange.hang_up(transfer.request.customer.leg)
    await gone(transfer, "customer", "Bob")
    assert await watch(transfer) == ConnectedCallResult(left="customer")


async def test_two_who_hang_up_at_the_same_instant_are_both_gone(engine: Engine) -> None:
    transfer = await connected(engine)
    engine.exchange.hang_up(leg_of(transfer, "Bob").id)
    engine.exchange.hang_up(transfer.request.customer.leg)
    await gone(transfer, "customer", "Bob")
    assert await watch(transfer) == ConnectedCallResult(left="Bob")


async def test_a_place_that_the_provider_does_not_have_ends_the_call(engine: Engine) -> None:
    transfer = await connected(engine, place="missing")
    engine.exchange.hang_up(leg_of(transfer, "Bob").id)
    await gone(transfer, "customer", "Bob")
    assert await watch(transfer) == ConnectedCallResult(left="Bob")


async def test_a_target_that_leaves_before_the_transfer_is_over_sends_nobody_anywhere(engine: Engine) -> None:
    transfer = await connected(engine, mode=Mode.WARM)
    await transfer.reaches(Stage.CONSULTING)
    engine.exchange.hang_up(leg_of(transfer, "Bob").id)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.customer_with) == (Outcome.RETURNED_TO_AGENT, ("agent",))
    await hear(transfer, customer="agent", agent="customer")
    engine.exchange.hang_up(transfer.request.agent.leg)
    await gone(transfer, "customer")
    assert await watch(transfer) == ConnectedCallResult(left="agent"), "it was no target who left"


async def test_an_agent_who_stays_with_the_target_is_sent_nowhere(engine: Engine) -> None:
    transfer = await connected(engine, mode=Mode.WARM)
    await transfer.reaches(Stage.CONSULTING)
    engine.exchange.hang_up(transfer.request.customer.leg)
    assert (await transfer.result()).outcome is Outcome.CUSTOMER_LEFT
    await hear(transfer, agent="Bob", Bob="agent")
    await watched(transfer)
    engine.exchange.hang_up(leg_of(transfer, "Bob").id)
    await gone(transfer, "agent", "Bob")
    assert engine.exchange.legs[transfer.request.agent.leg].place == ""
    assert await watch(transfer) == ConnectedCallResult(left="Bob")


async def test_a_customer_who_goes_on_hears_no_silence_through_an_outage(engine: Engine) -> None:
    """The provider cannot be reached as the target leaves; the customer goes on as soon as it can."""
    transfer = await connected(engine)
    engine.exchange.faults.unavailable(2)
    engine.exchange.hang_up(leg_of(transfer, "Bob").id)
    await _handed_off(transfer)
    assert (await watch(transfer)).customer_sent_to == "survey"


async def test_a_call_that_is_transferred_again_goes_by_the_newer_word(engine: Engine) -> None:
    first = await connected(engine)
    again = first.request.model_copy(
        update={
            "agent": first.request.agent.model_copy(update={"leg": leg_of(first, "Bob").id}),
            "targets": (person("Dora"),),
            "policy": Policy(),
        }
    )
    second = await engine.start(again)
    await ring(second, "Dora")
    engine.exchange.answer(leg_of(second, "Dora").id)
    assert (await ends_soundly(second)).outcome is Outcome.CONNECTED
    assert await watch(first) == ConnectedCallResult(left="")
    await hear(second, customer="Dora", Dora="customer")
    await watched(second)
    engine.exchange.hang_up(leg_of(second, "Dora").id)
    await gone(second, "customer", "Dora")
    assert await watch(second) == ConnectedCallResult(left="Dora")
