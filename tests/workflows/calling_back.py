"""What tests of call-backs drive: phones that behave differently each time they are rung, and a running call-back."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowHandle

from activities.admission import AdmissionInput, Verdict
from activities.telephony.model import Arrangement, Dial, Observation, WantedLeg
from activities.telephony.simulator import SimulatedExchange
from activities.telephony.simulator.legs import Leg
from hookflash import Cause
from hookflash.names import CALL_BACK_TYPE, TASK_TIMEOUT, WATCH, call_back_id, supervision_id
from tests.support.polling import eventually
from tests.workflows.engine import Engine, running_engine
from tests.workflows.replaying import replay_all
from workflows.call_back import CALL_NOW, CallBackInput, CallBackResult
from workflows.connected_call import ConnectedCallResult

SHORT = timedelta(milliseconds=400)


class Phones(SimulatedExchange):
    """An exchange where what a phone does is said for each time it is rung, and not in its address.

    Args:
        caller: What the caller's phone does the first time, the second time and so on; then it rings.
        customer: What the customer's phone does.
    """

    def __init__(self, caller: tuple[str, ...] = (), customer: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.dials: dict[str, Dial] = {}
        """How each leg was to be dialled, by id, in order."""
        self.overlaps: list[str] = []
        """Owners two of whose requests ran side by side."""
        self.patient = False
        """It lets phones ring for ever, whatever limit it was given."""
        self._busy: set[str] = set()
        self._scripts: dict[str, Iterator[str]] = {"agent": iter(caller), "customer": iter(customer)}

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        if wanted.owner in self._busy:
            self.overlaps.append(wanted.owner)
        self._busy.add(wanted.owner)
        try:
            legs = tuple(self._scripted(leg) for leg in wanted.legs)
            return await super().arrange(wanted.model_copy(update={"legs": legs}))
        finally:
            self._busy.discard(wanted.owner)

    def _scripted(self, leg: WantedLeg) -> WantedLeg:
        if leg.dial is None:
            return leg
        if leg.leg not in self.dials:
            address = f"{leg.dial.address}?{next(self._scripts[leg.name], 'ring')}"
            self.dials[leg.leg] = leg.dial.model_copy(update={"address": address})
        limit = timedelta(hours=1) if self.patient else leg.dial.ring_timeout
        return leg.model_copy(update={"dial": self.dials[leg.leg].model_copy(update={"ring_timeout": limit})})


@dataclass
class CallBacks:
    """Starts call-backs on an engine of their own."""

    engine: Engine
    phones: Phones
    handles: list[WorkflowHandle[Any, CallBackResult]] = field(
        default_factory=lambda: list[WorkflowHandle[Any, CallBackResult]]()
    )

    def promise(self, **more: object) -> CallBackInput:
        """Return a promise to call back at once."""
        given: dict[str, object] = {
            "provider": "simulator",
            "tenant": "default",
            "caller": "sim:anna",
            "customer": "sim:carol",
            "caller_name": "agent",
            "after": timedelta(0),
            "pause": timedelta(milliseconds=100),
        }
        return CallBackInput.model_validate({**given, **more})

    async def start(self, **more: object) -> WorkflowHandle[Any, CallBackResult]:
        """Start a call-back, as a transfer would."""
        handle = await self.engine.client.start_workflow(
            CALL_BACK_TYPE,
            self.promise(**more),
            id=call_back_id(f"transfer:simulator:{self.engine.queue}", uuid.uuid4().hex),
            task_queue=self.engine.queue,
            result_type=CallBackResult,
            task_timeout=TASK_TIMEOUT,
        )
        self.handles.append(handle)
        return handle

    async def call_now(self) -> None:
        """Ask the last one not to wait."""
        # The SDK leaves the type of args open in one overload, for which the whole signature counts as unknown.
        await self.handles[-1].execute_update(CALL_NOW)  # pyright: ignore[reportUnknownMemberType]

    async def result(self, within: float = 15.0) -> CallBackResult:
        """Return the result of the last one."""
        return await asyncio.wait_for(self.handles[-1].result(), within)

    def legs(self, name: str) -> list[Leg]:
        """Return the legs of a party, in the order in which they were dialled."""
        return [leg for leg in self.phones.legs.values() if leg.name == name]

    async def leg(self, name: str, number: int = 1) -> Leg:
        """Wait until a party has been dialled so often, and return that leg."""

        async def look() -> Leg | None:
            return dict(enumerate(self.legs(name), start=1)).get(number)

        return await eventually(look, f"leg {number} of {name}")

    async def rings(self, name: str, number: int = 1) -> Leg:
        """Wait until a party's phone rings for the so-manieth time."""
        leg = await self.leg(name, number)
        await eventually(lambda: true(leg.rang), f"the ringing of {name}")
        return leg

    def heard(self) -> dict[str, tuple[str, ...]]:
        """Return what each party that is up hears: names, or a sound."""
        calls = {leg.call for leg in self.phones.legs.values()}
        return {name: what for call in calls for name, what in self.phones.snapshot(call).hears.items()}

    async def hear(self, **expected: str) -> None:
        """Poll until each party hears exactly these."""
        wanted = {name: (what,) for name, what in expected.items()}
        await eventually(lambda: true(self.heard() == wanted), f"{wanted}")

    async def nothing_left(self) -> None:
        """Wait until no leg and no room is left."""
        live = self.phones.legs.values
        await eventually(
            lambda: true(not self.phones.rooms and not any(leg.live for leg in live())), "the end of all", within=5
        )


async def true(fact: bool) -> bool | None:
    """Return a fact for ``eventually``: True, or None."""
    return fact or None


def who_failed(result: CallBackResult) -> list[tuple[str | None, Cause | None]]:
    """Return who failed in each attempt, and why."""
    return [(it.failed, it.cause) for it in result.attempts]


async def until_watched(calls: CallBacks) -> None:
    """Wait until a watch has the legs of both."""

    async def watched() -> bool | None:
        legs = [leg for leg in calls.phones.legs.values() if leg.live]
        return True if len(legs) == 2 and all(leg.owner.startswith(WATCH) for leg in legs) else None

    await eventually(watched, "legs of a watch")


async def is_connected(calls: CallBacks) -> CallBackResult:
    """Check that a call-back brings the two together, and that the last of them is released when one leaves."""
    result = await calls.result()
    assert result.outcome == "connected"
    assert who_failed(result)[-1] == (None, None)
    await calls.hear(agent="customer", customer="agent")
    await until_watched(calls)
    calls.phones.hang_up(calls.legs("customer")[-1].id)
    await calls.nothing_left()
    handle = calls.handles[-1]
    watch = supervision_id(handle.id, handle.first_execution_run_id or "")
    watched = calls.engine.client.get_workflow_handle(watch, result_type=ConnectedCallResult)
    assert (await watched.result()).left == "customer"
    return result


@contextlib.asynccontextmanager
async def calling_back(
    client: Client,
    phones: Phones | None = None,
    *,
    admit: Callable[[AdmissionInput], Awaitable[Verdict]] | None = None,
    **options: Any,  # noqa: ANN401 the worker's own
) -> AsyncGenerator[CallBacks]:
    """Run an engine for call-backs. All of them are replayed at the end, and no leg may have been dialled twice."""
    phones = phones or Phones()
    async with running_engine(client, phones, admit=admit, **options) as engine:
        calls = CallBacks(engine, phones)
        yield calls
    await replay_all(calls.handles)
    assert phones.overlaps == []
    assert all(phones.rings(leg) == 1 for leg in phones.legs), "a leg was dialled twice"
