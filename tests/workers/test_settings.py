"""Settings say what is wrong with them, by the name of the variable and without its value."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.workers.environ import SECRET, Environ, refusal
from workers.__main__ import help_text
from workers.settings import AttributeMode, Settings, unknown_variables, variables
from workers.variables import SettingsError


def test_a_simulator_needs_one_variable(environ: Environ) -> None:
    environ.set(HOOKFLASH_SIMULATOR="true")
    settings = Settings.load()
    assert settings.simulator
    assert settings.asterisk() is None
    assert settings.tenants().get("anybody").allows("sim:bob")
    assert settings.graceful_shutdown_timeout == timedelta(seconds=30)
    assert settings.search_attributes is AttributeMode.REGISTER


def test_without_a_provider_there_is_nothing_to_do(environ: Environ) -> None:
    assert "HOOKFLASH_SIMULATOR" in refusal()


def test_empty_variables_count_as_unset(environ: Environ) -> None:
    environ.set(HOOKFLASH_SIMULATOR="true", HOOKFLASH_ASTERISK_URL="", HOOKFLASH_LOG_LEVEL="")
    assert Settings.load().asterisk() is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIMULATOR", "perhaps"),
        ("SEARCH_ATTRIBUTES", "off"),
        ("GRACEFUL_SHUTDOWN_TIMEOUT", "soon"),
        ("GRACEFUL_SHUTDOWN_TIMEOUT", "-PT1S"),
        ("CACHED_WORKFLOWS", "-1"),
        ("ACTIVITY_SLOTS", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("ASTERISK_NODE", "a node"),
    ],
)
def test_a_wrong_value_is_answered_with_its_variable(environ: Environ, name: str, value: str) -> None:
    environ.set(**{"HOOKFLASH_SIMULATOR": "true", f"HOOKFLASH_{name}": value})
    told = refusal()
    assert told.startswith(f"HOOKFLASH_{name}: ")
    assert value not in told


def test_everything_that_is_wrong_is_named_at_once(environ: Environ) -> None:
    environ.set(HOOKFLASH_CACHED_WORKFLOWS="many", HOOKFLASH_ACTIVITY_SLOTS="few")
    told = refusal()
    assert [line.partition(":")[0] for line in told.splitlines()] == [
        "HOOKFLASH_CACHED_WORKFLOWS",
        "HOOKFLASH_ACTIVITY_SLOTS",
    ]


@pytest.mark.parametrize(("value", "seconds"), [("5", 5), ("0.5", 0.5), ("0", 0), ("PT1M", 60)])
def test_a_duration_is_a_number_of_seconds(environ: Environ, value: str, seconds: float) -> None:
    environ.set(HOOKFLASH_SIMULATOR="true", HOOKFLASH_GRACEFUL_SHUTDOWN_TIMEOUT=value)
    assert Settings.load().graceful_shutdown_timeout == timedelta(seconds=seconds)


def test_the_permissions_of_tenants(environ: Environ, tmp_path: Path) -> None:
    file = tmp_path / "tenants.toml"
    file.write_text('[tenants.acme]\nblind = true\nallow = ["tel:+49*"]\n')
    environ.set(HOOKFLASH_SIMULATOR="true", HOOKFLASH_TENANTS_FILE=file)
    acme = Settings.load().tenants().get("acme")
    assert acme.blind
    assert acme.allows("tel:+4989")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        ("[tenants", "at end of document"),
        ("[tenants.acme]\nblnd = true", "tenants.acme.blnd: Extra inputs are not permitted"),
    ],
)
def test_permissions_that_cannot_be_read(environ: Environ, tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "tenants.toml"
    if content is not None:
        file.write_text(content)
    environ.set(HOOKFLASH_SIMULATOR="true", HOOKFLASH_TENANTS_FILE=file)
    with pytest.raises(SettingsError) as error:
        Settings.load().tenants()
    assert str(error.value).startswith("HOOKFLASH_TENANTS_FILE: ")
    assert said in str(error.value)


def test_a_typing_error_is_noticed(environ: Environ) -> None:
    environ.set(HOOKFLASH_ASTERISK_PASWORD=SECRET, HOOKFLASH_REQUIRE="all", HOOKFLASH_SIMULATOR="true")
    assert unknown_variables() == ["HOOKFLASH_ASTERISK_PASWORD"]


def test_what_the_command_line_is_told_is_no_typing_error(environ: Environ) -> None:
    environ.set(HOOKFLASH_REFERENCE_KEYS_FILE="/run/secrets/reference-keys", HOOKFLASH_SIMULATOR="true")
    assert unknown_variables() == []


def test_help_lists_everything_with_default_and_description(environ: Environ) -> None:
    told = " ".join(help_text().split())
    for variable in variables():
        assert variable.description, f"{variable.name} has no description"
        default = f" (default: {variable.default})" if variable.default else ""
        assert f"{variable.name}{default} {variable.description}" in told
    assert {variable.name for variable in variables()} == {
        *(f"HOOKFLASH_{name.upper()}" for name in Settings.model_fields),
        "HOOKFLASH_ASTERISK_PASSWORD_FILE",
        "HOOKFLASH_ASTERISK_MANAGER_PASSWORD_FILE",
        "HOOKFLASH_TWILIO_API_KEY_SECRET_FILE",
        "HOOKFLASH_TWILIO_CALLBACK_KEY_FILE",
    }
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_PROFILE", "TEMPORAL_TLS"):
        assert f" {name} " in told
