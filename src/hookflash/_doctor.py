"""`hookflash doctor`: hands over to the engine, which is no part of this package and runs as a process of its own."""

import asyncio
import os
import sys
from collections.abc import Sequence
from importlib.machinery import PathFinder
from pathlib import Path

NOT_HERE = 2
"""Exit code where there is no engine."""
HELP = """\
hookflash: the engine is not here, and only it has the doctor. In its checkout, or in its container:
  python -m workers doctor asterisk (or twilio)
"""


async def run(arguments: Sequence[str]) -> int:
    """Run the engine's doctor with these arguments and return its exit code."""
    folder = _engine()
    if folder is None:
        sys.stderr.write(HELP)
        return NOT_HERE
    beside = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), beside)))}
    command = (sys.executable, "-m", "workers", "doctor", *arguments)
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    return await process.wait()


def _engine() -> Path | None:
    """Find the folder of the engine: here, or wherever Python looks for code."""
    found = PathFinder.find_spec("workers", [str(Path.cwd()), *sys.path])
    for place in (found.submodule_search_locations if found is not None else None) or ():
        if (Path(place) / "doctor.py").is_file():
            return Path(place).parent
    return None
