"""Advisories as PyPI has them beside each release (https://docs.pypi.org/api/json/), told in the format of OSV.

Not pip-audit, which asks only for the locked version: it skips what PyPI does not have, and looks at no newest release.
"""

from __future__ import annotations

import json
import tomllib
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

from advisories import Advisory
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

AT_ONCE = 4
"""Requests under way, so that a lock file is no burden to anybody."""

PATIENCE = 20
"""Seconds that an answer may take."""


class UnreachableError(Exception):
    """Why PyPI does not answer, or not as PyPI does."""


@dataclass(frozen=True)
class Package:
    """One locked version."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Told:
    """What PyPI says."""

    advisories: list[Advisory]
    not_cleared: list[Package]
    """Of these it says nothing, which is not the same as nothing being known."""


def locked(project: Path) -> list[Package]:
    """Read what a lock file has from an index, for any extra, group and platform.

    Raises:
        OSError: There is none.
        ValueError: It is no TOML.
    """
    packages: list[dict[str, Any]] = tomllib.loads((project / "uv.lock").read_text()).get("package", [])
    return [Package(it["name"], it["version"]) for it in packages if "registry" in it["source"]]


def direct(project: Path, packages: list[Package]) -> list[Package]:
    """Choose what the project names itself: its dependencies, those of its extras, and the engine's.

    Raises:
        OSError: There is no `pyproject.toml`.
        ValueError: It is no TOML.
    """
    named = tomllib.loads((project / "pyproject.toml").read_text())
    stated = named["project"]
    groups = [
        stated.get("dependencies", []),
        *stated.get("optional-dependencies", {}).values(),
        named.get("dependency-groups", {}).get("engine", []),
    ]
    names = {canonicalize_name(Requirement(it).name) for group in groups for it in group}
    return [it for it in packages if canonicalize_name(it.name) in names]


def ask(url: str, packages: list[Package]) -> Told:
    """Ask for each package.

    Raises:
        UnreachableError: There was no answer for one of them; then nothing is known of the others either.
    """
    try:
        with ThreadPoolExecutor(AT_ONCE) as executor:
            answers = list(executor.map(partial(_vulnerabilities, url), packages))
        told = list(zip(packages, answers, strict=True))
        return Told(
            [_as_osv(package, it) for package, found in told for it in found or () if not it["withdrawn"]],
            [package for package, found in told if found is None],
        )
    except (KeyError, TypeError, ValueError) as error:  # else the traceback's exit code would say that there is one
        raise UnreachableError(f"an answer is not as PyPI's are: {error!r}") from error


def _vulnerabilities(url: str, package: Package) -> list[dict[str, Any]] | None:
    answer = _get(f"{url}/pypi/{package.name}/{package.version}/json")
    if answer is None:
        # Some mirrors have only the newest release of each project.
        answer = _get(f"{url}/pypi/{package.name}/json")
        if answer is None or Version(answer["info"]["version"]) != Version(package.version):
            return None
    return answer.get("vulnerabilities")  # not every index that has this API has advisories


def _get(url: str) -> dict[str, Any] | None:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return None
        raise UnreachableError(str(error)) from error
    except (OSError, HTTPException, ValueError) as error:  # the last one is for a page instead of JSON
        raise UnreachableError(str(getattr(error, "reason", error))) from error


def _as_osv(package: Package, told: dict[str, Any]) -> Advisory:
    return {
        "id": told["id"],
        "aliases": told["aliases"],
        "modified": datetime.now(UTC).isoformat(),  # PyPI does not say when; it is what holds now
        **({"summary": told["summary"]} if told["summary"] else {}),
        "details": told["details"],
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": package.name},
                "versions": [package.version],
                # Only for people to read: PyPI does not say where it begins.
                "ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": it} for it in told["fixed_in"]]}],
            }
        ],
    }
