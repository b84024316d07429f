"""The Asterisk node of the environment: what it needs, and that its password does not cross a network in clear."""

from pathlib import Path

import pytest

from tests.workers.environ import ASTERISK, SECRET, Environ, refusal_of_asterisk
from workers.settings import Settings
from workers.variables import SettingsError


def test_an_asterisk_node(environ: Environ) -> None:
    environ.set(**ASTERISK, HOOKFLASH_ASTERISK_TRUNK="carrier", HOOKFLASH_ASTERISK_NODE="pbx-1")
    settings = Settings.load()
    asterisk = settings.asterisk()
    assert asterisk is not None
    assert (asterisk.url, asterisk.app, asterisk.username) == ("https://pbx.example:8089/ari", "hookflash", "engine")
    assert (asterisk.trunk, settings.asterisk_node) == ("carrier", "pbx-1")
    assert asterisk.password.get_secret_value() == SECRET


@pytest.mark.parametrize(("name", "value"), [("URL", "pbx.example"), ("APP", "a b"), ("TRUNK", "a/b")])
def test_a_wrong_asterisk_is_answered_with_its_variable(environ: Environ, name: str, value: str) -> None:
    environ.set(**{**ASTERISK, f"HOOKFLASH_ASTERISK_{name}": value})
    settings = Settings.load()
    with pytest.raises(SettingsError, match=rf"^HOOKFLASH_ASTERISK_{name}: ") as error:
        settings.asterisk()
    assert SECRET not in str(error.value)


def test_what_an_asterisk_lacks_is_named(environ: Environ) -> None:
    environ.set(HOOKFLASH_ASTERISK_URL="https://pbx.example:8089/ari")
    settings = Settings.load()
    with pytest.raises(SettingsError) as error:
        settings.asterisk()
    for name in ("APP", "USERNAME", "PASSWORD"):
        assert f"HOOKFLASH_ASTERISK_{name}: Field required" in str(error.value)


@pytest.mark.parametrize("host", ["pbx.example", "10.1.2.3", "[2001:db8::1]", "localhost.example", "0.0.0.0"])
def test_http_to_another_machine_is_refused(environ: Environ, host: str) -> None:
    environ.set(**{**ASTERISK, "HOOKFLASH_ASTERISK_URL": f"http://{host}:8088/ari"})
    told = refusal_of_asterisk()
    assert told.startswith("HOOKFLASH_ASTERISK_ALLOW_PLAIN_HTTP: ")
    assert "in clear" in told
    environ.set(HOOKFLASH_ASTERISK_ALLOW_PLAIN_HTTP="true")
    asterisk = Settings.load().asterisk()
    assert asterisk is not None
    assert asterisk.in_clear


@pytest.mark.parametrize("url", ["http://127.0.0.1:8088/ari", "http://[::1]:8088/ari", "http://localhost/ari"])
def test_http_on_this_machine_is_fine(environ: Environ, url: str) -> None:
    environ.set(**{**ASTERISK, "HOOKFLASH_ASTERISK_URL": url})
    asterisk = Settings.load().asterisk()
    assert asterisk is not None
    assert not asterisk.in_clear


@pytest.mark.parametrize(
    ("content", "url", "said"),
    [
        (None, "https://pbx.example/ari", "cannot be read: No such file or directory"),
        ("no certificate", "https://pbx.example/ari", "holds no certificate in PEM"),
        ("", "http://localhost/ari", "judges no certificate as long as url begins with http:"),
    ],
)
def test_authorities_that_judge_nothing(
    environ: Environ, tmp_path: Path, content: str | None, url: str, said: str
) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    environ.set(**{**ASTERISK, "HOOKFLASH_ASTERISK_URL": url, "HOOKFLASH_ASTERISK_CA_FILE": file})
    told = refusal_of_asterisk()
    assert told.startswith("HOOKFLASH_ASTERISK_CA_FILE: ")
    assert said in told
