"""Asterisk as docker-compose.yml runs it: with the secrets of `create-secrets`, ARI over TLS, and metrics."""

import json
import re
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.deploy.composition import CHECKERS, services
from tests.deploy.test_telemetry import jobs
from tests.rig.ari import CallControl
from tests.rig.deployed_node import DEPLOY, DeployedNode
from tests.rig.phone import PhoneRack

pytestmark = pytest.mark.asterisk

ASTERISK = services()["asterisk"]


class ComposedNode(DeployedNode):
    """What the container starts, but for the ports and places of this machine."""

    def __init__(self, folder: Path, secrets: Path) -> None:
        super().__init__(folder)
        self._secrets = secrets
        self.ari_password = (secrets / "ari_password").read_text().strip()

    def _places(self, run_folder: Path) -> dict[str, str]:
        given = {
            name: value.replace("/run/secrets", str(self._secrets))
            for name, value in ASTERISK["environment"].items()
            if value.startswith("/run/secrets/")
        }
        return {**super()._places(run_folder), **given}


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory, secrets: Path) -> AsyncIterator[ComposedNode]:
    async with ComposedNode(tmp_path_factory.mktemp("composed"), secrets) as node:
        yield node


def test_every_setting_is_one_that_the_image_knows() -> None:
    known = re.findall(r'^: "\$\{(\w+):=', (DEPLOY / "bin/configure").read_text(), re.MULTILINE)
    assert ASTERISK["environment"].keys() <= set(known)


def test_the_ports_are_those_that_it_uses() -> None:
    environment = ASTERISK["environment"]
    rtp = f"{environment['RTP_FIRST']}-{environment['RTP_LAST']}"
    assert ASTERISK["ports"] == ["127.0.0.1:5060:5060/udp", f"127.0.0.1:{rtp}:{rtp}/udp"]
    assert environment["SIP_BIND"].endswith(":5060")


def test_what_it_writes_it_may_write() -> None:
    assert ASTERISK["read_only"]
    places = [it.split(":")[0] for it in ASTERISK["tmpfs"]]
    places += [it.split(":")[1] for it in ASTERISK["volumes"] if not it.startswith(("$", "."))]
    written = re.findall(r'^: "\$\{(?:ETC|RUN|STATE|SPOOL|LOG):=(.*)\}"', (DEPLOY / "bin/configure").read_text(), re.M)
    assert len(written) == 5
    for place in written:
        assert any(Path(place).is_relative_to(it) for it in places), place


async def ask(node: ComposedNode, secrets: Path, path: str, user: str, password: str) -> tuple[int, str]:
    """Send a request as another container does: by the name in the certificate, judged as strictly as Python can."""
    trusted = ssl.create_default_context(cafile=secrets / "asterisk_certificate.pem")
    trusted.verify_flags |= ssl.VERIFY_X509_STRICT
    headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
    url = f"https://127.0.0.1:{node.ports.https}/{path}"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(url, ssl=trusted, server_hostname="asterisk") as answer,
    ):
        return answer.status, await answer.text()


async def test_the_worker_is_let_in(node: ComposedNode, secrets: Path) -> None:
    status, said = await ask(node, secrets, "ari/asterisk/ping", node.ari_user, node.ari_password)
    assert (status, "pong" in said) == (200, True)


async def test_prometheus_is_let_in_and_nobody_else(node: ComposedNode, secrets: Path) -> None:
    password = (secrets / "asterisk_metrics_password").read_text().strip()
    user = jobs()["asterisk"]["basic_auth"]["username"]
    assert (await ask(node, secrets, "metrics", user, password))[0] == 200
    assert (await ask(node, secrets, "metrics", user, "guessed"))[0] == 401


async def test_prometheus_keeps_nothing_about_a_single_call_or_phone(node: ComposedNode, secrets: Path) -> None:
    password = (secrets / "asterisk_metrics_password").read_text().strip()
    async with PhoneRack(node.sip_address, node.phone_ports), node.ari.subscribe("test"):
        control = CallControl(node.ari, "test")
        leg = await control.call_phone("agent")
        _, told = await ask(node, secrets, "metrics", "prometheus", password)
        await control.hang_up(leg)
    await node.drained()
    series = [line for line in told.splitlines() if line and not line.startswith("#")]
    assert [it for it in series if f'id="{leg}"' in it], told
    (rule,) = jobs()["asterisk"]["metric_relabel_configs"]
    assert (rule["source_labels"], rule["action"]) == (["__name__"], "keep")
    kept = [it for it in series if re.fullmatch(rule["regex"], re.split(r"[{ ]", it)[0])]
    counts = {"bridges", "calls", "channels", "endpoints"}
    assert {f"asterisk_{it}_count" for it in counts} <= {it.partition("{")[0] for it in kept}
    # Each has one series, whatever happens on the node.
    assert len({it.partition("{")[0] for it in kept}) == len(kept)
    assert not [it for it in kept if leg in it or "PJSIP/" in it]


@pytest.mark.checkers
async def test_prometheus_trusts_the_certificate_that_vouches_for_itself(
    node: ComposedNode, secrets: Path, tmp_path: Path
) -> None:
    job = jobs()["asterisk"]
    assert job["static_configs"] == [{"targets": ["asterisk:8089"]}]

    def said(name: str) -> str:
        """Ask by Prometheus' own client, which must be able to read this part of the configuration, too."""
        how = {"tls_config": {**job["tls_config"], "server_name": name}, "basic_auth": job["basic_auth"]}
        configuration = tmp_path / f"{name}.yml"
        configuration.write_text(json.dumps(how).replace("/run/secrets", str(secrets)))
        command = [CHECKERS / "promtool", "query", "instant", f"--http.config.file={configuration}"]
        command += [f"https://127.0.0.1:{node.ports.https}", "up"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stderr

    # Asterisk is no Prometheus and has no answer to that. But it was trusted, and asked.
    assert "404 Not Found" in said("asterisk")
    assert "certificate is valid for asterisk, not another" in said("another")
