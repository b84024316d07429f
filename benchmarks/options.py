"""What a run was asked for."""

from pathlib import Path
from typing import NamedTuple


class Options(NamedTuple):
    """How much is measured."""

    samples: int | None = None
    """Of each row. Default: what the benchmark itself takes."""
    size: int | None = None
    """How many transfers are open at once, where that is the question. Default: what the benchmark itself takes."""
    images: Path = Path("docs/images")
    """Folder for plots."""
    share: float = 1.0
    """Part of the times that are waited for: a trial needs no whole minute."""
