"""Settings of a Twilio account: what is wrong is named by its variable, and never repeated."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.workers.environ import ASTERISK, KEY, SECRET, SID, TWILIO, Environ, refusal
from workers.settings import Settings, unknown_variables
from workers.variables import SettingsError


def test_an_account_is_a_provider(environ: Environ) -> None:
    environ.set(**TWILIO)
    settings = Settings.load()
    found = settings.twilio()
    assert found is not None
    account, urls = found
    assert (settings.twilio_node, urls.node, urls.base_url) == ("twilio", "twilio", "https://hooks.example")
    assert (account.account_sid, account.api_key_sid) == (SID, KEY)
    assert account.api_key_secret.get_secret_value() == SECRET
    assert (account.base_url, account.sync_url) == ("https://api.twilio.com", "https://sync.twilio.com")
    assert (account.caller_id, account.places_url, account.poll_interval) == (None, None, timedelta(seconds=5))
    assert SECRET not in repr(found)


def test_everything_can_be_set(environ: Environ, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    given = {name: it for name, it in TWILIO.items() if not name.endswith("_SECRET")}
    environ.set(
        **given,
        HOOKFLASH_TWILIO_API_KEY_SECRET_FILE=secret,
        HOOKFLASH_TWILIO_NODE="main",
        HOOKFLASH_TWILIO_BASE_URL="https://api.dublin.ie1.twilio.com",
        HOOKFLASH_TWILIO_CALLER_ID="+14155550100",
        HOOKFLASH_TWILIO_PLACES_URL="https://flows.example/places/",
        HOOKFLASH_TWILIO_POLL_INTERVAL="2.5",
    )
    found = Settings.load().twilio()
    assert found is not None
    account, urls = found
    assert (account.base_url, account.caller_id) == ("https://api.dublin.ie1.twilio.com", "+14155550100")
    assert (account.places_url, account.poll_interval) == ("https://flows.example/places", timedelta(seconds=2.5))
    assert (urls.node, account.api_key_secret.get_secret_value()) == ("main", SECRET)
    secret.write_text("another\n")
    assert account.api_key_secret.get_secret_value() == "another"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ACCOUNT_SID", "AC123"),
        ("API_KEY_SID", "SK123"),
        ("API_KEY_SID", ""),
        ("API_KEY_SECRET", ""),
        ("BASE_URL", "http://twilio.example"),
        ("CALLER_ID", "4155550100"),
        ("CALLBACK_URL", ""),
        ("CALLBACK_KEY", "short"),
    ],
)
def test_what_is_wrong_is_named(environ: Environ, variable: str, value: str) -> None:
    environ.set(**TWILIO | {f"HOOKFLASH_TWILIO_{variable}": value})
    with pytest.raises(SettingsError) as raised:
        Settings.load().twilio()
    said = str(raised.value)
    assert f"HOOKFLASH_TWILIO_{variable}" in said
    assert SECRET not in said


@pytest.mark.parametrize("others", [{"HOOKFLASH_SIMULATOR": "true"}, ASTERISK])
def test_two_providers_have_names_of_their_own(environ: Environ, others: dict[str, str]) -> None:
    name = "simulator" if "HOOKFLASH_SIMULATOR" in others else "asterisk"
    environ.set(**TWILIO, **others, HOOKFLASH_TWILIO_NODE=name)
    assert "HOOKFLASH_TWILIO_NODE" in refusal()


def test_what_the_ingress_alone_needs_is_no_typing_error(environ: Environ) -> None:
    environ.set(**TWILIO, HOOKFLASH_TWILIO_AUTH_TOKEN=SECRET, HOOKFLASH_TWILIO_ACOUNT_SID=SID)
    assert unknown_variables() == ["HOOKFLASH_TWILIO_ACOUNT_SID"]
