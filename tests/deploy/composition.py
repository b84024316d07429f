"""docker-compose.yml as a test reads it, with what its services have in common filled in."""

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from tests.support.requirements import TOOLS
from workers import connection
from workers.codec_server import settings as codec_server
from workers.ingress.settings import IngressSettings
from workers.settings import variables
from workers.variables import variables_of

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
CHECKERS = TOOLS / "checkers"
GROUP = "1000"
"""What stands in for the group of the secrets."""

Yaml = dict[str, Any]


def documents(path: Path) -> list[Yaml]:
    """Return every document of a YAML file."""
    return [cast("Yaml", it) for it in yaml.safe_load_all(path.read_text())]


@cache
def composition() -> Yaml:
    """Return the whole file; what its anchors share is merged."""
    (whole,) = documents(COMPOSE)
    return whole


def services() -> dict[str, Yaml]:
    """Return every service by its name."""
    return composition()["services"]


def by_default(text: str) -> str:
    """Return a text as it is where nobody has set the variables in it."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def environment_of(service: str) -> dict[str, str]:
    """Return the variables of a service where nobody has set any in `.env`."""
    return {name: by_default(value) for name, value in services()[service]["environment"].items()}


def files_of(service: Yaml) -> dict[str, Path]:
    """Return what a service has of the checkout: path in the container, path here."""
    found: dict[str, Path] = {}
    for volume in cast("list[str]", service.get("volumes", ())):
        source, place = by_default(volume).split(":")[:2]
        if source.startswith("."):
            found[place] = ROOT / source
    return found


def file_of(service: str, place: str) -> Path:
    """Return the file of the checkout that a service has at a place.

    Raises:
        AssertionError: There is none.
    """
    for mounted, source in files_of(services()[service]).items():
        if Path(place).is_relative_to(mounted):
            found = source / Path(place).relative_to(mounted)
            assert found.exists(), found
            return found
    raise AssertionError(f"{service} has no {place}")


def known_settings() -> dict[str, set[str]]:
    """Return every environment variable that means something: to a worker, to the codec server, to the ingress."""
    return {
        "worker": {it.name for it in (*variables(), *connection.VARIABLES)},
        "codec-server": {it.name for it in codec_server.VARIABLES},
        "ingress": {it.name for it in (*variables_of(IngressSettings), *connection.VARIABLES)},
    }


def own_images() -> dict[str, Path]:
    """Return the services whose images are built here: name, Dockerfile."""
    return {name: ROOT / it["build"] / "Dockerfile" for name, it in services().items() if "build" in it}


def create_namespace(namespace: dict[str, str], retention: str = "168h") -> str:
    """Run the job that creates it, and return what it says."""
    command = [ROOT / "deploy/temporal/create-namespace"]
    done = subprocess.run(
        command, env={**namespace, "RETENTION": retention}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
