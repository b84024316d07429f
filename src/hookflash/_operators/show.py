"""`hookflash show`: the story of one transfer, drawn."""

import argparse
import shutil

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from hookflash import names
from hookflash._cli_render import words
from hookflash._failures import rpc_failure
from hookflash._operators.arguments import Add, transfer_id
from hookflash._operators.session import DONE, Session, note, write
from hookflash._operators.story import Lanes, Story, arrangements, ended, told
from hookflash._operators.story_diagram import mermaid, svg
from hookflash._operators.story_text import drawn
from hookflash.errors import EngineUnreachable, HookflashError, InvalidRequest

NARROW = 120
"""Columns where nobody says how wide the terminal is."""


def add(add_parser: Add) -> None:
    """Add the command."""
    text = "show who talked to whom, when, and why it ended"
    about = "Show who talks to whom, when, and why it ended. Times are local in the terminal, and UTC in diagrams."
    command = add_parser("show", help=text, description=about)
    command.add_argument("id", metavar="ID", type=transfer_id, help="transfer:PROVIDER:LEG, or PROVIDER:LEG")
    command.add_argument("--run-id", metavar="RUN", help="an earlier transfer of that call; default: the latest")
    command.add_argument(
        "--format",
        choices=["text", "mermaid", "svg"],
        default="text",
        help="text, or a sequence diagram for a ticket; default: text",
    )
    command.set_defaults(prepare=_check, run=_run)


def _check(arguments: argparse.Namespace) -> None:
    if arguments.json and arguments.format != "text":
        raise InvalidRequest("--json: is a format of its own, not one with --format")


async def _run(session: Session) -> int:
    story = await read(session, session.arguments.id, session.arguments.run_id)
    if session.arguments.json:
        write(story.model_dump_json(indent=2))
    elif session.arguments.format == "mermaid":
        write(mermaid(story))
    elif session.arguments.format == "svg":
        write(svg(story))
    else:
        heading = f"{words(story.mode or 'a')} transfer: {words(story.state)}"
        lines = drawn(story, shutil.get_terminal_size((NARROW, 25)).columns)
        write("\n".join([story.id, heading, "", *lines]))
        if story.ui is not None:
            write(f"\n{story.ui}")
    return DONE


async def read(session: Session, id: str, run_id: str | None) -> Story:
    """Return the story of a transfer.

    Raises:
        TransferNotFound: There is no such transfer, or Temporal has forgotten it.
        EngineUnreachable: The server cannot be reached. That no worker answers only costs the journal.
    """
    found = await session.describe(id, run_id)
    transfer = session.client.transfer(id, found.run_id)
    lanes = Lanes()
    try:
        placed = await arrangements(session.temporal, id, found.run_id, lanes)
    except RPCError as error:
        raise rpc_failure(error, "history") from error
    try:
        status = await transfer.status()
    except EngineUnreachable:
        status = None
        note("no worker answers: without the journal")
    result, ending = None, None
    if found.status is not WorkflowExecutionStatus.RUNNING:
        try:
            result = await transfer.wait()
            ending = ended(result)
        except HookflashError as error:
            ending = found.close_time or found.start_time, str(error)
    attributes = found.typed_search_attributes
    mode = attributes.get(names.TRANSFER_MODE)
    stage = attributes.get(names.TRANSFER_STAGE) or "starting"
    closed = (found.status or WorkflowExecutionStatus.RUNNING).name.lower()
    state = stage if ending is None else result.outcome.value if result is not None else closed
    return Story(
        id=id,
        run_id=found.run_id,
        mode=mode,
        state=state,
        lanes=tuple(lanes.names),
        moments=told(found.start_time, mode, placed, status, ending, lanes),
        result=result,
        ui=session.link(id, found.run_id),
    )
