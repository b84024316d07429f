"""A phone that answers 302 with a number of its own: nobody is called whom the tenant's rules do not allow."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from activities.telephony.asterisk import AsteriskTelephony
from activities.telephony.model import Arrangement, Dial, LegEvent, LegEventKind, Placement, WantedLeg
from hookflash import Cause, Mode, Outcome
from tests.integration.switchboard import TalkingCall
from tests.providers.asterisk_world import settings
from tests.rig.ari import Events
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.rig.phone import PhoneRack
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

# The front desk stands for an expensive number: the open dialplan below would ring it.
FORWARDS = Behaviour.refuses(302, headers=(("Contact", "<sip:frontdesk@127.0.0.1>"),))
OPEN = """
[from-phone]
exten => _X!,1,Dial(PJSIP/frontdesk)
exten => _[a-z]!,1,Dial(PJSIP/frontdesk)
"""


def made(seen: Events) -> set[str]:
    """What was ever called, by the names of the channels without their numbers."""
    names = [event["channel"]["name"] for event in seen.all if event["type"] == "ChannelCreated"]
    return {name.rpartition("-")[0] for name in names}


async def test_a_target_that_forwards_is_unreachable_and_nobody_else_is_rung(call: TalkingCall) -> None:
    desk = await call.office.phones.phone("frontdesk", Behaviour.rings())
    target = await call.target(FORWARDS)
    async with call.office.node.ari.subscribe("witness", everything=True) as seen:
        transfer = await call.transfer(Mode.COLD, "target1")
        result = await transfer.wait()
        await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    assert result.outcome is Outcome.RETURNED_TO_AGENT
    (attempt,) = result.attempts
    assert (attempt.cause, attempt.evidence.sip_status) == (Cause.UNREACHABLE, 302)
    assert made(seen) == {"PJSIP/target1"}
    assert (len(target.calls), desk.calls) == (1, [])


@pytest.fixture(scope="module")
async def open_node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskNode]:
    """A node whose phones may dial anything, and whose dialplan refuses no forwarded call."""
    async with AsteriskNode(tmp_path_factory.mktemp("open")) as node:
        (node.folder / "etc/extensions.conf").write_text(OPEN)
        await node.restart()
        yield node


async def test_the_engine_follows_no_302_even_where_the_dialplan_would(open_node: AsteriskNode) -> None:
    provider = AsteriskTelephony(settings(open_node))
    dial = Dial(address="pjsip:target1", ring_timeout=timedelta(seconds=10))
    leg = WantedLeg(name="target", leg="hf-" + "0" * 31 + "1", placement=Placement.RINGING, dial=dial)
    wanted = Arrangement(owner="test", room="hf-room", legs=(leg,))
    async with (
        PhoneRack(open_node.sip_address, open_node.phone_ports) as rack,
        open_node.ari.subscribe("witness", everything=True) as seen,
    ):
        target, desk = await rack.phone("target1", FORWARDS), await rack.phone("frontdesk", Behaviour.rings())
        listening = asyncio.Event()
        ended = asyncio.create_task(_end_of(provider, leg.leg, listening))
        await listening.wait()
        await provider.arrange(wanted)
        event = await asyncio.wait_for(ended, 10)
        assert (event.cause, event.evidence.sip_status) == (Cause.UNREACHABLE, 302)
        assert made(seen) == {"PJSIP/target1"}
        assert (len(target.calls), desk.calls) == (1, [])

        # What the guard is for: a leg that somebody else rings by originate is forwarded.
        await open_node.ari.call("POST", "/channels", endpoint="PJSIP/target1", app="witness", timeout=10)
        await desk.incoming()

        async def told() -> bool | None:
            return made(seen) > {"PJSIP/target1", "PJSIP/frontdesk"} or None

        await eventually(told, "the witness of both calls")
    await provider.close()
    await open_node.sweep()


async def _end_of(provider: AsteriskTelephony, leg: str, listening: asyncio.Event) -> LegEvent:
    async for event in provider.events():
        listening.set()
        if isinstance(event, LegEvent) and event.leg == leg and event.kind is LegEventKind.ENDED:
            return event
    raise AssertionError("no end")
