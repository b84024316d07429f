"""Builds of the engine side by side, and the commands by which operators change from one to the other."""

import asyncio
import os
import re
import shlex
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client

from activities.admission import Tenants
from activities.telephony.simulator import SimulatedExchange
from hookflash import Agent, Customer, Mode, Target, TransferClient, TransferRequest, names
from hookflash.converter import data_converter
from hookflash.running import RunningTransfer
from tests.support.polling import eventually
from tests.support.temporal_server import temporal_executable
from tests.workers.process import ROOT, temporal_at
from workers.attributes import ensure_search_attributes
from workers.deployment_settings import DeploymentSettings
from workers.engine import build_workers, ensure_listeners, running
from workers.provider_settings import SIMULATOR
from workers.sandbox import Sandbox

PAGE = ROOT / "docs/operations.md"


def told() -> list[str]:
    """Return every command for builds that the page on operations has."""
    section = PAGE.read_text().split("\n### Upgrade build by build\n")[1].split("\n## ")[0]
    return re.findall(r"^ *(temporal w.*)$", section, re.MULTILINE)


@dataclass
class Engine:
    """One exchange and one namespace, and whatever builds work on them."""

    client: Client
    exchange: SimulatedExchange = field(default_factory=SimulatedExchange)
    _calls: int = 0

    @asynccontextmanager
    async def build(self, id: str | None) -> AsyncGenerator[None]:
        """Run the workers of a build for the length of the block. None: workers without a build id."""
        config = self.client.service_client.config
        client = await Client.connect(
            config.target_host, namespace=self.client.namespace, data_converter=data_converter, identity=f"build {id}"
        )
        deployment = DeploymentSettings(deployment_build_id=id).deployment()
        workers = build_workers(
            client, {SIMULATOR: self.exchange}, Tenants(), deployment=deployment, sandbox=Sandbox.FULL
        )
        async with running(workers):
            await ensure_search_attributes(client)
            await ensure_listeners(client, [SIMULATOR])
            yield

    async def ringing(self) -> RunningTransfer:
        """Start a transfer whose target rings until it is answered."""
        self._calls += 1
        customer, agent = f"sim:carol{self._calls}", f"sim:anna{self._calls}"
        self.exchange.place_call(customer=customer, agent=agent)
        target = Target(address="sim:bob", name="Claims desk", ring_timeout=timedelta(minutes=5))
        return await TransferClient(self.client).start(
            TransferRequest(
                mode=Mode.COLD,
                provider=SIMULATOR,
                customer=Customer(leg=customer),
                agent=Agent(leg=agent, id="a-17"),
                targets=(target,),
            )
        )

    @staticmethod
    def customer_of(transfer: RunningTransfer) -> str:
        """Return the leg of the customer, which names the call too."""
        return transfer.id.removeprefix(names.transfer_id(SIMULATOR, ""))

    async def target_of(self, transfer: RunningTransfer) -> str:
        """Return the leg of the target once it rings."""
        call = self.customer_of(transfer)

        async def rings() -> str | None:
            return next((it.id for it in self.exchange.legs.values() if it.call == call and it.id[:3] == "hf-"), None)

        return await eventually(rings, f"the target of {transfer.id}", 30)

    async def told(self, beginning: str, *contained: str, **placeholders: str) -> str:
        """Run a command of the page, and return what it says once it succeeds.

        Args:
            beginning: Of the command.
            contained: What else tells it from the others.
            placeholders: What stands for the build ids of the page.
        """
        (command,) = (it for it in told() if it.startswith(beginning) and all(part in it for part in contained))
        for name, value in placeholders.items():
            command = command.replace(name, value)

        async def done() -> str | None:
            process = await asyncio.create_subprocess_exec(
                *(temporal_executable(), *shlex.split(command)[1:]),
                env={**os.environ, **temporal_at(self.client)},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            said = (await process.communicate())[0].decode()
            refusals.append(said)
            return said if process.returncode == 0 else None

        refusals: list[str] = []
        try:
            # Temporal learns of a worker when it asks for work the first time.
            return await eventually(done, command, 30, every=0.2)
        except AssertionError:
            raise AssertionError(f"{command}: {refusals[-1]}") from None

    async def make_current(self, id: str) -> None:
        """Make a build the current one, as the page says."""
        await self.told("temporal worker deployment set-current-version", "--build-id NEW", NEW=id)

    async def begins_on(self, id: str | None) -> RunningTransfer:
        """Return a transfer that began on a build, and rings. A change takes a moment to get around in Temporal."""

        async def began() -> RunningTransfer | None:
            transfer = await self.ringing()
            await self.target_of(transfer)
            if await self.worked(transfer.id) == [f"build {id}"]:
                return transfer
            self.exchange.hang_up(self.customer_of(transfer))
            return None

        return await eventually(began, f"a transfer on build {id}", 30, every=0.2)

    async def worked(self, workflow: str, run_id: str | None = None) -> list[str]:
        """Return who has done the steps of a workflow and its activities, in order, each once in a row."""
        history = await self.client.get_workflow_handle(workflow, run_id=run_id).fetch_history()
        steps = [it.workflow_task_completed_event_attributes.identity for it in history.events]
        activities = [it.activity_task_started_event_attributes.identity for it in history.events]
        done = [step or activity for step, activity in zip(steps, activities, strict=True) if step or activity]
        return [who for n, who in enumerate(done) if n == 0 or done[n - 1] != who]

    async def listens(self) -> str:
        """Return who listens, once somebody does."""

        async def look() -> str | None:
            listener = await self.client.get_workflow_handle(names.listener_id(SIMULATOR)).describe()
            for it in listener.raw_description.pending_activities:
                if it.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED and it.heartbeat_details.payloads:
                    return it.last_worker_identity
            return None

        return await eventually(look, "a listener", 30)
