"""Which places of the dialplan a tenant's customers may be sent to: what the tenants' file says, and what it means."""

from pathlib import Path

import pytest

from activities.admission import Tenant
from tests.workers.environ import Environ
from workers.settings import Settings
from workers.variables import SettingsError

BY_DEFAULT = ("*",)


def _file(environ: Environ, folder: Path, content: str) -> None:
    file = folder / "tenants.toml"
    file.write_text(content)
    environ.set(HOOKFLASH_SIMULATOR="true", HOOKFLASH_TENANTS_FILE=file)


def test_the_places_of_a_tenant(environ: Environ, tmp_path: Path) -> None:
    _file(environ, tmp_path, '[tenants.acme]\nplaces = ["claims,4*", "hookflash-*"]\n')
    acme = Settings.load().tenants().get("acme")
    assert acme.allows_place("claims,4711")
    assert acme.allows_place("hookflash-voicemail")
    assert not acme.allows_place("claims")
    assert acme.allows_place("hookflash-fallback")


@pytest.mark.parametrize("pattern", ["", "claims,", ",s", "claims, 4711", "claims,s,1,1", "claims,,1"])
def test_a_pattern_that_could_match_no_place_is_refused_by_name(environ: Environ, tmp_path: Path, pattern: str) -> None:
    _file(environ, tmp_path, f'[tenants.acme]\nplaces = ["claims", "{pattern}"]\n')
    with pytest.raises(SettingsError) as error:
        Settings.load().tenants()
    said = str(error.value)
    assert said.startswith("HOOKFLASH_TENANTS_FILE: ")
    assert "tenants.acme.places.1: " in said
    assert "not a pattern of places: context[,extension[,priority]] without spaces" in said


@pytest.mark.parametrize(
    ("patterns", "place", "allowed"),
    [
        (BY_DEFAULT, "claims", True),
        (BY_DEFAULT, "claims,s", True),
        (BY_DEFAULT, "claims,s,1", True),
        (BY_DEFAULT, "outbound,+4990012345", False),
        (BY_DEFAULT, "claims,s,2", False),
        (BY_DEFAULT, "claims,s,01", False),
        (("claims,*",), "claims", True),
        (("claims,*",), "claims,4711,1", True),
        (("claims,*",), "claims,4711,2", False),
        (("claims,*,*",), "claims,4711,2", True),
        (("claims,47??",), "claims,4711", True),
        (("claims,47??",), "claims,471", False),
        (("claims,47??",), "claims", False),
        (("Claims",), "claims", False),
        (("*,[*]97",), "voicemail,*97", True),
        (("*,[*]97",), "voicemail,4997", False),
        ((), "claims", False),
        ((), "hookflash-fallback", True),
        ((), "hookflash-fallback,s,1", True),
        ((), "hookflash-fallback,0190", False),
    ],
)
def test_what_a_pattern_allows(patterns: tuple[str, ...], place: str, allowed: bool) -> None:
    assert Tenant(places=patterns).allows_place(place) is allowed
