"""Starting, watching and commanding through `TransferClient`, against a real server and a stand-in workflow."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowUpdateInput,
    WorkflowUpdateHandle,
)
from temporalio.service import GrpcCompression

from hookflash import (
    Accept,
    CommandName,
    CommandRejected,
    EngineUnreachable,
    HookflashError,
    InvalidRequest,
    Outcome,
    Party,
    Stage,
    Target,
    TransferClient,
    TransferFailed,
    TransferNotFound,
    TransferStatus,
    Wait,
    names,
)
from tests.contract.conftest import NewRequest
from workers.connection import connect


def told(status: TransferStatus) -> list[str]:
    return [entry.text for entry in status.journal]


async def test_a_started_transfer_is_named_after_its_call_and_shown_in_words(
    transfers: TransferClient, new_request: NewRequest
) -> None:
    request = new_request(labels={"campaign": "winter|storm"}, idempotency_key="k-1")
    transfer = await transfers.start(request)

    assert transfer.id == names.transfer_id("simulator", request.customer.leg)
    found = await transfers.temporal.get_workflow_handle(transfer.id).describe()
    assert found.run_id == transfer.run_id
    assert await found.static_summary() == "Warm transfer to Claims desk"
    details = await found.static_details()
    assert details is not None
    assert "| Claims desk | 20 s | - |" in details.replace("\u00a0", "")
    assert r"- campaign: winter\|storm" in details
    assert "sim:claims" not in details, "an address may be a phone number"
    assert await found.memo_value(names.FINGERPRINT_MEMO) == request.fingerprint()
    assert await found.memo_value(names.IDEMPOTENCY_MEMO) == "k-1"


async def test_the_first_words_say_who_rings_together_and_for_how_long(
    transfers: TransferClient, new_request: NewRequest
) -> None:
    targets = [
        {"address": "sim:a", "name": "Claims", "ring_timeout": "PT1H"},
        {"address": "sim:b", "name": "Night desk", "with_previous": True, "accept": {"timeout": 90}},
    ]
    transfer = await transfers.start(new_request(targets=targets))
    details = await (await transfers.temporal.get_workflow_handle(transfer.id).describe()).static_details()
    assert details is not None
    assert "| Claims | 1 h | - |\n| Night desk | 20 s, with the one above | 1 min 30 s |" in details.replace(
        "\u00a0", ""
    )


async def test_every_command_reaches_its_handler_with_its_argument(
    transfers: TransferClient, new_request: NewRequest
) -> None:
    transfer = await transfers.start(new_request())
    id = transfer.id

    assert (await transfers.status(id)).stage is Stage.RINGING
    await transfers.hold(id)
    await transfers.hold(id, party=Party.TARGET)
    await transfers.unhold(id, party=Party.AGENT)
    await transfers.retarget(id, Target(address="sim:bob", name="Bob"))
    await transfers.accept(id)
    await transfers.accept(id, "leg-3")
    await transfers.decline(id, "leg-4")
    await transfers.extend(id, Wait.HOLD_BUDGET, timedelta(minutes=2))
    status = await transfers.cancel(id, by="operator", reason="test")

    assert told(status) == [
        "hold customer",
        "hold target",
        "unhold agent",
        "retarget Bob",
        "accept",
        "accept leg-3",
        "decline leg-4",
        "extend hold_budget 120",
        "cancel by operator: test",
    ]
    assert (await transfers.wait(id)).outcome is Outcome.CANCELLED


@pytest.mark.parametrize(("command", "outcome"), [("complete", Outcome.CONNECTED), ("decline", Outcome.FAILED)])
async def test_the_result_can_be_waited_for_and_seen_in_the_status(
    transfers: TransferClient, new_request: NewRequest, command: str, outcome: Outcome
) -> None:
    transfer = await transfers.start(new_request())
    status: TransferStatus = await getattr(transfer, command)()
    assert status.result is not None
    assert status.result.outcome is outcome
    assert (await transfer.wait()) == status.result
    assert (await transfer.status()).result == status.result


async def test_a_refused_command_says_what_is_possible(transfers: TransferClient, new_request: NewRequest) -> None:
    transfer = await transfers.start(new_request())
    with pytest.raises(CommandRejected, match="swap is not possible while ringing; possible: hold, cancel") as refused:
        await transfer.swap()
    assert refused.value.command is CommandName.SWAP


async def test_a_command_after_the_end_is_refused(transfers: TransferClient, new_request: NewRequest) -> None:
    transfer = await transfers.start(new_request())
    await transfer.complete()
    await transfer.wait()
    with pytest.raises(CommandRejected, match="hold is not possible: the transfer is over"):
        await transfers.hold(transfer.id)


async def test_nobody_knows_an_unknown_transfer(transfers: TransferClient) -> None:
    unknown = transfers.transfer("transfer:simulator:nobody")
    for call in (unknown.status, unknown.wait, unknown.hold, unknown.complete):
        with pytest.raises(TransferNotFound, match="no transfer transfer:simulator:nobody in namespace default") as it:
            await call()
        assert it.value.transfer_id == unknown.id


async def test_a_wrong_argument_is_named_before_it_is_sent(transfers: TransferClient) -> None:
    nobody = transfers.transfer("transfer:simulator:nobody")
    with pytest.raises(InvalidRequest) as refused:
        await nobody.cancel(reason="two\nlines")
    assert [it["field"] for it in refused.value.problems] == ["reason"]
    with pytest.raises(InvalidRequest, match="give exactly one of address, directory and leg") as refused:
        await nobody.retarget(Target.model_construct(name="nowhere"))
    assert [it["field"] for it in refused.value.problems] == ["target"]
    for call in (nobody.accept("no/leg"), nobody.decline("no/leg")):
        with pytest.raises(InvalidRequest) as refused:
            await call
        assert [it["field"] for it in refused.value.problems] == ["leg"]
    with pytest.raises(InvalidRequest) as refused:
        await nobody.extend("ring", timedelta(hours=2))  # pyright: ignore[reportArgumentType]
    assert [it["field"] for it in refused.value.problems] == ["wait", "remaining"]
    with pytest.raises(InvalidRequest) as refused:
        await nobody.hold("everybody")  # pyright: ignore[reportArgumentType]
    assert [it["field"] for it in refused.value.problems] == ["party"]


class _Arguments(Interceptor, OutboundInterceptor):
    """Remembers what the commands are sent with."""

    def __init__(self) -> None:
        """The base's `__init__` wants the next one, which is known only later."""
        self.sent: list[Sequence[Any]] = []

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        self.next = next
        return self

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:
        self.sent.append(input.args)
        return await super().start_workflow_update(input)


async def test_an_answer_for_whoever_was_asked_first_has_no_body(
    client: Client, queue: str, new_request: NewRequest
) -> None:
    # Engines that are older than the body refuse any.
    config = client.config(active_config=True)
    network = _Arguments()
    config["interceptors"] = [network]
    transfer = await TransferClient(Client(**config), queue).start(new_request())
    await transfer.accept()
    await transfer.accept("leg-3")
    await transfer.decline()
    assert network.sent == [[], [Accept(leg="leg-3")], []]


class _OtherContract(Interceptor, OutboundInterceptor):
    """Sends what our own validation would not let pass, as a client with another version of the contract might."""

    def __init__(self) -> None:
        """The base's `__init__` wants the next one, which is known only later."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        self.next = next
        return self

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> WorkflowUpdateHandle[Any]:
        return await super().start_workflow_update(replace(input, args=[{"party": "everybody", "loudly": True}]))


async def test_what_the_engine_refuses_keeps_its_fields(
    client: Client, queue: str, transfers: TransferClient, new_request: NewRequest
) -> None:
    config = client.config(active_config=True)
    config["interceptors"] = [_OtherContract()]
    transfer = await TransferClient(Client(**config), queue).start(new_request())
    with pytest.raises(InvalidRequest, match="invalid Hold: party: ") as refused:
        await transfer.hold()
    assert [it["field"] for it in refused.value.problems] == ["party", "loudly"]

    await transfers.complete(transfer.id)
    await transfer.wait()
    broken = await transfers.start(new_request().model_copy(update={"tenant": "no/tenant"}))
    with pytest.raises(InvalidRequest) as refused:
        await broken.wait()
    assert [it["field"] for it in refused.value.problems] == ["tenant"]


async def test_a_terminated_transfer_has_failed(transfers: TransferClient, new_request: NewRequest) -> None:
    transfer = await transfers.start(new_request())
    await transfers.temporal.get_workflow_handle(transfer.id).terminate()
    with pytest.raises(TransferFailed, match="was terminated"):
        await transfer.wait()


async def test_a_missing_namespace_is_not_a_missing_transfer(
    client: Client, transfers: TransferClient, new_request: NewRequest
) -> None:
    host = client.service_client.config.target_host
    elsewhere = await TransferClient.connect(address=host, namespace="nowhere")
    for call in (elsewhere.start(new_request(idempotency_key="k")), elsewhere.status("transfer:a:b")):
        with pytest.raises(EngineUnreachable, match="nowhere"):
            await call


async def test_neither_callers_nor_workers_pack_what_they_say_to_temporal(client: Client) -> None:
    host = client.service_client.config.target_host
    caller = (await TransferClient.connect(address=host)).temporal
    worker = await connect({"target_host": host}, identity="worker")
    assert [it.service_client.config.grpc_compression for it in (caller, worker)] == [GrpcCompression.NONE] * 2


async def test_no_server_is_said_in_plain_words() -> None:
    with pytest.raises(EngineUnreachable, match=r"^no Temporal server at 127\.0\.0\.1:1: Connection refused$") as error:
        await TransferClient.connect(address="127.0.0.1:1")
    assert isinstance(error.value, HookflashError)
