"""What a doctor has found: printed as it comes in words, or all of it as JSON."""

import json
import sys
from collections.abc import Iterator
from typing import Any

from hookflash._findings import Finding, Level
from workers.settings import Settings, unknown_variables

FINE, FAILED = 0, 1
"""Exit codes. Warnings alone are fine."""


class Report:
    """What was found, of the settings and of every node."""

    def __init__(self, *, in_words: bool, name_width: int = 0) -> None:
        """Begin.

        Args:
            in_words: Whether each finding is printed when it comes; otherwise all is printed as JSON at the end.
            name_width: Width of the column with the names of nodes. Default: there is none.
        """
        self._in_words = in_words
        self._name_width = name_width
        self._findings: dict[str, list[Finding]] = {"": []}

    def add(self, node: str, finding: Finding) -> None:
        """Add what was found at a node; no name: in the settings."""
        self._findings.setdefault(node, []).append(finding)
        if self._in_words:
            name = f"{node:{self._name_width}}" if self._name_width else ""
            sys.stdout.write(_line(name, finding))
            sys.stdout.flush()

    def end(self) -> int:
        """Print the JSON, if it is wanted, and return the exit code."""
        if not self._in_words:
            sys.stdout.write(json.dumps(self._as_json(), indent=2) + "\n")
        failed = any(finding.level is Level.FAILURE for found in self._findings.values() for finding in found)
        return FAILED if failed else FINE

    def _as_json(self) -> dict[str, Any]:
        found = {name: [it.model_dump(mode="json") for it in of_it] for name, of_it in self._findings.items()}
        nodes = [{"node": name, "findings": of_it} for name, of_it in found.items() if name]
        return {"settings": found[""], "nodes": nodes}


def of_settings(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the settings, and does not keep a worker from starting."""
    for name in unknown_variables():
        remedy = "'python -m workers --help' lists all settings"
        yield Finding(check="settings", level=Level.WARNING, text=f"{name}: no such setting", remedy=remedy)
    for name in settings.exposed_secrets():
        text = f"{name}: every user of this machine may read that file"
        yield Finding(check="settings", level=Level.WARNING, text=text, remedy="chmod o-r")


def _line(node: str, finding: Finding) -> str:
    line = f"{finding.level.value:8} {node}{finding.check:12} {finding.text}\n"
    return f"{line}{'':21} -> {finding.remedy}\n" if finding.remedy else line
