"""`hookflash doctor`: is everything there that transfers need of Temporal and of the workers, and what to do if not."""

import argparse
from collections.abc import AsyncIterator

from temporalio.service import RPCError

from hookflash._findings import Finding, Level, failure
from hookflash._operators.arguments import Add
from hookflash._operators.builds import builds
from hookflash._operators.listeners import listeners
from hookflash._operators.providers import providers
from hookflash._operators.server import attributes, clock, namespace, queues
from hookflash._operators.session import DONE, REFUSED, Session, write, write_json
from hookflash._operators.transfers import payloads, suspended
from hookflash.errors import EngineUnreachable

CHECKS = (
    ("clock", clock),
    ("attributes", attributes),
    ("workers", queues),
    ("builds", builds),
    ("providers", providers),
    ("listeners", listeners),
    ("payloads", payloads),
    ("transfers", suspended),
)


def add(add_parser: Add) -> None:
    """Add the command."""
    text = "look at Temporal and the workers ('doctor asterisk', 'doctor twilio': at telephony), and say what to do"
    about = (
        "Look at what transfers need of Temporal and of the workers, and say what to do; changes nothing. 'hookflash "
        "doctor asterisk' looks at the telephony nodes instead, 'hookflash doctor twilio' at the account; they need "
        "the engine's checkout and settings."
    )
    epilog = "exit codes: 0 nothing must be repaired; 1 something must; 2 wrong arguments."
    add_parser("doctor", help=text, description=about, epilog=epilog)


async def run(arguments: argparse.Namespace) -> int:
    """Look, print what is found as it is found, and return the exit code."""
    found: list[tuple[Finding, str | None]] = []
    async for finding, ui in _linked(arguments):
        found.append((finding, ui))
        if not arguments.json:
            write(_lines(finding, ui))
    if arguments.json:
        write_json({"findings": [{**finding.model_dump(mode="json"), "ui": ui} for finding, ui in found]})
    return REFUSED if any(finding.level is Level.FAILURE for finding, _ in found) else DONE


async def _linked(arguments: argparse.Namespace) -> AsyncIterator[tuple[Finding, str | None]]:
    """Examine, and tell of each finding where the Temporal UI shows it, if it does and if that is known."""
    try:
        session = await Session.open(arguments)
    except EngineUnreachable as error:
        remedy = "is it running, and is it there? TEMPORAL_ADDRESS, TEMPORAL_TLS*, TEMPORAL_API_KEY, --address"
        yield failure("temporal", str(error), remedy), None
        return
    async for finding in _examine(session):
        yield finding, session.page(finding.page) if finding.page is not None else None


async def _examine(session: Session) -> AsyncIterator[Finding]:
    try:
        async for finding in namespace(session.temporal):
            yield finding
    except RPCError as error:
        remedy = "create it, or name another: TEMPORAL_NAMESPACE, --namespace"
        yield failure("namespace", f"{session.temporal.namespace}: {error.message}", remedy)
        return
    for name, check in CHECKS:
        async for finding in _attempted(name, check(session.temporal)):
            yield finding


async def _attempted(name: str, findings: AsyncIterator[Finding]) -> AsyncIterator[Finding]:
    """Pass findings on; a question that is not answered is one too, and the others are asked all the same."""
    try:
        async for finding in findings:
            yield finding
    except RPCError as error:
        remedy = "is this user allowed to ask? Else look at the log of the server"
        yield failure(name, f"cannot be found out: {' '.join(error.message.split())}", remedy)


def _lines(finding: Finding, ui: str | None) -> str:
    line = f"{finding.level.value:8} {finding.check:12} {finding.text}"
    if finding.level is Level.OK:
        # Of what is as it should be one link is enough: from the namespace a person gets anywhere.
        return f"{line}  {ui}" if ui and finding.check == "namespace" else line
    more = [f"-> {finding.remedy}"] if finding.remedy else []
    return "\n".join([line, *(f"{'':21} {it}" for it in (*more, *filter(None, (ui,))))])
