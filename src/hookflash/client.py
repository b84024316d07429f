"""Start transfers, watch them and command them.

    client = await TransferClient.connect()
    transfer = await client.start(TransferRequest(...))
    await transfer.hold()
    result = await transfer.wait()

Whatever is repeated here is done once: a start whose answer was lost, a command whose answer was lost. Errors are those
of `hookflash.errors`.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal, cast

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowQueryFailedError,
)
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.envconfig import ClientConfig
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from hookflash import names, tracing
from hookflash._failures import is_missing, rpc_failure
from hookflash._summary import static_details, static_summary
from hookflash.commands import Wait
from hookflash.converter import Problem, data_converter
from hookflash.encryption import KEYS_FILE_VARIABLE, encrypted
from hookflash.errors import EngineUnreachable, InvalidRequest, TransferInProgress
from hookflash.parties import Target
from hookflash.request import TransferRequest
from hookflash.result import TransferResult
from hookflash.running import RunningTransfer
from hookflash.status import TransferStatus
from hookflash.vocabulary import Party

_ASKING_TIMEOUT = timedelta(seconds=2)
"""How long a start that may be a repetition waits for the running transfer to say what it was started with."""


class TransferClient:
    """What a backend needs of the engine. Safe to share between the tasks of one event loop."""

    def __init__(
        self,
        client: Client,
        task_queue: str = names.TASK_QUEUE,
        *,
        patience: timedelta = timedelta(seconds=10),
    ) -> None:
        """Use a connection that exists.

        Args:
            client: A client with `hookflash.converter.data_converter`, or with what `hookflash.encryption.encrypted`
                makes of it where the engine has keys.
            task_queue: Where the workers of the engine listen. Default: `transfers`.
            patience: How long the answer to a command is waited for before it is sent again, twice at most.
                Default: 10 seconds.
        """
        self.temporal = client
        """The connection, for what is not offered here."""
        self._task_queue = task_queue
        self._patience = patience

    @classmethod
    async def connect(
        cls,
        *,
        address: str | None = None,
        namespace: str | None = None,
        task_queue: str = names.TASK_QUEUE,
        encryption_keys_file: str | Path | None = None,
    ) -> "TransferClient":
        """Connect as Temporal's own tools do: `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, profiles, TLS, API keys.

        Args:
            address: `host:port` of the server. Default: the environment's, or `localhost:7233`.
            namespace: Temporal's namespace. Default: the environment's, or `default`.
            task_queue: Where the workers of the engine listen. Default: `transfers`.
            encryption_keys_file: The file with the engine's keys, see `hookflash.encryption`. Default: that of
                `HOOKFLASH_ENCRYPTION_KEYS_FILE`, and if there is none, numbers and names are stored in clear.

        Raises:
            EngineUnreachable: There is no server, or the configuration cannot be read.
            EncryptionError: The keys cannot be used.
        """
        keys_file = encryption_keys_file or os.environ.get(KEYS_FILE_VARIABLE)
        converter = encrypted(data_converter, keys_file) if keys_file else data_converter
        # The SDK reports both as RuntimeError.
        try:
            config = ClientConfig.load_client_connect_config()
            config.setdefault("target_host", "localhost:7233")
            if address is not None:
                config["target_host"] = address
            if namespace is not None:
                config["namespace"] = namespace
        except (RuntimeError, ValueError, OSError) as error:
            raise EngineUnreachable(f"the configuration of the Temporal client cannot be read: {error}") from error
        try:
            client = await Client.connect(
                **config,
                data_converter=converter,
                interceptors=tracing.interceptors(),
                grpc_compression=names.COMPRESSION,
            )
        except (RuntimeError, ValueError) as error:
            place = config.get("target_host")
            raise EngineUnreachable(f"no Temporal server at {place}: {_reason(error)}") from error
        return cls(client, task_queue)

    def transfer(self, id: str, run_id: str | None = None) -> RunningTransfer:
        """Return a handle to a transfer, without asking whether it exists.

        Args:
            id: Its workflow id, see `hookflash.names.transfer_id`.
            run_id: Which of the transfers of that call. Default: the latest.
        """
        return RunningTransfer(self.temporal, id, run_id, patience=self._patience)

    async def start(self, request: TransferRequest) -> RunningTransfer:
        """Start a transfer, or return the one that this request has started before.

        That is the running transfer of the call if it was started with an equal request, by whatever means, and, where
        the request has an idempotency key, the call's last transfer with this key, even if it is over.

        A transfer that was started without this client is asked for its request, which takes a worker: if none answers
        within two seconds, the running transfer counts as a different one.

        Raises:
            TransferInProgress: The call is being transferred on behalf of a different request.
            InvalidRequest: The idempotency key was used for a request with a different content.
            EngineUnreachable: Temporal cannot be reached. Whether it was started is then unknown: start again.
        """
        id = names.transfer_id(request.provider, request.customer.leg)
        if request.idempotency_key is not None:
            last = await self._describe(id)
            if last and await last.memo_value(names.IDEMPOTENCY_MEMO, None) == request.idempotency_key:
                return await self._repeated(last, request)
            # A run of somebody else's has no such memo. While it runs, the start below is refused, and asks it.
            over = last if last and last.status != WorkflowExecutionStatus.RUNNING else None
            if over and not await _started_here(over) and await self._is_for(over, request):
                return self.transfer(id, over.run_id)
        for again in (True, False):
            try:
                return await self._start(id, request)
            except WorkflowAlreadyStartedError as error:
                found = await self._describe(id, error.run_id)
            if found and await self._is_for(found, request):
                return self.transfer(id, found.run_id)
            # It may have ended since; the call is then free for this transfer.
            if not (again and found and found.status != WorkflowExecutionStatus.RUNNING):
                break
        raise TransferInProgress(f"the call is being transferred already, by a different request: {id}", id)

    async def status(self, id: str) -> TransferStatus:
        """See `RunningTransfer.status`."""
        return await self.transfer(id).status()

    async def wait(self, id: str) -> TransferResult:
        """See `RunningTransfer.wait`."""
        return await self.transfer(id).wait()

    async def hold(self, id: str, party: Party = Party.CUSTOMER, *, command_id: str | None = None) -> TransferStatus:
        """See `RunningTransfer.hold`."""
        return await self.transfer(id).hold(party, command_id=command_id)

    async def unhold(self, id: str, party: Party = Party.CUSTOMER, *, command_id: str | None = None) -> TransferStatus:
        """See `RunningTransfer.unhold`."""
        return await self.transfer(id).unhold(party, command_id=command_id)

    async def cancel(
        self, id: str, by: Literal["agent", "operator"] = "agent", reason: str = "", *, command_id: str | None = None
    ) -> TransferStatus:
        """See `RunningTransfer.cancel`."""
        return await self.transfer(id).cancel(by, reason, command_id=command_id)

    async def retarget(self, id: str, target: Target, *, command_id: str | None = None) -> TransferStatus:
        """See `RunningTransfer.retarget`."""
        return await self.transfer(id).retarget(target, command_id=command_id)

    async def swap(self, id: str, *, command_id: str | None = None) -> TransferStatus:
        """See `RunningTransfer.swap`."""
        return await self.transfer(id).swap(command_id=command_id)

    async def conference(self, id: str, *, command_id: str | None = None) -> TransferStatus:
        """See `RunningTransfer.conference`."""
        return await self.transfer(id).conference(command_id=command_id)

    async def complete(self, id: str, *, command_id: str | None = None) -> TransferStatus:
        """See `RunningTransfer.complete`."""
        return await self.transfer(id).complete(command_id=command_id)

    async def accept(self, id: str, leg: str | None = None, *, command_id: str | None = None) -> TransferStatus:
        """See `RunningTransfer.accept`."""
        return await self.transfer(id).accept(leg, command_id=command_id)

    async def decline(self, id: str, leg: str | None = None, *, command_id: str | None = None) -> TransferStatus:
        """See `RunningTransfer.decline`."""
        return await self.transfer(id).decline(leg, command_id=command_id)

    async def extend(
        self, id: str, wait: Wait, remaining: timedelta, *, command_id: str | None = None
    ) -> TransferStatus:
        """See `RunningTransfer.extend`."""
        return await self.transfer(id).extend(wait, remaining, command_id=command_id)

    async def _start(self, id: str, request: TransferRequest) -> RunningTransfer:
        memo = {names.FINGERPRINT_MEMO: request.fingerprint()}
        if request.idempotency_key is not None:
            memo[names.IDEMPOTENCY_MEMO] = request.idempotency_key
        try:
            handle = await self.temporal.start_workflow(
                names.WORKFLOW_TYPE,
                request,
                id=id,
                task_queue=self._task_queue,
                result_type=TransferResult,
                task_timeout=names.TASK_TIMEOUT,
                id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                memo=memo,
                static_summary=static_summary(request),
                static_details=static_details(request),
                # Saves the way through the server's queue where the worker shares this connection; else no effect.
                request_eager_start=True,
            )
        except RPCError as error:
            raise rpc_failure(error, "start") from error
        return self.transfer(id, handle.result_run_id)

    async def _describe(self, id: str, run_id: str | None = None) -> WorkflowExecutionDescription | None:
        """Return what Temporal knows of a transfer, None if it knows nothing."""
        try:
            return await self.temporal.get_workflow_handle(id, run_id=run_id).describe()
        except RPCError as error:
            if is_missing(error):
                return None
            raise rpc_failure(error, "start") from error

    async def _repeated(self, last: WorkflowExecutionDescription, request: TransferRequest) -> RunningTransfer:
        """Return the call's last transfer, which has the same idempotency key, if the rest is the same too."""
        if await self._is_for(last, request):
            return self.transfer(last.id, last.run_id)
        if last.status == WorkflowExecutionStatus.RUNNING:
            raise TransferInProgress(f"the idempotency key is in use by a different request: {last.id}", last.id)
        problem = Problem(field="idempotency_key", problem="was used before, for a different request")
        raise InvalidRequest(f"invalid TransferRequest: {problem['field']}: {problem['problem']}", [problem])

    async def _is_for(self, found: WorkflowExecutionDescription, request: TransferRequest) -> bool:
        if await _started_here(found):
            return await found.memo_value(names.FINGERPRINT_MEMO) == request.fingerprint()
        return await self._told_fingerprint(found) == request.fingerprint()

    async def _told_fingerprint(self, found: WorkflowExecutionDescription) -> object:
        """Return the fingerprint that a transfer gives of itself, None if it gives none in time."""
        handle = self.temporal.get_workflow_handle(found.id, run_id=found.run_id)
        try:
            # Not the SDK's time limit alone, which is one for each of its tries.
            async with asyncio.timeout(_ASKING_TIMEOUT.total_seconds()):
                # As it comes, and not as a TransferStatus: another version may say more than can be read here.
                told: object = await handle.query(names.STATUS_QUERY, rpc_timeout=_ASKING_TIMEOUT)
        except (TimeoutError, RPCError, WorkflowQueryFailedError):
            return None
        return cast("Mapping[str, object]", told).get("fingerprint") if isinstance(told, Mapping) else None


async def _started_here(found: WorkflowExecutionDescription) -> bool:
    """Whether a client like this one started it; anybody else leaves no memo of ours."""
    return await found.memo_value(names.FINGERPRINT_MEMO, None) is not None


def _reason(error: Exception) -> str:
    """Return the words a person understands in the SDK's account of a failed connection."""
    said = re.findall(r'message: "([^"]+)"', str(error))
    return said[-1] if said else str(error).partition("\n")[0][:200]
