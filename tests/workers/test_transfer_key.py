"""What the listener makes of a phone's transfer key. Transfers are started on a real server, and run by nobody."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.admission import DirectoryEntry, Tenant, Tenants, TransferKey
from activities.listen import Listen
from activities.telephony.model import TransferAsked
from activities.transfer_key import RefusedError, TransferKeys, understand
from hookflash import CallBack, Mode, Policy, Target, TransferRequest
from hookflash.names import owner_token, supervision_id, transfer_id
from tests.support.polling import eventually
from tests.workers.scripted_telephony import ScriptedTelephony

pytestmark = pytest.mark.timeout(60)

NODE = "node"
WATCH = owner_token(supervision_id(transfer_id(NODE, "carol"), "run-1"), "run-2")
RUNNING = owner_token(transfer_id(NODE, "carol"), "run-1")
ASKED = TransferAsked(
    leg="anna", customer="carol", destination="bob", address="sim:bob", tenant="acme", callable_at="sim:anna"
)
TENANTS = Tenants(
    tenants={
        "acme": Tenant(
            directory={"7001": DirectoryEntry(address="sim:claims")},
            transfer_key=TransferKey(ring_timeout=timedelta(seconds=7), policy=Policy(hold_music="jazz")),
        ),
        "locked": Tenant(transfer_key=TransferKey(allowed=False)),
        "promises": Tenant(transfer_key=TransferKey(policy=Policy(fallbacks=(CallBack(),)))),
    }
)


def asked(**changes: object) -> TransferAsked:
    return TransferAsked.model_validate(ASKED.model_dump() | changes)


def request(**changes: object) -> TransferRequest:
    return understand(asked(**changes), NODE, TENANTS).request


def test_it_is_a_cold_transfer_with_the_policy_of_the_tenant() -> None:
    found = request()
    assert (found.mode, found.provider, found.tenant, found.customer.leg) == (Mode.COLD, NODE, "acme", "carol")
    assert (found.agent.leg, found.agent.address, found.agent.asked_by_phone) == ("anna", "sim:anna", True)
    assert found.targets == (Target(address="sim:bob", ring_timeout=timedelta(seconds=7)),)
    assert found.policy.hold_music == "jazz"


def test_the_directory_comes_before_the_address() -> None:
    (target,) = request(destination="7001", address="sim:7001").targets
    assert (target.directory, target.address) == ("7001", None)


def test_a_phone_without_a_tenant_has_the_permissions_of_the_default() -> None:
    assert request(tenant="").tenant == "default"


def test_whoever_was_consulted_is_not_rung() -> None:
    found = request(consults=True, consulting="anna-2", consulted="bob-1")
    assert found.targets == (Target(leg="bob-1"),)
    assert found.agent.consulting_leg == "anna-2"


def test_a_new_agent_may_transfer_again() -> None:
    assert request(owner=WATCH).customer.leg == "carol"


def test_who_asks_again_waits_for_the_same_customer() -> None:
    wish = understand(asked(owner=RUNNING, again=True, customer=""), NODE, TENANTS)
    assert (wish.request.customer.leg, wish.retarget) == ("carol", True)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"tenant": "locked"}, "tenant locked does not allow it"),
        ({"customer": ""}, "no one other party in its conversation"),
        ({"leg": "carol", "customer": "anna", "owner": WATCH}, "the customer's own phone"),
        ({"leg": "carol", "customer": "anna", "owner": RUNNING}, "the customer's own phone"),
        ({"address": "", "destination": "x\r\nX-Evil: 1"}, "nothing that could be rung"),
        ({"consults": True, "consulting": "anna-2"}, "no one other party in the call that it consults in"),
        ({"consults": True, "consulting": "anna-2", "consulted": "carol"}, "no transfer can be made of it"),
        ({"tenant": "promises"}, "no transfer can be made of it"),
        ({"tenant": "no such word"}, "no transfer can be made of it: tenant"),
    ],
)
def test_what_is_refused(changes: dict[str, object], why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        request(**changes)


async def running(client: Client, leg: str) -> list[str]:
    """Return the runs of the transfers of a call."""
    found = client.list_workflows(f"WorkflowId = '{transfer_id(NODE, leg)}'")
    return [it.run_id async for it in found]


async def test_the_same_request_twice_is_one_transfer_and_a_different_one_is_declined(own_namespace: Client) -> None:
    telephony = ScriptedTelephony()
    keys = TransferKeys(own_namespace, NODE, telephony, TENANTS)
    await keys.follow(ASKED)
    await keys.follow(ASKED)
    assert telephony.declined == []
    await keys.follow(asked(leg="somebody-else"))
    assert telephony.declined == ["somebody-else"]

    async def visible() -> list[str] | None:
        return await running(own_namespace, "carol") or None

    assert len(await eventually(visible, "the transfer")) == 1


@pytest.fixture
async def listener(own_namespace: Client) -> AsyncIterator[ScriptedTelephony]:
    """A node that is listened to."""
    telephony = ScriptedTelephony()
    listen = Listen(own_namespace, {NODE: telephony}, TENANTS).listen
    turn = asyncio.create_task(ActivityEnvironment().run(listen, NODE))
    await telephony.until_connections(1)
    yield telephony
    turn.cancel()
    await asyncio.gather(turn, return_exceptions=True)


async def test_a_key_that_is_pressed_starts_a_transfer(own_namespace: Client, listener: ScriptedTelephony) -> None:
    listener.emit(ASKED)

    async def started() -> list[str] | None:
        return await running(own_namespace, "carol") or None

    await eventually(started, "the transfer")
    assert listener.declined == []


async def test_what_is_refused_is_declined_and_others_are_heard(
    own_namespace: Client, listener: ScriptedTelephony
) -> None:
    listener.emit(asked(tenant="locked"))
    listener.emit(asked(leg="berta", customer="dora"))

    async def started() -> list[str] | None:
        return await running(own_namespace, "dora") or None

    await eventually(started, "the other transfer")

    async def declined() -> list[str] | None:
        return listener.declined or None

    assert await eventually(declined, "a word to the phone") == ["anna"]
    assert await running(own_namespace, "carol") == []
