"""How signals are sent: in order for one workflow, and nobody waits for somebody else's."""

import asyncio
from datetime import timedelta
from typing import cast

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.delivery import AT_ONCE, RPC_TIMEOUT, UNDELIVERED, Delivery
from hookflash import ProviderEvent, names
from tests.support.polling import eventually

pytestmark = pytest.mark.timeout(15)


class Post:
    """A client of which a test decides when it takes a signal."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.errors: dict[str, RPCStatusCode] = {}
        self._gates: dict[str, asyncio.Event] = {}

    def stop(self, owner: str) -> None:
        self._gates[owner] = asyncio.Event()

    def go_on(self, owner: str) -> None:
        self._gates.pop(owner).set()

    def get_workflow_handle(self, workflow_id: str, *, run_id: str | None) -> "_Handle":
        assert run_id is None
        return _Handle(self, workflow_id)

    async def take(self, owner: str, leg: str) -> None:
        self.in_flight += 1
        self.most_in_flight = max(self.in_flight, self.most_in_flight)
        try:
            await asyncio.sleep(0)
            if owner in self._gates:
                await self._gates[owner].wait()
        finally:
            self.in_flight -= 1
        if owner in self.errors:
            raise RPCError("as the test wants it", self.errors[owner], b"")
        self.taken.append((owner, leg))


class _Handle:
    def __init__(self, post: Post, owner: str) -> None:
        self._post = post
        self._owner = owner

    async def signal(self, name: str, event: ProviderEvent, *, rpc_timeout: timedelta) -> None:
        assert (name, rpc_timeout) == (names.PROVIDER_EVENT_SIGNAL, RPC_TIMEOUT)
        await self._post.take(self._owner, event.leg)


def delivery_by(post: Post, tasks: asyncio.TaskGroup) -> Delivery:
    return Delivery(cast("Client", post), tasks)


async def test_what_goes_to_one_workflow_stays_in_order() -> None:
    post = Post()
    async with asyncio.TaskGroup() as tasks:
        delivery = delivery_by(post, tasks)
        for number in range(20):
            for owner in "abc":
                delivery.post(owner, ProviderEvent(leg=str(number)))
            await asyncio.sleep(0)
    for owner in "abc":
        assert [leg for to, leg in post.taken if to == owner] == [str(number) for number in range(20)]
    assert delivery.sent == 60


async def test_a_slow_workflow_holds_nobody_else_up() -> None:
    post = Post()
    post.stop("slow")
    async with asyncio.TaskGroup() as tasks:
        delivery = delivery_by(post, tasks)
        for owner in ("slow", "slow", "quick", "quick"):
            delivery.post(owner, ProviderEvent(leg="x"))

        async def both() -> bool | None:
            return len(post.taken) >= 2 or None

        await eventually(both, "what goes to the quick one")
        assert {owner for owner, _ in post.taken} == {"quick"}
        post.go_on("slow")
    assert len(post.taken) == 4


async def test_there_is_a_limit_to_what_goes_out_at_once() -> None:
    post = Post()
    async with asyncio.TaskGroup() as tasks:
        delivery = delivery_by(post, tasks)
        for number in range(AT_ONCE * 3):
            delivery.post(f"owner-{number}", ProviderEvent(leg="x"))
    assert post.most_in_flight == AT_ONCE
    assert len(post.taken) == AT_ONCE * 3


@pytest.mark.parametrize("status", [RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT])
async def test_a_signal_that_can_never_be_taken_is_dropped(status: RPCStatusCode) -> None:
    post = Post()
    post.errors["gone"] = status
    async with asyncio.TaskGroup() as tasks:
        delivery = delivery_by(post, tasks)
        for owner in ("gone", "here", "gone", "here"):
            delivery.post(owner, ProviderEvent(leg="x"))
    assert post.taken == [("here", "x")] * 2
    assert delivery.sent == 2


@pytest.mark.parametrize("status", [RPCStatusCode.UNAVAILABLE, RPCStatusCode.CANCELLED, RPCStatusCode.UNAUTHENTICATED])
async def test_a_signal_that_is_not_taken_ends_the_listening(status: RPCStatusCode) -> None:
    post = Post()
    post.errors["transfer:x"] = status

    async def listen() -> None:
        async with asyncio.TaskGroup() as tasks:
            delivery_by(post, tasks).post("transfer:x", ProviderEvent(leg="x"))
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as group:
        await listen()
    error = group.value.exceptions[0]
    assert isinstance(error, ApplicationError)
    assert (error.type, error.non_retryable) == (UNDELIVERED, False)
    assert status.name in error.message
    assert "transfer:x" in error.message


async def test_finishing_waits_for_what_was_posted() -> None:
    post = Post()
    async with asyncio.TaskGroup() as tasks:
        delivery = delivery_by(post, tasks)
        for number in range(3):
            delivery.post("a", ProviderEvent(leg=str(number)))
        await delivery.finish()
        assert [leg for _, leg in post.taken] == ["0", "1", "2"]


async def test_finishing_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.delivery.PATIENCE", 0.05)
    post = Post()
    post.stop("slow")
    async with asyncio.TaskGroup() as tasks:
        delivery = delivery_by(post, tasks)
        delivery.post("slow", ProviderEvent(leg="x"))
        await delivery.finish()
    assert post.taken == []
