"""docker-compose.yml: what it says is sound, safe, and about programs and settings that there are."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest

from tests.deploy.composition import (
    CHECKERS,
    COMPOSE,
    GROUP,
    ROOT,
    Yaml,
    composition,
    file_of,
    files_of,
    known_settings,
    own_images,
    services,
)
from tests.deploy.image import stages
from tests.support.temporal_server import temporal_executable
from workers.engine import Role
from workers.ingress.main import LAST_SECONDS

each_service = pytest.mark.parametrize("service", services().values(), ids=services().keys())

PINNED = re.compile(r":v?\d+\.\d+(\.\d+)?(-[\w.]+)?$")
LOOPBACK = "127.0.0.1:"
HEALTH = "HOOKFLASH_HEALTH_ADDRESS="


def test_it_keeps_to_the_specification() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [checker, "--builtin-schema", "vendor.compose-spec", COMPOSE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.checkers
def test_compose_itself_takes_it() -> None:
    done = compose_config(SECRETS_GROUP=GROUP)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()


@pytest.mark.checkers
def test_without_secrets_it_says_what_to_do() -> None:
    done = compose_config(SECRETS_GROUP="")
    assert done.returncode != 0
    assert "run deploy/bin/create-secrets first" in done.stderr


def compose_config(**environment: str) -> subprocess.CompletedProcess[str]:
    """Have docker-compose read the file, without an .env that may lie beside it."""
    command = [CHECKERS / "docker-compose", "--env-file", os.devnull, "--file", COMPOSE, "config", "--quiet"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@each_service
def test_images_are_pinned(service: Yaml) -> None:
    assert PINNED.search(service["image"]), service["image"]


def test_our_images_have_our_version() -> None:
    assert own_images().keys() == {"engine", "listener", "codec-server", "ingress", "asterisk"}
    assert {services()[name]["image"].partition(":")[2] for name in own_images()} == {version("hookflash")}


def test_the_server_is_the_one_that_is_tested() -> None:
    told = subprocess.run([temporal_executable(), "--version"], capture_output=True, text=True, check=True).stdout
    tested = re.search(r"\(Server ([\d.]+), UI ([\d.]+)\)", told)
    assert tested is not None, told
    images = {name: cast("str", services()[name]["image"]) for name in services() if name.startswith("temporal")}
    assert images == {
        "temporal": f"temporalio/server:{tested[1]}",
        "temporal-schema": f"temporalio/admin-tools:{tested[1]}",
        "temporal-namespace": f"temporalio/admin-tools:{tested[1]}",
        "temporal-ui": f"temporalio/ui:{tested[2]}",
    }


@each_service
def test_what_is_mounted_is_there(service: Yaml) -> None:
    for path in files_of(service).values():
        assert path.exists(), path


def test_what_of_it_is_started_may_be_started() -> None:
    started = [(name, word) for name, it in services().items() for word in it.get("entrypoint", ())]
    ours = [file_of(name, word) for name, word in started if word.startswith("/hookflash/")]
    assert {it.name for it in ours} == {"with-secret", "create-schema", "create-namespace"}
    assert all(os.access(it, os.X_OK) for it in ours)


@each_service
def test_nothing_listens_beyond_this_machine(service: Yaml) -> None:
    assert "network_mode" not in service
    for port in service.get("ports", ()):
        assert port.startswith(LOOPBACK), port


@each_service
def test_every_service_has_a_health_check_or_a_reason(service: Yaml) -> None:
    given = {"healthcheck", "x-no-health-check", "x-health-check-of-image"} & service.keys()
    assert len(given) == 1, given
    if "x-health-check-of-image" in service:
        dockerfile = ROOT / service["x-health-check-of-image"]
        assert dockerfile == ROOT / service["build"] / "Dockerfile"
        assert re.search("^HEALTHCHECK ", dockerfile.read_text(), re.MULTILINE)


@each_service
def test_nobody_waits_for_what_cannot_be_waited_for(service: Yaml) -> None:
    for name, how in cast("dict[str, Any]", service.get("depends_on", {})).items():
        other = services()[name]
        ends = other.get("restart") == "no"
        assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy"), name
        assert ends or "x-no-health-check" not in other, name


@each_service
def test_no_service_has_more_rights_than_it_needs(service: Yaml) -> None:
    assert "privileged" not in service
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    if service is not services()["postgresql"]:  # its image begins as root, to hand its folder to its user
        assert service["cap_drop"] == ["ALL"]


@each_service
def test_secrets_come_from_files(service: Yaml) -> None:
    for name, value in cast("dict[str, str]", service.get("environment", {})).items():
        if re.search("PASSWORD|PWD|SECRET|TOKEN|API_KEY|_KEY", name):
            assert name.endswith("_FILE"), name
            assert value.startswith("/run/secrets/"), name


@each_service
def test_every_secret_that_is_named_is_mounted_and_may_be_read(service: Yaml) -> None:
    mounted = set(service.get("secrets", ()))
    assert mounted <= composition()["secrets"].keys()
    words = [*service.get("environment", {}).values(), *service.get("entrypoint", ()), *service.get("command", ())]
    named = {found for word in words for found in re.findall(r"^/run/secrets/(.+)$", word)}
    assert named <= mounted
    if mounted and service is not services()["postgresql"]:  # reads it as root
        assert service["group_add"] == composition()["x-reads-secrets"]


WORKERS = [str(role) for role in Role if role not in (Role.ALL, Role.PROVIDER)]
"""A worker with the simulator cannot be split, so role "all" is not among them. "provider" is for nodes that the engine
does not reach, and here it does."""


def test_the_settings_of_every_process_of_ours_are_settings() -> None:
    for name in WORKERS:
        assert services()[name]["environment"].keys() <= known_settings()["worker"]
    # It can do nothing without any of its own.
    assert services()["codec-server"]["environment"].keys() == known_settings()["codec-server"]
    assert services()["ingress"]["environment"].keys() <= known_settings()["ingress"]


def test_workers_are_there_by_role_and_have_the_time_to_end() -> None:
    commands = {name: it["command"] for name, it in services().items() if it["image"].startswith("hookflash:")}
    others = {name: [name] for name in ("codec-server", "ingress")}
    assert commands == {**{role: ["--role", role] for role in WORKERS}, **others}
    for name in WORKERS:
        timeout = int(services()[name]["environment"]["HOOKFLASH_GRACEFUL_SHUTDOWN_TIMEOUT"])
        assert int(services()[name]["stop_grace_period"].removesuffix("s")) >= timeout + 10


@pytest.mark.parametrize("name", [*WORKERS, "ingress"])
def test_the_health_check_of_the_image_asks_where_the_worker_listens(name: str) -> None:
    (address,) = (it.removeprefix(HEALTH) for it in stages()[-1].all("ENV") if it.startswith(HEALTH))
    assert f"http://{address}/livez" in stages()[-1].words("HEALTHCHECK")[-1]
    assert HEALTH.removesuffix("=") not in services()[name]["environment"]


def test_the_ingress_is_there_for_those_who_have_twilio_and_has_the_time_to_end() -> None:
    profiles = {name: it["profiles"] for name, it in services().items() if "profiles" in it}
    assert profiles == {"ingress": ["twilio"]}
    ingress = services()["ingress"]
    host, port = ingress["environment"]["HOOKFLASH_INGRESS_ADDRESS"].split(":")
    assert host == "0.0.0.0"
    assert ingress["ports"] == [f"{LOOPBACK}{port}:{port}"]
    assert int(ingress["stop_grace_period"].removesuffix("s")) >= LAST_SECONDS + 5


def test_all_of_ours_have_the_same_keys() -> None:
    variable = "HOOKFLASH_ENCRYPTION_KEYS_FILE"
    files = {services()[name]["environment"][variable] for name in (*WORKERS, "codec-server", "ingress")}
    assert files == {"/run/secrets/encryption_keys"}


def test_browsers_find_the_codec_server_from_the_ui() -> None:
    codec_server, ui = services()["codec-server"], services()["temporal-ui"]
    host, port = codec_server["environment"]["HOOKFLASH_CODEC_SERVER_ADDRESS"].split(":")
    assert host == "0.0.0.0"
    assert codec_server["ports"] == [f"{LOOPBACK}{port}:{port}"]
    # By the same name, or the browser would keep the cookie to itself.
    assert ui["environment"]["TEMPORAL_CODEC_ENDPOINT"] == f"http://localhost:{port}"
    assert ui["environment"]["TEMPORAL_CODEC_INCLUDE_CREDENTIALS"] == "true"
    published = ui["ports"][0].removeprefix(LOOPBACK).partition(":")[0]
    assert codec_server["environment"]["HOOKFLASH_CODEC_SERVER_UI_ORIGINS"] == f"http://localhost:{published}"
    assert ui["environment"]["TEMPORAL_CORS_ORIGINS"] == f"http://localhost:{published}"
