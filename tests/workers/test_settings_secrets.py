"""Secrets come from a variable or from the file that another one names, and are never told."""

from pathlib import Path

from tests.workers.environ import ASTERISK, SECRET, Environ, refusal
from workers.settings import Settings


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


def test_no_secret_is_printed(environ: Environ) -> None:
    environ.set(**ASTERISK)
    settings = Settings.load()
    assert SECRET not in f"{settings!r} {settings} {settings.asterisk()!r}"
