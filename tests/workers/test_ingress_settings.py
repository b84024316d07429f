"""What an ingress is told by its environment, and what it says of what is wrong."""

import base64
import os
import signal
import sys
from pathlib import Path
from subprocess import run

import pytest
from temporalio.client import Client

from hookflash import names
from tests.workers.environ import Environ
from tests.workers.ingress_process import NODE, Secrets, ingress_process
from tests.workers.process import temporal_at
from tests.workers.recorder import Recorder
from workers.ingress.settings import IngressSettings
from workers.settings import Settings, unknown_variables
from workers.variables import SettingsError, variables_of

KEY = "0123456789abcdef" * 2
GIVEN = {
    "HOOKFLASH_TWILIO_CALLBACK_URL": "https://hooks.example",
    "HOOKFLASH_TWILIO_CALLBACK_KEY": KEY,
    "HOOKFLASH_TWILIO_AUTH_TOKEN": "token",
}


def refusal() -> str:
    with pytest.raises(SettingsError) as error:
        IngressSettings.load().endpoints()
    return str(error.value)


def test_three_settings_are_enough(environ: Environ) -> None:
    environ.set(**GIVEN)
    settings = IngressSettings.load()
    assert settings.endpoints().keys() == {"twilio"}
    assert settings.ingress_address == "127.0.0.1:8082"
    assert settings.is_loopback


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOOKFLASH_TWILIO_CALLBACK_URL", "", "HOOKFLASH_TWILIO_CALLBACK_URL: not set, so there is nobody who calls"),
        ("HOOKFLASH_TWILIO_CALLBACK_URL", "hooks.example", "HOOKFLASH_TWILIO_CALLBACK_URL: base_url: has to be as"),
        ("HOOKFLASH_TWILIO_CALLBACK_KEY", "", "HOOKFLASH_TWILIO_CALLBACK_KEY: not set"),
        ("HOOKFLASH_TWILIO_CALLBACK_KEY", KEY[1:], "HOOKFLASH_TWILIO_CALLBACK_KEY: has to have 32 bytes or more"),
        ("HOOKFLASH_TWILIO_AUTH_TOKEN", "", "HOOKFLASH_TWILIO_AUTH_TOKEN: not set, and no shared keys either"),
        ("HOOKFLASH_TWILIO_NODE", "a/b", "HOOKFLASH_TWILIO_NODE: String should match"),
        ("HOOKFLASH_TWILIO_MEDIA_URL", "media", "HOOKFLASH_TWILIO_MEDIA_URL: String should match"),
        ("HOOKFLASH_INGRESS_ADDRESS", "hooks.example:80", "HOOKFLASH_INGRESS_ADDRESS: Value error, must be an IP"),
        ("HOOKFLASH_INGRESS_AT_ONCE", "0", "HOOKFLASH_INGRESS_AT_ONCE: Input should be greater"),
        ("HOOKFLASH_INGRESS_PATIENCE", "11", "HOOKFLASH_INGRESS_PATIENCE: Input should be less"),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(environ: Environ, name: str, value: str, said: str) -> None:
    environ.set(**{**GIVEN, name: value})
    told = refusal()
    assert told.startswith(said)
    assert KEY[1:] not in told


def test_secrets_are_read_from_files(environ: Environ, tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    environ.set(**secrets.variables())
    settings = IngressSettings.load()
    assert list(settings.exposed_secrets()) == []
    (tmp_path / "token").chmod(0o644)
    assert list(settings.exposed_secrets()) == ["HOOKFLASH_TWILIO_AUTH_TOKEN_FILE"]


def test_a_worker_may_have_the_environment_of_an_ingress(environ: Environ) -> None:
    ours = {it.name for it in variables_of(IngressSettings)} - {it.name for it in variables_of(Settings)}
    environ.set(**dict.fromkeys(ours, "x"))
    assert unknown_variables() == []


def test_it_says_what_is_wrong_and_ends() -> None:
    environment = {name: it for name, it in os.environ.items() if not name.startswith("HOOKFLASH_")}
    command = [sys.executable, "-m", "workers", "ingress"]
    done = run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "settings:\n  HOOKFLASH_TWILIO_CALLBACK_URL: not set, so there is nobody who calls\n"


def test_help_names_every_variable() -> None:
    command = [sys.executable, "-m", "workers", "ingress", "--help"]
    told = run(command, capture_output=True, text=True, check=True).stdout
    for variable in (*variables_of(IngressSettings),):
        assert f"\n  {variable.name}" in told


async def test_what_it_sends_is_encrypted_as_the_workers_do(
    client: Client, recorder_queue: str, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"2026-11 {base64.b64encode(os.urandom(32)).decode()}\n")
    keys.chmod(0o600)
    transfer = await client.start_workflow(Recorder.run, id=f"transfer:{NODE}:encrypted", task_queue=recorder_queue)
    owner = names.owner_token(transfer.id, transfer.result_run_id or "")
    variables = {**temporal_at(client), "HOOKFLASH_ENCRYPTION_KEYS_FILE": str(keys)}
    async with ingress_process(Secrets(tmp_path), **variables) as ingress:
        assert (await ingress.tell(owner, "leg-1", "ringing")).status == 204
        ingress.process.send(signal.SIGTERM)
        assert await ingress.process.end() == 0
        assert "encrypting what is stored, with key 2026-11" in ingress.process.log
    signals = [
        event.workflow_execution_signaled_event_attributes.input.payloads[0]
        async for event in transfer.fetch_history_events()
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert [it.metadata["encoding"] for it in signals] == [b"binary/encrypted"]
    await transfer.terminate()
