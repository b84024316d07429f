"""The doctor on a real Asterisk: a healthy node is clean, and each thing that is broken is named with what to do.

What takes calls over: test_asterisk_doctor_adoption.py. The command: test_asterisk_doctor_command.py.
"""

from typing import NamedTuple

import pytest
from pydantic import SecretStr

from activities.telephony.asterisk.doctor import Expectations, Level, examine
from tests.integration.examination import (
    WRONG_PASSWORD,
    Change,
    bad,
    configuration,
    edited,
    examined,
    nothing_is_left,
    replacing,
    without,
)
from tests.integration.switchboard import ENGINE_APP
from tests.providers.asterisk_world import settings
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.phone import PhoneRack

pytestmark = pytest.mark.asterisk


async def test_a_healthy_node_is_clean_and_nobody_is_rung(patient: AsteriskNode) -> None:
    async with (
        patient.ari.subscribe("witness", everything=True) as seen,
        PhoneRack(patient.sip_address, patient.phone_ports) as rack,
    ):
        phones = [await rack.phone(name) for name in patient.phone_ports]
        assert bad(await examined(settings(patient))) == []
        await nothing_is_left(patient)
        names = {event["channel"]["name"] for event in seen.all if event["type"] == "ChannelCreated"}
        assert names
        assert [it for it in names if not it.startswith(("Snoop/hookflash-doctor-", "Local/s@hookflash-doctor-"))] == []
        assert [phone.name for phone in phones if phone.calls] == []


RELOADS = {
    "ari": "module reload res_ari.so",
    "extensions": "dialplan reload",
    "indications": "module reload indications",
    "musiconhold": "moh reload",
    "pjsip": "module reload res_pjsip.so",
}
"""What has Asterisk read a file again. For any other file it is restarted, which takes longer."""


async def breaks(node: AsteriskNode, file: str, change: Change, expected: list[tuple[str, str]], remedy: str) -> None:
    """Let a node read a change of its configuration, and see that just this is found."""

    async def read_again() -> object:
        return await (node.cli(RELOADS[file]) if file in RELOADS else node.restart())

    async with edited(configuration(node, file), change, read_again):
        found = await examined(settings(node))
        await nothing_is_left(node)
    assert bad(found) == expected
    assert any(remedy in it.remedy for it in found), [it.remedy for it in found if it.remedy]


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("bridge_holding", [("modules", "failure"), ("sounds", "warning")]),
        ("app_amd", [("modules", "warning")]),  # which tells machines from people
        ("func_dialplan", [("modules", "failure"), ("dialplan", "warning"), ("302 guard", "warning")]),
        ("res_stasis_snoop", [("modules", "failure"), ("modules", "failure"), ("reachable", "failure")]),
    ],
)
async def test_a_module_that_is_not_loaded_is_named(
    patient: AsteriskNode, module: str, expected: list[tuple[str, str]]
) -> None:
    change = without(rf"^load = {module}\.so\n")
    await breaks(patient, "modules", change, expected, f"modules.conf: load = {module}.so")


class Fault(NamedTuple):
    """Something that is broken."""

    file: str
    change: Change
    found: tuple[str, str]
    """The check that finds it, and the level."""
    remedy: str


OUR_DIALPLAN = '#include "hookflash/extensions.conf"'
FAULTS = {
    "read only": Fault(
        "ari",
        replacing("read_only=no", "read_only=yes"),
        ("permissions", "failure"),
        "ari.conf: read_only=no in [hookflash]",
    ),
    "no class of music": Fault(
        "musiconhold",
        replacing("[default]", "[another]"),
        ("music", "failure"),
        "musiconhold.conf: [default] with mode=files",
    ),
    "a zone without ringback": Fault(
        "indications", without(r"^ring=.*\n"), ("ringback", "failure"), "indications.conf: [general] country=us"
    ),
    "no guard": Fault(
        "extensions",
        replacing("1(hookflash-guard),GotoIf", "1,GotoIf"),
        ("302 guard", "warning"),
        "1(hookflash-guard),GotoIf($",
    ),
    "no farewells": Fault(
        "extensions", replacing("[hookflash-farewell]", "[farewell]"), ("dialplan", "warning"), OUR_DIALPLAN
    ),
    "no place to listen for machines": Fault(
        "extensions", replacing("[hookflash-amd]", "[amd]"), ("dialplan", "warning"), OUR_DIALPLAN
    ),
    "no fallback": Fault(
        "extensions",
        replacing("[hookflash-fallback]", "[fallback]"),
        ("dialplan", "failure"),
        "extensions.conf: [hookflash-fallback] with exten => s,1,",
    ),
    "no back-stop": Fault(
        "extensions",
        without(r"^exten => T,.*\n"),
        ("back-stop", "warning"),
        "extensions.conf: exten => T,1,Goto(hookflash-fallback,s,1)",
    ),
    "SIP itself follows a 302": Fault(
        "pjsip",
        replacing("send_pai=yes", "send_pai=yes\nredirect_method=uri_pjsip"),
        ("302 guard", "failure"),
        "pjsip.conf: redirect_method=user",
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
async def test_what_is_broken_is_named_with_its_remedy(patient: AsteriskNode, fault: Fault) -> None:
    await breaks(patient, fault.file, fault.change, [fault.found], fault.remedy)


async def test_what_transfers_will_use_can_be_said(patient: AsteriskNode) -> None:
    expected = Expectations(
        recordings=("hookflash-notice", "hookflash-nowhere"), places=("hookflash-queue", "nowhere,100")
    )
    found = await examined(settings(patient), expected)
    await nothing_is_left(patient)
    assert bad(found) == [("dialplan", "failure"), ("recordings", "warning")]
    assert any("nowhere,100,1" in it.text for it in found)
    assert any("hookflash-nowhere.wav" in it.remedy for it in found)


async def test_a_trunk_that_is_not_there_or_is_told_too_much(patient: AsteriskNode) -> None:
    there = settings(patient).model_copy(update={"trunk": "supervisor"})
    assert bad(await examined(there)) == [("trunk", "warning")]
    assert bad(await examined(there.model_copy(update={"trunk": "carrier"}))) == [("trunk", "failure")]


async def test_a_wrong_password_is_all_that_is_said(patient: AsteriskNode) -> None:
    found = await examined(settings(patient).model_copy(update={"password": SecretStr(WRONG_PASSWORD)}))
    assert bad(found) == [("credentials", "failure")]
    assert "HOOKFLASH_ASTERISK_USERNAME" in found[-1].remedy
    assert WRONG_PASSWORD not in repr(found)


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("http://127.0.0.1:{dead}/ari", "http.conf: enabled=yes"),
        ("http://127.0.0.1:{http}/elsewhere", "HOOKFLASH_ASTERISK_URL ends in /ari"),
        ("https://127.0.0.1:{http}/ari", "http.conf: enabled=yes"),
    ],
)
async def test_where_there_is_no_ari(patient: AsteriskNode, url: str, remedy: str) -> None:
    where = url.format(dead=patient.ports.dead, http=patient.ports.http)
    found = await examined(settings(patient, url=where))
    assert bad(found) == [("reachable", "failure")]
    assert remedy in found[-1].remedy


async def test_a_node_on_another_machine_in_clear_is_warned_of(patient: AsteriskNode) -> None:
    how = settings(patient).model_copy(update={"url": "http://192.0.2.1:8088/ari", "app": ENGINE_APP})
    first = await anext(aiter(examine(how, Expectations())))
    assert (first.check, first.level) == ("transport", Level.WARNING)
    assert "tlsenable=yes" in first.remedy
