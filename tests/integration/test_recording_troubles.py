"""Recordings of a real call with which something cannot be done: people are told once, and the transfer goes on."""

import uuid
from collections.abc import AsyncIterator

import pytest

from hookflash import Agent, Customer, Mode, Outcome, RunningTransfer, Stage
from tests.integration.switchboard import TalkingCall, reaches
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.ear import Expectation, Listener, hear_exactly
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

Heard = dict[Listener, Expectation]


@pytest.fixture
def name() -> str:
    """Give the recording of a test a name of its own: its file stays."""
    return f"call-{uuid.uuid4().hex}"


@pytest.fixture
async def nobody_reaches_recordings(asterisk_node: AsteriskNode) -> AsyncIterator[None]:
    """Take the recordings away from ARI for the time of a test: they go on, and every request for them fails."""
    await asterisk_node.cli("module unload res_ari_recordings.so")
    yield
    await asterisk_node.cli("module load res_ari_recordings.so")


async def test_recordings_that_do_not_exist_are_told_once_each(call: TalkingCall, name: str) -> None:
    lines = await lines_of_a_transfer(call, f"{name}-customer", f"{name}-agent")
    assert lines == [
        f"{party}.recording: {name}-{party} was not found, or is over; "
        f"whatever else records the {party}'s leg is not paused on hold"
        for party in ("customer", "agent")
    ]


async def test_a_recording_that_is_over_is_told_once(call: TalkingCall, name: str) -> None:
    await call.office.calls.record(call.customer_leg, name)
    await until(call, name, "recording")
    await call.office.node.ari.call("POST", f"/recordings/live/{name}/stop")
    await until(call, name, "")
    (line,) = await lines_of_a_transfer(call, name)
    assert line.startswith(f"customer.recording: {name} was not found, or is over")


async def test_a_recording_that_nobody_can_reach_is_told_once(
    call: TalkingCall, name: str, nobody_reaches_recordings: None
) -> None:
    await call.office.calls.record(call.customer_leg, name)
    lines = await lines_of_a_transfer(call, name)
    assert lines == [
        f"customer.recording: {name} could not be paused; what is heard on hold or said in private may be in it"
    ]


async def lines_of_a_transfer(call: TalkingCall, customer: str, agent: str | None = None) -> list[str]:
    """Transfer a call whose request names these recordings, and return what the journal says of them.

    Everybody is moved several times, and hears whom they are to hear.
    """
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(
        Mode.WARM,
        "target1",
        customer=Customer(leg=call.customer_leg, recording=customer),
        agent=Agent(leg=call.agent_leg, recording=agent),
    )
    consulting: Heard = {call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}}
    await reaches(transfer, Stage.CONSULTING)
    await hear_exactly(consulting)
    await transfer.swap()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}, target: {"music"}})
    await transfer.swap()
    await hear_exactly(consulting)
    await transfer.complete()
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    await target.hang_up()
    return await _about_recordings(transfer)


async def _about_recordings(transfer: RunningTransfer) -> list[str]:
    return [entry.text for entry in (await transfer.status()).journal if ".recording: " in entry.text]


async def until(call: TalkingCall, name: str, state: str) -> None:
    """Wait until a recording is in a state; empty: over."""

    async def there() -> bool | None:
        found = await call.office.node.ari.call("GET", f"/recordings/live/{name}", ok=(200, 404))
        return found.get("state", "") == state or None

    await eventually(there, f"recording {name} {state or 'over'}")
