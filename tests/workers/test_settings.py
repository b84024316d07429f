"""Settings say what is wrong with them, by the name of the variable and without its value."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from workers.__main__ import help_text
from workers.connection import connect_config
from workers.settings import AttributeMode, Settings, SettingsError, unknown_variables, variables

SECRET = "correct horse battery staple"
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


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environ:
    for name in [name for name in os.environ if name.startswith(("HOOKFLASH_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))  # where the temporal CLI keeps its profiles
    monkeypatch.setenv("HOME", str(tmp_path))
    return Environ(monkeypatch)


def refusal() -> str:
    with pytest.raises(SettingsError) as error:
        Settings.load()
    return str(error.value)


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


def test_an_asterisk_node(environ: Environ) -> None:
    environ.set(**ASTERISK, HOOKFLASH_ASTERISK_TRUNK="carrier", HOOKFLASH_ASTERISK_NODE="pbx-1")
    settings = Settings.load()
    asterisk = settings.asterisk()
    assert asterisk is not None
    assert (asterisk.url, asterisk.app, asterisk.username) == ("https://pbx.example:8089/ari", "hookflash", "engine")
    assert (asterisk.trunk, settings.asterisk_node) == ("carrier", "pbx-1")
    assert asterisk.password.get_secret_value() == SECRET


def test_a_secret_from_a_file(environ: Environ, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    environ.set(**ASTERISK)
    environ.unset("HOOKFLASH_ASTERISK_PASSWORD")
    environ.set(HOOKFLASH_ASTERISK_PASSWORD_FILE=file)
    asterisk = Settings.load().asterisk()
    assert asterisk is not None
    assert asterisk.password.get_secret_value() == SECRET


def test_a_secret_from_a_file_that_is_not_there(environ: Environ, tmp_path: Path) -> None:
    environ.set(HOOKFLASH_SIMULATOR="true", HOOKFLASH_ASTERISK_PASSWORD_FILE=tmp_path / "nothing")
    assert refusal() == "HOOKFLASH_ASTERISK_PASSWORD_FILE: the file cannot be read: No such file or directory"


def test_a_secret_given_twice(environ: Environ, tmp_path: Path) -> None:
    environ.set(**ASTERISK, HOOKFLASH_ASTERISK_PASSWORD_FILE=tmp_path / "password")
    told = refusal()
    assert "HOOKFLASH_ASTERISK_PASSWORD and HOOKFLASH_ASTERISK_PASSWORD_FILE are both set" in told
    assert SECRET not in told


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


@pytest.mark.parametrize(("name", "value"), [("URL", "pbx.example"), ("APP", "a b"), ("TRUNK", "a/b")])
def test_a_wrong_asterisk_is_answered_with_its_variable(environ: Environ, name: str, value: str) -> None:
    environ.set(**{**ASTERISK, f"HOOKFLASH_ASTERISK_{name}": value})
    settings = Settings.load()
    with pytest.raises(SettingsError, match=rf"^HOOKFLASH_ASTERISK_{name}: ") as error:
        settings.asterisk()
    assert SECRET not in str(error.value)


def test_a_secret_from_a_file_can_change(environ: Environ, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("the first\n")
    environ.set(**{**ASTERISK, "HOOKFLASH_ASTERISK_PASSWORD": "", "HOOKFLASH_ASTERISK_PASSWORD_FILE": file})
    asterisk = Settings.load().asterisk()
    assert asterisk is not None
    file.write_text(f"{SECRET}\n")
    assert asterisk.password.get_secret_value() == SECRET
    file.unlink()
    assert asterisk.password.get_secret_value() == SECRET, "what was last read, while there is nothing to read"
    assert SECRET not in repr(asterisk) + str(asterisk.password) + asterisk.model_dump_json()


def test_a_secret_that_everybody_may_read_is_named(environ: Environ, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(SECRET)
    environ.set(**{**ASTERISK, "HOOKFLASH_ASTERISK_PASSWORD": "", "HOOKFLASH_ASTERISK_PASSWORD_FILE": file})
    file.chmod(0o644)
    assert list(Settings.load().exposed_secrets()) == ["HOOKFLASH_ASTERISK_PASSWORD_FILE"]
    file.chmod(0o640)
    assert list(Settings.load().exposed_secrets()) == []


def refusal_of_asterisk() -> str:
    settings = Settings.load()
    with pytest.raises(SettingsError) as error:
        settings.asterisk()
    return str(error.value)


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


def test_what_an_asterisk_lacks_is_named(environ: Environ) -> None:
    environ.set(HOOKFLASH_ASTERISK_URL="https://pbx.example:8089/ari")
    settings = Settings.load()
    with pytest.raises(SettingsError) as error:
        settings.asterisk()
    for name in ("APP", "USERNAME", "PASSWORD"):
        assert f"HOOKFLASH_ASTERISK_{name}: Field required" in str(error.value)


def test_two_nodes_cannot_have_one_name(environ: Environ) -> None:
    environ.set(**ASTERISK, HOOKFLASH_SIMULATOR="true", HOOKFLASH_ASTERISK_NODE="simulator")
    assert "HOOKFLASH_ASTERISK_NODE" in refusal()


NODE = 'url = "https://{host}:8089/ari"\napp = "hookflash"\nusername = "engine"\n'
WITH_PASSWORD = f'{NODE}password = "{SECRET}"\n'


WITH_MANAGER = (
    f'{WITH_PASSWORD}[nodes.{{host}}.manager]\nhost = "{{host}}"\nusername = "adopter"\ncontexts = ["a", "b"]\n'
)


def nodes_file(folder: Path, **nodes: str) -> Path:
    """Write a file of nodes; ``{host}`` becomes a host of the node's own."""
    file = folder / "nodes.toml"
    file.write_text("".join(f"[nodes.{name}]\n{text.replace('{host}', name)}" for name, text in nodes.items()))
    return file


def test_several_asterisk_nodes(environ: Environ, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(f"{SECRET}\n")
    south = f'{NODE}password_file = "{secret}"\nheartbeat = 2.5\n'
    environ.set(HOOKFLASH_ASTERISK_NODES_FILE=nodes_file(tmp_path, north=WITH_PASSWORD, south=south), **ASTERISK)
    nodes = Settings.load().asterisk_nodes()
    assert list(nodes) == ["asterisk", "north", "south"]
    assert nodes["south"].url == "https://south:8089/ari"
    assert nodes["south"].heartbeat == timedelta(seconds=2.5)
    assert {node.password.get_secret_value() for node in nodes.values()} == {SECRET}
    assert SECRET not in repr(nodes)
    secret.write_text("another\n")
    assert nodes["south"].password.get_secret_value() == "another"


def test_a_node_of_several_with_a_manager(environ: Environ, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the first\n")
    north = f'{WITH_MANAGER}tls = true\nport = 5039\npassword_file = "{secret}"\n'
    environ.set(HOOKFLASH_ASTERISK_NODES_FILE=nodes_file(tmp_path, north=north))
    manager = Settings.load().asterisk_nodes()["north"].manager
    assert manager is not None
    assert (manager.host, manager.port, manager.tls, manager.username) == ("north", 5039, True, "adopter")
    assert manager.contexts == ("a", "b")
    secret.write_text(f"{SECRET}\n")
    assert manager.password.get_secret_value() == SECRET


def test_secrets_of_nodes_that_everybody_may_read_are_named(environ: Environ, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    south = f'{NODE}password_file = "{secret}"\n'
    north = f'{WITH_MANAGER.replace(WITH_PASSWORD, south)}tls = true\npassword_file = "{secret}"\n'
    file = nodes_file(tmp_path, north=north, south=south)
    environ.set(HOOKFLASH_ASTERISK_NODES_FILE=file)
    file.chmod(0o644)
    secret.chmod(0o600)
    assert list(Settings.load().exposed_secrets()) == []
    secret.chmod(0o644)
    assert list(Settings.load().exposed_secrets()) == [
        "HOOKFLASH_ASTERISK_NODES_FILE: nodes.north.password_file",
        "HOOKFLASH_ASTERISK_NODES_FILE: nodes.north.manager.password_file",
        "HOOKFLASH_ASTERISK_NODES_FILE: nodes.south.password_file",
    ]
    secret.chmod(0o600)
    environ.set(HOOKFLASH_ASTERISK_NODES_FILE=nodes_file(tmp_path, north=WITH_PASSWORD))
    assert list(Settings.load().exposed_secrets()) == ["HOOKFLASH_ASTERISK_NODES_FILE: nodes.north.password"]
    file.chmod(0o640)
    assert list(Settings.load().exposed_secrets()) == []


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({"north": NODE}, "nodes.north.password: Field required"),
        ({"north": f'{WITH_PASSWORD}pasword = "x"\n'}, "nodes.north.pasword: Extra inputs are not permitted"),
        ({"north": f'{WITH_PASSWORD}password_file = "x"\n'}, "nodes.north: Value error, password and password_file"),
        ({"north": f'{NODE}password_file = "/nothing"\n'}, "password_file cannot be read: No such file or directory"),
        (
            {"north": f'{WITH_MANAGER}password_file = "/nothing"\n'},
            "manager.password_file cannot be read: No such file",
        ),
        (
            {"north": f'{WITH_MANAGER}password = "x"\npassword_file = "x"\n'},
            "manager.password and manager.password_file",
        ),
        ({"north": WITH_MANAGER}, "nodes.north.manager.password: Field required"),
        ({"north": f'{WITH_MANAGER}password = "x"\ntls = false\n'}, "nodes.north.manager.allow_plain_tcp: Value error"),
        ({"asterisk": WITH_PASSWORD}, "nodes.asterisk: asterisk is the name of another provider"),
        ({"simulator": WITH_PASSWORD}, "nodes.simulator: simulator is the name of another provider"),
        ({"a": WITH_PASSWORD.replace("{host}", "x"), "b": WITH_PASSWORD.replace("{host}", "x")}, "the same app"),
    ],
)
def test_nodes_that_cannot_be(environ: Environ, tmp_path: Path, nodes: dict[str, str], said: str) -> None:
    environ.set(HOOKFLASH_ASTERISK_NODES_FILE=nodes_file(tmp_path, **nodes), HOOKFLASH_SIMULATOR="true", **ASTERISK)
    with pytest.raises(SettingsError) as error:
        Settings.load().asterisk_nodes()
    assert str(error.value).startswith("HOOKFLASH_ASTERISK_NODES_FILE: ")
    assert said in str(error.value)
    assert SECRET not in str(error.value)


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


def test_no_secret_is_printed(environ: Environ) -> None:
    environ.set(**ASTERISK)
    settings = Settings.load()
    assert SECRET not in f"{settings!r} {settings} {settings.asterisk()!r}"


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
    }
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY", "TEMPORAL_PROFILE", "TEMPORAL_TLS"):
        assert f" {name} " in told


def test_temporal_is_at_home_unless_the_environment_says_otherwise(environ: Environ) -> None:
    assert connect_config() == {"target_host": "localhost:7233", "namespace": "default"}
    environ.set(TEMPORAL_ADDRESS="temporal.example:7233", TEMPORAL_NAMESPACE="calls")
    assert connect_config() == {"target_host": "temporal.example:7233", "namespace": "calls"}


def test_a_profile_of_temporal(environ: Environ, tmp_path: Path) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text('[profile.calls]\naddress = "temporal.example:7233"\nnamespace = "calls"\n')
    environ.set(TEMPORAL_CONFIG_FILE=file, TEMPORAL_PROFILE="calls")
    assert connect_config() == {"target_host": "temporal.example:7233", "namespace": "calls"}


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("TEMPORAL_CONFIG_FILE", "/no/such.toml", "TEMPORAL_CONFIG_FILE: there is no file /no/such.toml"),
        ("TEMPORAL_PROFILE", "nobody", "Profile 'nobody' not found"),
        ("TEMPORAL_TLS_CLIENT_CERT_PATH", "/no/such.pem", "TEMPORAL_TLS_*: No such file or directory: /no/such.pem"),
    ],
)
def test_what_is_wrong_with_temporals_own_variables(environ: Environ, variable: str, value: str, said: str) -> None:
    environ.set(**{variable: value})
    with pytest.raises(SettingsError) as error:
        connect_config()
    assert said in str(error.value)
