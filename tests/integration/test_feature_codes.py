"""An agent on a real Asterisk who gives commands by the keys of the phone, and what the others hear of it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from hookflash import (
    Actor,
    Cause,
    CommandName,
    FeatureCodes,
    Mode,
    Outcome,
    Policy,
    RunningTransfer,
    Stage,
    TransferStatus,
)
from tests.integration.switchboard import TalkingCall, ended, reaches
from tests.rig.behaviour import Behaviour
from tests.rig.ear import Expectation, Listener, hear_exactly
from tests.rig.phone import Phone
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

# A busy machine may hear of keys that were pressed in one go with a pause between them.
CODES = FeatureCodes(
    cancel="*1",
    complete="*2",
    conference="*3",
    swap="*4",
    hold="#AD",
    unhold="0",
    inter_digit_timeout=timedelta(seconds=10),
)
POLICY = Policy(feature_codes=CODES)
EVERY_CODE = "".join(CODES.codes.values())


async def noted(transfer: RunningTransfer, line: str, times: int = 1) -> TransferStatus:
    """Wait until a line is in the journal so many times."""

    async def there() -> TransferStatus | None:
        status = await transfer.status()
        return status if [it.text for it in status.journal].count(line) == times else None

    return await eventually(there, f"'{line}' in the journal")


async def presses_in_vain(transfer: RunningTransfer, phone: Phone, name: str) -> None:
    """Press every code, for the first time, and see that the engine has heard all keys and done nothing."""
    before = await transfer.status()
    await phone.press(EVERY_CODE)
    after = await noted(transfer, f"{name} pressed a key", len(EVERY_CODE))
    assert (after.stage, after.legs) == (before.stage, before.legs)
    assert not [it.text for it in after.journal if f"{name} pressed" in it.text and "a key" not in it.text]


async def test_an_agent_completes_a_warm_transfer_by_keys(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.WARM, "target1", policy=POLICY)
    ringing = await target.incoming()
    await hear_exactly({call.customer: {"music"}, call.agent: {"ringback"}})
    # The agent is alone in the room, while it rings.
    await call.agent.press("0")
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert call.customer.keys == ""
    await call.agent.press("#AD")
    await hear_exactly({call.customer: {"music"}, call.agent: {"ringback"}})
    assert call.customer.keys == "#AD", "the phone at the other end of the talk is told of keys"
    ringing.answer()
    status = await reaches(transfer, Stage.CONSULTING)
    assert status.feature_codes == CODES.codes
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    await presses_in_vain(transfer, call.customer, "customer")
    assert (call.agent.keys, target.keys) == ("", ""), "who is on hold is not heard, keys or voice"
    await presses_in_vain(transfer, target, "target1")
    assert call.agent.keys == EVERY_CODE
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    await call.agent.press("*3")
    await hear_exactly(
        {call.customer: {"agent", "target1"}, call.agent: {"customer", "target1"}, target: {"customer", "agent"}}
    )
    assert (call.customer.keys, target.keys) == ("#AD", "*3")
    await call.agent.press("*2")
    result = await transfer.wait()
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    await ended(call.agent)
    assert (result.outcome, result.ended_by, result.customer_with) == (Outcome.CONNECTED, Actor.AGENT, ("target",))
    journal = [it.text for it in (await transfer.status()).journal]
    assert [it for it in journal if it.startswith("agent pressed") and "a key" not in it] == [
        "agent pressed 0: unhold customer",
        "agent pressed #AD: hold customer",
        "agent pressed *3: conference",
        "agent pressed *2: complete",
    ]
    await target.hang_up()


async def test_an_agent_swaps_and_cancels_by_keys(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(Mode.WARM, "target1", policy=POLICY)
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    await call.agent.press("*4")
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}, target: {"music"}})
    await call.agent.press("*4")
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    await call.agent.press("0")
    all_three: dict[Listener, Expectation] = {
        call.customer: {"agent", "target1"},
        call.agent: {"customer", "target1"},
        target: {"customer", "agent"},
    }
    await hear_exactly(all_three)
    # What makes no sense now changes nothing.
    await call.agent.press("*4")
    why = "swap needs one of customer and target on hold, and the other in the room"
    status = await noted(transfer, f"agent pressed *4: swap: refused, {why}")
    assert status.stage is Stage.THREE_WAY
    assert CommandName.SWAP not in status.feature_codes
    await hear_exactly(all_three)
    await call.agent.press("7*1")
    result = await transfer.wait()
    await ended(target)
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert (result.outcome, result.cause, result.ended_by) == (
        Outcome.CANCELLED,
        Cause.AGENT_CANCELLED,
        Actor.AGENT,
    )


async def test_an_agent_who_waits_on_hold_cancels_by_keys(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    transfer = await call.transfer(Mode.COLD, "target1", policy=POLICY)
    ringing = await target.incoming()
    await hear_exactly({call.customer: {"ringback"}, call.agent: {"music"}})
    await presses_in_vain(transfer, call.customer, "customer")
    await call.agent.press("*1")
    result = await transfer.wait()
    await ringing.until("cancelled")
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert (result.outcome, result.cause) == (Outcome.CANCELLED, Cause.AGENT_CANCELLED)


HELD_DOWN = 400
"""Packets of 20 ms that a key is held down: longer than anything here takes."""


async def hold_down(phone: Phone, key: str, *others: Phone) -> None:
    """Press a key, let it stay down, and wait until the others are told of it."""
    assert phone.call is not None
    phone.call.media.press(key, HELD_DOWN)

    async def told() -> bool | None:
        return all(other.keys.endswith(key) for other in others) or None

    await eventually(told, f"{key} of {phone.name} at the others")


async def by_a_program(call: TalkingCall, target: Phone, transfer: RunningTransfer) -> None:
    await hold_down(call.agent, "7", call.customer, target)
    await transfer.complete()
    await ended(call.agent)


async def by_hanging_up(call: TalkingCall, target: Phone, transfer: RunningTransfer) -> None:
    await hold_down(call.agent, "7", call.customer, target)
    await call.agent.hang_up()


@pytest.mark.parametrize("leaves", [by_a_program, by_hanging_up])
async def test_who_leaves_while_a_key_is_down_leaves_the_others_their_voices(
    call: TalkingCall, leaves: Callable[[TalkingCall, Phone, RunningTransfer], Awaitable[None]]
) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(Mode.WARM, "target1", policy=POLICY)
    await reaches(transfer, Stage.CONSULTING)
    await transfer.conference()
    await hear_exactly(
        {call.customer: {"agent", "target1"}, call.agent: {"customer", "target1"}, target: {"customer", "agent"}}
    )
    await leaves(call, target, transfer)
    result = await transfer.wait()
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
    await target.hang_up()


async def test_who_is_put_on_hold_while_a_key_is_down_leaves_the_others_their_voices(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(Mode.WARM, "target1")
    await reaches(transfer, Stage.CONSULTING)
    await transfer.conference()
    await hear_exactly(
        {call.customer: {"agent", "target1"}, call.agent: {"customer", "target1"}, target: {"customer", "agent"}}
    )
    await hold_down(call.customer, "7", call.agent, target)
    await transfer.hold()
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    await transfer.cancel()
    await transfer.wait()
    await ended(target)
