"""What the Temporal server is set up with: its dynamic configuration, and the jobs around it."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from tests.deploy.composition import ROOT, create_namespace, documents, file_of, services
from tests.support.ports import free_port
from tests.support.temporal_server import setting_arguments, temporal_executable
from workers.demo.server import DYNAMIC_CONFIG

DEVELOPMENT_ONLY = {"system.forceSearchAttributesCacheRefreshOnRead"}
"""Temporal's own advice: not in production."""
DATABASE_ONLY = {"limit.maxIDLength"}
"""PostgreSQL's, which the development server does not have."""


def dynamic_configuration() -> dict[str, Any]:
    """The value of each setting, for everything."""
    (settings,) = documents(file_of("temporal", services()["temporal"]["environment"]["DYNAMIC_CONFIG_FILE_PATH"]))
    found: dict[str, Any] = {}
    for name, values in cast("dict[str, list[dict[str, Any]]]", settings).items():
        (only,) = values
        assert only.keys() == {"value"}, name
        found[name] = only["value"]
    return found


def test_it_is_what_is_measured_and_tested_with() -> None:
    production = dynamic_configuration()
    development = {name: json.loads(value) for name, value in DYNAMIC_CONFIG.items()}
    shared = development.keys() - DEVELOPMENT_ONLY
    assert {name: production.get(name) for name in shared} == {name: development[name] for name in shared}
    assert production.keys() - shared == DATABASE_ONLY


@pytest.mark.parametrize("name", dynamic_configuration())
def test_the_server_knows_the_setting(name: str) -> None:
    # A name that it does not know it passes over in silence. Those that it knows are words of its program.
    assert name.encode() in Path(temporal_executable()).read_bytes()


async def test_the_server_takes_every_value() -> None:
    assert "Failed to convert value" not in await warnings_of_a_server_with(dynamic_configuration())
    # That is how it complains, and it goes on with its default.
    assert "Failed to convert value" in await warnings_of_a_server_with({"history.timerProcessorMaxPollRPS": "often"})


async def warnings_of_a_server_with(settings: dict[str, Any]) -> str:
    """Start a server and return what it says until it is up."""
    arguments = setting_arguments({name: json.dumps(value) for name, value in settings.items()})
    process = await asyncio.create_subprocess_exec(
        *(temporal_executable(), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(free_port())),
        *("--log-level", "warn", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = ""
    try:
        async for line in process.stdout:
            said += line.decode()
            if line.startswith(b"Temporal Metrics:"):
                return said
        raise AssertionError(f"it did not start:\n{said}")
    finally:
        process.kill()
        await process.wait()


async def test_the_namespace_is_made_once_and_left_alone(client: Client, namespace: dict[str, str]) -> None:
    create_namespace(namespace, retention="168h")
    assert "is there" in create_namespace(namespace, retention="24h")
    request = DescribeNamespaceRequest(namespace=namespace["TEMPORAL_NAMESPACE"])
    found = await client.workflow_service.describe_namespace(request)
    assert found.config.workflow_execution_retention_ttl.ToTimedelta().days == 7


def test_the_job_takes_its_retention(namespace: dict[str, str]) -> None:
    create_namespace(namespace, retention=services()["temporal-namespace"]["environment"]["RETENTION"])


@pytest.mark.parametrize("script", ["create-schema", "create-namespace"])
def test_scripts_are_sound(script: str) -> None:
    subprocess.run(["sh", "-n", ROOT / "deploy/temporal" / script], check=True)


def with_secret(file: Path, *command: str) -> subprocess.CompletedProcess[str]:
    program = [ROOT / "deploy/bin/with-secret", "SQL_PASSWORD", file, *command]
    return subprocess.run(program, capture_output=True, text=True, check=False)


def test_a_program_gets_a_secret_from_its_file(secrets: Path) -> None:
    done = with_secret(secrets / "database_password", "printenv", "SQL_PASSWORD")
    assert done.stdout == (secrets / "database_password").read_text()


@pytest.mark.parametrize("held", [None, ""])
def test_a_program_does_not_start_without_its_secret(tmp_path: Path, held: str | None) -> None:
    file = tmp_path / "secret"
    if held is not None:
        file.write_text(held)
    done = with_secret(file, "echo", "started")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"SQL_PASSWORD: {file} is empty, or cannot be read" in done.stderr
