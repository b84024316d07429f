"""Whom phones show on a real Asterisk, from the SIP messages that they get: and nobody's audio suffers from it."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import pytest

from activities.telephony.asterisk import AsteriskTelephony
from activities.telephony.asterisk.backstop import NEVER
from activities.telephony.model import Observation, Placement
from tests.providers.asterisk_world import AsteriskWorld, settings
from tests.providers.contract import Transfer
from tests.providers.steps import COMPANY, consulting_for_the_company
from tests.providers.world import Party, eventually, expect
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.rig.sip import Message

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, GONE = Placement.SCREENING, Placement.GONE

CAROL = "+4930123456"
A_WHILE = 0.6
"""Seconds in which what must not be sent would have been sent; it takes Asterisk some milliseconds."""
NOT_MISSED = 0.3
"""Seconds of silence that nobody takes for a broken call, and a loaded machine may cause by itself."""


@pytest.fixture
async def transfer(world: AsteriskWorld) -> Transfer:
    """A customer with a number and a name talks to an agent."""
    transfer = await Transfer.of_a_new_call(world)
    await world.call_control.set_variables(
        transfer.customer.leg, {"CALLERID(num)": CAROL, "CALLERID(name)": 'Carol "C" Übel'}
    )
    return transfer


async def test_after_a_warm_transfer_the_phone_shows_the_customer(world: AsteriskWorld, transfer: Transfer) -> None:
    target = await consulting_for_the_company(transfer)
    began = asyncio.get_running_loop().time()
    assert (await connect(transfer, target)).stands
    await shown(world, target, CAROL)
    await together(world, transfer, target)
    # Asterisk tells by itself, when the agent leaves; what we add tells nothing else.
    assert {partner(update) for update in updates(world, target)} == {f'"Carol \\"C\\" Übel" <sip:{CAROL}@127.0.0.1>'}
    assert world.phone_of(target).longest_silence(began) < NOT_MISSED


async def test_a_screened_phone_is_told_once_and_only_by_us(world: AsteriskWorld, transfer: Transfer) -> None:
    target = await screened(world, transfer)
    await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: GONE, target: IN_ROOM})
    await together(world, transfer, target)
    await nobody_is_told(world, target)
    began = asyncio.get_running_loop().time()
    for _ in range(2):
        assert (await connect(transfer, target)).stands
    await shown(world, target, CAROL)
    await together(world, transfer, target)
    assert [update.method for update in updates(world, target)] == ["INVITE"]
    assert not updates(world, transfer.customer)  # who is not told of the target's number either
    for party in (target, transfer.customer):
        assert world.phone_of(party).longest_silence(began) < NOT_MISSED


async def test_a_phone_that_was_rung_in_the_name_of_the_customer_is_not_told_again(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    target = await screened(world, transfer, {"caller_id": COMPANY, "caller_id_of": transfer.customer.leg})
    assert (await connect(transfer, target)).stands
    await together(world, transfer, target)
    await nobody_is_told(world, target)
    assert await world.caller_id(target) == CAROL


async def test_the_number_is_kept_out_as_long_as_it_rings(world: AsteriskWorld, transfer: Transfer) -> None:
    """Asterisk tells the last two in a room of each other, even if one of them still rings."""
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING}, dial={"caller_id": COMPANY})
    await transfer.until_it_rings(target)
    await transfer.arrange({customer: IN_ROOM, agent: GONE, target: RINGING})
    await expect(world, {customer: {"ringback"}, agent: set()})
    await nobody_is_told(world, target)
    assert await world.caller_id(target) == COMPANY
    await world.answer(target)
    assert (await connect(transfer, target)).stands
    await shown(world, target, CAROL)


async def test_who_withholds_the_number_is_not_shown(world: AsteriskWorld, transfer: Transfer) -> None:
    await world.call_control.set_variables(transfer.customer.leg, {"CALLERID(num-pres)": "prohib"})
    target = await consulting_for_the_company(transfer)
    assert (await connect(transfer, target)).stands
    await together(world, transfer, target)
    await nobody_is_told(world, target)
    assert await world.caller_id(target) == COMPANY


@pytest.mark.parametrize(
    "functions",
    [
        {"CALLERID(num-pres)": "prohib"},
        {"CALLERID(num-pres)": "unavailable"},
        {"CALLERID(num)": "anonymous"},
        {"CALLERID(num)": ""},
    ],
)
async def test_who_has_no_number_to_show_is_not_shown_by_us(
    world: AsteriskWorld, transfer: Transfer, functions: dict[str, str]
) -> None:
    await world.call_control.set_variables(transfer.customer.leg, functions)
    target = await screened(world, transfer)
    assert (await connect(transfer, target)).stands
    changes = await world.changes()
    assert (await connect(transfer, target)).stands
    assert await world.changes() == changes
    await nobody_is_told(world, target)
    assert await world.caller_id(target) == COMPANY


async def test_who_withholds_only_the_name_is_shown_by_number(world: AsteriskWorld, transfer: Transfer) -> None:
    await world.call_control.set_variables(transfer.customer.leg, {"CALLERID(name-pres)": "prohib"})
    target = await screened(world, transfer)
    assert (await connect(transfer, target)).stands
    await shown(world, target, CAROL)
    assert [partner(update) for update in updates(world, target)] == [f"<sip:{CAROL}@127.0.0.1>"]


@pytest.mark.parametrize(
    ("name", "shown_name"),
    [
        ("Jürgen Müller", "Jürgen Müller"),
        ("山田 太郎 \U0001f600", "山田 太郎 \U0001f600"),
        ('Carol" <sip:evil@example.org>', 'Carol" <sip:evil@example.org>'),
        ("a\\", "a\\"),
        ("a, b; c=d | e & f ^ g", "a, b; c=d | e & f ^ g"),
        ("${EXTEN} $[1+1] ^{EXTEN}", "${EXTEN} $[1+1] ^{EXTEN}"),
        ("a\r\nX-Evil: 1", "a X-Evil: 1"),
        ("a\u2028X-Evil: 1\x85b", "a X-Evil: 1 b"),
    ],
)
async def test_a_name_is_shown_as_it_is_and_nothing_but_a_name(
    world: AsteriskWorld, transfer: Transfer, name: str, shown_name: str
) -> None:
    await world.node.ari.call(
        "POST", f"/channels/{transfer.customer.leg}/variables", {"variables": {"CALLERID(name)": name}}
    )
    target = await screened(world, transfer)
    assert (await connect(transfer, target)).stands
    await until_told(world, target)
    (update,) = updates(world, target)
    quoted = shown_name.replace("\\", "\\\\").replace('"', '\\"')
    assert partner(update) == f'"{quoted}" <sip:{CAROL}@127.0.0.1>'
    assert not update.all("X-Evil")


async def test_nobody_behind_the_trunk_is_told(world: AsteriskWorld, transfer: Transfer) -> None:
    target = await screened(world, transfer)
    provider = AsteriskTelephony(settings(world.node).model_copy(update={"trunk": "target1"}))
    assert (await connect(transfer, target, provider)).stands
    await provider.close()
    await together(world, transfer, target)
    await nobody_is_told(world, target)


@pytest.mark.parametrize("refusal", [405, 488, 500])
async def test_a_phone_that_refuses_goes_on_talking(world: AsteriskWorld, transfer: Transfer, refusal: int) -> None:
    target = await transfer.target()
    world.phone_of(target).behaviour = Behaviour(final=None, updated=refusal)
    await let_in(world, transfer, target, {"caller_id": COMPANY})
    began = asyncio.get_running_loop().time()
    assert (await connect(transfer, target)).stands
    await until_told(world, target)
    await together(world, transfer, target)
    assert await world.caller_id(target) == COMPANY
    assert world.phone_of(target).longest_silence(began) < NOT_MISSED


async def test_the_time_out_of_asterisk_follows_the_limit(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    held = transfer.wanted({customer: ON_HOLD, agent: ON_HOLD})
    backstop = settings(world.node).hold_backstop
    for minutes in (5, 30, 10):
        limit = timedelta(minutes=minutes)
        wanted = held.model_copy(update={"hold_limit": limit})
        assert (await world.provider.arrange(wanted)).stands
        changes = await world.changes()
        assert (await world.provider.arrange(wanted)).stands
        assert await world.changes() == changes
        for party in (customer, agent):
            left = await time_left(world, party)
            assert limit + backstop - timedelta(seconds=20) < left <= limit + backstop
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    assert NEVER - timedelta(seconds=20) < await time_left(world, customer) <= NEVER


@pytest.mark.parametrize(
    ("functions", "shown"),
    [
        ({"CALLERID(num)": CAROL}, CAROL),
        ({"CALLERID(num)": CAROL, "CALLERID(num-pres)": "prohib"}, COMPANY),
        ({"CALLERID(num)": ""}, COMPANY),
        ({"CALLERID(num)": "anonymous"}, COMPANY),
        ({"CALLERID(num)": '1" <sip:x@y>'}, COMPANY),
        ({"CALLERID(num)": "Jürgen"}, COMPANY),
    ],
)
async def test_the_number_of_the_customer_or_ours(
    world: AsteriskWorld, transfer: Transfer, functions: dict[str, str], shown: str
) -> None:
    await world.call_control.set_variables(transfer.customer.leg, functions)
    target = await transfer.target()
    dial = {"caller_id": COMPANY, "caller_id_of": transfer.customer.leg}
    await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, target: RINGING}, dial=dial)
    await transfer.until_it_rings(target)
    assert await world.caller_id(target) == shown
    await expect(world, {transfer.agent: {"ringback"}})


async def screened(world: AsteriskWorld, transfer: Transfer, dial: Mapping[str, object] | None = None) -> Party:
    """Let a target answer that is asked first, while the customer is alone in the room."""
    target = await transfer.target()
    await let_in(world, transfer, target, dial or {"caller_id": COMPANY})
    return target


async def let_in(world: AsteriskWorld, transfer: Transfer, target: Party, dial: Mapping[str, object]) -> None:
    """Let a target answer that is asked first, while the customer is alone in the room."""
    ringing = {transfer.customer: IN_ROOM, transfer.agent: GONE, target: SCREENING}
    await transfer.arrange(ringing, dial=dial)
    await transfer.until_it_rings(target)
    await world.answer(target)
    await transfer.until_answered(target, ringing)


async def connect(transfer: Transfer, target: Party, provider: AsteriskTelephony | None = None) -> Observation:
    """Leave customer and target to themselves, as the engine does in the end."""
    customer = transfer.customer
    wanted = transfer.wanted({customer: IN_ROOM, transfer.agent: GONE, target: IN_ROOM})
    *others, leg = wanted.legs
    legs = (*others, leg.model_copy(update={"shows": customer.leg}))
    return await (provider or transfer.world.provider).arrange(wanted.model_copy(update={"legs": legs}))


async def together(world: AsteriskWorld, transfer: Transfer, target: Party) -> None:
    """Wait until customer and target hear each other, and nothing else."""
    phones = world.phone_of(transfer.customer), world.phone_of(target)
    await hear_exactly({phones[0]: {"target1"}, phones[1]: {"customer"}})


async def shown(world: AsteriskWorld, party: Party, number: str) -> None:
    """Wait until a phone shows a number."""

    async def is_shown() -> bool:
        return await world.caller_id(party) == number

    await eventually(world, is_shown, lambda: f"{party.name} is not shown {number}")


async def until_told(world: AsteriskWorld, party: Party) -> None:
    """Wait until a phone is sent something that would change what it shows."""

    async def told() -> bool:
        return bool(updates(world, party))

    await eventually(world, told, lambda: f"{party.name} was told nothing")


async def nobody_is_told(world: AsteriskWorld, party: Party) -> None:
    """Check for a while that a phone is sent nothing that would change what it shows."""
    await asyncio.sleep(A_WHILE)
    assert not updates(world, party)


def updates(world: AsteriskWorld, party: Party) -> list[Message]:
    """Return what could have changed the call of a phone since it began."""
    received = world.phone_of(party).calls[-1].received
    return [request for request in received if request.method in ("INVITE", "UPDATE")]


def partner(request: Message) -> str:
    """Return whom a request says the far end is."""
    return request.get("P-Asserted-Identity")


async def time_left(world: AsteriskWorld, party: Party) -> timedelta:
    """Return after how long Asterisk itself ends a leg's waiting; 0: it never had an end."""
    where = f"/channels/{party.leg}/variable"
    answer = await world.node.ari.call("GET", where, variable="TIMEOUT(absolute)")
    return timedelta(seconds=float(answer["value"]))
