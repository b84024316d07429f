"""The manager interface of a real Asterisk, by which calls of the dialplan are taken over, and how it can fail."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from activities.telephony.asterisk.manager import Manager
from activities.telephony.errors import ProtocolError, ProviderUnavailable
from activities.telephony.model import Placement
from tests.integration.dialplan_calls import ADOPTED, talking, together, worker
from tests.providers.asterisk_world import AsteriskWorld, asterisk_world, manager_settings
from tests.rig.asterisk_config import CERTIFICATE
from tests.rig.asterisk_node import AsteriskNode

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD = Placement.IN_ROOM, Placement.ON_HOLD


@pytest.fixture
async def world(asterisk_node: AsteriskNode, nothing_left_over: None) -> AsyncIterator[AsteriskWorld]:
    async with asterisk_world(asterisk_node, ADOPTED) as world:
        yield world


async def test_the_manager_is_reached_over_tls(world: AsteriskWorld) -> None:
    transfer = await talking(world)
    over_tls = {"port": world.node.ports.manager_tls, "tls": True, "ca_file": CERTIFICATE}
    async with worker(world.node, manager=over_tls) as provider:
        assert (await provider.arrange(transfer.wanted({transfer.customer: IN_ROOM, transfer.agent: IN_ROOM}))).stands
    await together(transfer)


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"password": SecretStr("a-secret-nobody-may-read")}, ProtocolError, "refused the login"),
        ({"tls": True}, ProtocolError, "certificate is not trusted"),
        ({"tls": True, "ca_file": Path("nowhere.pem")}, ProtocolError, "ca_file cannot be read"),
        ({"port": "dead"}, ProviderUnavailable, "no connection"),
        ({"port": "http"}, ProviderUnavailable, "no connection"),
    ],
)
async def test_a_manager_that_cannot_be_used_changes_nothing(
    world: AsteriskWorld, wrong: dict[str, object], error: type[Exception], said: str
) -> None:
    transfer = await talking(world)
    ports = world.node.ports
    port = {"dead": ports.dead, "http": ports.http}.get(str(wrong.get("port")), ports.manager)
    wrong = {**wrong, "port": ports.manager_tls if "tls" in wrong else port}
    wanted = transfer.wanted({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM})
    async with worker(world.node, manager=wrong) as provider:
        with pytest.raises(error, match=said) as refused:
            await provider.arrange(wanted)
    assert "a-secret-nobody-may-read" not in repr(refused.value) + repr(refused.value.__cause__)
    await together(transfer)
    assert {it["dialplan"]["app_name"] for it in await world.node.channels()} == {"Dial", "AppDial"}


async def test_no_value_can_begin_a_field_of_its_own(asterisk_node: AsteriskNode) -> None:
    async with Manager(manager_settings(asterisk_node, "from-phone"), timedelta(seconds=5)) as manager:
        for value in ("a\r\nAction: Originate", "a\nb", "a\rb", "a\x00b", "a\u2028b", "a\x85b"):
            with pytest.raises(ValueError, match="Value"):
                await manager.act("Setvar", Channel="PJSIP/a", Variable="A", Value=value)
        refused = await manager.act("Setvar", Channel="PJSIP/nobody-1", Variable="A", Value="ü ${B}")
        assert not refused.done
        assert "No such channel" in refused.message
        with pytest.raises(ProtocolError, match="needs the class 'call'"):
            await manager.act("Command", Command="core show channels")
