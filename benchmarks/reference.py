"""`OneByOne` beside the engine, on the same Asterisk, with phones of its own calls."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from temporalio.client import WorkflowHandle

from benchmarks.asterisk import Exchange
from benchmarks.one_by_one import APP, QUEUE, Asked, OneByOne, Result, Status
from benchmarks.simulated import COMPILED
from hookflash import Mode
from hookflash.names import TASK_TIMEOUT, TRANSFER_STAGE
from tests.integration.switchboard import TalkingCall
from tests.rig.ari import CallControl
from tests.support.polling import eventually
from tests.workers.process import module_process, temporal_at


@dataclass
class OneByOneTransfer:
    """One that runs."""

    handle: WorkflowHandle[OneByOne, Result]

    async def conference(self) -> Status:
        """Let all three talk."""
        return await self._command("conference")

    async def complete(self) -> Status:
        """Leave the customer to the target; in `consult`, return to the customer."""
        return await self._command("complete")

    async def _command(self, name: str) -> Status:
        # The SDK leaves the type of args open in one overload, for which the whole signature counts as unknown.
        return await self.handle.execute_update(name, result_type=Status)  # pyright: ignore[reportUnknownMemberType]

    async def wait(self) -> Result:
        """Wait until it is over."""
        return await self.handle.result()


async def call_of_reference(on: Exchange) -> TalkingCall:
    """Connect customer and agent, in the application of the reference."""
    return await replace(on.office, calls=CallControl(on.office.node.ari, APP)).call()


async def transfer_one_by_one(call: TalkingCall, mode: Mode, ring_timeout: int = 30) -> OneByOneTransfer:
    """Start to transfer the customer to the first target."""
    tenant = "bold" if mode is Mode.BLIND else "default"
    asked = Asked(mode.value, tenant, call.customer_leg, call.agent_leg, "PJSIP/target1", ring_timeout)
    handle = await call.office.client.start_workflow(
        OneByOne.run, asked, id=f"transfer-{call.customer_leg}", task_queue=QUEUE, task_timeout=TASK_TIMEOUT
    )
    return OneByOneTransfer(handle)


async def consulting(handle: WorkflowHandle[Any, Any]) -> None:
    """Wait until agent and target talk, in a transfer of whomever."""

    async def talk() -> bool | None:
        return (await handle.describe()).typed_search_attributes.get(TRANSFER_STAGE) == "consulting" or None

    await eventually(talk, "the talk of agent and target")


@asynccontextmanager
async def reference(on: Exchange) -> AsyncGenerator[None]:
    """Run its process."""
    node = on.office.node
    there = {"ARI_URL": node.ari_url, "ARI_USER": node.ari_user, "ARI_PASSWORD": node.ari_password}
    variables = {**temporal_at(on.office.client), **COMPILED, **there}
    async with module_process(on.folder / "one-by-one.log", "benchmarks.one_by_one_node", **variables) as process:
        await process.ready()
        yield
