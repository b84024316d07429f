"""`hookflash` as an operator runs it: a process of its own, with the environment of a worker."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


async def command(*arguments: str, variables: Mapping[str, str], folder: Path = ROOT) -> tuple[int, str, str]:
    """Run it, and return its exit code, what it says and what it complains of."""
    inherited = {name: it for name, it in os.environ.items() if not name.startswith("HOOKFLASH_")}
    inherited["PYTHONPATH"] = str(ROOT / "src")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", "from hookflash.cli import main; main()", *arguments),
        cwd=folder,
        env={**inherited, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()
