"""A place of the dialplan that rings somebody is entered on a real Asterisk only where the tenant allows it."""

import pytest

from hookflash import HandOff, Mode, Outcome, Policy
from tests.integration.switchboard import TalkingCall, ended, nth_call
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly

pytestmark = pytest.mark.asterisk

DIALS = HandOff(kind="flow", place="from-phone,dial-agent")
"""Whoever goes on here rings the agent's phone, by ``Dial()``: the engine has no part in it."""


async def test_a_place_that_the_tenant_allows_rings_whom_it_rings(call: TalkingCall) -> None:
    await call.target(Behaviour.busy())
    transfer = await call.transfer(Mode.BLIND, "target1", policy=Policy(fallbacks=(DIALS,)), tenant="outgoing")
    assert (await transfer.wait()).outcome is Outcome.SENT_TO_FLOW
    await nth_call(call.agent, 2)
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    await call.customer.hang_up()
    await ended(call.agent)


async def test_a_place_that_the_tenant_does_not_allow_rings_nobody_and_the_customer_is_not_lost(
    call: TalkingCall,
) -> None:
    await call.target(Behaviour.busy())
    transfer = await call.transfer(Mode.BLIND, "target1", policy=Policy(fallbacks=(DIALS,)))
    result = await transfer.wait()
    assert [(it.kind, it.took_customer) for it in result.fallbacks] == [("flow", True)]
    await _in_the_operators_own(call)


async def test_nor_is_it_entered_when_the_target_leaves(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    transfer = await call.transfer(Mode.COLD, "target1", policy=Policy(when_target_leaves=DIALS))
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    await ended(call.agent)
    await target.hang_up()
    await _in_the_operators_own(call)


async def _in_the_operators_own(call: TalkingCall) -> None:
    await hear_exactly({call.customer: {"fallback"}}, within=10)
    (channel,) = await call.office.node.channels()
    assert channel["dialplan"]["context"] == "hookflash-fallback"
    assert len(call.agent.calls) == 1, "the place was entered, and has rung the agent"
