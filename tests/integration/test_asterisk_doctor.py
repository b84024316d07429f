"""The doctor on a real Asterisk: a healthy node is clean, and each thing that is broken is named with what to do."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from activities.telephony.asterisk import AsteriskSettings
from activities.telephony.asterisk.doctor import Expectations, Finding, Level, examine
from activities.telephony.asterisk.doctor.adoption import manager
from tests.integration.dialplan_calls import ADOPTED
from tests.integration.switchboard import ENGINE_APP, worker_variables
from tests.providers.asterisk_world import manager_settings, settings
from tests.rig.asterisk_config import CERTIFICATE
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.phone import PhoneRack
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a wrong password"
WITHOUT_SOUNDS = Expectations(music=(), recordings=())
"""For what has nothing to do with them: to listen takes seconds."""


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskNode]:
    """A node to break."""
    async with AsteriskNode(tmp_path_factory.mktemp("patient")) as node:
        yield node


@contextmanager
def edited(node: AsteriskNode, file: str, change: Callable[[str], str]) -> Generator[None]:
    """Change a file of the node's configuration, which then has to be read again, and change it back."""
    path = node.folder / "etc" / f"{file}.conf"
    before = path.read_text()
    after = change(before)
    assert after != before
    path.write_text(after)
    try:
        yield
    finally:
        path.write_text(before)


async def examined(how: AsteriskSettings, expected: Expectations | None = None) -> list[Finding]:
    return [finding async for finding in examine(how, expected or Expectations())]


def bad(found: list[Finding]) -> list[tuple[str, str]]:
    return [(it.check, it.level.value) for it in found if it.level is not Level.OK]


def without(pattern: str) -> Callable[[str], str]:
    return lambda text: re.sub(pattern, "", text, flags=re.MULTILINE)


def replacing(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


async def nothing_is_left(node: AsteriskNode) -> None:
    """By Asterisk's own console, because ARI may be what is broken."""

    async def gone() -> bool | None:
        channels, bridges = await node.cli("core show channels count"), await node.cli("bridge show all")
        return True if channels.startswith("0 active channels") and "hookflash-doctor" not in bridges else None

    await eventually(gone, "nothing left of the doctor", 10)


async def test_a_healthy_node_is_clean_and_nobody_is_rung(node: AsteriskNode) -> None:
    async with (
        node.ari.subscribe("witness", everything=True) as seen,
        PhoneRack(node.sip_address, node.phone_ports) as rack,
    ):
        phones = [await rack.phone(name) for name in node.phone_ports]
        assert bad(await examined(settings(node))) == []
        await nothing_is_left(node)
        names = {event["channel"]["name"] for event in seen.all if event["type"] == "ChannelCreated"}
        assert names
        assert [it for it in names if not it.startswith(("Snoop/hookflash-doctor-", "Local/s@hookflash-doctor-"))] == []
        assert [phone.name for phone in phones if phone.calls] == []


@pytest.mark.parametrize(
    ("file", "change", "expected", "remedy"),
    [
        pytest.param(
            "modules",
            without(r"^load = bridge_holding\.so\n"),
            [("modules", "failure"), ("sounds", "warning")],
            "modules.conf: load = bridge_holding.so",
            id="no holding bridge",
        ),
        pytest.param(
            "modules",
            without(r"^load = app_amd\.so\n"),
            [("modules", "warning")],
            "modules.conf: load = app_amd.so",
            id="no machine detection",
        ),
        pytest.param(
            "modules",
            without(r"^load = func_dialplan\.so\n"),
            [("modules", "failure"), ("dialplan", "warning"), ("302 guard", "warning")],
            "modules.conf: load = func_dialplan.so",
            id="no DIALPLAN_EXISTS",
        ),
        pytest.param(
            "modules",
            without(r"^load = res_stasis_snoop\.so\n"),
            [("modules", "failure"), ("modules", "failure"), ("reachable", "failure")],
            "modules.conf: load = res_stasis_snoop.so",
            id="no snoop channels",
        ),
        pytest.param(
            "ari",
            replacing("read_only=no", "read_only=yes"),
            [("permissions", "failure")],
            "ari.conf: read_only=no in [hookflash]",
            id="read only",
        ),
        pytest.param(
            "musiconhold",
            replacing("[default]", "[another]"),
            [("music", "failure")],
            "musiconhold.conf: [default] with mode=files",
            id="no class of music",
        ),
        pytest.param(
            "indications",
            without(r"^ring=.*\n"),
            [("ringback", "failure")],
            "indications.conf: [general] country=us",
            id="a zone without ringback",
        ),
        pytest.param(
            "extensions",
            replacing("1(hookflash-guard),GotoIf", "1,GotoIf"),
            [("302 guard", "warning")],
            "1(hookflash-guard),GotoIf($",
            id="no guard",
        ),
        pytest.param(
            "extensions",
            replacing("[hookflash-farewell]", "[farewell]"),
            [("dialplan", "warning")],
            '#include "hookflash/extensions.conf"',
            id="no farewells",
        ),
        pytest.param(
            "extensions",
            replacing("[hookflash-amd]", "[amd]"),
            [("dialplan", "warning")],
            '#include "hookflash/extensions.conf"',
            id="no place to listen for machines",
        ),
        pytest.param(
            "extensions",
            replacing("[hookflash-fallback]", "[fallback]"),
            [("dialplan", "failure")],
            "extensions.conf: [hookflash-fallback] with exten => s,1,",
            id="no fallback",
        ),
        pytest.param(
            "extensions",
            without(r"^exten => T,.*\n"),
            [("back-stop", "warning")],
            "extensions.conf: exten => T,1,Goto(hookflash-fallback,s,1)",
            id="no back-stop",
        ),
        pytest.param(
            "pjsip",
            replacing("send_pai=yes", "send_pai=yes\nredirect_method=uri_pjsip"),
            [("302 guard", "failure")],
            "pjsip.conf: redirect_method=user",
            id="SIP itself follows a 302",
        ),
    ],
)
async def test_what_is_broken_is_named_with_its_remedy(
    node: AsteriskNode, file: str, change: Callable[[str], str], expected: list[tuple[str, str]], remedy: str
) -> None:
    with edited(node, file, change):
        await node.restart()
        found = await examined(settings(node))
        await nothing_is_left(node)
    await node.restart()
    assert bad(found) == expected
    assert any(remedy in it.remedy for it in found), [it.remedy for it in found if it.remedy]


async def test_what_transfers_will_use_can_be_said(node: AsteriskNode) -> None:
    expected = Expectations(
        recordings=("hookflash-notice", "hookflash-nowhere"), places=("hookflash-queue", "nowhere,100")
    )
    found = await examined(settings(node), expected)
    await nothing_is_left(node)
    assert bad(found) == [("dialplan", "failure"), ("recordings", "warning")]
    assert any("nowhere,100,1" in it.text for it in found)
    assert any("hookflash-nowhere.wav" in it.remedy for it in found)


def adopting(node: AsteriskNode, **changes: object) -> AsteriskSettings:
    """How a worker that takes calls over reaches the node."""
    there = manager_settings(node, *ADOPTED).model_copy(update=changes)
    return settings(node).model_copy(update={"manager": there})


async def test_what_takes_calls_over_is_examined(node: AsteriskNode) -> None:
    by_tls = {"tls": True, "port": node.ports.manager_tls, "ca_file": CERTIFICATE}
    for changes in ({}, by_tls):
        found = await examined(adopting(node, **changes), WITHOUT_SOUNDS)
        assert bad(found) == []
        assert {"manager", "adoption"} <= {it.check for it in found}
    assert {"manager", "adoption"}.isdisjoint(it.check for it in await examined(settings(node), WITHOUT_SOUNDS))
    await nothing_is_left(node)


@pytest.mark.parametrize(
    ("changes", "said", "remedy"),
    [
        ({"password": SecretStr(SECRET)}, "refused the login", "[adopter] with the secret of HOOKFLASH"),
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
    node: AsteriskNode, changes: dict[str, object], said: str, remedy: str
) -> None:
    port = getattr(node.ports, str(changes.get("port", "manager")))
    found = [it async for it in manager(adopting(node, **{**changes, "port": port}))]
    assert bad(found) == [("manager", "failure")]
    assert said in found[0].text
    assert remedy in found[0].remedy
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("right", "level", "said"),
    [
        ("agent", Level.FAILURE, "may not Redirect and Setvar"),
        ("call,originate", Level.WARNING, "may also begin calls"),
        ("all", Level.WARNING, "may also run commands of the console, load modules, begin calls, change"),
    ],
)
async def test_a_user_of_the_manager_with_other_rights(node: AsteriskNode, right: str, level: Level, said: str) -> None:
    with edited(node, "manager", replacing("write=call", f"write={right}")):
        await node.cli("manager reload")
        found = [it async for it in manager(adopting(node))]
    await node.cli("manager reload")
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
    node: AsteriskNode, change: Callable[[str], str], expected: str, remedy: str
) -> None:
    with edited(node, "extensions", change):
        await node.cli("dialplan reload")
        found = await examined(adopting(node), WITHOUT_SOUNDS)
    await node.cli("dialplan reload")
    assert bad(found) == [("adoption", expected)]
    assert remedy in next(it.remedy for it in found if it.check == "adoption")


async def test_agents_whose_calls_nobody_listed(node: AsteriskNode) -> None:
    found = await examined(adopting(node, contexts=("rig-queue",)), WITHOUT_SOUNDS)
    assert bad(found) == [("adoption", "warning")]
    assert "add those of [from-phone]" in found[-1].remedy


async def test_a_manager_on_another_machine_in_clear_is_warned_of(node: AsteriskNode) -> None:
    how = adopting(node, host="192.0.2.1").model_copy(update={"request_timeout": timedelta(milliseconds=100)})
    first = await anext(manager(how))
    assert (first.check, first.level) == ("manager", Level.WARNING)
    assert "tlsenable=yes" in first.remedy


async def test_a_trunk_that_is_not_there_or_is_told_too_much(node: AsteriskNode) -> None:
    there = settings(node).model_copy(update={"trunk": "supervisor"})
    assert bad(await examined(there)) == [("trunk", "warning")]
    assert bad(await examined(there.model_copy(update={"trunk": "carrier"}))) == [("trunk", "failure")]


async def test_a_wrong_password_is_all_that_is_said(node: AsteriskNode) -> None:
    found = await examined(settings(node).model_copy(update={"password": SecretStr(SECRET)}))
    assert bad(found) == [("credentials", "failure")]
    assert "HOOKFLASH_ASTERISK_USERNAME" in found[-1].remedy
    assert SECRET not in repr(found)


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("http://127.0.0.1:{dead}/ari", "http.conf: enabled=yes"),
        ("http://127.0.0.1:{http}/elsewhere", "HOOKFLASH_ASTERISK_URL ends in /ari"),
        ("https://127.0.0.1:{http}/ari", "http.conf: enabled=yes"),
    ],
)
async def test_where_there_is_no_ari(node: AsteriskNode, url: str, remedy: str) -> None:
    where = url.format(dead=node.ports.dead, http=node.ports.http)
    found = await examined(settings(node, url=where))
    assert bad(found) == [("reachable", "failure")]
    assert remedy in found[-1].remedy


async def command(
    node: AsteriskNode, *arguments: str, folder: Path = ROOT, variables: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run `hookflash` as an operator does."""
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("HOOKFLASH_")}
    inherited["PYTHONPATH"] = str(ROOT / "src")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", "from hookflash.cli import main; main()", *arguments),
        cwd=folder,
        env={**inherited, **worker_variables(node), **(variables or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


async def test_the_command_of_an_operator(node: AsteriskNode) -> None:
    code, output, errors = await command(node, "doctor", "asterisk")
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert lines
    assert [line for line in lines if not line.startswith("ok ")] == []


async def test_the_command_of_a_monitor(node: AsteriskNode, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    variables = {"HOOKFLASH_ASTERISK_PASSWORD": "", "HOOKFLASH_ASTERISK_PASSWORD_FILE": str(secret)}
    code, output, errors = await command(node, "doctor", "asterisk", "--json", variables=variables)
    assert (code, errors) == (1, "")
    told = json.loads(output)
    assert [it["check"] for it in told["settings"]] == ["settings"]
    (asterisk,) = told["nodes"]
    assert asterisk["node"] == "asterisk"
    assert [it["check"] for it in asterisk["findings"] if it["level"] != "ok"] == ["credentials"]
    assert SECRET not in output


@pytest.fixture
def several(node: AsteriskNode, tmp_path: Path) -> Mapping[str, str]:
    """The environment of a worker with a second node, which is not there, and whose password everybody may read."""
    secret, file = tmp_path / "password", tmp_path / "nodes.toml"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    url = f"http://127.0.0.1:{node.ports.dead}/ari"
    file.write_text(f'[nodes.south]\nurl = "{url}"\napp = "a"\nusername = "b"\npassword_file = "{secret}"\n')
    return {"HOOKFLASH_ASTERISK_NODES_FILE": str(file)}


async def test_every_node_is_looked_at_and_named(node: AsteriskNode, several: Mapping[str, str]) -> None:
    code, output, errors = await command(node, "doctor", "asterisk", variables=several)
    assert (code, errors) == (1, "")
    lines = [line for line in output.splitlines() if not line.startswith("ok ")]
    assert [line.split()[:3] for line in lines if "->" not in line] == [
        ["warning", "settings", "HOOKFLASH_ASTERISK_NODES_FILE:"],
        ["failure", "south", "reachable"],
    ]
    assert "nodes.south.password_file: every user of this machine may read that file" in lines[0]
    named = {line.split()[1] for line in output.splitlines() if line.startswith("ok ")}
    assert named == {"asterisk", "south"}
    assert SECRET not in output


async def test_one_node_of_several(node: AsteriskNode, several: Mapping[str, str]) -> None:
    code, output, _ = await command(node, "doctor", "asterisk", "--node", "south", "--json", variables=several)
    assert code == 1
    (south,) = json.loads(output)["nodes"]
    assert (south["node"], south["findings"][-1]["check"]) == ("south", "reachable")


async def test_a_remedy_names_the_field_of_a_node_of_the_file(
    node: AsteriskNode, several: Mapping[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "nodes.toml"
    file.write_text(file.read_text().replace(str(node.ports.dead), str(node.ports.http)))
    _, output, _ = await command(node, "doctor", "asterisk", "--node", "south", variables=several)
    assert "ari.conf: a section named as nodes.south.username with type=user" in output


async def test_where_the_engine_is_not(node: AsteriskNode, tmp_path: Path) -> None:
    code, output, errors = await command(node, "doctor", "asterisk", folder=tmp_path)
    assert (code, output) == (2, "")
    assert "python -m workers doctor asterisk" in errors


async def test_a_node_on_another_machine_in_clear_is_warned_of(node: AsteriskNode) -> None:
    how = settings(node).model_copy(update={"url": "http://192.0.2.1:8088/ari", "app": ENGINE_APP})
    first = await anext(aiter(examine(how, Expectations())))
    assert (first.check, first.level) == ("transport", Level.WARNING)
    assert "tlsenable=yes" in first.remedy
