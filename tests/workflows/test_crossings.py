"""What crosses each other on the way: commands, the policy's answer, a look at the real state, and the end."""

import asyncio
import contextlib

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowUpdateFailedError

from activities.admission import ADMIT, Admission, AdmissionInput, Verdict
from hookflash import Cause, Mode, Outcome, ProviderEvent, Retarget, Stage, Target
from tests.support.polling import eventually
from tests.workflows.engine import TENANTS, running_engine
from tests.workflows.interrupting import InterruptedExchange, Moments
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(30)


class SlowPolicy:
    """An activity that answers about the first target at once, and about others when it is let."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        self._asked = 0

    @activity.defn(name=ADMIT)
    async def admit(self, asked: AdmissionInput) -> Verdict:
        self._asked += 1
        if self._asked > 1:
            self.asked.set()
            await self.answer.wait()
        return await Admission(TENANTS, ["simulator"]).admit(asked)


async def test_a_retarget_that_is_still_being_judged_does_not_keep_a_transfer_from_ending(client: Client) -> None:
    policy = SlowPolicy()
    async with running_engine(client, admit=policy.admit) as engine:
        transfer = await engine.transfer(Mode.COLD, "sim:bob?ring")
        await transfer.hear(customer={"ringback"}, agent={"music"})
        order = Retarget(target=Target(address="sim:dora?answer=50ms"))
        update = await transfer.accepted("retarget", order)
        await policy.asked.wait()
        engine.exchange.hang_up(transfer.request.customer.leg)
        await transfer.reaches(Stage.ENDED)
        policy.answer.set()
        assert (await ends_soundly(transfer, within=8)).outcome is Outcome.CUSTOMER_LEFT
        with pytest.raises(WorkflowUpdateFailedError):
            await update.result()


async def test_a_cancel_while_the_policy_is_asked_is_obeyed_and_answered(client: Client) -> None:
    moments = Moments()
    async with running_engine(client, admit=moments.admit()) as engine:
        request = engine.request(Mode.COLD, "sim:bob?ring")
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            reached.set()
            await go_on.wait()

        moments.plan(f"transfer:simulator:{request.customer.leg}", 0, wait)
        transfer = await engine.start(request)
        await reached.wait()
        update = await transfer.accepted("cancel")
        go_on.set()
        result = await ends_soundly(transfer)
        assert (result.outcome, result.cause) == (Outcome.CANCELLED, Cause.AGENT_CANCELLED)
        await update.result()
        assert transfer.target_legs == []


async def test_a_look_at_the_end_does_not_take_the_call_from_its_next_watch(client: Client) -> None:
    moments = Moments()
    exchange = InterruptedExchange(moments)
    async with running_engine(client, exchange) as engine:
        transfer = await engine.transfer(Mode.COLD, "sim:bob?ring")
        await transfer.hear(customer={"ringback"}, agent={"music"})
        reconcile = ProviderEvent(kind="reconcile")

        async def until_watched() -> None:
            legs = transfer.live().values()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(exchange.until(lambda: all(it.owner[:9] == "connected" for it in legs)), 1)

        last = moments.count[transfer.handle.id]
        moments.plan(transfer.handle.id, last, lambda: engine.signal(transfer.handle.id, reconcile))
        moments.plan(transfer.handle.id, last + 2, until_watched)  # the look again, if it comes, comes late
        engine.exchange.answer(transfer.target_leg)
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
        await transfer.hear(customer={"target"}, target={"customer"})

        async def watched() -> bool | None:
            owners = {leg.owner for leg in transfer.live().values()}
            return True if owners and all(it.startswith("connected:") for it in owners) else None

        await eventually(watched, "the watch", within=5)
        engine.exchange.hang_up(transfer.target_leg)
        await transfer.hear()
