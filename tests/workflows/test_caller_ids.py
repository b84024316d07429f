"""Whose number is shown is judged too: nobody may call in the name of somebody else's number."""

import pytest
from temporalio.client import Client

from hookflash import Cause, Evidence, HandOff, Mode, Outcome, Policy, ProviderEvent, Recall
from hookflash.names import PROVIDER_EVENT_SIGNAL
from tests.support.polling import eventually
from tests.workflows.calling_back import Phones, calling_back
from tests.workflows.engine import Engine, Running
from tests.workflows.people import journal, leg_of, person, ring
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)

OURS = "+49301234567"
SWITCHBOARD = "100"
FOREIGN = "+49110"
NOT_SHOWN = "must not be shown: not one of the tenant's"


@pytest.mark.parametrize(
    ("tenant", "number", "shown"), [("honest", OURS, OURS), ("honest", FOREIGN, ""), ("bold", FOREIGN, FOREIGN)]
)
async def test_a_number_is_shown_only_where_it_is_the_tenant_s(
    engine: Engine, tenant: str, number: str, shown: str
) -> None:
    transfer = await engine.transfer(Mode.COLD, person("Bob"), policy=Policy(caller_id=number), tenant=tenant)
    await ring(transfer, "Bob")
    assert leg_of(transfer, "Bob").shown == shown
    told = journal(await transfer.status())
    assert (f"caller_id {NOT_SHOWN}" in told) == (number != shown)
    assert not any(FOREIGN in it for it in told), "it may be somebody's number, and the journal may not have one"
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def test_nor_to_an_agent_who_is_called_back(engine: Engine) -> None:
    policy = Policy(caller_id=FOREIGN, fallbacks=(Recall(), HandOff(kind="queue", place="claims")))
    transfer = await engine.transfer(Mode.BLIND, person("Bob", "busy"), policy=policy, tenant="honest", recalled="ring")
    await ring(transfer, "agent")
    assert leg_of(transfer, "agent").shown == ""
    engine.exchange.answer(leg_of(transfer, "agent").id)
    assert (await ends_soundly(transfer)).outcome is Outcome.RECALLED_AGENT


@pytest.mark.parametrize(("number", "times_rung"), [(SWITCHBOARD, 2), (FOREIGN, 1)])
async def test_nor_in_place_of_one_that_the_carrier_has_refused(engine: Engine, number: str, times_rung: int) -> None:
    policy = Policy(caller_id=OURS, caller_id_fallback=number)
    transfer = await engine.transfer(Mode.COLD, person("Bob"), policy=policy, tenant="honest")
    await ring(transfer, "Bob")
    refused = Evidence(sip_status=403, text="Forbidden")
    leg = leg_of(transfer, "Bob").id
    event = ProviderEvent(kind="ended", leg=leg, cause=Cause.DECLINED, evidence=refused)
    await transfer.handle.signal(PROVIDER_EVENT_SIGNAL, event)
    engine.exchange.hang_up(leg)  # which knows no status code of its own to refuse a number with
    if times_rung > 1:
        await eventually(lambda: _another(transfer, leg), "the second ring")
        assert leg_of(transfer, "Bob").shown == number
        await transfer.do("cancel")
    result = await ends_soundly(transfer)
    assert len(result.attempts) == times_rung
    assert (f"caller_id_fallback {NOT_SHOWN}" in journal(await transfer.status())) == (times_rung == 1)


async def _another(transfer: Running, than: str) -> bool | None:
    found = leg_of(transfer, "Bob")
    return (found.id != than and found.ringing) or None


@pytest.mark.parametrize(("number", "shown"), [(OURS, OURS), (FOREIGN, "")])
async def test_a_call_back_shows_what_the_tenant_may_show_on_that_day(client: Client, number: str, shown: str) -> None:
    async with calling_back(client, Phones()) as calls:
        await calls.start(tenant="honest", caller_id=number)
        await calls.rings("agent")
        assert [dial.caller_id for dial in calls.phones.dials.values()] == [shown]
