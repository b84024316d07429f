"""The file with several Asterisk nodes: where its secrets are, and what is wrong with it by the name of the field."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.workers.environ import ASTERISK, SECRET, Environ, refusal
from workers.settings import Settings
from workers.variables import SettingsError

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


def test_two_nodes_cannot_have_one_name(environ: Environ) -> None:
    environ.set(**ASTERISK, HOOKFLASH_SIMULATOR="true", HOOKFLASH_ASTERISK_NODE="simulator")
    assert "HOOKFLASH_ASTERISK_NODE" in refusal()
