"""A transfer that was started: its status, its result, and the commands it takes."""

import asyncio
from datetime import timedelta
from typing import Any, Literal, cast
from uuid import uuid4

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
)
from temporalio.service import RPCError

from hookflash import names
from hookflash._base import FromCaller
from hookflash._failures import command_failure, is_missing, is_passing, read, rpc_failure, transfer_failure
from hookflash.commands import Accept, Cancel, Decline, Extend, Hold, Retarget, Unhold, Wait
from hookflash.errors import CommandRejected, CommandUnanswered, HookflashError, TransferNotFound
from hookflash.parties import Target
from hookflash.result import TransferResult
from hookflash.status import TransferStatus
from hookflash.vocabulary import CommandName, Party

_QUERY_TIMEOUT = timedelta(seconds=5)
"""For one try; the SDK makes a second one."""

_SENDS = 3
"""How often a command is sent before its answer is given up."""


class RunningTransfer:
    """One transfer. It can be over: then it still tells its status and result, and refuses commands."""

    id: str
    """Its workflow id, which is the id of the transfer everywhere."""
    run_id: str | None
    """The run that is meant. None: the latest one of this call."""

    def __init__(self, client: Client, id: str, run_id: str | None = None, *, patience: timedelta) -> None:
        self.id = id
        self.run_id = run_id
        self._client = client
        self._patience = patience
        self._handle = client.get_workflow_handle(id, run_id=run_id, result_type=TransferResult)

    async def status(self) -> TransferStatus:
        """Return what is going on, also after the end. It needs a worker, which is waited for at most 10 seconds.

        Raises:
            TransferNotFound: There is no such transfer.
            EngineUnreachable: Neither server nor worker answered in time.
        """
        try:
            return await self._handle.query(names.STATUS_QUERY, result_type=TransferStatus, rpc_timeout=_QUERY_TIMEOUT)
        except WorkflowQueryFailedError as error:
            raise HookflashError(f"{self.id} has no status: {error.message}") from error
        except RPCError as error:
            raise self._missing_or(error, "status") from error

    async def wait(self) -> TransferResult:
        """Wait for the end, however long it takes, and return the result.

        Raises:
            TransferNotFound: There is no such transfer.
            InvalidRequest: The engine could not accept the request.
            TransferFailed: It ended without a result.
            EngineUnreachable: The server cannot be reached; wait again.
        """
        try:
            return await self._handle.result()
        except WorkflowFailureError as error:
            raise transfer_failure(error, self.id) from error
        except RPCError as error:
            raise self._missing_or(error, "wait") from error

    async def hold(self, party: Party = Party.CUSTOMER, *, command_id: str | None = None) -> TransferStatus:
        """Put a party on hold; default: the customer. For what every command raises see `cancel`."""
        return await self._command(CommandName.HOLD, read(Hold, {"party": party}), command_id)

    async def unhold(self, party: Party = Party.CUSTOMER, *, command_id: str | None = None) -> TransferStatus:
        """Bring a party into the room; default: the customer, who is then together with the agent."""
        return await self._command(CommandName.UNHOLD, read(Unhold, {"party": party}), command_id)

    async def swap(self, *, command_id: str | None = None) -> TransferStatus:
        """Let customer and target change places: the agent talks with the other one."""
        return await self._command(CommandName.SWAP, None, command_id)

    async def conference(self, *, command_id: str | None = None) -> TransferStatus:
        """Bring all three together."""
        return await self._command(CommandName.CONFERENCE, None, command_id)

    async def complete(self, *, command_id: str | None = None) -> TransferStatus:
        """Connect customer and target; the agent leaves."""
        return await self._command(CommandName.COMPLETE, None, command_id)

    async def cancel(
        self, by: Literal["agent", "operator"] = "agent", reason: str = "", *, command_id: str | None = None
    ) -> TransferStatus:
        """Give up: the customer goes back to the agent, the target is released.

        Args:
            by: Who wants it, for the record. Default: the agent.
            reason: Why, for the journal; at most 200 characters. Default: not said.
            command_id: Id of the command. The same id is never carried out twice, whoever sends it. Default: a new one.

        Raises:
            CommandRejected: The command is not possible now, or the transfer is over.
            InvalidRequest: An argument is wrong.
            TransferNotFound: There is no such transfer.
            CommandUnanswered: It was sent several times, and no answer came; it may have been carried out.
        """
        return await self._command(CommandName.CANCEL, read(Cancel, {"by": by, "reason": reason}), command_id)

    async def retarget(self, target: Target, *, command_id: str | None = None) -> TransferStatus:
        """Ring somebody else instead."""
        return await self._command(CommandName.RETARGET, read(Retarget, {"target": target}), command_id)

    async def accept(self, leg: str | None = None, *, command_id: str | None = None) -> TransferStatus:
        """Let a target in that is asked whether it accepts, as if it had pressed the key.

        Args:
            leg: Its leg, as in the status; of use where several are asked. Default: the one that was asked first.
            command_id: See `cancel`, and what it raises.
        """
        order = None if leg is None else read(Accept, {"leg": leg})
        return await self._command(CommandName.ACCEPT, order, command_id)

    async def decline(self, leg: str | None = None, *, command_id: str | None = None) -> TransferStatus:
        """Send a target away that is asked whether it accepts.

        Args:
            leg: Its leg, as in the status; of use where several are asked. Default: the one that was asked first.
            command_id: See `cancel`, and what it raises.
        """
        order = None if leg is None else read(Decline, {"leg": leg})
        return await self._command(CommandName.DECLINE, order, command_id)

    async def extend(self, wait: Wait, remaining: timedelta, *, command_id: str | None = None) -> TransferStatus:
        """Make a running wait longer; never shorter.

        Args:
            wait: Which one; `Deadline.wait` in the status names those that run.
            remaining: How long it is to run from now on, at least; one hour at most.
            command_id: See `cancel`, and what it raises.
        """
        order = read(Extend, {"wait": wait, "remaining": remaining})
        return await self._command(CommandName.EXTEND, order, command_id)

    async def _command(self, command: CommandName, argument: FromCaller | None, id: str | None) -> TransferStatus:
        id = id or str(uuid4())
        for _ in range(_SENDS):
            try:
                return await self._send(command, argument, id)
            except WorkflowUpdateFailedError as error:
                raise command_failure(error, command) from error
            except RPCTimeoutOrCancelledError:
                continue
            except RPCError as error:
                if is_passing(error):
                    continue
                if not is_missing(error):
                    raise rpc_failure(error, command.value) from error
                refusal = await self._over_or_missing(command)
                if refusal is not None:
                    raise refusal from error
        raise CommandUnanswered(f"no answer to {command.value} (command id {id}): it may or may not take effect", id)

    async def _send(self, command: CommandName, argument: FromCaller | None, id: str) -> TransferStatus:
        """Send a command once, for no longer than a person would wait.

        The time limit is not the SDK's, which ends when the worker has accepted the command.
        """
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        cancels = task.cancelling()
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                # The SDK leaves the type of another overload open, for which the whole method counts as unknown.
                return await self._handle.execute_update(  # pyright: ignore[reportUnknownMemberType]
                    command.value, args=[] if argument is None else [argument], id=id, result_type=TransferStatus
                )
        except TimeoutError as error:
            raise RPCTimeoutOrCancelledError from error
        except RPCTimeoutOrCancelledError:
            # The SDK says this also when the caller's own task is cancelled, and that must not be answered by a retry.
            if task.cancelling() > cancels:
                raise asyncio.CancelledError from None
            raise

    async def _over_or_missing(self, command: CommandName) -> HookflashError | None:
        """Return why no run took the command; None if there is one by now, which was started in between."""
        try:
            found = await self._handle.describe(rpc_timeout=_QUERY_TIMEOUT)
        except RPCError as error:
            return self._missing_or(error, command.value)
        if found.status == WorkflowExecutionStatus.RUNNING:
            return None
        outcome = found.typed_search_attributes.get(names.TRANSFER_OUTCOME)
        ending = f": {outcome}" if outcome else ""
        return CommandRejected(f"{command.value} is not possible: the transfer is over{ending}", command)

    def _missing_or(self, error: RPCError, doing: str) -> HookflashError:
        if is_missing(error):
            return TransferNotFound(f"no transfer {self.id} in namespace {self._client.namespace}", self.id)
        return rpc_failure(error, doing)
