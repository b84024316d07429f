"""The manager interface of the Asterisk node of the environment: what it needs, and when without TLS."""

from pathlib import Path

import pytest

from tests.workers.environ import ASTERISK, SECRET, Environ, refusal_of_asterisk
from workers.settings import Settings
from workers.variables import SettingsError

MANAGER = {
    "HOOKFLASH_ASTERISK_MANAGER_HOST": "127.0.0.1",
    "HOOKFLASH_ASTERISK_MANAGER_USERNAME": "adopter",
    "HOOKFLASH_ASTERISK_MANAGER_PASSWORD": SECRET,
    "HOOKFLASH_ASTERISK_MANAGER_CONTEXTS": "from-phone, queues",
}


def test_without_a_manager_nothing_is_adopted(environ: Environ) -> None:
    environ.set(**ASTERISK)
    asterisk = Settings.load().asterisk()
    assert asterisk is not None
    assert asterisk.manager is None


def test_a_manager(environ: Environ, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    environ.set(**ASTERISK, **MANAGER, HOOKFLASH_ASTERISK_MANAGER_PASSWORD_FILE=file)
    environ.unset("HOOKFLASH_ASTERISK_MANAGER_PASSWORD")
    environ.set(HOOKFLASH_ASTERISK_MANAGER_HOST="pbx.example", HOOKFLASH_ASTERISK_MANAGER_TLS="true")
    environ.set(HOOKFLASH_ASTERISK_MANAGER_PORT="5039")
    settings = Settings.load()
    asterisk = settings.asterisk()
    assert asterisk is not None
    manager = asterisk.manager
    assert manager is not None
    assert (manager.host, manager.port, manager.tls, manager.username) == ("pbx.example", 5039, True, "adopter")
    assert manager.contexts == ("from-phone", "queues")
    assert not manager.in_clear
    assert manager.password.get_secret_value() == SECRET
    assert SECRET not in f"{settings!r} {asterisk!r}"


@pytest.mark.parametrize("host", ["pbx.example", "10.1.2.3", "2001:db8::1", "localhost.example", "0.0.0.0"])
def test_a_manager_on_another_machine_without_tls_is_refused(environ: Environ, host: str) -> None:
    environ.set(**{**ASTERISK, **MANAGER, "HOOKFLASH_ASTERISK_MANAGER_HOST": host})
    told = refusal_of_asterisk()
    assert told.startswith("HOOKFLASH_ASTERISK_MANAGER_ALLOW_PLAIN_TCP: ")
    assert "in clear" in told
    environ.set(HOOKFLASH_ASTERISK_MANAGER_ALLOW_PLAIN_TCP="true")
    asterisk = Settings.load().asterisk()
    assert asterisk is not None
    assert asterisk.manager is not None
    assert asterisk.manager.in_clear


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_manager_on_this_machine_needs_no_tls(environ: Environ, host: str) -> None:
    environ.set(**{**ASTERISK, **MANAGER, "HOOKFLASH_ASTERISK_MANAGER_HOST": host})
    asterisk = Settings.load().asterisk()
    assert asterisk is not None
    assert asterisk.manager is not None
    assert not asterisk.manager.in_clear


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOST", "a b"),
        ("PORT", "70000"),
        ("CA_FILE", "ca.pem"),  # without TLS
        ("USERNAME", "a\r\nSecret: b"),
        ("PASSWORD", "a\r\nAction: Originate"),
        ("CONTEXTS", "from-phone,"),
        ("CONTEXTS", "from phone"),
    ],
)
def test_a_wrong_manager_is_answered_with_its_variable(environ: Environ, name: str, value: str) -> None:
    environ.set(**{**ASTERISK, **MANAGER, f"HOOKFLASH_ASTERISK_MANAGER_{name}": value})
    settings = Settings.load()
    with pytest.raises(SettingsError, match=rf"^HOOKFLASH_ASTERISK_MANAGER_{name}: ") as error:
        settings.asterisk()
    assert SECRET not in str(error.value)


def test_what_a_manager_lacks_is_named(environ: Environ) -> None:
    environ.set(**ASTERISK, HOOKFLASH_ASTERISK_MANAGER_TLS="true")
    settings = Settings.load()
    with pytest.raises(SettingsError) as error:
        settings.asterisk()
    for name in ("HOST", "USERNAME", "PASSWORD", "CONTEXTS"):
        assert f"HOOKFLASH_ASTERISK_MANAGER_{name}: Field required" in str(error.value)
