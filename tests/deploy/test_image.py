"""The image of the workers: its Dockerfile, and what comes of its steps, run as the containers run it."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from google.protobuf import json_format
from temporalio.api.common.v1 import Payloads

from activities.telephony.twilio.callbacks import CallbackUrls
from hookflash.converter import data_converter
from hookflash.encryption import encrypted
from scripts.bootstrap import UV_VERSION
from tests.deploy.composition import ROOT, create_namespace, environment_of, own_images, services
from tests.deploy.image import build, stages
from tests.support.polling import eventually
from tests.support.ports import free_port
from tests.support.twilio_signing import CALL_SID, signed_form
from tests.workers.asking import ask


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("image"))


def environment(image: Path) -> dict[str, str]:
    """What the image sets, and nothing of ours: no path into the checkout."""
    settings = dict(word.split("=", 1) for words in stages()[-1].all("ENV") for word in words.split())
    (path, _) = settings.pop("PATH").split(":")
    assert path == f"{stages()[-1].all('WORKDIR')[0]}/.venv/bin"
    return {"PATH": f"{image / '.venv/bin'}:/usr/bin:/bin", "HOME": "/nonexistent", **settings}


@pytest.mark.parametrize("dockerfile", sorted(set(own_images().values())), ids=lambda path: path.parent.name)
def test_the_linter_finds_nothing(dockerfile: Path) -> None:
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, dockerfile], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_is_built_with_what_the_tests_are_run_with() -> None:
    bases = {stage.name: stage.base for stage in stages()}
    assert bases["uv"] == f"ghcr.io/astral-sh/uv:{UV_VERSION}"
    # Which minor versions the histories are replayed with: the oldest that the project takes is among them.
    (oldest,) = re.findall(r'requires-python = ">=(3\.\d+)', (ROOT / "pyproject.toml").read_text())
    assert re.fullmatch(rf"python:{re.escape(oldest)}\.\d+-slim-\w+", bases["python"])


def test_the_builder_is_given_what_is_copied_and_nothing_that_is_secret() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [it.split()[:-1] for stage in stages() for it in stage.all("COPY") if not it.startswith("--from")]
    assert {source.rstrip("/") for sources in copied for source in sources} == allowed
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


@pytest.mark.parametrize("dockerfile", sorted(set(own_images().values())), ids=lambda path: path.parent.name)
def test_its_user_can_read_what_only_whoever_cloned_it_may(dockerfile: Path) -> None:
    """COPY keeps the mode of each file: after a clone under umask 077 neither image started."""
    final = stages(dockerfile)[-1]
    names = [name for name, _ in final.instructions]
    copied = {it.split()[-1].rstrip("/") for it in final.all("COPY") if not it.startswith("--from")}
    ((position, opened),) = (
        (position, command.removeprefix("chmod -R a+rX ").split())
        for position, (_, arguments) in enumerate(final.instructions)
        for command in arguments.split(" && ")
        if command.startswith("chmod -R a+rX ")
    )
    assert {it.rstrip("/") for it in opened} == copied
    assert max(at for at, name in enumerate(names) if name == "COPY") < position < names.index("USER")


def test_it_does_not_run_as_root() -> None:
    assert stages()[-1].all("USER") == ["10001:10001"]


def test_the_entry_point_describes_itself(image: Path) -> None:
    command = [*stages()[-1].words("ENTRYPOINT"), "--help"]
    told = subprocess.run(command, cwd=image, env=environment(image), capture_output=True, text=True, check=True).stdout
    assert "HOOKFLASH_GRACEFUL_SHUTDOWN_TIMEOUT" in told
    where = subprocess.run(
        ["python", "-c", "import hookflash, workers; print(hookflash.__file__, workers.__file__)"],
        cwd=image,
        env=environment(image),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert all(Path(it).is_relative_to(image) for it in where.split()), where


@asynccontextmanager
async def container(image: Path, service: str, **changes: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run what a service of docker-compose.yml runs, and see that it stops in good order."""
    variables = {**environment(image), **environment_of(service), **changes}
    process = await asyncio.create_subprocess_exec(
        *stages()[-1].words("ENTRYPOINT"),
        *services()[service]["command"],
        cwd=image,
        env=variables,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 60) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def files_of(service: str, secrets: Path) -> dict[str, str]:
    """The settings of a service that are files with secrets, where they are on this machine."""
    return {
        name: value.replace("/run/secrets", str(secrets))
        for name, value in environment_of(service).items()
        if value.startswith("/run/secrets/")
    }


def here(secrets: Path, namespace: Mapping[str, str]) -> dict[str, str]:
    """What is elsewhere on this machine than in the container."""
    files = files_of("engine", secrets)
    ports = {f"HOOKFLASH_{it}_ADDRESS": f"127.0.0.1:{free_port()}" for it in ("HEALTH", "METRICS")}
    return {**files, **ports, **{name: it for name, it in namespace.items() if name != "PATH"}}


async def said_ready(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().rstrip()


@pytest.mark.parametrize("service", ["engine", "listener"])
async def test_a_service_gets_ready_and_stops(
    image: Path, secrets: Path, namespace: dict[str, str], service: str
) -> None:
    create_namespace(namespace)
    async with container(image, service, **here(secrets, namespace)) as process:
        assert await said_ready(process) == f"hookflash worker ready: role={service} providers=asterisk"


async def test_the_codec_server_reads_for_whoever_has_the_token(image: Path, secrets: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    changes = {**files_of("codec-server", secrets), "HOOKFLASH_CODEC_SERVER_ADDRESS": address}
    (payload,) = await encrypted(data_converter, secrets / "encryption_keys").encode(["Zebulon"])
    question = json.dumps({"payloads": [json_format.MessageToDict(payload)]}).encode()
    name, token = (secrets / "codec_server_tokens").read_text().split()
    assert name == "operator"

    port = services()["codec-server"]["environment"]["HOOKFLASH_CODEC_SERVER_ADDRESS"].partition(":")[2]
    asked, *check = services()["codec-server"]["healthcheck"]["test"]
    assert asked == "CMD"
    check = [word.replace(f"127.0.0.1:{port}", address) for word in check]
    assert address in check[-1]

    async with container(image, "codec-server", **changes) as process:
        assert await said_ready(process) == f"hookflash codec server ready: http://{address}"
        assert await succeeds(check, image)
        refused = await ask(f"http://{address}/decode", question)
        assert refused.status == 401
        answer = await ask(f"http://{address}/decode", question, Authorization=f"Bearer {token}")
        (read,) = json_format.Parse(answer.body, Payloads()).payloads
        assert read.data == b'"Zebulon"'
    assert not await succeeds(check, image)


async def test_the_ingress_takes_what_twilio_signs(image: Path, secrets: Path, namespace: dict[str, str]) -> None:
    create_namespace(namespace)
    address = f"127.0.0.1:{free_port()}"
    changes = {
        **files_of("ingress", secrets),
        **{name: it for name, it in here(secrets, namespace).items() if "ASTERISK" not in name},
        "HOOKFLASH_TWILIO_CALLBACK_URL": "https://hooks.example",
        "HOOKFLASH_INGRESS_ADDRESS": address,
    }
    key, token = ((secrets / f"twilio_{it}").read_text().strip() for it in ("callback_key", "auth_token"))
    url = CallbackUrls("https://hooks.example", "twilio", key.encode()).leg("transfer:twilio:never/there", "leg")
    body, headers = signed_form(url, {"CallSid": CALL_SID, "CallStatus": "ringing"}, token)
    here_url = f"http://{address}{urlsplit(url).path}"

    async with container(image, "ingress", **changes) as process:
        assert await said_ready(process) == f"hookflash ingress ready: http://{address} nodes=twilio"

        async def told() -> bool | None:
            return (await ask(here_url, body, **headers)).status == 204 or None

        # Until it has reached Temporal, Twilio is to tell it again.
        await eventually(told, "an answer", 60)
        assert (await ask(here_url, body + b"&a=1", **headers)).status == 403


async def succeeds(command: Sequence[str], image: Path) -> bool:
    """Run a command in the image, and return whether it ends well."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=image, env=environment(image), stderr=asyncio.subprocess.DEVNULL
    )
    return await process.wait() == 0


async def test_the_health_check_sees_a_worker_alive_and_gone(
    image: Path, secrets: Path, namespace: dict[str, str]
) -> None:
    create_namespace(namespace)
    changes = here(secrets, namespace)
    asked, ours = environment(image)["HOOKFLASH_HEALTH_ADDRESS"], changes["HOOKFLASH_HEALTH_ADDRESS"]
    check = [word.replace(asked, ours) for word in stages()[-1].words("HEALTHCHECK")]
    assert ours in check[-1]

    async with container(image, "engine", **changes) as process:
        await said_ready(process)
        assert await succeeds(check, image)
    assert not await succeeds(check, image)
