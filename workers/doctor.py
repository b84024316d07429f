"""``python -m workers doctor asterisk``: looks at the configured nodes and says what to do."""

import argparse
import asyncio
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from activities.telephony.asterisk.addresses import InvalidAddressError, dialplan_place, is_recording
from activities.telephony.asterisk.doctor import Expectations, Finding, Level, examine
from activities.telephony.asterisk.settings import AsteriskSettings
from workers.settings import Settings, unknown_variables
from workers.variables import SettingsError

FINE, FAILED, USAGE = 0, 1, 2
"""Exit codes. Warnings alone are fine."""
VARIABLE = re.compile(r"HOOKFLASH_ASTERISK_(MANAGER_)?([A-Z_]+)")
"""A variable in a finding, which a node of the file has as a field."""


def main(arguments: Sequence[str]) -> int:
    """Examine the nodes that the environment describes, print what is found, and return the exit code.

    Args:
        arguments: The command line after ``doctor``.

    Raises:
        SystemExit: The arguments are wrong (code 2), or help was asked for (code 0).
    """
    parser = _parser()
    asked = parser.parse_args(arguments)
    expected = Expectations(
        music=tuple(asked.music or Expectations().music),
        recordings=tuple(asked.recording or Expectations().recordings),
        places=tuple(asked.place or Expectations().places),
    )
    try:
        settings = Settings.load()
        nodes = settings.asterisk_nodes()
        if not nodes:
            raise SettingsError(
                "HOOKFLASH_ASTERISK_URL: not set, and no HOOKFLASH_ASTERISK_NODES_FILE: there is no node to look at"
            )
        of_settings = list(_of_settings(settings))
    except SettingsError as error:
        sys.stderr.write(f"settings:\n{textwrap.indent(str(error), '  ')}\n")
        return USAGE
    if asked.node is not None and asked.node not in nodes:
        parser.error(f"argument --node: there is no such node, only {', '.join(nodes)}")
    chosen = {name: node for name, node in nodes.items() if asked.node in {None, name}}
    report = _Report(in_words=not asked.json, name_width=max(map(len, chosen)) + 1 if len(chosen) > 1 else 0)
    for finding in of_settings:
        report.add("", finding)
    for name, node in chosen.items():
        in_file = settings.asterisk_url is None or name != settings.asterisk_node
        asyncio.run(_examine(report, name, node, expected, in_file=in_file))
    if asked.json:
        sys.stdout.write(json.dumps(report.as_json(), indent=2) + "\n")
    return FAILED if report.failed else FINE


class _Report:
    """What was found, of the settings and of every node; in words it is printed as it comes."""

    def __init__(self, *, in_words: bool, name_width: int) -> None:
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

    @property
    def failed(self) -> bool:
        """Whether something must be repaired."""
        return any(finding.level is Level.FAILURE for found in self._findings.values() for finding in found)

    def as_json(self) -> dict[str, Any]:
        """Return what was found of the settings, and of each node."""
        found = {name: [it.model_dump(mode="json") for it in of_it] for name, of_it in self._findings.items()}
        nodes = [{"node": name, "findings": of_it} for name, of_it in found.items() if name]
        return {"settings": found[""], "nodes": nodes}


async def _examine(
    report: _Report, name: str, node: AsteriskSettings, expected: Expectations, *, in_file: bool
) -> None:
    async for finding in examine(node, expected):
        report.add(name, _of_the_file(name, finding) if in_file else finding)


def _of_the_file(name: str, finding: Finding) -> Finding:
    """Name fields of the file in place of the variables that its node does not have."""

    def field(variable: re.Match[str]) -> str:
        table = f"nodes.{name}.manager" if variable[1] else f"nodes.{name}"
        return f"{table}.{variable[2].lower()}"

    return finding.model_copy(
        update={it: VARIABLE.sub(field, getattr(finding, it)) for it in ("text", "remedy")},
    )


def _of_settings(settings: Settings) -> Iterator[Finding]:
    for name in unknown_variables():
        remedy = "'python -m workers --help' lists all settings"
        yield Finding(check="settings", level=Level.WARNING, text=f"{name}: no such setting", remedy=remedy)
    for name in settings.exposed_secrets():
        text = f"{name}: every user of this machine may read that file"
        yield Finding(check="settings", level=Level.WARNING, text=text, remedy="chmod o-r")


def _line(node: str, finding: Finding) -> str:
    line = f"{finding.level.value:8} {node}{finding.check:12} {finding.text}\n"
    return f"{line}{'':21} -> {finding.remedy}\n" if finding.remedy else line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers doctor",
        description="Look at the nodes that the worker's environment describes, and say what to do. Rings nobody.",
        epilog="exit codes: 0 nothing must be repaired; 1 something must; 2 wrong arguments or settings.",
        allow_abbrev=False,
    )
    parser.add_argument("what", choices=["asterisk"], help="what to look at")
    parser.add_argument("--node", metavar="NAME", help="only this one, in place of every node of the settings")
    parser.add_argument(
        "--json", action="store_true", help="print JSON: {settings: [finding], nodes: [{node, findings: [finding]}]}"
    )
    parser.add_argument("--music", metavar="CLASS", action="append", type=_word, help="of hold_music; can be repeated")
    parser.add_argument("--recording", metavar="NAME", action="append", type=_recording, help="can be repeated")
    parser.add_argument(
        "--place", metavar="CONTEXT[,EXTEN]", action="append", type=_place, help="where hand-offs go; can be repeated"
    )
    return parser


def _word(text: str) -> str:
    if not text.replace("-", "").replace("_", "").isalnum():
        raise argparse.ArgumentTypeError("has to be a word")
    return text


def _recording(text: str) -> str:
    if not is_recording(text):
        raise argparse.ArgumentTypeError("is no name of a recording")
    return text


def _place(text: str) -> str:
    try:
        dialplan_place(text)
    except InvalidAddressError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
