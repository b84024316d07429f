"""`deploy/bin/create-secrets`: what it makes is good for what docker-compose.yml uses it for."""

import re
import stat
import subprocess
from pathlib import Path

from hookflash.encryption import KeysFile
from tests.deploy.composition import ROOT, composition
from workers.codec_server.settings import Tokens
from workers.secret_files import SecretFile, is_exposed

CREATE = ROOT / "deploy/bin/create-secrets"


def test_it_makes_every_secret_that_is_mounted(secrets: Path) -> None:
    files = [Path(it["file"]) for it in composition()["secrets"].values()]
    assert {str(it.parent) for it in files} == {"deploy/secrets"}
    assert sorted(it.name for it in secrets.iterdir()) == sorted(it.name for it in files)


def test_nobody_else_can_read_them(secrets: Path) -> None:
    assert not [it.name for it in secrets.iterdir() if is_exposed(it)]
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o750


def test_it_leaves_alone_what_is_there(secrets: Path) -> None:
    before = {it: it.read_text() for it in secrets.iterdir()}
    subprocess.run([CREATE, secrets], check=True, capture_output=True)
    assert {it: it.read_text() for it in secrets.iterdir()} == before


def test_passwords_are_all_different(secrets: Path) -> None:
    passwords = [it.read_text() for it in secrets.glob("*_password")]
    assert len(set(passwords)) == len(passwords)
    assert min(map(len, passwords)) > 32


def test_the_keys_and_the_tokens_can_be_used(secrets: Path) -> None:
    (id,) = KeysFile(secrets / "encryption_keys").ids
    assert re.fullmatch(r"20\d\d-\d\d", id)
    ((name, _),) = Tokens(SecretFile(secrets / "codec_server_tokens")).all()
    assert name == "operator"


def test_others_get_other_keys_and_tokens(secrets: Path, tmp_path: Path) -> None:
    subprocess.run([CREATE, tmp_path], check=True, capture_output=True)
    for name in ("encryption_keys", "codec_server_tokens"):
        assert (tmp_path / name).read_text() != (secrets / name).read_text()


def test_git_will_not_take_them() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()
    rules = (ROOT / "deploy/secrets/.gitignore").read_text().splitlines()
    assert [it for it in rules if not it.startswith("#")] == ["*", "!.gitignore"]
