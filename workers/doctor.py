"""``python -m workers doctor``: looks at the configured nodes, or at the Twilio account, and says what to do."""

import argparse
import asyncio
import re
import sys
import textwrap
from collections.abc import Sequence

from activities.telephony.asterisk.addresses import InvalidAddressError, dialplan_place, is_recording
from activities.telephony.asterisk.doctor import Expectations, Finding, examine
from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.twilio import doctor as twilio
from workers.doctor_report import Report, of_settings
from workers.ingress.settings import IngressSettings
from workers.settings import Settings
from workers.variables import SettingsError

USAGE = 2
"""Exit code."""
EXIT_CODES = "exit codes: 0 nothing must be repaired; 1 something must; 2 wrong arguments or settings."
VARIABLE = re.compile(r"HOOKFLASH_ASTERISK_(MANAGER_)?([A-Z_]+)")
"""A variable in a finding, which a node of the file has as a field."""


def main(arguments: Sequence[str]) -> int:
    """Examine what the environment describes, print what is found, and return the exit code.

    Args:
        arguments: The command line after ``doctor``.

    Raises:
        SystemExit: The arguments are wrong (code 2), or help was asked for (code 0).
    """
    parser = _parser()
    asked = parser.parse_args(arguments)
    try:
        return _look_at_twilio(asked) if asked.what == "twilio" else _look_at_asterisk(asked, parser)
    except SettingsError as error:
        sys.stderr.write(f"settings:\n{textwrap.indent(str(error), '  ')}\n")
        return USAGE


def _look_at_twilio(asked: argparse.Namespace) -> int:
    settings = Settings.load()
    found = settings.twilio()
    if found is None:
        raise SettingsError("HOOKFLASH_TWILIO_ACCOUNT_SID: not set: there is no account to look at")
    # The ingress has it; who looks may have it too.
    token = IngressSettings.load().twilio_auth_token
    lines = token.get_secret_value().split() if token is not None else []
    report = Report(in_words=not asked.json)
    for finding in of_settings(settings):
        report.add("", finding)

    async def look() -> None:
        async for finding in twilio.examine(*found, auth_token=lines[0] if lines else ""):
            report.add(settings.twilio_node, finding)

    asyncio.run(look())
    return report.end()


def _look_at_asterisk(asked: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    expected = Expectations(
        music=tuple(asked.music or Expectations().music),
        recordings=tuple(asked.recording or Expectations().recordings),
        places=tuple(asked.place or Expectations().places),
    )
    settings = Settings.load()
    nodes = settings.asterisk_nodes()
    if not nodes:
        raise SettingsError(
            "HOOKFLASH_ASTERISK_URL: not set, and no HOOKFLASH_ASTERISK_NODES_FILE: there is no node to look at"
        )
    of_all = list(of_settings(settings))
    if asked.node is not None and asked.node not in nodes:
        parser.error(f"argument --node: there is no such node, only {', '.join(nodes)}")
    chosen = {name: node for name, node in nodes.items() if asked.node in {None, name}}
    report = Report(in_words=not asked.json, name_width=max(map(len, chosen)) + 1 if len(chosen) > 1 else 0)
    for finding in of_all:
        report.add("", finding)
    for name, node in chosen.items():
        in_file = settings.asterisk_url is None or name != settings.asterisk_node
        asyncio.run(_examine(report, name, node, expected, in_file=in_file))
    return report.end()


async def _examine(report: Report, name: str, node: AsteriskSettings, expected: Expectations, *, in_file: bool) -> None:
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers doctor",
        description="Look at what the worker's environment describes, and say what to do. Rings nobody.",
        epilog=EXIT_CODES,
        allow_abbrev=False,
    )
    those = parser.add_subparsers(dest="what", required=True)
    asterisk = those.add_parser("asterisk", help="every node", epilog=EXIT_CODES, allow_abbrev=False)
    asterisk.add_argument("--node", metavar="NAME", help="only this one, in place of every node of the settings")
    asterisk.add_argument("--music", metavar="CLASS", action="append", type=_word, help="of hold_music; repeatable")
    asterisk.add_argument("--recording", metavar="NAME", action="append", type=_recording, help="repeatable")
    asterisk.add_argument(
        "--place", metavar="CONTEXT[,EXTEN]", action="append", type=_place, help="where hand-offs go; repeatable"
    )
    account = those.add_parser("twilio", help="the account, and the ingress", epilog=EXIT_CODES, allow_abbrev=False)
    for it in (asterisk, account):
        it.add_argument(
            "--json",
            action="store_true",
            help="print JSON: {settings: [finding], nodes: [{node, findings: [finding]}]}",
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
