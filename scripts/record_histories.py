"""Records the histories that tests/replay replays. A deliberate act: it declares today's decisions the right ones.

    .venv/bin/python -m scripts.record_histories            all of them
    .venv/bin/python -m scripts.record_histories blind ...  only these, and those that are missing

A history that no longer replays means that transfers under way would get stuck when this code is deployed. Record it
again only if no such transfer can be under way, or behind ``workflow.patched``.
"""

import argparse
import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from temporalio.client import Client  # noqa: E402

from hookflash.converter import data_converter  # noqa: E402
from tests.replay.recording import HISTORIES, RECORDINGS, written  # noqa: E402
from tests.support.temporal_server import start_server  # noqa: E402


async def record(names: list[str]) -> None:
    """Run the scenarios on a server of their own, one after another, and write what happened."""
    HISTORIES.mkdir(exist_ok=True)
    for stale in set(HISTORIES.glob("*.json")) - {HISTORIES / f"{name}.json" for name in RECORDINGS}:
        stale.unlink()
    async with await start_server() as environment:
        address = environment.client.service_client.config.target_host
        client = await Client.connect(address, data_converter=data_converter, identity="recorded")
        for name in names:
            history = await RECORDINGS[name](client)
            (HISTORIES / f"{name}.json").write_text(written(history))
            print(f"{name}: {len(history.events)} events")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Records the histories that tests/replay replays.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(RECORDINGS)}")
    chosen: list[str] = parser.parse_args().names
    unknown = set(chosen) - set(RECORDINGS)
    if unknown:
        parser.error(f"there is no recording of: {', '.join(sorted(unknown))}")
    missing = [name for name in RECORDINGS if not (HISTORIES / f"{name}.json").is_file()]
    asyncio.run(record([name for name in RECORDINGS if name in (*chosen, *missing) or not chosen]))


if __name__ == "__main__":
    main()
