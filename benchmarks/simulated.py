"""The engine on the simulator and its peers beside it: one server, a worker process each, clients in this process."""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle, WorkflowHistory

from benchmarks.peers import QUEUE, RINGS_AFTER
from benchmarks.server import plain_server
from hookflash import Agent, Customer, Mode, Policy, RunningTransfer, Stage, Target, TransferClient, TransferRequest
from hookflash.names import TASK_TIMEOUT
from tests.integration.switchboard import reaches
from tests.workers.process import ROOT, WorkerProcess, module_process, temporal_at, worker_process
from workers.provider_settings import SIMULATOR

TENANTS_FILE = "tenants.toml"
TENANTS = "[tenants.bold]\nblind = true\n"
COMPILED = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(ROOT / ".artifacts/pycache")}
"""As in the image: the peers' sandbox imports modules all the time, and compiling takes longer than running them."""
PATIENT = timedelta(minutes=2)
"""How long a target may ring: longer than is measured."""
RINGS = f"ring={RINGS_AFTER * 1000:g}ms"


@dataclass
class Bench:
    """What is measured on."""

    client: Client
    transfers: TransferClient
    engine: WorkerProcess
    peers: WorkerProcess
    folder: Path
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def request(
        self, mode: Mode, *, answer_after: float = 0.0, then: str = "", policy: Policy | None = None
    ) -> TransferRequest:
        """Return a request for a new call.

        Args:
            mode: How.
            answer_after: Seconds from the ringing to the answer. 0: the target rings on.
            then: What the target's phone does later, in the words of the simulator.
            policy: Limits and fallbacks. Default: the contract's own.
        """
        number = next(self.numbers)
        script = "&".join(it for it in (RINGS, f"answer={answer_after:g}s" if answer_after else "", then) if it)
        return TransferRequest(
            mode=mode,
            provider="simulator",
            tenant="bold",
            customer=Customer(leg=f"sim:customer-{number}"),
            agent=Agent(leg=f"sim:agent-{number}", id="a-17", address="sim:agent"),
            targets=(Target(address=f"sim:claims-{number}?{script}", name="Claims desk", ring_timeout=PATIENT),),
            policy=policy or Policy(),
        )

    async def talking(self, mode: Mode) -> RunningTransfer:
        """Start a transfer and wait until agent and target talk."""
        transfer = await self.transfers.start(self.request(mode, answer_after=0.05))
        await reaches(transfer, Stage.CONSULTING)
        return transfer

    async def peer(self, workflow: str, *arguments: object) -> WorkflowHandle[object, object]:
        """Start a workflow of the peers."""
        return await self.client.start_workflow(
            workflow, args=arguments, id=f"{workflow}-{next(self.numbers)}", task_queue=QUEUE, task_timeout=TASK_TIMEOUT
        )

    async def command(self, peer: WorkflowHandle[object, object], name: str) -> None:
        """Give a peer a command and wait for its answer."""
        # The SDK leaves the type of args open in one overload, for which the whole signature counts as unknown.
        await peer.execute_update("command", name)  # pyright: ignore[reportUnknownMemberType]

    def handle(self, transfer: RunningTransfer) -> WorkflowHandle[object, object]:
        """Return what reads a transfer's history."""
        return self.client.get_workflow_handle(transfer.id, run_id=transfer.run_id)

    @asynccontextmanager
    async def engine_beside(self, number: int) -> AsyncGenerator[WorkerProcess]:
        """Run a worker that makes transfers' steps and reaches no node itself, for a bench with ``--role provider``."""
        elsewhere = {"HOOKFLASH_SIMULATOR": "", "HOOKFLASH_PROVIDERS_ELSEWHERE": SIMULATOR}
        settings = {"HOOKFLASH_TENANTS_FILE": str(self.folder / TENANTS_FILE), "HOOKFLASH_LOG_LEVEL": "WARNING"}
        log = self.folder / f"engine-{number}.log"
        there = temporal_at(self.client) | COMPILED
        async with worker_process(log, "--role", "engine", **there, **settings, **elsewhere) as worker:
            await worker.ready()
            yield worker


@asynccontextmanager
async def bench(*arguments: str, **variables: str) -> AsyncGenerator[Bench]:
    """Run server, engine and peers.

    Args:
        arguments: Of the engine's command line.
        variables: Of the engine's environment.
    """
    with tempfile.TemporaryDirectory(prefix="hookflash-benchmarks-") as name:
        folder = Path(name)
        tenants = folder / TENANTS_FILE
        tenants.write_text(TENANTS, encoding="utf-8")
        async with plain_server() as client:
            there = temporal_at(client) | COMPILED
            settings = {"HOOKFLASH_TENANTS_FILE": str(tenants), "HOOKFLASH_LOG_LEVEL": "WARNING"}
            async with (
                worker_process(folder / "engine.log", *arguments, **there, **settings, **variables) as engine,
                module_process(folder / "peers.log", "benchmarks.peers", **there) as peers,
            ):
                await asyncio.gather(engine.ready(), peers.ready())
                yield Bench(client, TransferClient(client), engine, peers, folder)


def moments(history: WorkflowHistory, kind: "EventType.ValueType") -> list[float]:
    """Return when events of a kind happened, by the wall clock that server and clients of one machine share."""
    return [event.event_time.ToNanoseconds() / 1e9 for event in history.events if event.event_type == kind]
