"""`hookflash cancel` and `hookflash unhold` for many transfers at once, for incidents."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

from pydantic import BaseModel

from hookflash._cli_render import printable
from hookflash._operators.arguments import add_filters, conditions
from hookflash._operators.finding import Found, find
from hookflash._operators.session import DONE, REFUSED, Session, note, write, write_json
from hookflash.errors import HookflashError, InvalidRequest
from hookflash.running import RunningTransfer
from hookflash.status import TransferStatus

COMMANDS = ("cancel", "unhold")
"""What can be done to many. Both bring customers back to their agents; `cancel` lets go of the targets too."""

AT_ONCE = 10
"""Commands that are under way at the same time: enough for a node's transfers, and no storm upon it."""

SHOWN = 10
"""Transfers that are named before the question."""

Order = Callable[[RunningTransfer], Awaitable[TransferStatus]]


class Done(BaseModel):
    """What came of one of them."""

    id: str
    run_id: str
    done: bool
    error: str | None
    """Why not. None: it was done."""
    ui: str | None


def add(command: argparse.ArgumentParser) -> None:
    """Add what makes a command one for many to a command for one."""
    add_filters(command, ended=False)
    command.add_argument("--yes", action="store_true", help="with a filter: do not ask, for scripts")


def check(arguments: argparse.Namespace) -> None:
    """Judge whether one is meant or many, and many only by a filter.

    Raises:
        InvalidRequest: It is neither, or both.
    """
    arguments.conditions = conditions(arguments)
    if arguments.id is not None:
        if arguments.conditions:
            raise InvalidRequest("ID: either one transfer or a filter, not both")
        if arguments.yes:
            raise InvalidRequest("--yes: only for a filter")
        return
    if not arguments.conditions:
        raise InvalidRequest(f"ID: which transfer? Or a filter; '{arguments.command} --help' lists them")
    if arguments.command_id is not None:
        raise InvalidRequest("--command-id: only for one transfer")
    if not arguments.yes and not sys.stdin.isatty():
        raise InvalidRequest("--yes: needed where nobody can be asked")


async def run(session: Session, order: Order) -> int:
    """Give a command to every open transfer that the filter finds.

    Args:
        session: The connection.
        order: The command.
    """
    arguments = session.arguments
    # Exactly those that are shown are then commanded, not those that the filter would find by then.
    found = [it async for it in find(session, [*arguments.conditions, "ExecutionStatus = 'Running'"]) if it.open]
    if not found:
        note("there is no such open transfer")
    elif not arguments.yes and not _confirmed(arguments.command, found):
        note("nothing was done")
        return REFUSED
    turns = asyncio.Semaphore(AT_ONCE)

    async def give(it: Found) -> Done:
        error: str | None = None
        async with turns:
            try:
                await order(session.client.transfer(it.id, it.run_id))
            except HookflashError as refused:
                error = " ".join(str(refused).split())
        done = Done(id=it.id, run_id=it.run_id, done=error is None, error=error, ui=it.ui)
        if not arguments.json:
            # Who is looked at next is who was refused.
            write(f"{printable(it.id)}: {error or 'done'}" + (f"\n  {it.ui}" if error and it.ui else ""))
        return done

    results = await asyncio.gather(*map(give, found))
    done = sum(it.done for it in results)
    if arguments.json:
        document = {"command": arguments.command, "found": len(found), "done": done}
        write_json({**document, "transfers": [it.model_dump() for it in results]})
    elif found:
        write(f"{arguments.command}: {done} of {len(found)} done")
    return DONE if done == len(found) else REFUSED


def _confirmed(command: str, found: Sequence[Found]) -> bool:
    for it in found[:SHOWN]:
        note(f"{printable(it.id)} ({printable(it.state)})" + (f"  {it.ui}" if it.ui else ""))
    if len(found) > SHOWN:
        note(f"and {len(found) - SHOWN} more")
    sys.stderr.write(f"{command} {'this transfer' if len(found) == 1 else f'these {len(found)} transfers'}? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
