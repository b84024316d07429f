"""The `hookflash` command: start transfers, watch them and command them."""

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import NoReturn

from pydantic import BaseModel

from hookflash import _cli_input, _cli_render, _doctor
from hookflash._failures import read
from hookflash._operators import doctor, incident
from hookflash._operators.session import (
    DONE,
    INTERRUPTED,
    INVALID,
    REFUSED,
    UNREACHABLE,
    Run,
    Session,
    note,
    write,
    write_json,
)
from hookflash._operators.watch import NOT_DONE
from hookflash.client import TransferClient
from hookflash.commands import Wait
from hookflash.errors import (
    CommandRejected,
    EncryptionError,
    EngineUnreachable,
    HookflashError,
    InvalidRequest,
    TransferInProgress,
)
from hookflash.parties import Target
from hookflash.request import TransferRequest
from hookflash.result import TransferResult
from hookflash.running import RunningTransfer
from hookflash.status import TransferStatus
from hookflash.vocabulary import CommandName, Party


class _OneTransfer:
    """The commands that start a transfer, or are about one that runs."""

    def __init__(self, session: Session, request: TransferRequest | None, target: Target | None) -> None:
        """Know what was asked for.

        Args:
            session: The connection and the arguments.
            request: For `start`.
            target: For `retarget`.
        """
        self._session = session
        self._arguments = session.arguments
        self._request = request
        self._target = target

    async def run(self) -> int:
        """Do what was asked and print it; return the exit code.

        Raises:
            HookflashError: It could not be done.
        """
        try:
            return await self._done()
        except (CommandRejected, TransferInProgress) as refused:
            self._point_to(refused)
            raise

    async def _done(self) -> int:
        arguments, client = self._arguments, self._session.client
        if self._request is not None:
            transfer = await TransferClient(client.temporal, arguments.task_queue).start(self._request)
            if not arguments.wait:
                self._show_started(transfer)
                return DONE
            if not arguments.json:
                # Now, and not only at the end: the id is what another terminal needs.
                self._show_started(transfer)
            return self._show_result(transfer, await transfer.wait())
        if arguments.id is None:
            return await incident.run(self._session, self._command)
        transfer = client.transfer(arguments.id)
        if arguments.command == "wait":
            return self._show_result(transfer, await transfer.wait())
        status = await (transfer.status() if arguments.command == "status" else self._command(transfer))
        self._show(transfer, status, _cli_render.status(transfer.id, status, datetime.now(UTC)))
        return DONE

    async def _command(self, transfer: RunningTransfer) -> TransferStatus:
        arguments = self._arguments
        id: str | None = arguments.command_id
        match CommandName(arguments.command):
            case CommandName.HOLD:
                return await transfer.hold(Party(arguments.party), command_id=id)
            case CommandName.UNHOLD:
                return await transfer.unhold(Party(arguments.party), command_id=id)
            case CommandName.SWAP:
                return await transfer.swap(command_id=id)
            case CommandName.CONFERENCE:
                return await transfer.conference(command_id=id)
            case CommandName.COMPLETE:
                return await transfer.complete(command_id=id)
            case CommandName.CANCEL:
                return await transfer.cancel(arguments.by, arguments.reason, command_id=id)
            case CommandName.RETARGET:
                assert self._target is not None
                return await transfer.retarget(self._target, command_id=id)
            case CommandName.ACCEPT:
                return await transfer.accept(arguments.leg, command_id=id)
            case CommandName.DECLINE:
                return await transfer.decline(arguments.leg, command_id=id)
            case CommandName.EXTEND:
                return await transfer.extend(Wait(arguments.which), arguments.remaining, command_id=id)

    def _show_started(self, transfer: RunningTransfer) -> None:
        link = self._session.link(transfer.id, transfer.run_id)
        if self._arguments.json:
            write_json({"id": transfer.id, "run_id": transfer.run_id, "ui": link})
        else:
            write("\n".join(filter(None, (transfer.id, link))))

    def _point_to(self, refused: CommandRejected | TransferInProgress) -> None:
        """Have a person told where the transfer is shown that is not as they thought; scripts know it by its id."""
        id: str = refused.transfer_id if isinstance(refused, TransferInProgress) else self._arguments.id
        link = self._session.link(id, None)
        if link is not None and not self._arguments.json:
            refused.add_note(link)

    def _show_result(self, transfer: RunningTransfer, found: TransferResult) -> int:
        self._show(transfer, found, _cli_render.result(transfer.id, found))
        return REFUSED if found.outcome in NOT_DONE else DONE

    def _show(self, transfer: RunningTransfer, found: BaseModel, text: str) -> None:
        link = self._session.link(transfer.id, transfer.run_id)
        if self._arguments.json:
            write_json({**found.model_dump(mode="json"), "id": transfer.id, "ui": link})
        else:
            write("\n".join(filter(None, (text, link))))


async def _carry_out(arguments: argparse.Namespace) -> int:
    if arguments.command == "doctor":
        return await doctor.run(arguments)
    # Before connecting: a mistake in the arguments is one whether or not there is a server.
    _cli_input.check(arguments)
    run: Run | None = getattr(arguments, "run", None)
    if run is not None:
        return await run(await Session.open(arguments))
    request = _cli_input.transfer_request(arguments) if arguments.command == "start" else None
    target = _one_target(arguments) if arguments.command == CommandName.RETARGET.value else None
    return await _OneTransfer(await Session.open(arguments), request, target).run()


def _one_target(arguments: argparse.Namespace) -> Target:
    found = _cli_input.targets(arguments)
    if len(found) > 1:
        raise InvalidRequest("--target: one target only")
    return read(Target, found[0])


async def run(arguments: list[str]) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: The command line without the name of the program.

    Raises:
        SystemExit: The arguments are wrong (code 2), or help was asked for (code 0).
    """
    if arguments[:2] in (["doctor", "asterisk"], ["doctor", "twilio"]):
        return await _doctor.run(arguments[1:])
    parsed = _cli_input.parser().parse_args(arguments)
    try:
        return await _carry_out(parsed)
    except BrokenPipeError:
        return DONE  # whoever read our output has seen enough, as `head` has
    except HookflashError as error:
        for text in (str(error), *getattr(error, "__notes__", ())):
            note(" ".join(text.split()))
        match error:
            case InvalidRequest() | EncryptionError():
                return INVALID
            case EngineUnreachable():
                return UNREACHABLE
            case _:
                return REFUSED


def main() -> NoReturn:
    """Run the command line of this process, and end the process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Names and pictures have characters that a terminal may not know.
            stream.reconfigure(errors="replace")
    try:
        code = asyncio.run(run(sys.argv[1:]))
    except KeyboardInterrupt:
        code = INTERRUPTED  # while waiting, most likely: the transfer itself goes on
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        pass
    # The SDK's runtime may abort a process that ends in the usual way: https://github.com/temporalio/sdk-python/issues/300
    os._exit(code)
