"""The `hookflash` command: start transfers, watch them and command them."""

import argparse
import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from typing import NoReturn

from pydantic import BaseModel

from hookflash import _cli_input, _cli_render, _doctor
from hookflash._failures import read
from hookflash.client import TransferClient
from hookflash.commands import Wait
from hookflash.errors import EncryptionError, EngineUnreachable, HookflashError, InvalidRequest
from hookflash.request import Target
from hookflash.result import TransferResult
from hookflash.running import RunningTransfer
from hookflash.status import TransferStatus
from hookflash.vocabulary import CommandName, Outcome, Party

DONE, REFUSED, INVALID, UNREACHABLE = 0, 1, 2, 3
"""Exit codes."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

_NOT_DONE = (Outcome.REJECTED, Outcome.FAILED)
"""Outcomes that are an error for a script. All the others are what may happen to a call."""


class _Session:
    """One run of the command."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments

    async def run(self) -> int:
        """Do what was asked and print it; return the exit code.

        Raises:
            HookflashError: It could not be done.
        """
        arguments = self._arguments
        # Before connecting: a mistake in the arguments is one whether or not there is a server.
        _cli_input.check(arguments)
        request = _cli_input.transfer_request(arguments) if arguments.command == "start" else None
        target = _one_target(arguments) if arguments.command == CommandName.RETARGET.value else None
        client = await TransferClient.connect(address=arguments.address, namespace=arguments.namespace)
        if request is not None:
            client = TransferClient(client.temporal, arguments.task_queue)
            transfer = await client.start(request)
            if not arguments.wait:
                self._show_started(client, transfer)
                return DONE
            if not arguments.json:
                # Now, and not only at the end: the id is what another terminal needs.
                self._show_started(client, transfer)
            return self._show_result(client, transfer, await transfer.wait())
        transfer = client.transfer(arguments.id)
        if arguments.command == "wait":
            return self._show_result(client, transfer, await transfer.wait())
        if arguments.command == "status":
            self._show_status(client, transfer, await transfer.status())
        else:
            self._show_status(client, transfer, await self._command(transfer, target))
        return DONE

    async def _command(self, transfer: RunningTransfer, target: Target | None) -> TransferStatus:
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
                assert target is not None
                return await transfer.retarget(target, command_id=id)
            case CommandName.ACCEPT:
                return await transfer.accept(arguments.leg, command_id=id)
            case CommandName.DECLINE:
                return await transfer.decline(arguments.leg, command_id=id)
            case CommandName.EXTEND:
                return await transfer.extend(Wait(arguments.which), arguments.remaining, command_id=id)

    def _show_started(self, client: TransferClient, transfer: RunningTransfer) -> None:
        link = self._link(client, transfer)
        if self._arguments.json:
            print(json.dumps({"id": transfer.id, "run_id": transfer.run_id, "ui": link}, indent=2), flush=True)
        else:
            print("\n".join(filter(None, (transfer.id, link))), flush=True)

    def _show_status(self, client: TransferClient, transfer: RunningTransfer, found: TransferStatus) -> None:
        self._show(client, transfer, found, _cli_render.status(transfer.id, found, datetime.now(UTC)))

    def _show_result(self, client: TransferClient, transfer: RunningTransfer, found: TransferResult) -> int:
        self._show(client, transfer, found, _cli_render.result(transfer.id, found))
        return REFUSED if found.outcome in _NOT_DONE else DONE

    def _show(self, client: TransferClient, transfer: RunningTransfer, found: BaseModel, text: str) -> None:
        if self._arguments.json:
            print(found.model_dump_json(indent=2))
            return
        print("\n".join(filter(None, (text, self._link(client, transfer)))))

    def _link(self, client: TransferClient, transfer: RunningTransfer) -> str | None:
        temporal = client.temporal
        return _cli_render.link(
            self._arguments.ui or os.environ.get("TEMPORAL_UI_URL"),
            temporal.service_client.config.target_host,
            temporal.namespace,
            transfer.id,
            transfer.run_id,
        )


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
    if arguments[:1] == ["doctor"]:
        return await _doctor.run(arguments[1:])
    parsed = _cli_input.parser().parse_args(arguments)
    try:
        return await _Session(parsed).run()
    except BrokenPipeError:
        return DONE  # whoever read our output has seen enough, as `head` has
    except HookflashError as error:
        print(f"hookflash: {' '.join(str(error).split())}", file=sys.stderr)
        match error:
            case InvalidRequest() | EncryptionError():
                return INVALID
            case EngineUnreachable():
                return UNREACHABLE
            case _:
                return REFUSED


def main() -> NoReturn:
    """Run the command line of this process, and end the process."""
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
