"""The README's example does what it says, with an engine as it is run in production."""

import asyncio
import sys
from pathlib import Path

from temporalio.client import Client

from tests.workers.process import ROOT, temporal_at, worker_process

EXAMPLE = ROOT / "docs" / "examples" / "start_transfer.py"


def test_the_readme_shows_the_example_as_it_is() -> None:
    assert EXAMPLE.read_text().strip() in (ROOT / "README.md").read_text()


async def test_the_example_transfers_a_call(own_namespace: Client, tmp_path: Path) -> None:
    async with worker_process(tmp_path / "worker.log", **temporal_at(own_namespace)) as worker:
        await worker.ready()
        example = await asyncio.create_subprocess_exec(
            sys.executable,
            EXAMPLE,
            env={"PYTHONPATH": "src", "PATH": "", **temporal_at(own_namespace)},
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await example.communicate()
    assert output.decode().startswith("connected after"), errors.decode() + worker.log
