"""The codec server as Temporal's CLI and a browser ask it."""

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.client import Client

from hookflash import names
from hookflash.converter import data_converter
from hookflash.encryption import encrypted
from tests.support.temporal_server import temporal_executable
from tests.workers.asking import Answer, ask
from tests.workers.traces import found_in
from workers.codec_server.settings import VARIABLES, load
from workers.settings import unknown_variables
from workers.variables import SettingsError

TOKEN, OTHER_TOKEN = f"token-{uuid4()}", f"token-{uuid4()}"
UI = "http://localhost:8233"
NAME = "Zebulon Quuxworthy"


@dataclass
class CodecServer:
    """A running `python -m workers codec-server`."""

    url: str
    folder: Path
    process: asyncio.subprocess.Process

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    async def ask(
        self, path: str, body: bytes | dict[str, Any] | None = None, *, token: str | None = TOKEN, **headers: str
    ) -> Answer:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        given = json.dumps(body).encode() if isinstance(body, dict) else body
        return await ask(self.url + path, given, **headers)


@dataclass
class Files:
    """What a codec server is given."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        keys, tokens = self.folder / "keys", self.folder / "tokens"
        keys.write_text(f"2026-11 {base64.b64encode(os.urandom(32)).decode()}\n")
        tokens.write_text(f"olga {TOKEN}\n\nivo {OTHER_TOKEN}\n")
        for file in (keys, tokens):
            file.chmod(0o600)
        self.variables = {
            "HOOKFLASH_ENCRYPTION_KEYS_FILE": str(keys),
            "HOOKFLASH_CODEC_SERVER_TOKENS_FILE": str(tokens),
            "HOOKFLASH_CODEC_SERVER_ADDRESS": "127.0.0.1:0",
            "HOOKFLASH_CODEC_SERVER_UI_ORIGINS": f"{UI}, https://temporal.example",
        }

    async def payloads(self, *values: object) -> list[dict[str, Any]]:
        encoded = await encrypted(data_converter, self.folder / "keys").encode(values)
        return [json_format.MessageToDict(it) for it in encoded]


@asynccontextmanager
async def codec_server(files: Files) -> AsyncGenerator[CodecServer]:
    """Run a codec server."""
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("HOOKFLASH_")}
    with (files.folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "workers", "codec-server"),
            env=inherited | files.variables,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        said, _, url = (await process.stdout.readline()).decode().rstrip().partition(": ")
        assert said == "hookflash codec server ready", (files.folder / "log").read_text()
        yield CodecServer(url, files.folder, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("codec"))


@pytest.fixture(scope="module")
async def server(files: Files) -> AsyncIterator[CodecServer]:
    async with codec_server(files) as running:
        yield running


def read(answer: Answer) -> list[bytes]:
    assert answer.status == 200, answer
    return [it.data for it in json_format.Parse(answer.body, Payloads()).payloads]


async def test_what_is_encrypted_is_decrypted_and_the_rest_left_alone(server: CodecServer, files: Files) -> None:
    payloads = await files.payloads({"name": NAME}, [1])
    clear = json_format.MessageToDict(Payload(metadata={"encoding": b"json/plain"}, data=b"2"))
    answer = await server.ask("/decode", {"payloads": [payloads[0], clear, payloads[1]]}, **{"X-Namespace": "default"})
    assert read(answer) == [b'{"name":"Zebulon Quuxworthy"}', b"2", b"[1]"]
    assert answer.headers["cache-control"] == "no-store"


async def test_what_it_encrypts_it_decrypts(server: CodecServer) -> None:
    clear = {"payloads": [json_format.MessageToDict(Payload(metadata={"encoding": b"json/plain"}, data=b'"Zebulon"'))]}
    answer = await server.ask("/encode", clear)
    assert b"WmVidWxvbg" not in answer.body
    again = await server.ask("/decode", answer.body)
    assert read(again) == [b'"Zebulon"']


async def test_one_payload_that_cannot_be_read_does_not_hide_the_others(server: CodecServer, files: Files) -> None:
    (mine,) = await files.payloads(1)
    foreign = Payload(metadata={"encoding": b"binary/encrypted", "encryption-key-id": b"lost"}, data=bytes(40))
    answer = await server.ask("/decode", {"payloads": [json_format.MessageToDict(foreign), mine]})
    assert read(answer) == [bytes(40), b"1"]
    assert "a payload stays as it is: this is encrypted with key 'lost', which is not in" in server.log


@pytest.mark.parametrize("path", ["/decode", "/encode"])
@pytest.mark.parametrize(
    "header",
    [None, "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer \xff"],
    # The token is another one in each process, and names of tests must be the same in all of them.
    ids=["none", "empty", "wrong", "basic", "bare", "longer", "no text"],
)
async def test_nobody_without_a_token_is_answered(server: CodecServer, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await server.ask(path, {"payloads": []}, token=None, **headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert json.loads(answer.body) == {"error": "a token is needed: Authorization: Bearer TOKEN"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b'{"payloads": ' + b"[" * 100_000,
        b'{"payloads": "x"}',
        b'{"payloads": [{"data": 1}]}',
        b"\xff",
    ],
)
async def test_what_makes_no_sense_is_refused(server: CodecServer, body: bytes) -> None:
    answer = await server.ask("/decode", body)
    assert answer.status == 400
    assert json.loads(answer.body) == {"error": "the body has to be JSON with a list of payloads"}


async def test_text_of_an_unknown_kind_is_refused(server: CodecServer) -> None:
    answer = await server.ask("/decode", b"{}", **{"Content-Type": "application/json; charset=nonsense"})
    assert answer.status == 400


async def test_too_much_is_refused(server: CodecServer) -> None:
    answer = await server.ask("/decode", b" " * (8 * 1024 * 1024 + 1))
    assert answer.status == 413
    assert "error" in json.loads(answer.body)


async def test_it_says_that_it_is_alive_to_anybody_and_nothing_else(server: CodecServer) -> None:
    assert (await server.ask("/livez", token=None)).status == 200
    assert (await server.ask("/decode")).status == 405
    assert (await server.ask("/keys")).status == 404


async def test_pages_of_the_ui_may_ask_and_others_may_not(server: CodecServer) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-namespace,content-type"}
    for origin, status in ((UI, 204), ("https://temporal.example", 204), ("https://evil.example", 403), ("null", 403)):
        answer = await ask(server.url + "/decode", None, method="OPTIONS", Origin=origin, **asked)
        assert answer.status == status
        assert answer.headers["vary"] == "Origin"
        assert answer.headers.get("access-control-allow-origin") == (origin if status == 204 else None)
        # An error is one that the UI can read, too.
        answer = await server.ask("/decode", {"payloads": []}, token=None, Origin=origin)
        assert answer.headers.get("access-control-allow-origin") == (origin if status == 204 else None)
    answer = await ask(server.url + "/decode", None, method="OPTIONS", Origin=UI, **asked)
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert {"authorization", "x-namespace", "content-type"} <= set(allowed.split(", "))
    assert answer.headers["access-control-allow-credentials"] == "true"


async def test_a_browser_signs_in_once(server: CodecServer, files: Files) -> None:
    page = await server.ask("/", token=None)
    assert b'<form method="post">' in page.body
    refused = await server.ask("/", b"token=wrong", token=None, **{"Content-Type": "application/x-www-form-urlencoded"})
    assert refused.status == 401
    assert "set-cookie" not in refused.headers

    form = f"token={OTHER_TOKEN}".encode()
    answer = await server.ask("/", form, token=None, **{"Content-Type": "application/x-www-form-urlencoded"})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert OTHER_TOKEN not in cookie
    asked = {"payloads": await files.payloads(NAME)}
    assert read(await server.ask("/decode", asked, token=None, Cookie=cookie.partition(";")[0])) == [
        f'"{NAME}"'.encode()
    ]
    assert "ivo has read 1 payloads" in server.log


async def test_a_token_that_is_taken_away_is_good_for_nothing(tmp_path: Path) -> None:
    files = Files(tmp_path)
    async with codec_server(files) as server:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        signed_in = await server.ask("/", f"token={OTHER_TOKEN}".encode(), token=None, **form)
        cookie = signed_in.headers["set-cookie"].partition(";")[0]
        assert (await server.ask("/decode", {"payloads": []}, token=None, Cookie=cookie)).status == 200
        (tmp_path / "tokens").write_text(f"olga {TOKEN}\n")
        assert (await server.ask("/decode", {"payloads": []}, token=None, Cookie=cookie)).status == 401
        assert (await server.ask("/decode", {"payloads": []}, token=OTHER_TOKEN)).status == 401
        assert (await server.ask("/decode", {"payloads": []})).status == 200


async def test_it_logs_who_has_read_and_nothing_of_what_and_ends_in_good_order(tmp_path: Path) -> None:
    files = Files(tmp_path)
    async with codec_server(files) as server:
        await server.ask("/decode", {"payloads": await files.payloads(NAME, NAME)})
        await server.ask("/decode", b'{"payloads": "Zebulon Quuxworthy"}')
        server.process.send_signal(signal.SIGTERM)
        assert await server.process.wait() == 0
    assert "olga has read 2 payloads" in server.log
    assert "stopped" in server.log
    for secret in (NAME, "Zebulon", TOKEN, "Traceback"):
        assert secret not in server.log


async def test_temporals_own_command_line_reads_with_it(server: CodecServer, files: Files, client: Client) -> None:
    config = client.config(active_config=True)
    config["data_converter"] = encrypted(data_converter, files.folder / "keys")
    id = f"transfer:simulator:{uuid4()}"
    note = {"name": NAME}
    handle = await Client(**config).start_workflow(names.WORKFLOW_TYPE, note, id=id, task_queue=f"nobody-{uuid4()}")
    address = client.service_client.config.target_host
    show = ("workflow", "show", "--output", "json", "--workflow-id", id, "--address", address)
    codec = ("--codec-endpoint", server.url, "--codec-auth", f"Bearer {TOKEN}")
    assert found_in(await _temporal(*show, *codec), [NAME])
    without = await _temporal(*show)
    assert not found_in(without, [NAME])
    assert found_in(without, ["binary/encrypted"])

    # And writes: what an operator sends by hand is encrypted as well.
    signal = ("workflow", "signal", "--workflow-id", id, "--name", "hold", "--input", json.dumps(note))
    await _temporal(*signal, "--address", address, *codec)
    signalled = [it async for it in handle.fetch_history_events()][-1].workflow_execution_signaled_event_attributes
    assert signalled.input.payloads[0].metadata["encoding"] == b"binary/encrypted"
    await handle.terminate()


async def _temporal(*arguments: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(temporal_executable(), *arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output
    return output


async def test_who_lets_other_machines_ask_is_warned(tmp_path: Path) -> None:
    files = Files(tmp_path)
    files.variables["HOOKFLASH_CODEC_SERVER_ADDRESS"] = "0.0.0.0:0"
    (tmp_path / "tokens").chmod(0o644)
    async with codec_server(files) as server:
        assert "HOOKFLASH_CODEC_SERVER_ADDRESS: other machines can ask; put TLS in front" in server.log
        assert "HOOKFLASH_CODEC_SERVER_TOKENS_FILE: every user of this machine may read that file" in server.log
        assert "HOOKFLASH_ENCRYPTION_KEYS_FILE: every" not in server.log


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HOOKFLASH_ENCRYPTION_KEYS_FILE", "", "HOOKFLASH_ENCRYPTION_KEYS_FILE: not set"),
        ("HOOKFLASH_ENCRYPTION_KEYS_FILE", "/no/such", "HOOKFLASH_ENCRYPTION_KEYS_FILE: /no/such: No such file"),
        ("HOOKFLASH_CODEC_SERVER_TOKENS_FILE", "", "HOOKFLASH_CODEC_SERVER_TOKENS_FILE: not set"),
        ("HOOKFLASH_CODEC_SERVER_TOKENS_FILE", "/no/such", "the file cannot be read: No such file"),
        ("HOOKFLASH_CODEC_SERVER_TOKENS_FILE", "{empty}", "there is no token in it"),
        ("HOOKFLASH_CODEC_SERVER_TOKENS_FILE", "{short}", "line 1: has to be a name and a token of 20 characters"),
        ("HOOKFLASH_CODEC_SERVER_ADDRESS", "8081", "HOOKFLASH_CODEC_SERVER_ADDRESS: has to be HOST:PORT"),
        ("HOOKFLASH_CODEC_SERVER_ADDRESS", "localhost:http", "HOOKFLASH_CODEC_SERVER_ADDRESS: has to be HOST:PORT"),
        ("HOOKFLASH_CODEC_SERVER_UI_ORIGINS", "*", "HOOKFLASH_CODEC_SERVER_UI_ORIGINS: has to be a list of origins"),
        ("HOOKFLASH_CODEC_SERVER_UI_ORIGINS", "https://a.example/ui", "has to be a list of origins"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, variable: str, value: str, said: str) -> None:
    files = Files(tmp_path)
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "short").write_text("olga hunter2\n")
    given = value.format(empty=tmp_path / "empty", short=tmp_path / "short")
    with pytest.raises(SettingsError) as error:
        load(files.variables | {variable: given})
    assert said in str(error.value)
    assert "hunter2" not in str(error.value)


async def test_wrong_settings_end_it_before_it_begins(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers", "codec-server"),
        env={name: it for name, it in os.environ.items() if not name.startswith("HOOKFLASH_")},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert errors.decode() == "settings:\n  HOOKFLASH_ENCRYPTION_KEYS_FILE: not set\n"


def test_a_worker_with_the_same_environment_takes_its_variables_for_no_mistake() -> None:
    assert unknown_variables({it.name: "x" for it in VARIABLES}) == []
