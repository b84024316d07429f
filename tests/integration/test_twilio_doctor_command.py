"""The doctor of an account as operators and monitors call it: words or JSON, and its exit code."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from tests.integration.operating import command
from tests.integration.test_twilio_doctor import CALLBACK_KEY
from tests.providers.twilio_emulator import TwilioEmulator
from tests.providers.twilio_emulator.emulator import ACCOUNT, KEY, SECRET
from tests.providers.twilio_world import COMPANY
from tests.support.ports import NOBODY

NOWHERE = NOBODY
"""Where an ingress would be."""


@pytest.fixture
async def variables(tmp_path: Path) -> AsyncIterator[Mapping[str, str]]:
    """The environment of a worker, with a key that every user may read."""
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o644)
    async with TwilioEmulator() as emulator:
        emulator.account.numbers[COMPANY] = True
        yield {
            "HOOKFLASH_TWILIO_ACCOUNT_SID": ACCOUNT,
            "HOOKFLASH_TWILIO_API_KEY_SID": KEY,
            "HOOKFLASH_TWILIO_API_KEY_SECRET_FILE": str(secret),
            "HOOKFLASH_TWILIO_BASE_URL": emulator.url,
            "HOOKFLASH_TWILIO_SYNC_URL": emulator.url,
            "HOOKFLASH_TWILIO_CALLER_ID": COMPANY,
            "HOOKFLASH_TWILIO_CALLBACK_URL": f"http://{NOWHERE}",
            "HOOKFLASH_TWILIO_CALLBACK_KEY": CALLBACK_KEY,
        }


async def test_an_operator_is_told_what_to_do(variables: Mapping[str, str]) -> None:
    code, output, errors = await command("doctor", "twilio", variables=variables)
    assert (code, errors) == (1, "")
    lines = [it.split()[:2] for it in output.splitlines() if "->" not in it]
    assert ["warning", "settings"] in lines
    assert ["ok", "credentials"] in lines
    assert ["failure", "ingress"] in lines
    (remedy,) = (it for it in output.splitlines() if "python -m workers ingress" in it)
    assert remedy.strip().startswith("-> ")


async def test_a_monitor_is_told_the_same(variables: Mapping[str, str]) -> None:
    code, output, errors = await command(
        "doctor", "twilio", "--json", variables={**variables, "HOOKFLASH_TWILIO_NODE": "clouds"}
    )
    assert (code, errors) == (1, "")
    told = json.loads(output)
    assert [it["check"] for it in told["settings"]] == ["settings"]
    (account,) = told["nodes"]
    assert account["node"] == "clouds"
    assert [it["check"] for it in account["findings"] if it["level"] == "failure"] == ["ingress"]
    assert COMPANY not in output
    assert SECRET not in output


async def test_without_an_account_there_is_nothing_to_look_at() -> None:
    code, output, errors = await command("doctor", "twilio", variables={"HOOKFLASH_SIMULATOR": "true"})
    assert (code, output) == (2, "")
    assert "HOOKFLASH_TWILIO_ACCOUNT_SID: not set" in errors


async def test_what_is_for_asterisk_is_no_option(variables: Mapping[str, str]) -> None:
    code, _, errors = await command("doctor", "twilio", "--music", "default", variables=variables)
    assert code == 2
    assert "unrecognized arguments: --music" in errors
