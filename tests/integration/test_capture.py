"""What went over the wire, as tshark reads it: every call is begun and ended as SIP asks for."""

import struct
from pathlib import Path

import pytest
from temporalio.client import Client

from hookflash import Mode, Outcome, Stage
from tests.integration.switchboard import ENGINE_APP, Office, ended, reaches
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.capture import Capture, Message, capturing, faults, messages, outcome
from tests.rig.ear import hear_exactly
from tests.rig.phone import PhoneRack

pytestmark = pytest.mark.asterisk


def flawless(capture: Capture) -> None:
    """Check that nothing is wrong with any call."""
    assert not capture.complaints
    for name, dialog in capture.dialogs.items():
        assert not (found := faults(dialog)), f"{name}: {found}\n" + "\n".join(map(str, dialog))
        # The judge is no fool: without any one of these messages it would have complained.
        for message in {it for it in dialog if not 100 <= (it.status or 0) < 200}:
            assert faults([it for it in dialog if it != message]), f"{name} may lack {message}"


async def test_a_phone_may_have_a_port_that_tshark_knows_as_another_protocols(tmp_path: Path) -> None:
    sip = b"BYE sip:bob@127.0.0.1 SIP/2.0\r\nCall-ID: a\r\nCSeq: 7 BYE\r\nContent-Length: 0\r\n\r\n"
    wi_sun = 10253  # its EAPOL relay; a call of a phone there was missing. Asterisk writes 0 for its own port
    udp = struct.pack("!HHHH", 0, wi_sun, 8 + len(sip), 0) + sip
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes(4), bytes((127, 0, 0, 1))) + udp
    frame = bytes(12) + struct.pack("!H", 0x0800) + ip
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    file = tmp_path / "one.pcap"
    file.write_bytes(header + struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    assert await messages(file) == [Message("a", "BYE", None, 7, from_asterisk=True)]


async def test_no_leg_of_a_warm_transfer_is_left(
    engine: Client, asterisk_node: AsteriskNode, phones: PhoneRack, tmp_path: Path
) -> None:
    office = Office(asterisk_node, engine, phones, CallControl(asterisk_node.ari, ENGINE_APP))
    async with capturing(asterisk_node, tmp_path / "warm.pcap") as capture:
        call = await office.call()
        await call.target(Behaviour.busy())
        target = await call.target(Behaviour.answers(after=0.3), "target2")
        transfer = await call.transfer(Mode.WARM, "target1", "target2")
        await reaches(transfer, Stage.CONSULTING)
        await transfer.conference()
        await transfer.complete()
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        await ended(call.agent)
        await call.customer.hang_up()
        await ended(target)
        await call.hang_up()
        await asterisk_node.drained()
    flawless(capture)
    assert sorted(outcome(dialog) for dialog in capture.dialogs.values()) == [200, 200, 200, 486]


async def test_a_phone_that_refers_is_notified_as_it_must_be(
    engine: Client, asterisk_node: AsteriskNode, phones: PhoneRack, tmp_path: Path
) -> None:
    """RFC 3515, sections 2.4.4 and 2.4.7: accepted, notified at once, and the subscription ends with the last word."""
    office = Office(asterisk_node, engine, phones, CallControl(asterisk_node.ari, ENGINE_APP))
    async with capturing(asterisk_node, tmp_path / "refer.pcap") as capture:
        call = await office.call({"PJSIP_TRANSFER_HANDLING()": "ari-only", "HOOKFLASH_TENANT": "desk"})
        target = await call.target(Behaviour.answers(after=0.3))
        assert await call.agent.active_call.transfer("target1") == 202
        await ended(call.agent)
        await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
        await target.hang_up()
        await ended(call.customer)
        await call.hang_up()
        await asterisk_node.drained()
    flawless(capture)
    (refers,) = [dialog for dialog in capture.dialogs.values() if any(it.method == "REFER" for it in dialog)]
    (answer,) = [it.status for it in refers if it.method == "REFER" and it.status]
    notified = [it.subscription for it in refers if it.method == "NOTIFY" and it.status is None]
    assert (answer, notified[-1], set(notified[:-1])) == (202, "terminated", {"active"})
    first = next(index for index, it in enumerate(refers) if it.method == "NOTIFY")
    assert first > next(index for index, it in enumerate(refers) if it.method == "REFER")
