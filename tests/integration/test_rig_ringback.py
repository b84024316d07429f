"""How soon a caller of the rig hears somebody: the rig measures tenths of a second, so nothing may run beside it."""

import pytest

from tests.rig.ari import CallControl, Events
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly, hears_exactly
from tests.rig.phone import PhoneRack

pytestmark = [pytest.mark.asterisk, pytest.mark.calm]


async def test_a_caller_hears_ringback_until_the_pre_bridged_phone_answers(
    phones: PhoneRack, contact_centre: CallControl, app_socket: Events, asterisk_node: AsteriskNode
) -> None:
    customer, target = await phones.phone("customer"), await phones.phone("target1", Behaviour.rings())
    room = await contact_centre.bridge(await contact_centre.connect_phone("customer"))
    ari = asterisk_node.ari
    leg = "rig-leg-ringing"
    await ari.call("POST", "/channels/create", endpoint="PJSIP/target1", app="hookflash", channelId=leg)
    await app_socket.first("StasisStart", lambda event: event["channel"]["id"] == leg)
    await contact_centre.add(room, leg)
    await ari.call("POST", f"/channels/{leg}/dial", timeout=20)

    call = await target.incoming()
    await call.until("ringing")
    await hears_exactly(customer, {"ringback"})
    assert customer.first_heard("target1", since=0.0) is None
    call.answer()
    await hear_exactly({customer: {"target1"}, target: {"customer"}})
    heard = customer.first_heard("target1", since=0.0)
    assert heard is not None
    assert 0 <= heard - call.at["answered"] < 0.3

    await contact_centre.remove(room)
