"""A phone's own hold, and the provider alone: what is left when the provider stops at the worst moment."""

import pytest

from activities.telephony.asterisk.client import AriClient
from activities.telephony.asterisk.execute import Executor
from activities.telephony.asterisk.sounds import HoldAgain
from activities.telephony.model import Placement
from tests.providers.asterisk_world import AsteriskWorld, settings
from tests.providers.contract import Manner, Transfer
from tests.rig.ear import hear_exactly

pytestmark = pytest.mark.asterisk

PATIENCE = 20.0
IN_ROOM, ON_HOLD, GONE = Placement.IN_ROOM, Placement.ON_HOLD, Placement.GONE


async def test_music_that_began_too_late_is_ended_by_whoever_looks_next(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    """The agent has resumed between the look and the music, and then we died."""
    customer, agent = transfer.customer, transfer.agent
    c, a = world.phone_of(customer), world.phone_of(agent)
    together = {customer: IN_ROOM, agent: IN_ROOM}
    await transfer.arrange(together)
    client = AriClient(settings(world.node))
    await Executor(client).run((HoldAgain(customer.leg, agent.leg, ""),))
    await client.close()
    await hear_exactly({c: {"music"}, a: {"customer"}}, PATIENCE)
    await transfer.arrange(together)
    await hear_exactly({c: {"agent"}, a: {"customer"}}, PATIENCE)
    before = world.proxy.changes
    await transfer.arrange(together)
    assert world.proxy.changes == before


async def test_whoever_leaves_a_phone_on_hold_leaves_its_music(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target(Manner.RING)
    c, a, t = world.phone_of(customer), world.phone_of(agent), world.phone_of(target)
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    await a.active_call.hold()
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    await hear_exactly({c: {"music"}}, PATIENCE)
    # A third one comes in: the two who can talk hear each other.
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM, target: Placement.RINGING})
    await world.answer(target)
    await hear_exactly({c: {"target1"}, t: {"customer"}}, PATIENCE)
    # And who is alone with the phone again has music again.
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM, target: GONE})
    await hear_exactly({c: {"music"}}, PATIENCE)
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    await hear_exactly({c: {"music"}}, PATIENCE)
    await a.active_call.hold(False)
    await hear_exactly({c: {"music"}}, PATIENCE)
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    await hear_exactly({c: {"agent"}, a: {"customer"}}, PATIENCE)


async def test_music_of_its_own_class(world: AsteriskWorld, transfer: Transfer) -> None:
    """Where nobody has named music, the customer's channel may have its own."""
    customer, agent = transfer.customer, transfer.agent
    c, a = world.phone_of(customer), world.phone_of(agent)
    await world.call_control.set_variables(customer.leg, {"CHANNEL(musicclass)": "harp"})
    await a.active_call.hold()
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    await hear_exactly({c: {"harp"}}, PATIENCE)
    await a.active_call.hold(False)
    await hear_exactly({c: {"agent"}, a: {"customer"}}, PATIENCE)
