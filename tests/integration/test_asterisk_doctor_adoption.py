"""What the doctor says of a node whose calls are to be taken over: its manager, and its dialplan."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from activities.telephony.asterisk import AsteriskSettings
from activities.telephony.asterisk.doctor import Level
from activities.telephony.asterisk.doctor.adoption import manager
from tests.integration.dialplan_calls import ADOPTED
from tests.integration.examination import (
    WITHOUT_SOUNDS,
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
from tests.providers.asterisk_world import manager_settings, settings
from tests.rig.asterisk_config import CERTIFICATE
from tests.rig.asterisk_node import AsteriskNode

pytestmark = pytest.mark.asterisk


def adopting(patient: AsteriskNode, **changes: object) -> AsteriskSettings:
    """How a worker that takes calls over reaches the patient."""
    there = manager_settings(patient, *ADOPTED).model_copy(update=changes)
    return settings(patient).model_copy(update={"manager": there})


async def test_what_takes_calls_over_is_examined(patient: AsteriskNode) -> None:
    by_tls = {"tls": True, "port": patient.ports.manager_tls, "ca_file": CERTIFICATE}
    for changes in ({}, by_tls):
        found = await examined(adopting(patient, **changes), WITHOUT_SOUNDS)
        assert bad(found) == []
        assert {"manager", "adoption"} <= {it.check for it in found}
    assert {"manager", "adoption"}.isdisjoint(it.check for it in await examined(settings(patient), WITHOUT_SOUNDS))
    await nothing_is_left(patient)


@pytest.mark.parametrize(
    ("changes", "said", "remedy"),
    [
        ({"password": SecretStr(WRONG_PASSWORD)}, "refused the login", "[adopter] with the secret of HOOKFLASH"),
        ({"username": "nobody"}, "refused the login", "[nobody] with the secret of HOOKFLASH"),
        ({"port": "dead"}, "no connection", "manager.conf: enabled=yes, bindaddr, port"),
        ({"port": "manager_tls"}, "no connection", "port; with TLS it is another one"),
        ({"tls": True, "port": "manager"}, "no connection", "manager.conf: enabled=yes, bindaddr, tlsenable=yes"),
        ({"tls": True, "port": "manager_tls"}, "certificate is not trusted", "HOOKFLASH_ASTERISK_MANAGER_CA_FILE"),
        ({"tls": True, "ca_file": Path("nowhere.pem")}, "cannot be read", "HOOKFLASH_ASTERISK_MANAGER_CA_FILE"),
        ({"tls": True, "ca_file": CERTIFICATE, "port": "manager_tls", "host": "localhost"}, "not trusted", "HOST must"),
    ],
)
async def test_a_manager_that_cannot_be_used(
    patient: AsteriskNode, changes: dict[str, object], said: str, remedy: str
) -> None:
    port = getattr(patient.ports, str(changes.get("port", "manager")))
    found = [it async for it in manager(adopting(patient, **{**changes, "port": port}))]
    assert bad(found) == [("manager", "failure")]
    assert said in found[0].text
    assert remedy in found[0].remedy
    assert WRONG_PASSWORD not in repr(found)


@pytest.mark.parametrize(
    ("right", "level", "said"),
    [
        ("agent", Level.FAILURE, "may not Redirect and Setvar"),
        ("call,originate", Level.WARNING, "may also begin calls"),
        ("all", Level.WARNING, "may also run commands of the console, load modules, begin calls, change"),
    ],
)
async def test_a_user_of_the_manager_with_other_rights(
    patient: AsteriskNode, right: str, level: Level, said: str
) -> None:
    file, change = configuration(patient, "manager"), replacing("write=call", f"write={right}")
    async with edited(file, change, lambda: patient.cli("manager reload")):
        found = [it async for it in manager(adopting(patient))]
    assert bad(found) == [("manager", level.value)]
    assert said in found[0].text
    assert "manager.conf: write = call in [adopter]" in found[0].remedy


@pytest.mark.parametrize(
    ("change", "expected", "remedy"),
    [
        (replacing("[hookflash-adopt]", "[adopt]"), "failure", '#include "hookflash/extensions.conf"'),
        (replacing("exten => agent,1,Stasis", "exten => agents,1,Stasis"), "failure", "hookflash/extensions.conf"),
        (without(r"^exten => T,1,Goto\(hookflash-fallback,s,1\)\n\n(?=\[hookflash-fallback)"), "warning", "#include"),
        (replacing("[rig-queue]", "[queues]"), "failure", "other names in HOOKFLASH_ASTERISK_MANAGER_CONTEXTS"),
    ],
    ids=["no context", "no extension", "no back-stop", "a context that is listed is not there"],
)
async def test_a_dialplan_that_takes_no_calls_over(
    patient: AsteriskNode, change: Change, expected: str, remedy: str
) -> None:
    async with edited(configuration(patient, "extensions"), change, lambda: patient.cli("dialplan reload")):
        found = await examined(adopting(patient), WITHOUT_SOUNDS)
    assert bad(found) == [("adoption", expected)]
    assert remedy in next(it.remedy for it in found if it.check == "adoption")


async def test_agents_whose_calls_nobody_listed(patient: AsteriskNode) -> None:
    found = await examined(adopting(patient, contexts=("rig-queue",)), WITHOUT_SOUNDS)
    assert bad(found) == [("adoption", "warning")]
    assert "add those of [from-phone]" in found[-1].remedy


async def test_a_manager_on_another_machine_in_clear_is_warned_of(patient: AsteriskNode) -> None:
    how = adopting(patient, host="192.0.2.1").model_copy(update={"request_timeout": timedelta(milliseconds=100)})
    first = await anext(manager(how))
    assert (first.check, first.level) == ("manager", Level.WARNING)
    assert "tlsenable=yes" in first.remedy
