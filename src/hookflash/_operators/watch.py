"""`hookflash watch`: follow one transfer until it ends."""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import timedelta

from hookflash._cli_render import printable, result, words
from hookflash._operators.arguments import Add, duration, transfer_id
from hookflash._operators.session import DONE, REFUSED, Session, note, write, write_json
from hookflash.errors import EngineUnreachable
from hookflash.result import TransferResult
from hookflash.status import JournalEntry, TransferStatus
from hookflash.vocabulary import Outcome

STEP = timedelta(seconds=1)
SHORTEST = timedelta(milliseconds=100)

NOT_DONE = (Outcome.REJECTED, Outcome.FAILED)
"""Outcomes that are an error for a script. All the others are what may happen to a call."""


def add(add_parser: Add) -> None:
    """Add the command."""
    text = "follow a transfer until it ends"
    about = (
        "Follow a transfer until it ends: the journal as it is written, then the result. Ctrl-C stops watching, the "
        "transfer goes on. With --json, a line each for stage, journal and result."
    )
    command = add_parser("watch", help=text, description=about)
    command.add_argument("id", metavar="ID", type=transfer_id, help="transfer:PROVIDER:LEG, or PROVIDER:LEG")
    command.add_argument("--run-id", metavar="RUN", help="an earlier transfer of that call; default: the latest")
    command.add_argument("--step", metavar="TIME", type=_step, default=STEP, help="how often to look; default: 1s")
    command.set_defaults(run=_run)


async def _run(session: Session) -> int:
    arguments = session.arguments
    # The run that is meant now: the same call may be transferred again before this one's end has been seen.
    found = await session.describe(arguments.id, arguments.run_id)
    transfer = session.client.transfer(arguments.id, found.run_id)
    telling = _Telling(in_json=arguments.json)
    link = session.link(transfer.id, transfer.run_id)
    telling.begin(transfer.id, found.run_id, link)
    telling.status(await transfer.status())
    ending = asyncio.create_task(transfer.wait())
    try:
        while not ending.done():
            await asyncio.wait({ending}, timeout=arguments.step.total_seconds())
            try:
                telling.status(await transfer.status())
            except EngineUnreachable as error:
                # Just then, an operator wants to go on looking.
                note(f"{error}; looking again")
        return telling.end(transfer.id, await ending, link)
    finally:
        ending.cancel()


class _Telling:
    """Tells what is new."""

    def __init__(self, *, in_json: bool) -> None:
        self._in_json = in_json
        self._stage: str | None = None
        self._journal: list[JournalEntry] = []

    def begin(self, id: str, run_id: str, link: str | None) -> None:
        if self._in_json:
            write_json({"id": id, "run_id": run_id, "ui": link}, indent=None)
        else:
            write("\n".join(filter(None, (id, link))))

    def status(self, status: TransferStatus) -> None:
        for entry in news(self._journal, status.journal):
            if self._in_json:
                write_json({"journal": entry.model_dump(mode="json")}, indent=None)
            else:
                write(f"  {entry.at.astimezone():%H:%M:%S} {printable(entry.text)}")
        self._journal = list(status.journal)
        if status.stage != self._stage:
            self._stage = status.stage
            if self._in_json:
                write_json({"stage": status.stage.value}, indent=None)
            else:
                write(words(status.stage))

    def end(self, id: str, found: TransferResult, link: str | None) -> int:
        if self._in_json:
            write_json({"result": found.model_dump(mode="json"), "ui": link}, indent=None)
        else:
            write(result(id, found).removeprefix(f"{id}\n"))
        return REFUSED if found.outcome in NOT_DONE else DONE


def news(seen: Sequence[JournalEntry], journal: Sequence[JournalEntry]) -> list[JournalEntry]:
    """Return the lines that are new. A journal grows at its end, and loses its oldest lines."""
    known, now = list(seen), list(journal)
    overlap = next(it for it in range(len(known), -1, -1) if known[len(known) - it :] == now[:it])
    return now[overlap:]


def _step(text: str) -> timedelta:
    step = duration(text)
    if not SHORTEST <= step <= timedelta(hours=1):
        raise argparse.ArgumentTypeError("has to be between 100ms and 1h")
    return step
