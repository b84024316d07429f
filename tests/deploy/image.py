"""The image of the workers without a container engine: what its Dockerfile does, done in a folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.composition import ROOT
from tests.support.requirements import TOOLS

DOCKERFILE = ROOT / "Dockerfile"


@dataclass
class Stage:
    """What comes after one FROM."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def all(self, instruction: str) -> list[str]:
        """Return the arguments of every instruction of a kind."""
        return [arguments for name, arguments in self.instructions if name == instruction]

    def words(self, instruction: str) -> list[str]:
        """Return the words of the one instruction of a kind that is given as a list."""
        (arguments,) = self.all(instruction)
        return json.loads(arguments[arguments.index("[") :])


def stages(dockerfile: Path = DOCKERFILE) -> list[Stage]:
    """Read a Dockerfile. Default: that of the workers."""
    lines = [line for line in dockerfile.read_text().splitlines() if line and not line.startswith("#")]
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        instruction, _, arguments = line.partition(" ")
        if instruction == "FROM":
            base, _, name = arguments.partition(" AS ")
            found.append(Stage(name, base))
        else:
            found[-1].instructions.append((instruction, arguments))
    return found


def build(folder: Path) -> Path:
    """Do in a folder what the Dockerfile does in its working directory, and return that folder.

    The folder has what `COPY` brings and nothing else: what is not in the image is not there.
    """
    *_, builder, final = stages()
    settings = dict(word.split("=") for words in builder.all("ENV") for word in words.split())
    # The builder starts without a cache. Here it is what makes this quick.
    del settings["UV_NO_CACHE"]
    path = f"{folder / '.venv/bin'}:{TOOLS / 'uv/bin'}:{os.environ['PATH']}"
    inherited = {name: it for name, it in os.environ.items() if not name.startswith(("UV_", "PYTHON", "VIRTUAL_ENV"))}
    environment = inherited | settings | {"PATH": path, "UV_PYTHON": os.path.realpath(sys.executable)}
    for instruction, arguments in [*builder.instructions, *final.instructions]:
        for command in arguments.split(" && ") if instruction == "RUN" else ():
            if command.startswith(("chmod ", "uv ", "python ")):
                subprocess.run(command.split(), cwd=folder, env=environment, check=True, capture_output=True)
        if instruction == "COPY" and not arguments.startswith("--from"):
            *sources, place = arguments.split()
            for source in sources:
                copy(ROOT / source, folder / place)
    return folder


def copy(source: Path, place: Path) -> None:
    """Copy as `COPY` does, without what .dockerignore keeps back."""
    if source.is_dir():
        shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "demo"))
    else:
        shutil.copy(source, place)
