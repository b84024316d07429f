"""What `deploy/asterisk` ships is what runs here: an Asterisk on exactly those files, with ARI over TLS.

The worker has its password and the authority of the node's certificate from files, as in production.
"""

import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from temporalio.client import Client

from activities.telephony.asterisk import AsteriskSettings, AsteriskTelephony, ManagerSettings
from activities.telephony.asterisk.client import AriClient, CredentialsRefused, path
from activities.telephony.asterisk.doctor import Expectations, Level
from activities.telephony.errors import ProviderUnavailable
from activities.telephony.model import Arrangement, Placement, WantedLeg
from hookflash import Mode, Outcome, Stage
from tests.integration.examination import WITHOUT_SOUNDS, bad, edited, examined, replacing
from tests.integration.switchboard import ENGINE_APP, Office, reaches, temporal_server, worker_on
from tests.rig.ari import CallControl, new_id
from tests.rig.behaviour import Behaviour
from tests.rig.certificates import authority
from tests.rig.deployed_node import DEPLOY, HOST, DeployedNode
from tests.rig.ear import hear_exactly
from tests.rig.phone import PhoneRack
from tests.rig.tones import RECORDINGS
from workers.secret_files import SecretFile

pytestmark = pytest.mark.asterisk


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DeployedNode]:
    async with DeployedNode(tmp_path_factory.mktemp("deployed")) as node:
        yield node


@pytest.fixture(scope="module")
async def engine(node: DeployedNode, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    log = tmp_path_factory.mktemp("engine") / "worker.log"
    variables = {
        "HOOKFLASH_ASTERISK_URL": node.ari_url_by_tls,
        "HOOKFLASH_ASTERISK_CA_FILE": str(node.authority.certificate),
        "HOOKFLASH_ASTERISK_PASSWORD": "",
        "HOOKFLASH_ASTERISK_PASSWORD_FILE": str(node.password_file),
        "HOOKFLASH_ASTERISK_MANAGER_HOST": HOST,
        "HOOKFLASH_ASTERISK_MANAGER_PORT": str(node.ports.manager_tls),
        "HOOKFLASH_ASTERISK_MANAGER_TLS": "true",
        "HOOKFLASH_ASTERISK_MANAGER_CA_FILE": str(node.authority.certificate),
        "HOOKFLASH_ASTERISK_MANAGER_PASSWORD": "",
        "HOOKFLASH_ASTERISK_MANAGER_PASSWORD_FILE": str(node.manager_password_file),
        "HOOKFLASH_ASTERISK_MANAGER_CONTEXTS": "from-phone",
    }
    async with temporal_server() as client, worker_on(node, client, log, **variables):
        yield client
    for secret in (node.ari_password, node.manager_password):
        assert secret not in log.read_text()


def settings(node: DeployedNode, **changes: object) -> AsteriskSettings:
    """How a worker on another machine reaches the node."""
    given: dict[str, object] = {
        "url": node.ari_url_by_tls,
        "ca_file": node.authority.certificate,
        "app": ENGINE_APP,
        "username": node.ari_user,
        "password": SecretStr(node.ari_password),
    }
    return AsteriskSettings.model_validate(given | changes)


def manager(node: DeployedNode) -> ManagerSettings:
    """How such a worker reaches the node's manager."""
    return ManagerSettings(
        host=HOST,
        port=node.ports.manager_tls,
        tls=True,
        ca_file=node.authority.certificate,
        username=node.manager_user,
        password=SecretStr(node.manager_password),
        contexts=("from-phone",),
    )


def ours(node: DeployedNode, name: str) -> Path:
    """Return a file of the configuration that is ours."""
    return node.folder / "etc/hookflash" / f"{name}.conf"


async def test_a_warm_transfer_over_tls(node: DeployedNode, engine: Client) -> None:
    async with PhoneRack(node.sip_address, node.phone_ports) as phones:
        office = Office(node, engine, phones, CallControl(node.ari, ENGINE_APP))
        call = await office.call()
        target = await call.target(Behaviour.answers(after=0.5))

        transfer = await call.transfer(Mode.WARM, "target1")
        await reaches(transfer, Stage.CONSULTING)
        await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
        await transfer.conference()
        everybody = {call.customer: {"agent", "target1"}, call.agent: {"customer", "target1"}}
        await hear_exactly({**everybody, target: {"customer", "agent"}})
        await transfer.complete()
        await hear_exactly({call.customer: {"target1"}, target: {"customer"}})

        await call.hang_up()
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        await node.drained()


async def test_a_call_of_the_dialplan_is_taken_over(node: DeployedNode, engine: Client) -> None:
    async with PhoneRack(node.sip_address, node.phone_ports) as phones:
        office = Office(node, engine, phones, CallControl(node.ari, ENGINE_APP))
        call = await office.dialplan_call("dial-agent")
        target = await call.target(Behaviour.answers(after=0.5))

        transfer = await call.transfer(Mode.WARM, "target1")
        await reaches(transfer, Stage.CONSULTING)
        await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
        await transfer.complete()
        await hear_exactly({call.customer: {"target1"}, target: {"customer"}})

        await call.hang_up()
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        await node.drained()


async def test_the_doctor_finds_nothing(node: DeployedNode) -> None:
    recordings = tuple(f"hookflash-{name}" for name in RECORDINGS)
    found = await examined(settings(node, manager=manager(node)), Expectations(recordings=recordings))
    assert bad(found) == []
    checked = {"transport", "permissions", "dialplan", "302 guard", "music", "recordings", "manager", "adoption"}
    assert {it.check for it in found} >= checked
    await node.drained()


async def test_the_example_of_a_site_lacks_nothing_but_your_recordings(tmp_path: Path) -> None:
    async with DeployedNode(tmp_path / "example", site=DEPLOY / "site.example") as node:
        found = await examined(settings(node))
    assert bad(found) == [("recordings", "warning")]


async def test_the_health_check_sees_asterisk_alive_and_gone(node: DeployedNode, tmp_path: Path) -> None:
    asterisk = tmp_path / "asterisk"
    asterisk.write_text(f'#!/bin/sh\nexec {" ".join(node.executable)} "$@"\n')
    asterisk.chmod(0o755)

    def healthy(etc: Path) -> bool:
        environment = {"PATH": "/usr/bin:/bin", "ASTERISK": str(asterisk), "ETC": str(etc)}
        return subprocess.run([DEPLOY / "bin/healthcheck"], env=environment, capture_output=True).returncode == 0

    assert healthy(node.folder / "etc")
    gone = tmp_path / "gone"
    gone.mkdir()
    (gone / "asterisk.conf").write_text(f"[directories]\nastetcdir => {gone}\nastrundir => {gone}\n")
    assert not healthy(gone)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [("authority", "unable to get local issuer certificate"), ("host", "is not valid for '127.0.0.1'")],
)
async def test_a_certificate_that_cannot_be_trusted(node: DeployedNode, tmp_path: Path, wrong: str, said: str) -> None:
    changes: dict[str, object] = {"ca_file": authority(tmp_path, "another").certificate}
    if wrong == "host":
        changes = {"url": node.ari_url_by_tls.replace("localhost", "127.0.0.1")}
    provider = AsteriskTelephony(settings(node, **changes))
    room = new_id("room")
    legs = (WantedLeg(name="customer", leg=new_id("leg"), placement=Placement.ON_HOLD),)
    try:
        with pytest.raises(ProviderUnavailable, match=said):
            await provider.arrange(Arrangement(owner="test", room=room, legs=legs, keep_room=True))
        with pytest.raises(ProviderUnavailable, match=said):
            await anext(provider.events())
    finally:
        await provider.close()
    found = await examined(settings(node, **changes))
    assert [(it.check, it.level) for it in found[1:]] == [("reachable", Level.FAILURE)]
    assert "HOOKFLASH_ASTERISK_CA_FILE" in found[1].remedy


async def test_a_password_that_changes_while_the_worker_runs(node: DeployedNode, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(node.ari_password)
    client = AriClient(settings(node, password=SecretFile(file)))
    another = "another-secret-of-the-deployment"
    try:
        assert (await client.send("GET", path("asterisk", "ping"))).done
        async with edited(
            ours(node, "ari"), replacing(node.ari_password, another), lambda: node.cli("module reload res_ari.so")
        ):
            with pytest.raises(CredentialsRefused):
                await client.send("GET", path("asterisk", "ping"))
            file.write_text(another)
            assert (await client.send("GET", path("asterisk", "ping"))).done
    finally:
        await client.close()


# Nobody but a machine that is not ours.
FROM_ELSEWHERE = replacing("permit=127.0.0.1/32", "permit=192.0.2.1/32")


async def test_who_is_not_permitted_is_refused_by_address(node: DeployedNode) -> None:
    async with edited(ours(node, "ari"), FROM_ELSEWHERE, lambda: node.cli("module reload res_ari.so")):
        found = await examined(settings(node))
        assert [it.check for it in found if it.level is Level.FAILURE] == ["credentials"]
        assert "permit=" in found[-1].remedy


async def test_who_is_not_permitted_is_refused_by_the_manager(node: DeployedNode) -> None:
    how = settings(node, manager=manager(node))
    async with edited(ours(node, "manager"), FROM_ELSEWHERE, lambda: node.cli("manager reload")):
        found = await examined(how, WITHOUT_SOUNDS)
        assert [it.check for it in found if it.level is Level.FAILURE] == ["manager"]
        assert "permit=" in next(it.remedy for it in found if it.check == "manager")
    assert bad(await examined(how, WITHOUT_SOUNDS)) == []


@pytest.mark.parametrize(
    ("variable", "content", "said"),
    [
        ("ARI_PASSWORD_FILE", None, "ARI_PASSWORD_FILE: cannot read"),
        ("ARI_PASSWORD_FILE", "", "ARI_PASSWORD_FILE: the file is empty"),
        ("ARI_PASSWORD_FILE", "short", "16 characters at least"),
        ("ARI_PASSWORD_FILE", "comments;are-cut-off-here", "use letters, digits"),
        ("ARI_PASSWORD_FILE", "two lines\n[admin]", "use letters, digits"),
        ("MANAGER_PASSWORD_FILE", None, "MANAGER_PASSWORD_FILE: cannot read"),
        ("MANAGER_PASSWORD_FILE", "short", "MANAGER_PASSWORD_FILE: use 16 characters at least"),
        ("MANAGER_PASSWORD_FILE", "two lines\nwrite = all", "MANAGER_PASSWORD_FILE: use letters, digits"),
        ("TLS_KEY_FILE", None, "TLS_KEY_FILE: cannot read"),
        ("TEMPLATES", None, "TEMPLATES: there is no folder"),
    ],
)
async def test_the_container_says_what_it_lacks(
    node: DeployedNode, tmp_path: Path, variable: str, content: str | None, said: str
) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_text(content)
    certificate = {"TLS_CERTIFICATE_FILE": str(node.certificate.certificate)} if variable == "TLS_KEY_FILE" else {}
    variables = {"ETC": str(tmp_path / "etc"), **certificate, variable: str(file)}
    done = node.configure(run_folder=tmp_path, **variables)
    assert done.returncode == 1
    assert said in done.stderr
    assert not content or content not in done.stderr
    assert not (tmp_path / "etc").exists()


async def test_what_is_written_is_for_asterisk_alone(node: DeployedNode) -> None:
    files = [it for it in (node.folder / "etc").rglob("*.conf") if it.is_file()]
    assert files
    assert [it.name for it in files if it.stat().st_mode & 0o077] == []
    secrets = [it.name for it in files if node.ari_password in it.read_text()]
    assert secrets == ["ari.conf"]
    secrets = [it.name for it in files if node.manager_password in it.read_text()]
    assert secrets == ["manager.conf"]


@pytest.mark.parametrize("managed", [False, True])
async def test_without_a_certificate_nothing_listens_but_loopback(
    node: DeployedNode, tmp_path: Path, managed: bool
) -> None:
    variables = {"ETC": str(tmp_path / "etc"), "STATE": str(tmp_path / "state"), "LOG": str(tmp_path / "log")}
    if managed:
        variables["MANAGER_PASSWORD_FILE"] = str(node.manager_password_file)
    done = node.configure(run_folder=tmp_path / "run", **variables, SPOOL=str(tmp_path / "spool"))
    assert (done.returncode, done.stderr) == (0, "")
    text = "\n".join(it.read_text() for it in (tmp_path / "etc").rglob("*.conf"))
    binds = [line for line in text.splitlines() if line.startswith(("bind=", "bindaddr=", "tlsbindaddr="))]
    assert sorted(binds) == ["bind=127.0.0.1:5060", *["bindaddr=127.0.0.1"] * (2 if managed else 1)]


async def test_without_a_password_there_is_no_manager(node: DeployedNode, tmp_path: Path) -> None:
    """Not even where it was there before."""
    variables = {"ETC": str(tmp_path / "etc"), "STATE": str(tmp_path / "state"), "LOG": str(tmp_path / "log")}
    variables["SPOOL"] = str(tmp_path / "spool")
    both = {"TLS_CERTIFICATE_FILE": str(node.certificate.certificate), "TLS_KEY_FILE": str(node.certificate.key)}
    secret = {"MANAGER_PASSWORD_FILE": str(node.manager_password_file)}
    written: list[str] = []
    for more in ({**both, **secret}, both):
        done = node.configure(run_folder=tmp_path / "run", **variables, **more)
        assert (done.returncode, done.stderr) == (0, "")
        files = (tmp_path / "etc").rglob("manager*.conf")
        written.append("".join(it.read_text() for it in files))
    assert "tlsenable=yes" in written[0]
    assert "enabled=yes" in written[0]
    assert written[1] == ""
