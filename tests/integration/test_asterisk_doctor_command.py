"""The doctor as operators and monitors call it: words or JSON, one node or several, and its exit code."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.integration import operating
from tests.integration.examination import WRONG_PASSWORD
from tests.integration.operating import ROOT
from tests.integration.switchboard import worker_variables
from tests.rig.asterisk_node import AsteriskNode

pytestmark = pytest.mark.asterisk


async def command(
    patient: AsteriskNode, *arguments: str, folder: Path = ROOT, variables: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run `hookflash` as an operator of that node does."""
    environment = {**worker_variables(patient), **(variables or {})}
    return await operating.command(*arguments, variables=environment, folder=folder)


async def test_the_command_of_an_operator(patient: AsteriskNode) -> None:
    code, output, errors = await command(patient, "doctor", "asterisk")
    assert (code, errors) == (0, "")
    lines = output.splitlines()
    assert lines
    assert [line for line in lines if not line.startswith("ok ")] == []


async def test_the_command_of_a_monitor(patient: AsteriskNode, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(WRONG_PASSWORD)
    secret.chmod(0o644)
    variables = {"HOOKFLASH_ASTERISK_PASSWORD": "", "HOOKFLASH_ASTERISK_PASSWORD_FILE": str(secret)}
    code, output, errors = await command(patient, "doctor", "asterisk", "--json", variables=variables)
    assert (code, errors) == (1, "")
    told = json.loads(output)
    assert [it["check"] for it in told["settings"]] == ["settings"]
    (asterisk,) = told["nodes"]
    assert asterisk["node"] == "asterisk"
    assert [it["check"] for it in asterisk["findings"] if it["level"] != "ok"] == ["credentials"]
    assert WRONG_PASSWORD not in output


@pytest.fixture
def several(patient: AsteriskNode, tmp_path: Path) -> Mapping[str, str]:
    """The environment of a worker with a second patient, which is not there, and whose password everybody may read."""
    secret, file = tmp_path / "password", tmp_path / "nodes.toml"
    secret.write_text(WRONG_PASSWORD)
    secret.chmod(0o644)
    url = f"http://127.0.0.1:{patient.ports.dead}/ari"
    file.write_text(f'[nodes.south]\nurl = "{url}"\napp = "a"\nusername = "b"\npassword_file = "{secret}"\n')
    return {"HOOKFLASH_ASTERISK_NODES_FILE": str(file)}


async def test_every_node_is_looked_at_and_named(patient: AsteriskNode, several: Mapping[str, str]) -> None:
    code, output, errors = await command(patient, "doctor", "asterisk", variables=several)
    assert (code, errors) == (1, "")
    lines = [line for line in output.splitlines() if not line.startswith("ok ")]
    assert [line.split()[:3] for line in lines if "->" not in line] == [
        ["warning", "settings", "HOOKFLASH_ASTERISK_NODES_FILE:"],
        ["failure", "south", "reachable"],
    ]
    assert "nodes.south.password_file: every user of this machine may read that file" in lines[0]
    named = {line.split()[1] for line in output.splitlines() if line.startswith("ok ")}
    assert named == {"asterisk", "south"}
    assert WRONG_PASSWORD not in output


async def test_one_node_of_several(patient: AsteriskNode, several: Mapping[str, str]) -> None:
    code, output, _ = await command(patient, "doctor", "asterisk", "--node", "south", "--json", variables=several)
    assert code == 1
    (south,) = json.loads(output)["nodes"]
    assert (south["node"], south["findings"][-1]["check"]) == ("south", "reachable")


async def test_a_remedy_names_the_field_of_a_node_of_the_file(
    patient: AsteriskNode, several: Mapping[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "nodes.toml"
    file.write_text(file.read_text().replace(str(patient.ports.dead), str(patient.ports.http)))
    _, output, _ = await command(patient, "doctor", "asterisk", "--node", "south", variables=several)
    assert "ari.conf: a section named as nodes.south.username with type=user" in output


async def test_where_the_engine_is_not(patient: AsteriskNode, tmp_path: Path) -> None:
    code, output, errors = await command(patient, "doctor", "asterisk", folder=tmp_path)
    assert (code, output) == (2, "")
    assert "python -m workers doctor asterisk" in errors
