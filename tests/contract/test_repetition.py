"""What is repeated is done once: starts and commands whose answer was lost, and transfers that are over."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import (
    Client,
    DescribeWorkflowInput,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowUpdateInput,
    WorkflowExecutionDescription,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from hookflash import (
    CommandRejected,
    CommandUnanswered,
    InvalidRequest,
    Mode,
    Outcome,
    TransferClient,
    TransferInProgress,
    TransferRequest,
    names,
)
from tests.contract.conftest import NewRequest, worker
from tests.contract.stand_in import Mute


class Network(Interceptor):
    """Loses the answers of commands, and lets things happen while a description is under way."""

    def __init__(self) -> None:
        self.lost: list[Exception] = []
        """What the caller sees in place of the next answers."""
        self.sent: list[str | None] = []
        """Ids of the commands, in the order they were sent."""
        self.before_describe: Callable[[], Awaitable[None]] | None = None

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Line(next, self)

    def client(self, client: Client) -> Client:
        """A second client of the same server, on this network."""
        config = client.config(active_config=True)
        config["interceptors"] = [self]
        return Client(**config)


class _Line(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, network: Network) -> None:
        super().__init__(next)
        self._network = network

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:
        self._network.sent.append(input.update_id)
        handle = await super().start_workflow_update(input)
        if self._network.lost:
            raise self._network.lost.pop(0)
        return handle

    async def describe_workflow(self, input: DescribeWorkflowInput) -> WorkflowExecutionDescription:
        meanwhile, self._network.before_describe = self._network.before_describe, None
        if meanwhile:
            await meanwhile()
        return await super().describe_workflow(input)


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def shaky(client: Client, queue: str, network: Network) -> TransferClient:
    return TransferClient(network.client(client), queue)


async def test_an_equal_start_finds_the_running_transfer(transfers: TransferClient, new_request: NewRequest) -> None:
    first = await transfers.start(new_request())
    again = await transfers.start(new_request())
    assert (again.id, again.run_id) == (first.id, first.run_id)


async def test_a_different_start_is_told_which_transfer_is_running(
    transfers: TransferClient, new_request: NewRequest
) -> None:
    first = await transfers.start(new_request(idempotency_key="k-1"))
    different = (
        new_request(idempotency_key="k-1", mode="cold"),
        new_request(idempotency_key="k-2"),
        new_request(),
    )
    for request in different:
        with pytest.raises(TransferInProgress) as refused:
            await transfers.start(request)
        assert refused.value.transfer_id == first.id
    assert (await transfers.start(new_request(idempotency_key="k-1"))).run_id == first.run_id


async def start_without_memo(client: Client, request: TransferRequest, queue: str) -> str:
    """Starts a transfer in plain JSON, as other SDKs, the `temporal` command and the HTTP API do; returns its run."""
    config = client.config(active_config=True)
    config["data_converter"] = DataConverter.default
    fields = request.model_dump(mode="json", exclude_unset=True)
    handle = await Client(**config).start_workflow(
        names.WORKFLOW_TYPE, fields, id=names.transfer_id(request.provider, request.customer.leg), task_queue=queue
    )
    assert handle.result_run_id is not None
    return handle.result_run_id


@pytest.mark.parametrize("key", [None, "k-1"])
async def test_a_transfer_that_was_started_without_this_client_is_asked_for_its_request(
    client: Client, transfers: TransferClient, new_request: NewRequest, queue: str, key: str | None
) -> None:
    run = await start_without_memo(client, new_request(idempotency_key=key), queue)
    again = await transfers.start(new_request(idempotency_key=key))
    assert again.run_id == run
    for different in (new_request(idempotency_key=key, mode="cold"), new_request(idempotency_key="k-2")):
        with pytest.raises(TransferInProgress) as refused:
            await transfers.start(different)
        assert refused.value.transfer_id == again.id


async def test_a_late_repetition_with_a_key_finds_the_transfer_that_was_started_without_this_client(
    client: Client, transfers: TransferClient, new_request: NewRequest, queue: str
) -> None:
    run = await start_without_memo(client, new_request(idempotency_key="k-1"), queue)
    first = transfers.transfer((await transfers.start(new_request(idempotency_key="k-1"))).id, run)
    await first.complete()
    await first.wait()
    assert (await transfers.start(new_request(idempotency_key="k-1"))).run_id == run
    assert (await transfers.start(new_request(idempotency_key="k-2"))).run_id != run


@pytest.mark.parametrize("with_memo", [True, False])
async def test_a_repetition_is_known_after_clients_and_workers_are_new(
    client: Client, new_request: NewRequest, with_memo: bool
) -> None:
    queue = f"restart-{uuid4()}"
    async with worker(client, queue):
        if with_memo:
            run = (await TransferClient(client, queue).start(new_request())).run_id
        else:
            run = await start_without_memo(client, new_request(), queue)
        id = names.transfer_id("simulator", new_request().customer.leg)
        await TransferClient(client, queue).hold(id)

    new = await TransferClient.connect(address=client.service_client.config.target_host, task_queue=queue)
    async with worker(new.temporal, queue):
        assert (await new.start(new_request())).run_id == run
        with pytest.raises(TransferInProgress):
            await new.start(new_request(mode="cold"))


@pytest.mark.parametrize("workflow", [Mute, None], ids=["knows no query", "no worker"])
async def test_a_transfer_that_does_not_say_its_request_counts_as_a_different_one_soon(
    client: Client, new_request: NewRequest, workflow: type | None
) -> None:
    queue = f"mute-{uuid4()}"
    async with worker(client, queue, workflow) if workflow else nullcontext():
        await start_without_memo(client, new_request(), queue)
        begun = asyncio.get_running_loop().time()
        with pytest.raises(TransferInProgress):
            await TransferClient(client, queue).start(new_request())
        assert asyncio.get_running_loop().time() - begun < 5


async def test_a_transfer_with_our_memo_is_not_asked(client: Client, new_request: NewRequest) -> None:
    nobody = TransferClient(client, f"nobody-{uuid4()}")
    first = await nobody.start(new_request())
    async with asyncio.timeout(1.5):  # less than asking would take, with no worker to answer
        assert (await nobody.start(new_request())).run_id == first.run_id


async def test_a_late_repetition_with_a_key_gets_the_transfer_that_is_over(
    transfers: TransferClient, new_request: NewRequest
) -> None:
    first = await transfers.start(new_request(idempotency_key="k-1"))
    await first.complete()
    result = await first.wait()

    again = await transfers.start(new_request(idempotency_key="k-1"))
    assert again.run_id == first.run_id
    assert await again.wait() == result

    with pytest.raises(InvalidRequest, match="used before") as refused:
        await transfers.start(new_request(idempotency_key="k-1", mode="cold"))
    assert [it["field"] for it in refused.value.problems] == ["idempotency_key"]


async def test_without_the_same_key_a_call_is_transferred_again(
    transfers: TransferClient, new_request: NewRequest
) -> None:
    runs: set[str | None] = set()
    for key in (None, None, "k-1", "k-2"):
        transfer = await transfers.start(new_request(idempotency_key=key))
        runs.add(transfer.run_id)
        await transfer.complete()
        await transfer.wait()
    assert len(runs) == 4


async def test_a_call_that_became_free_in_between_is_transferred(
    transfers: TransferClient, shaky: TransferClient, network: Network, new_request: NewRequest
) -> None:
    first = await transfers.start(new_request())

    async def ends() -> None:
        await first.complete()
        await first.wait()

    network.before_describe = ends
    second = await shaky.start(new_request(mode="cold"))
    assert second.run_id != first.run_id


@pytest.mark.parametrize(
    "lost",
    [
        [WorkflowUpdateRPCTimeoutOrCancelledError()],
        [RPCError("gone", RPCStatusCode.UNAVAILABLE, b""), WorkflowUpdateRPCTimeoutOrCancelledError()],
    ],
    ids=["time-out", "unavailable and time-out"],
)
async def test_a_command_whose_answer_is_lost_is_repeated_with_its_id_and_carried_out_once(
    shaky: TransferClient, network: Network, new_request: NewRequest, lost: list[Exception]
) -> None:
    transfer = await shaky.start(new_request())
    network.lost = list(lost)
    status = await transfer.hold(command_id="c-1")
    assert network.sent == ["c-1"] * (len(lost) + 1)
    assert [it.text for it in status.journal] == ["hold customer"]

    # The same from the outside: a caller repeats its command, later.
    again = await transfer.hold(command_id="c-1")
    assert again == status


async def test_the_lost_answer_of_the_last_command_is_found_after_the_end(
    shaky: TransferClient, network: Network, new_request: NewRequest
) -> None:
    transfer = await shaky.start(new_request())
    network.lost = [WorkflowUpdateRPCTimeoutOrCancelledError()]
    status = await transfer.complete()
    assert len(network.sent) == 2
    assert status.result is not None
    assert status.result.outcome is Outcome.CONNECTED


async def test_a_transfer_that_is_started_in_between_gets_the_command(
    transfers: TransferClient, shaky: TransferClient, network: Network, new_request: NewRequest
) -> None:
    first = await transfers.start(new_request())
    await first.complete()
    await first.wait()

    async def starts() -> None:
        await transfers.start(new_request(mode="cold"))

    network.before_describe = starts
    status = await shaky.hold(first.id)
    assert status.mode is Mode.COLD


async def test_a_new_command_has_a_new_id(shaky: TransferClient, network: Network, new_request: NewRequest) -> None:
    transfer = await shaky.start(new_request())
    await transfer.hold()
    await transfer.hold()
    assert len(set(network.sent)) == 2


async def test_a_command_that_is_never_answered_is_given_up_as_unknown(
    client: Client, network: Network, queue: str, new_request: NewRequest
) -> None:
    hasty = TransferClient(network.client(client), queue, patience=timedelta(seconds=0.2))
    transfer = await hasty.start(new_request())
    with pytest.raises(CommandUnanswered, match="may or may not take effect") as unknown:
        await transfer.conference()
    assert network.sent == [unknown.value.command_id] * 3
    assert [it.text for it in (await transfer.status()).journal] == ["conference"]


async def test_a_cancelled_caller_stops_asking(
    transfers: TransferClient, shaky: TransferClient, network: Network, new_request: NewRequest
) -> None:
    transfer = await shaky.start(new_request())
    asking = asyncio.create_task(transfer.conference())
    while not (await transfer.status()).journal:
        assert not asking.done()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert len(network.sent) == 1

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await transfer.conference()
    assert len(network.sent) == 2


async def test_a_command_that_the_end_overtook_was_refused(transfers: TransferClient, new_request: NewRequest) -> None:
    transfer = await transfers.start(new_request())
    asking = asyncio.create_task(transfer.conference())
    while not (await transfer.status()).journal:
        assert not asking.done()
    await transfer.complete()
    with pytest.raises(CommandRejected, match="conference came too late: the transfer is over"):
        await asking
