"""A contact centre on Twilio for whole transfers: Temporal, ingress and worker as processes, an emulated account."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client

from hookflash import (
    AcceptGate,
    Agent,
    Customer,
    Mode,
    Policy,
    RunningTransfer,
    Target,
    TransferClient,
    TransferRequest,
)
from tests.integration.switchboard import temporal_server
from tests.providers.twilio_emulator import TwilioEmulator
from tests.providers.twilio_emulator.emulator import ACCOUNT, AUTH_TOKEN, KEY, SECRET
from tests.providers.twilio_world import COMPANY, Hooks, TwilioPeople
from tests.providers.world import Manner, Party
from tests.support.polling import eventually
from tests.support.ports import free_port
from tests.workers.process import WorkerProcess, temporal_at, worker_process

TENANTS = """
[tenants.default]
allow = ["tel:+1*"]
[tenants.bold]
allow = ["tel:+1*"]
blind = true
"""


@dataclass
class Office:
    """A contact centre with an emulated account, and everything that an engine needs."""

    client: Client
    emulator: TwilioEmulator
    variables: Mapping[str, str]
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list[WorkerProcess])
    """All that there have been. The last one may live."""
    ingresses: list[WorkerProcess] = field(default_factory=list[WorkerProcess])
    """The same of the processes that take webhooks."""
    processes: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def listening_worker(self) -> WorkerProcess:
        """Return the worker that listens, a new one if there is none alive."""
        if not self.workers or not self.workers[-1].running:
            log = self.folder / f"worker-{len(self.workers)}.log"
            worker = await self.processes.enter_async_context(worker_process(log, **self.variables))
            self.workers.append(worker)
            await worker.ready()
            await worker.logs("listening to twilio", 60)
        return self.workers[-1]

    async def listening_ingress(self) -> WorkerProcess:
        """Return the ingress where Twilio calls, a new one if there is none alive."""
        if not self.ingresses or not self.ingresses[-1].running:
            await self.another_ingress(self.variables["HOOKFLASH_INGRESS_ADDRESS"])
        return self.ingresses[-1]

    async def another_ingress(self, address: str) -> WorkerProcess:
        """Return a new ingress that listens at an address."""
        log = self.folder / f"ingress-{len(self.ingresses)}.log"
        variables = {**self.variables, "HOOKFLASH_INGRESS_ADDRESS": address}
        ingress = await self.processes.enter_async_context(worker_process(log, "ingress", **variables))
        self.ingresses.append(ingress)
        await ingress.ready()
        return ingress


class Call(TwilioPeople):
    """Customer and agent talk."""

    def __init__(self, office: Office) -> None:
        super().__init__(office.emulator)
        self.office = office
        self.customer = self.agent = Party("nobody", "")
        self._earlier = len(office.emulator.exchange.calls)

    async def begin(self) -> None:
        self.customer, self.agent = await self.place_call()
        await self.hear({self.customer: {"agent"}, self.agent: {"customer"}})

    async def target(self, manner: Manner = Manner.RING, name: str = "target") -> Party:
        """Put a phone in place."""
        return Party(name, "", await self.phone(name, manner))

    async def desk(self, manner: Manner = Manner.RING) -> Party:
        """Return the agent at another phone, by which they are called back."""
        return Party("agent", "", await self.phone("agent", manner))

    async def transfer(
        self, mode: Mode, *targets: Target, policy: Policy | None = None, desk: Party | None = None
    ) -> RunningTransfer:
        """Start to transfer the customer; blind for a tenant that may.

        Args:
            mode: How.
            targets: To whom.
            policy: What applies. Default: the usual.
            desk: Where the agent is called back. Default: nowhere.
        """
        request = TransferRequest(
            mode=mode,
            provider="twilio",
            tenant="bold" if mode is Mode.BLIND else "default",
            customer=Customer(leg=self.customer.leg),
            agent=Agent(leg=self.agent.leg, id="a-17", address=desk.address if desk else None),
            targets=targets,
            policy=policy or Policy(),
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

    async def rung(self, party: Party, within: float = 20) -> None:
        """Wait until a phone rings, for so many seconds at most."""

        async def so() -> bool | None:
            return True if await self.rings(party) == 1 else None

        await eventually(so, f"{party.name} rings", within)

    def calls_to(self, party: Party) -> int:
        """Return how often a party was called in this test, engaged or not."""
        calls = list(self.emulator.exchange.calls.values())[self._earlier :]
        return len([it for it in calls if it.to == party.address.removeprefix("tel:")])

    async def over(self) -> None:
        """Wait until nobody is left, and nothing."""

        async def so() -> bool | None:
            return None if await self.leftovers() else True

        await eventually(so, "an end without leftovers", 20)


def to(party: Party, *, seconds: float = 30, gate: AcceptGate | None = None) -> Target:
    return Target(address=party.address, name=party.name, ring_timeout=timedelta(seconds=seconds), accept=gate)


@asynccontextmanager
async def open_office(folder: Path) -> AsyncGenerator[Office]:
    """Run all but a worker, which comes when it is asked for; what is written goes into a folder."""
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
        office = Office(client, emulator, variables, folder)
        async with office.processes:
            await office.listening_ingress()
            yield office
        await hooks.close()


@asynccontextmanager
async def talking(office: Office) -> AsyncGenerator[Call]:
    """Give a call whose transfer can begin. Afterwards nobody is left behind."""
    office.emulator.exchange.phones.clear()
    call = Call(office)
    await call.begin()
    yield call
    for party in (call.customer, call.agent):
        await call.hang_up(party)
    await call.over()
