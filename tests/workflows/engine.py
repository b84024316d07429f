"""A whole engine in the test's process: real server, real worker with its sandbox, simulated exchange, listener."""

import asyncio
import contextlib
import sys
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowHandle,
    WorkflowUpdateHandle,
    WorkflowUpdateStage,
)
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker, WorkflowRunner

from activities.admission import Admission, AdmissionInput, Tenant, Tenants, Verdict
from activities.arrange import Arrange
from activities.delivery import as_look
from activities.telephony.errors import ProviderUnavailable
from activities.telephony.model import LegEvent
from activities.telephony.simulator import SimulatedExchange
from activities.telephony.simulator.legs import Leg
from hookflash import (
    Agent,
    Customer,
    Mode,
    Policy,
    ProviderEvent,
    Stage,
    Target,
    TransferRequest,
    TransferResult,
    TransferStatus,
)
from hookflash.names import PROVIDER_EVENT_SIGNAL, STATUS_QUERY, TASK_TIMEOUT, WORKFLOW_TYPE, owning_run, transfer_id
from tests.support.polling import eventually
from tests.support.sandbox import proven_sandbox
from tests.workflows.replaying import replay_all
from workers.engine import STICKY_TIMEOUT
from workers.slots import WORKFLOW_STEPS
from workflows.call_back import CallBack
from workflows.connected_call import ConnectedCall
from workflows.guard import GuardInterceptor
from workflows.transfer import Transfer

TENANTS = Tenants(
    tenants={
        "default": Tenant(blind=False, allow=("sim:*",), deny=("sim:forbidden*",)),
        "bold": Tenant(blind=True, allow=("sim:*",)),
        "placed": Tenant(blind=True, allow=("sim:*",), places=("claims,4*", "survey")),
        "honest": Tenant(blind=True, allow=("sim:*",), caller_ids=("+49301234*", "100")),
        "curt": Tenant(warm=False, warm_reason="no introductions", allow=("sim:*",)),
    }
)


SHUTDOWN_LIMIT = 20.0
"""Seconds that a worker gets to end."""


@dataclass
class Engine:
    """What a test drives."""

    client: Client
    exchange: SimulatedExchange
    queue: str = field(default_factory=lambda: f"test-{uuid.uuid4().hex[:8]}")
    started: "list[Running]" = field(default_factory=list["Running"])
    """Every transfer so far. All of them are replayed when the engine stops."""
    post: "Callable[[str, ProviderEvent], Awaitable[None]] | None" = None
    """What the listener does with an event for a workflow. Default: it signals it."""
    _calls: int = 0

    def request(
        self,
        mode: Mode,
        *targets: str | Target,
        policy: Policy | None = None,
        scripts: tuple[str, str] = ("", ""),
        recalled: str = "answer=100ms",
        **more: object,
    ) -> TransferRequest:
        """Place a call on the exchange and return a request to transfer it.

        Args:
            mode: How it is transferred.
            targets: Whom to ring.
            policy: Limits and fallbacks.
            scripts: What the phones of customer and agent do by themselves, from now on.
            recalled: What the agent's phone does when it is called back.
            more: Further fields of the request.
        """
        self._calls += 1
        customer, agent = (f"sim:{who}{self._calls}-{self.queue}" for who in ("carol", "anna"))
        self.exchange.place_call(customer=customer, agent=agent, customer_script=scripts[0], agent_script=scripts[1])
        return TransferRequest.model_validate(
            {
                "mode": mode,
                "provider": "simulator",
                "customer": Customer(leg=customer, address="sim:carol?answer=100ms"),
                "agent": Agent(leg=agent, id="a-17", address=f"sim:anna?{recalled}"),
                "targets": tuple(
                    Target(address=it, name="Claims desk") if isinstance(it, str) else it for it in targets
                ),
                "policy": policy or Policy(),
                **more,
            }
        )

    async def start(self, request: TransferRequest) -> "Running":
        """Start a transfer."""
        handle = await self.client.start_workflow(
            WORKFLOW_TYPE,
            request,
            id=transfer_id(request.provider, request.customer.leg),
            task_queue=self.queue,
            result_type=TransferResult,
            task_timeout=TASK_TIMEOUT,
        )
        self.started.append(Running(self, request, handle))
        return self.started[-1]

    async def transfer(
        self,
        mode: Mode,
        *targets: str | Target,
        policy: Policy | None = None,
        **more: Any,  # noqa: ANN401
    ) -> "Running":
        """Place a call and start to transfer it; see ``request``."""
        return await self.start(self.request(mode, *targets, policy=policy, **more))

    async def signal(self, owner: str, event: ProviderEvent) -> None:
        """Tell a workflow what happened; one that is over needs not know."""
        try:
            workflow, run_id = owning_run(owner)
            await self.client.get_workflow_handle(workflow, run_id=run_id).signal(PROVIDER_EVENT_SIGNAL, event)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def listen(self) -> None:
        """Pass on what the exchange reports, and have everybody look again after each gap."""
        while True:
            with contextlib.suppress(ProviderUnavailable):
                async for event in self.exchange.events():
                    if isinstance(event, LegEvent):
                        await (self.post or self.signal)(event.owner, as_signalled(event))
                        continue
                    if event is not None:
                        continue  # a transfer key: what becomes of it is the real listener's
                    for owner, legs in sorted((await self.exchange.owners()).items()):
                        await self.signal(owner, as_look(legs))
            await asyncio.sleep(0.05)  # the exchange is out of reach; a real listener waits a moment too

    def worker(
        self,
        admit: Callable[[AdmissionInput], Awaitable[Verdict]] | None = None,
        runner: WorkflowRunner | None = None,
        **options: Any,  # noqa: ANN401 the worker's own
    ) -> Worker:
        """Return a worker with the engine's exchange. There can be one after another.

        Args:
            admit: Takes the place of the activity that asks the policy.
            runner: What workflow code runs in. Default: the sandbox of the real workers.
            options: Further arguments of the ``Worker``. What Temporal loses on the way to it is sent again as soon as
                to a real one, and not after ten seconds, and it takes on no more steps at a time than a real one: else
                dozens of transfers at once run out of time together on a busy machine, and are all begun again.
        """
        arrange = Arrange({"simulator": self.exchange})
        options.setdefault("max_concurrent_workflow_tasks", WORKFLOW_STEPS)
        if options.get("max_cached_workflows") != 0:
            options.setdefault("sticky_queue_schedule_to_start_timeout", STICKY_TIMEOUT)
        return Worker(
            self.client,
            task_queue=self.queue,
            workflows=[Transfer, ConnectedCall, CallBack],
            activities=[
                arrange.arrange,
                arrange.decline,
                admit or Admission(TENANTS, ["simulator"]).admit,
            ],
            interceptors=[GuardInterceptor()],
            workflow_runner=runner or proven_sandbox(),
            **options,
        )


@dataclass
class Running:
    """A transfer under way."""

    engine: "Engine"
    request: TransferRequest
    handle: WorkflowHandle[object, TransferResult]

    async def status(self) -> TransferStatus:
        return await self.handle.query(STATUS_QUERY, result_type=TransferStatus)

    async def reaches(self, stage: Stage) -> TransferStatus:
        """Poll until the transfer is in a stage."""

        async def there() -> TransferStatus | None:
            status = await self.status()
            return status if status.stage is stage else None

        return await eventually(there, f"stage {stage}")

    async def do(self, command: str, body: object = None) -> TransferStatus:
        return await self.update(command, *([] if body is None else [body]))

    async def update(self, name: str, *inputs: object) -> TransferStatus:
        """Send a command with whatever inputs."""
        return await (await self.accepted(name, *inputs)).result()

    async def accepted(self, name: str, *inputs: object) -> WorkflowUpdateHandle[TransferStatus]:
        """Send a command, and wait only until the workflow has it."""
        # The SDK leaves the type of args open in one overload, for which the whole signature counts as unknown.
        return await self.handle.start_update(  # pyright: ignore[reportUnknownMemberType]
            name, args=inputs, wait_for_stage=WorkflowUpdateStage.ACCEPTED, result_type=TransferStatus
        )

    async def result(self, within: float = 20.0) -> TransferResult:
        return await asyncio.wait_for(self.handle.result(), within)

    @property
    def target_leg(self) -> str:
        """The leg that was rung last."""
        return self.target_legs[-1]

    @property
    def target_legs(self) -> list[str]:
        """Every leg that was rung, in order."""
        return [leg.id for leg in self.engine.exchange.legs.values() if self._is_minted(leg)]

    def live(self) -> dict[str, Leg]:
        """Every leg of the call that has not ended, by id."""
        legs = self.engine.exchange.legs.values()
        return {leg.id: leg for leg in legs if leg.call == self.request.customer.leg and leg.live}

    def _is_minted(self, leg: Leg) -> bool:
        return leg.id.startswith("hf-") and leg.call == self.request.customer.leg

    async def hear(self, **expected: set[str]) -> None:
        """Poll until each party hears exactly these: parties by name, or sounds."""

        async def as_expected() -> bool | None:
            return True if self.heard() == expected else None

        try:
            await eventually(as_expected, "")
        except AssertionError:
            raise AssertionError(f"expected {expected}, heard {self.heard()}") from None

    def heard(self) -> dict[str, set[str]]:
        """What each party that is up hears."""
        parties = self.engine.exchange.snapshot(self.request.customer.leg).parties
        names = {it.leg: _short(it.name) for it in parties}
        return {_short(it.name): {names.get(sound, str(sound)) for sound in it.hears} for it in parties if it.hears}


def _short(name: str) -> str:
    return name if name in ("customer", "agent") else "target"


def as_signalled(event: LegEvent) -> ProviderEvent:
    """Return an event of the exchange as the listener passes it on."""
    cause = event.cause.value if event.cause else ""
    return ProviderEvent(kind=event.kind.value, leg=event.leg, cause=cause, digit=event.digit, evidence=event.evidence)


@contextlib.asynccontextmanager
async def listening(engine: Engine) -> AsyncGenerator[None]:
    """Listen to the exchange. Whatever goes wrong with it fails the test."""
    listener = asyncio.create_task(engine.listen())
    try:
        yield
    finally:
        cancelled = listener.cancel()
        try:
            await listener
        except asyncio.CancelledError:
            pass
        except RPCTimeoutOrCancelledError as error:
            # So the SDK calls a cancel that comes in the middle of an update. A time-out has another cause.
            if not (cancelled and isinstance(error.__cause__, asyncio.CancelledError)):
                raise


@contextlib.asynccontextmanager
async def at_work(worker: Worker) -> AsyncGenerator[None]:
    """Run a worker in the test's process.

    Seen once in some hundreds, on a busy machine: a worker of the SDK that did not come back from its shutdown when
    nothing was left for it to do (`workers.engine.ENDS_WITHIN`). What a test is about has been decided by then, so it
    is said aloud and left behind. That a worker as it is run in production ends is tested with processes of their own,
    in ``tests/workers``.
    """
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        stopping = asyncio.create_task(worker.shutdown())
        _, late = await asyncio.wait({running, stopping}, timeout=SHUTDOWN_LIMIT)
        if late:
            print(f"the worker of {worker.task_queue} did not end within {SHUTDOWN_LIMIT} s", file=sys.stderr)
            for task in late:
                task.print_stack()
        else:
            await running


@contextlib.asynccontextmanager
async def running_engine(
    client: Client,
    exchange: SimulatedExchange | None = None,
    *,
    admit: Callable[[AdmissionInput], Awaitable[Verdict]] | None = None,
    replays: int = 20,
    **options: Any,  # noqa: ANN401 the worker's own
) -> AsyncGenerator[Engine]:
    """Run an engine for one test.

    Fails when the exchange saw privacy broken or the customer in silence, and when a transfer cannot be replayed.

    Args:
        client: A client with the project's data converter.
        exchange: Where the calls are. Default: a new one.
        admit: Takes the place of the activity that asks the policy.
        replays: How many transfers are replayed at the end, evenly spread over those of the test.
        options: Further arguments of the ``Worker``.
    """
    engine = Engine(client, exchange or SimulatedExchange())
    async with at_work(engine.worker(admit, **options)):
        async with listening(engine):
            yield engine
        await engine.exchange.close()
    step = max(1, len(engine.started) // max(1, replays))
    await replay_all(transfer.handle for transfer in engine.started[::step])
    assert not engine.exchange.violations, "\n".join(engine.exchange.violations)
