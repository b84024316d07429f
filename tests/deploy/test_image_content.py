"""What is in the image of the workers and what a builder is sent for it. No container engine is used."""

import os
import re
import subprocess
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.deploy.composition import ROOT
from tests.deploy.image import build, stages
from tests.deploy.test_operations_page import section
from tests.support.requirements import TOOLS

MEGABYTE = 1_000_000
CONTEXT_LIMIT = 2 * MEGABYTE
"""It is the sources, the lock and a README. `.git`, `.venv` and `tests` are each larger, or as large."""
INSTALLED_LIMIT = 110 * MEGABYTE
"""Half of it is the compiled core of Temporal's SDK. The group `dev` of the lock has several times as much."""
NEVER_SENT = (
    ".env",
    ".git/config",
    ".venv/bin/python",
    ".tools/uv/bin/uv",
    "deploy/secrets/ari_password",
    "docs/operations.md",
    "src/hookflash/__pycache__/names.cpython-311.pyc",
    "tests/conftest.py",
    "workers/demo/server.py",
    "workers/engine.pyc",
)
TOOLS_OF_BUILDERS = {"uv", "uvx", "pip", "gcc", "cc", "make", "git", "pytest", "ruff", "pyright", "temporal"}


@cache
def patterns() -> list[tuple[bool, re.Pattern[str]]]:
    """Return the lines of .dockerignore: whether one lets something in again, and which paths it is about."""
    lines = [it for it in (ROOT / ".dockerignore").read_text().splitlines() if it and not it.startswith("#")]
    return [(line.startswith("!"), _pattern(line.removeprefix("!"))) for line in lines]


def _pattern(line: str) -> re.Pattern[str]:
    parts = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(parts.get(it) or re.escape(it) for it in re.split(r"(\*\*/|\*)", line)))


def is_sent(path: str) -> bool:
    """Tell whether a builder gets a file: the last line that matches it, or a folder that it is in, decides."""
    places = [path, *(str(it) for it in Path(path).parents)]
    return next((again for again, it in reversed(patterns()) if any(it.fullmatch(place) for place in places)), True)


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.split("\0")[:-1]


@pytest.mark.parametrize("path", NEVER_SENT)
def test_what_the_image_does_not_need_is_not_sent(path: str) -> None:
    assert not is_sent(path)


def test_what_is_sent_is_small_and_all_of_it_gets_into_the_image_or_is_built_from() -> None:
    sent = [it for it in tracked() if is_sent(it)]
    copied = [it.split()[:-1] for stage in stages() for it in stage.all("COPY") if not it.startswith("--from")]
    wanted = {source.rstrip("/") for sources in copied for source in sources}
    assert {Path(it).parts[0] for it in sent} == wanted
    assert sum((ROOT / it).stat().st_size for it in sent) < CONTEXT_LIMIT
    everything = sum((ROOT / it).stat().st_size for it in tracked())
    assert everything > CONTEXT_LIMIT  # else the limit would say nothing


def test_of_the_builder_only_the_environment_is_in_the_image() -> None:
    *_, builder, final = stages()
    names = {it.name for it in stages()}
    assert final.base == builder.base == "python"
    assert [it for it in final.all("COPY") if it.startswith("--from")] == [
        f"--from={builder.name} /opt/hookflash/.venv .venv"
    ]
    assert {it.split()[-1].rstrip("/") for it in final.all("COPY")} == {".venv", "activities", "workflows", "workers"}
    # What compiles or installs is used where it is not kept.
    assert "uv" in names
    assert not any(re.search(r"\b(apt-get|apk|pip|uv|curl|wget)\b", it) for it in final.all("RUN"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment of the image."""
    return build(tmp_path_factory.mktemp("content")) / ".venv"


def installed(environment: Path) -> dict[str, int]:
    """Return the packages of an environment, and how many bytes each has."""
    (folder,) = environment.glob("lib/python3.*/site-packages")
    found: dict[str, int] = {}
    for it in distributions(path=[str(folder)]):
        files = [Path(str(file.locate())) for file in it.files or ()]
        found[it.name.lower().replace("_", "-")] = sum(file.stat().st_size for file in files if file.is_file())
    return found


def test_what_is_installed_is_what_is_locked_for_the_engine(environment: Path) -> None:
    command = (
        *(TOOLS / "uv/bin/uv", "export", "--locked", "--no-default-groups", "--group", "engine"),
        *("--no-emit-project", "--no-hashes", "--no-header", "--no-annotate", "--offline"),
    )
    locked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(installed(environment)) == {"hookflash", *re.findall(r"^([\w.-]+)==", locked, re.MULTILINE)}
    programs = {it.name for it in (environment / "bin").iterdir()}
    assert not programs & TOOLS_OF_BUILDERS
    assert "hookflash" in programs


def test_it_is_as_large_as_the_page_says(environment: Path) -> None:
    sizes = installed(environment)
    assert sum(sizes.values()) < INSTALLED_LIMIT
    told = {
        name: float(it)
        for name, it in re.findall(r"^\| `([\w-]+)` \| ([\d.]+) \|", section("What is in the image"), re.MULTILINE)
    }
    largest = sorted(sizes, key=lambda it: -sizes[it])[: len(told)]
    assert list(told) == largest
    for name, megabytes in told.items():
        assert megabytes == pytest.approx(sizes[name] / MEGABYTE, rel=0.15, abs=0.1), name


def test_nobody_gets_other_rights_by_a_file_of_it(environment: Path) -> None:
    for folder, _, files in os.walk(environment):
        for file in files:
            mode = (Path(folder) / file).lstat().st_mode
            assert not mode & 0o6000, file
