"""What an operator may ask the doctor for. What it finds on a real node: tests/integration/test_asterisk_doctor*.py."""

import os
from pathlib import Path

import pytest

from workers.__main__ import main

VARIABLES = {
    "HOOKFLASH_ASTERISK_URL": "https://pbx.example:8089/ari",
    "HOOKFLASH_ASTERISK_APP": "hookflash",
    "HOOKFLASH_ASTERISK_USERNAME": "engine",
    "HOOKFLASH_ASTERISK_PASSWORD": "correct horse battery staple",
}


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("HOOKFLASH_")]:
        monkeypatch.delenv(name)
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "the following arguments are required: what"),
        (("freeswitch",), "argument what: invalid choice"),
        (("asterisk", "--place", "a b"), "argument --place: not a place of the dialplan"),
        (("asterisk", "--recording", "a/../b"), "argument --recording: is no name of a recording"),
        (("asterisk", "--music", "a b"), "argument --music: has to be a word"),
    ],
)
def test_wrong_arguments(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["doctor", *arguments])
    assert end.value.code == 2
    assert said in capsys.readouterr().err


def test_a_node_that_is_none_of_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "nodes.toml"
    fields = 'url = "https://north.example:8089/ari"\napp = "hookflash"\nusername = "engine"\npassword = "x"\n'
    file.write_text(f"[nodes.north]\n{fields}")
    monkeypatch.setenv("HOOKFLASH_ASTERISK_NODES_FILE", str(file))
    with pytest.raises(SystemExit) as end:
        main(["doctor", "asterisk", "--node", "nroth"])
    assert end.value.code == 2
    assert "argument --node: there is no such node, only asterisk, north" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"HOOKFLASH_ASTERISK_APP": ""}, "HOOKFLASH_ASTERISK_APP: Field required"),
        ({"HOOKFLASH_ASTERISK_URL": "", "HOOKFLASH_SIMULATOR": "true"}, "HOOKFLASH_ASTERISK_URL: not set"),
        ({"HOOKFLASH_ASTERISK_URL": "http://pbx.example/ari"}, "HOOKFLASH_ASTERISK_ALLOW_PLAIN_HTTP: "),
    ],
)
def test_wrong_settings(
    changes: dict[str, str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    assert main(["doctor", "asterisk"]) == 2
    assert said in capsys.readouterr().err
