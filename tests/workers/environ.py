"""An environment of a test's own, and what settings say of it."""

from pathlib import Path

import pytest

from workers.settings import Settings
from workers.variables import SettingsError

SECRET = "correct horse battery staple"
SID, KEY = "AC" + "a" * 32, "SK" + "b" * 32
TWILIO = {
    "HOOKFLASH_TWILIO_ACCOUNT_SID": SID,
    "HOOKFLASH_TWILIO_API_KEY_SID": KEY,
    "HOOKFLASH_TWILIO_API_KEY_SECRET": SECRET,
    "HOOKFLASH_TWILIO_CALLBACK_URL": "https://hooks.example",
    "HOOKFLASH_TWILIO_CALLBACK_KEY": "k" * 32,
}
ASTERISK = {
    "HOOKFLASH_ASTERISK_URL": "https://pbx.example:8089/ari",
    "HOOKFLASH_ASTERISK_APP": "hookflash",
    "HOOKFLASH_ASTERISK_USERNAME": "engine",
    "HOOKFLASH_ASTERISK_PASSWORD": SECRET,
}


class Environ:
    """The environment of a process that has nothing of ours in it yet."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def set(self, **variables: str | Path) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, str(value))

    def unset(self, *names: str) -> None:
        for name in names:
            self._monkeypatch.delenv(name)


def refusal() -> str:
    with pytest.raises(SettingsError) as error:
        Settings.load()
    return str(error.value)


def refusal_of_asterisk() -> str:
    settings = Settings.load()
    with pytest.raises(SettingsError) as error:
        settings.asterisk()
    return str(error.value)
