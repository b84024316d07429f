"""A contact centre on a real Asterisk: customer and agent talk, and the engine runs as a process of its own."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client

from hookflash import (
    AcceptGate,
    Agent,
    Context,
    Customer,
    Mode,
    Policy,
    RunningTransfer,
    Stage,
    Target,
    TransferClient,
    TransferRequest,
    TransferStatus,
)
from tests.integration.dialplan_calls import ADOPTED
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.rig.ear import hear_exactly
from tests.rig.phone import Phone, PhoneRack
from tests.rig.rtp import PACKET_SECONDS
from tests.rig.tones import RECORDINGS
from tests.support.polling import eventually
from tests.support.temporal_server import start_server
from tests.workers.process import WorkerProcess, temporal_at, worker_process

ENGINE_APP = "hookflash-engine"
"""The engine's own ARI application: tests that listen for themselves use another."""


@dataclass
class Office:
    """What a test of real calls starts from."""

    node: AsteriskNode
    client: Client
    phones: PhoneRack
    calls: CallControl
    provider: str = "asterisk"
    """How the engine calls the node."""

    async def dialplan_call(self, extension: str) -> "TalkingCall":
        """Let the customer call an extension that connects the agent, and that asks no call control."""
        customer, agent = await self.phones.phone("customer"), await self.phones.phone("agent")
        await customer.place(extension)
        await hear_exactly({customer: {"agent"}, agent: {"customer"}}, within=5)
        legs = {channel["name"].rpartition("-")[0]: channel["id"] for channel in await self.node.channels()}
        return TalkingCall(self, customer, agent, legs["PJSIP/customer"], legs["PJSIP/agent"], "")

    async def call(
        self, agent_variables: Mapping[str, str] | None = None, kind: str = "mixing,dtmf_events"
    ) -> "TalkingCall":
        """Connect customer and agent, as the contact centre's own call control does before a transfer.

        Args:
            agent_variables: What it sets on the agent's leg.
            kind: Type of its bridge.
        """
        customer, agent = await self.phones.phone("customer"), await self.phones.phone("agent")
        legs = [
            await self.calls.connect_phone("customer"),
            await self.calls.connect_phone("agent", variables=agent_variables),
        ]
        room = await self.calls.bridge(*legs, kind=kind)
        await hear_exactly({customer: {"agent"}, agent: {"customer"}})
        return TalkingCall(self, customer, agent, legs[0], legs[1], room)


@dataclass
class TalkingCall:
    """Customer and agent, talking."""

    office: Office
    customer: Phone
    agent: Phone
    customer_leg: str
    agent_leg: str
    room: str
    """The contact centre's own. Empty: a call of the dialplan has none."""

    async def target(self, behaviour: Behaviour, name: str = "target1") -> Phone:
        """Put a phone where a target is."""
        return await self.office.phones.phone(name, behaviour)

    async def transfer(
        self,
        mode: Mode,
        *targets: str | Target,
        ring_timeout: float = 10,
        policy: Policy | None = None,
        agent: Agent | None = None,
        **more: object,
    ) -> RunningTransfer:
        """Start to transfer the customer to these phones.

        Args:
            mode: How; every mode is permitted here.
            targets: Whom to ring, by the name of the phone, or with all that can be said of a target.
            ring_timeout: Seconds that those given by name may ring.
            policy: Limits and fallbacks. Default: the contract's own.
            agent: Who transfers. Default: the agent of the call.
            more: Further fields of the request.
        """
        given: dict[str, object] = {
            "mode": mode,
            "provider": self.office.provider,
            "tenant": "bold" if mode is Mode.BLIND else "default",
            "customer": Customer(leg=self.customer_leg, address="pjsip:customer"),
            "agent": agent or Agent(leg=self.agent_leg, id="a-17", address="pjsip:agent"),
            "targets": tuple(to_phone(it, ring_timeout) if isinstance(it, str) else it for it in targets),
            "context": Context(reason="Wasserschaden Küche", data={"Priority": "high"}),
            "policy": policy or Policy(),
        }
        request = TransferRequest.model_validate(given | more)
        return await TransferClient(self.office.client).start(request)

    async def ring(
        self, mode: Mode, to: str | Target = "target1", *, ring_timeout: float = 10, policy: Policy | None = None
    ) -> tuple[Phone, Call, RunningTransfer]:
        """Transfer the customer to a phone that only rings, and wait until it does.

        Args:
            mode: How.
            to: The target of that phone, as in `transfer`.
            ring_timeout: Seconds that it may ring, if it is given by its name.
            policy: Limits and fallbacks. Default: the contract's own.

        Returns:
            The phone, its call, and the transfer.
        """
        target = await self.target(Behaviour.rings())
        transfer = await self.transfer(mode, to, ring_timeout=ring_timeout, policy=policy)
        ringing = await target.incoming()
        await ringing.until("ringing")
        return target, ringing, transfer

    async def hang_up(self) -> None:
        """Let everybody who is still there hang up, and remove the contact centre's own room."""
        for phone in (self.customer, self.agent):
            if phone.call is not None:
                await phone.hang_up()
        if self.room:
            await self.office.calls.remove(self.room)
            self.room = ""  # a second DELETE is refused with 409 while the first is at work


async def quiet_call(office: Office) -> TalkingCall:
    """Connect customer and agent on phones that are in other calls too. Nobody listens to what they say."""
    customer, agent = await office.phones.phone("customer"), await office.phones.phone("agent")
    legs = [await office.calls.connect_phone(name) for name in ("customer", "agent")]
    return TalkingCall(office, customer, agent, legs[0], legs[1], await office.calls.bridge(*legs))


def to_phone(
    name: str, ring_timeout: float = 10, *, accept: AcceptGate | None = None, together: bool = False
) -> Target:
    """Return a target that is a phone of the rig; `together` with the one before it, if need be."""
    limit = timedelta(seconds=ring_timeout)
    return Target(address=f"pjsip:{name}", name=name, ring_timeout=limit, accept=accept, with_previous=together)


async def ended(phone: Phone, within: float = 5.0) -> None:
    """Wait until a phone's call is over."""
    assert phone.call is not None
    await phone.call.until("ended", within)


async def nth_call(phone: Phone, number: int, within: float = 10.0) -> Call:
    """Wait until a phone has had so many calls, and return that call."""

    async def there() -> Call | None:
        return phone.calls[number - 1] if len(phone.calls) >= number else None

    return await eventually(there, f"call {number} of {phone.name}", within)


async def heard(phone: Phone, sound: str, since: float = 0.0, within: float = 10.0) -> float:
    """Wait until a phone has heard a sound in its present or latest call, and return when that was first."""

    async def there() -> float | None:
        return phone.first_heard(sound, since)

    return await eventually(there, f"{sound} at {phone.name}", within)


def times_heard(phone: Phone, recording: str, since: float = 0.0) -> int:
    """Count how often a recording was played, by its packets: on a busy machine they are late, but all come."""
    packets = [moment for call in phone.calls for moment in call.media.all_heard(recording, since)]
    return round(len(packets) * PACKET_SECONDS / RECORDINGS[recording])


async def reaches(transfer: RunningTransfer, stage: Stage) -> TransferStatus:
    """Poll until a transfer is in a stage."""

    async def there() -> TransferStatus | None:
        status = await transfer.status()
        return status if status.stage is stage else None

    return await eventually(there, f"stage {stage.value}")


async def story(transfer: RunningTransfer) -> str:
    """Return the journal of a transfer, for whoever wonders what became of it."""
    status = await transfer.status()
    return "\n".join([*(f"{it.at:%H:%M:%S.%f} {it.text}" for it in status.journal), str(status.result)])


@asynccontextmanager
async def temporal_server() -> AsyncGenerator[Client]:
    """Run a Temporal server of its own: the engine's task queues have fixed names."""
    async with await start_server() as server:
        yield server.client


@asynccontextmanager
async def worker_on(node: AsteriskNode, client: Client, log: Path, **more: str) -> AsyncGenerator[WorkerProcess]:
    """Run a worker process for a node, with more variables if need be, and wait until it listens to it."""
    variables = {**worker_variables(node), **temporal_at(client), **more}
    async with worker_process(log, **variables) as worker:
        await worker.ready()
        await worker.logs("listening to asterisk")
        yield worker


def worker_variables(node: AsteriskNode) -> Mapping[str, str]:
    """Return the environment of a worker for a node."""
    return {
        "HOOKFLASH_SIMULATOR": "false",
        "HOOKFLASH_ASTERISK_URL": node.ari_url,
        "HOOKFLASH_ASTERISK_APP": ENGINE_APP,
        "HOOKFLASH_ASTERISK_USERNAME": node.ari_user,
        "HOOKFLASH_ASTERISK_PASSWORD": node.ari_password,
        "HOOKFLASH_ASTERISK_MANAGER_HOST": "127.0.0.1",
        "HOOKFLASH_ASTERISK_MANAGER_PORT": str(node.ports.manager),
        "HOOKFLASH_ASTERISK_MANAGER_USERNAME": node.manager_user,
        "HOOKFLASH_ASTERISK_MANAGER_PASSWORD": node.manager_password,
        "HOOKFLASH_ASTERISK_MANAGER_CONTEXTS": ",".join(ADOPTED),
    }
