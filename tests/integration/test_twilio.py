"""Whole transfers over Twilio: a real Temporal server, worker and ingress as processes, and an emulated account."""

import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client

from hookflash import (
    AcceptGate,
    Agent,
    Cause,
    Customer,
    Mode,
    Outcome,
    RunningTransfer,
    Stage,
    Target,
    TransferClient,
    TransferRequest,
)
from tests.deploy.composition import free_port
from tests.integration.switchboard import reaches, temporal_server
from tests.providers.twilio_emulator import TwilioEmulator
from tests.providers.twilio_emulator.emulator import ACCOUNT, AUTH_TOKEN, KEY, SECRET
from tests.providers.twilio_world import COMPANY, Hooks, TwilioPeople
from tests.providers.world import ANNOUNCEMENT, MUSIC, RINGBACK, Manner, Party
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess, temporal_at, worker_process

TENANTS = """
[tenants.default]
allow = ["tel:+1*"]
"""


@dataclass
class Office:
    """A contact centre with an emulated account, and everything that an engine needs."""

    client: Client
    emulator: TwilioEmulator
    variables: Mapping[str, str]
    folder: Path
    workers: int = 0

    def log(self) -> Path:
        self.workers += 1
        return self.folder / f"worker-{self.workers}.log"


class Call(TwilioPeople):
    """Customer and agent talk."""

    def __init__(self, office: Office) -> None:
        super().__init__(office.emulator)
        self.office = office
        self.customer = self.agent = Party("nobody", "")

    async def begin(self) -> None:
        self.customer, self.agent = await self.place_call()
        await self.hear({self.customer: {"agent"}, self.agent: {"customer"}})

    async def target(self, manner: Manner = Manner.RING, name: str = "target") -> Party:
        """Put a phone in place."""
        return Party(name, "", await self.phone(name, manner))

    async def transfer(self, mode: Mode, *targets: Target) -> RunningTransfer:
        """Start to transfer the customer."""
        request = TransferRequest(
            mode=mode,
            provider="twilio",
            customer=Customer(leg=self.customer.leg),
            agent=Agent(leg=self.agent.leg, id="a-17"),
            targets=targets,
        )
        return await TransferClient(self.office.client).start(request)

    async def hear(self, wanted: Mapping[Party, set[str]]) -> None:
        """Wait until everybody hears exactly this."""
        heard: dict[str, frozenset[str]] = {}

        async def so() -> bool | None:
            for party in wanted:
                heard[party.name] = await self.hears(party)
            return True if heard == {party.name: frozenset(it) for party, it in wanted.items()} else None

        try:
            await eventually(so, "what is to be heard", 20)
        except AssertionError as error:
            raise AssertionError(f"{error}; heard: {heard}") from error

    async def rung(self, party: Party) -> None:
        """Wait until a phone rings."""

        async def so() -> bool | None:
            return True if await self.rings(party) == 1 else None

        await eventually(so, f"{party.name} rings", 20)

    async def over(self) -> None:
        """Wait until nobody is left, and nothing."""

        async def so() -> bool | None:
            return None if await self.leftovers() else True

        await eventually(so, "an end without leftovers", 20)


def to(party: Party, *, seconds: float = 30, gate: AcceptGate | None = None) -> Target:
    return Target(address=party.address, name=party.name, ring_timeout=timedelta(seconds=seconds), accept=gate)


@pytest.fixture(scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    folder = tmp_path_factory.mktemp("twilio")
    (folder / "tenants.toml").write_text(TENANTS)
    port = free_port()
    hooks = Hooks()
    async with temporal_server() as client, TwilioEmulator(pace=1.0) as emulator:
        await hooks.open()
        variables = {
            **temporal_at(client),
            "HOOKFLASH_SIMULATOR": "false",
            "HOOKFLASH_TENANTS_FILE": str(folder / "tenants.toml"),
            "HOOKFLASH_TWILIO_ACCOUNT_SID": ACCOUNT,
            "HOOKFLASH_TWILIO_API_KEY_SID": KEY,
            "HOOKFLASH_TWILIO_API_KEY_SECRET": SECRET,
            "HOOKFLASH_TWILIO_BASE_URL": emulator.url,
            "HOOKFLASH_TWILIO_SYNC_URL": emulator.url,
            "HOOKFLASH_TWILIO_CALLER_ID": COMPANY,
            "HOOKFLASH_TWILIO_PLACES_URL": f"{hooks.base_url}/place",
            "HOOKFLASH_TWILIO_CALLBACK_URL": f"http://127.0.0.1:{port}",
            "HOOKFLASH_TWILIO_CALLBACK_KEY": "k" * 32,
            "HOOKFLASH_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "HOOKFLASH_TWILIO_MEDIA_URL": f"{hooks.base_url}/media",
            "HOOKFLASH_INGRESS_ADDRESS": f"127.0.0.1:{port}",
        }
        async with worker_process(folder / "ingress.log", "ingress", **variables) as ingress:
            await ingress.ready()
            yield Office(client, emulator, variables, folder)
        await hooks.close()


@pytest.fixture
async def worker(office: Office) -> AsyncIterator[WorkerProcess]:
    """Run a worker, and wait until it listens."""
    async with worker_process(office.log(), **office.variables) as process:
        await process.ready()
        await process.logs("listening to twilio", 60)
        yield process


@pytest.fixture
async def call(office: Office, worker: WorkerProcess) -> AsyncIterator[Call]:
    """Give a call whose transfer can begin. Afterwards nobody is left behind."""
    office.emulator.exchange.phones.clear()
    call = Call(office)
    await call.begin()
    yield call
    for party in (call.customer, call.agent):
        await call.hang_up(party)
    await call.over()


async def test_a_warm_transfer_from_hold_to_complete(call: Call) -> None:
    target = await call.target()
    transfer = await call.transfer(Mode.WARM, to(target))
    await call.hear({call.customer: {MUSIC}, call.agent: {RINGBACK}})
    await call.rung(target)
    await call.answer(target)
    await reaches(transfer, Stage.CONSULTING)
    await call.hear({call.customer: {MUSIC}, call.agent: {"target"}, target: {"agent"}})
    await transfer.swap()
    await call.hear({call.customer: {"agent"}, call.agent: {"customer"}, target: {MUSIC}})
    await transfer.conference()
    await call.hear({call.customer: {"agent", "target"}, call.agent: {"customer", "target"}})
    await transfer.complete()
    result = await transfer.wait()
    assert result.outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})
    assert await call.rings(target) == 1
    # The watch that goes on after the transfer releases who is left.
    await call.hang_up(call.customer)
    await call.hear({target: set()})


async def test_a_cold_transfer_to_who_answers(call: Call) -> None:
    target = await call.target()
    transfer = await call.transfer(Mode.COLD, to(target))
    await call.hear({call.customer: {RINGBACK}, call.agent: {MUSIC}})
    await call.answer(target)
    result = await transfer.wait()
    assert result.outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})


async def test_a_call_that_was_transferred_is_transferred_again(call: Call) -> None:
    first, second = await call.target(), await call.target(name="second")
    transfer = await call.transfer(Mode.COLD, to(first))
    await call.rung(first)
    await call.answer(first)
    (attempt,) = (await transfer.wait()).attempts
    await call.hear({call.customer: {"target"}, first: {"customer"}, call.agent: set()})
    call.agent = Party(first.name, attempt.leg, first.address)
    again = await call.transfer(Mode.WARM, to(second))
    await call.hear({call.customer: {MUSIC}, first: {RINGBACK}})
    await call.rung(second)
    await call.answer(second)
    await reaches(again, Stage.CONSULTING)
    await call.hear({call.customer: {MUSIC}, first: {"second"}, second: {"target"}})
    await again.complete()
    assert (await again.wait()).outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"second"}, second: {"customer"}, first: set()})


@pytest.mark.parametrize(("manner", "cause"), [(Manner.BUSY, Cause.BUSY), (Manner.RING, Cause.NO_ANSWER)])
async def test_a_cold_transfer_that_fails_gives_the_customer_back(call: Call, manner: Manner, cause: Cause) -> None:
    target = await call.target(manner)
    transfer = await call.transfer(Mode.COLD, to(target, seconds=3))
    result = await transfer.wait()
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, cause)
    await call.hear({call.customer: {"agent"}, call.agent: {"customer"}})


async def test_a_target_that_is_asked_presses_a_key(call: Call) -> None:
    target = await call.target()
    transfer = await call.transfer(Mode.COLD, to(target, gate=AcceptGate(timeout=timedelta(seconds=30))))
    await call.hear({call.customer: {RINGBACK}, call.agent: {MUSIC}})
    await call.rung(target)
    await call.answer(target)
    await reaches(transfer, Stage.SCREENING)
    await call.hear({target: {ANNOUNCEMENT}, call.customer: {MUSIC}})  # nothing rings any more
    await call.press(target, "1")
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})


@pytest.mark.parametrize("fault", ["callbacks_lost", "callbacks_doubled", "callbacks_reordered"])
async def test_an_answer_is_found_whatever_becomes_of_the_webhooks(call: Call, office: Office, fault: str) -> None:
    target = await call.target()
    setattr(office.emulator.faults, fault, True)
    try:
        transfer = await call.transfer(Mode.COLD, to(target))
        await call.rung(target)
        await call.answer(target)
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})
    finally:
        setattr(office.emulator.faults, fault, False)


async def test_an_answer_while_every_worker_is_dead_is_no_loss(
    call: Call, office: Office, worker: WorkerProcess
) -> None:
    target = await call.target()
    transfer = await call.transfer(Mode.COLD, to(target))
    await call.rung(target)
    worker.send(signal.SIGKILL)
    await worker.end()
    await call.answer(target)
    await call.hear({call.customer: {"target"}, target: {"customer"}})
    async with worker_process(office.log(), **office.variables) as another:
        await another.ready()
        assert (await transfer.wait()).outcome is Outcome.CONNECTED
        await call.hear({call.customer: {"target"}, target: {"customer"}, call.agent: set()})
        assert await call.rings(target) == 1
        await call.hang_up(target)
        await call.hear({call.customer: set()})
