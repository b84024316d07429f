"""``python -m workers doctor asterisk``: looks at the configured node and says what to do."""

import argparse
import asyncio
import json
import sys
import textwrap
from collections.abc import Iterator, Sequence

from activities.telephony.asterisk.addresses import InvalidAddressError, dialplan_place, is_recording
from activities.telephony.asterisk.doctor import Expectations, Finding, Level, examine
from activities.telephony.asterisk.settings import AsteriskSettings
from workers.settings import Settings, SettingsError, unknown_variables

FINE, FAILED, USAGE = 0, 1, 2
"""Exit codes. Warnings alone are fine."""


def main(arguments: Sequence[str]) -> int:
    """Examine the node that the environment describes, print what is found, and return the exit code.

    Args:
        arguments: The command line after ``doctor``.

    Raises:
        SystemExit: The arguments are wrong (code 2), or help was asked for (code 0).
    """
    asked = _parser().parse_args(arguments)
    expected = Expectations(
        music=tuple(asked.music or Expectations().music),
        recordings=tuple(asked.recording or Expectations().recordings),
        places=tuple(asked.place or Expectations().places),
    )
    try:
        settings = Settings.load()
        asterisk = settings.asterisk()
        if asterisk is None:
            raise SettingsError("HOOKFLASH_ASTERISK_URL: not set, so there is no node to look at")
    except SettingsError as error:
        sys.stderr.write(f"settings:\n{textwrap.indent(str(error), '  ')}\n")
        return USAGE
    findings = asyncio.run(_examine(settings, asterisk, expected, silently=asked.json))
    if asked.json:
        found = [finding.model_dump(mode="json") for finding in findings]
        sys.stdout.write(json.dumps({"node": settings.asterisk_node, "findings": found}, indent=2) + "\n")
    return FAILED if any(finding.level is Level.FAILURE for finding in findings) else FINE


async def _examine(
    settings: Settings, asterisk: AsteriskSettings, expected: Expectations, *, silently: bool
) -> list[Finding]:
    findings: list[Finding] = []

    def say(finding: Finding) -> None:
        findings.append(finding)
        if not silently:
            sys.stdout.write(_line(finding))
            sys.stdout.flush()

    for finding in _of_settings(settings):
        say(finding)
    async for finding in examine(asterisk, expected):
        say(finding)
    return findings


def _of_settings(settings: Settings) -> Iterator[Finding]:
    for name in unknown_variables():
        remedy = "'python -m workers --help' lists all settings"
        yield Finding(check="settings", level=Level.WARNING, text=f"{name}: no such setting", remedy=remedy)
    for name in settings.exposed_secrets():
        text = f"{name}: every user of this machine may read that file"
        yield Finding(check="settings", level=Level.WARNING, text=text, remedy="chmod o-r")


def _line(finding: Finding) -> str:
    line = f"{finding.level.value:8} {finding.check:12} {finding.text}\n"
    return f"{line}{'':21} -> {finding.remedy}\n" if finding.remedy else line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers doctor",
        description="Look at the node that the worker's environment describes, and say what to do. Rings nobody.",
        epilog="exit codes: 0 nothing must be repaired; 1 something must; 2 wrong arguments or settings.",
        allow_abbrev=False,
    )
    parser.add_argument("what", choices=["asterisk"], help="what to look at")
    parser.add_argument("--json", action="store_true", help="print JSON")
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
