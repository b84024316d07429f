"""The long waits at their real length: the server skips the time in which nothing happens."""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import NamedTuple

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from activities.telephony.errors import ProtocolError
from activities.telephony.model import Arrangement, Observation
from activities.telephony.simulator import SimulatedExchange
from hookflash import Cause, HandOff, Mode, Outcome, Policy, Recall, Stage, Target, TransferRequest
from tests.workflows.engine import Engine, running_engine
from tests.workflows.scenarios import asked, gated
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)


class Wait(NamedTuple):
    """A transfer in which nobody does anything any more."""

    request: Callable[[Engine], TransferRequest]
    stage: Stage
    """Where it waits."""
    ends: tuple[Outcome, Cause]
    after: timedelta


_PATIENT = Policy(hold_budget=timedelta(hours=1))
_VOICEMAIL = Policy(fallbacks=(Recall(), HandOff(kind="voicemail", place="claims")))
_QUIET = Target(address="sim:bob?ring", ring_timeout=timedelta(hours=1))

WAITS = {
    "hold budget": Wait(
        asked(Mode.WARM, _QUIET),
        Stage.RINGING,
        (Outcome.RETURNED_TO_AGENT, Cause.HOLD_BUDGET),
        timedelta(minutes=5),
    ),
    "consult limit": Wait(
        asked(Mode.WARM, "sim:bob?answer=0ms", policy=_PATIENT),
        Stage.CONSULTING,
        (Outcome.RETURNED_TO_AGENT, Cause.CONSULT_LIMIT),
        timedelta(minutes=5),
    ),
    "accept time-out": Wait(
        asked(Mode.COLD, gated("answer=0ms", timedelta(seconds=40))),
        Stage.SCREENING,
        (Outcome.RETURNED_TO_AGENT, Cause.ACCEPT_TIMEOUT),
        timedelta(seconds=40),
    ),
    "ring time-out, though the provider says nothing": Wait(
        asked(Mode.COLD, _QUIET.model_copy(update={"ring_timeout": timedelta(seconds=30)})),
        Stage.RINGING,
        (Outcome.RETURNED_TO_AGENT, Cause.NO_ANSWER),
        timedelta(seconds=30),
    ),
    "recall": Wait(
        asked(Mode.BLIND, "sim:bob?busy", policy=_VOICEMAIL, recalled="ring", tenant="bold"),
        Stage.RECALLING,
        (Outcome.SENT_TO_VOICEMAIL, Cause.BUSY),
        timedelta(seconds=20),
    ),
}


MARGIN = timedelta(seconds=5)
"""How far the clock is turned beyond the end of the wait; all other waits of these requests are longer."""


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
async def test_a_long_wait_ends_by_itself(skipping: WorkflowEnvironment, wait: Wait) -> None:
    async with running_engine(skipping.client) as engine:
        with skipping.with_time_skipping_disabled():
            transfer = await engine.start(wait.request(engine))
            await transfer.reaches(wait.stage)
        await skipping.fast_forward(transfer.handle, wait.after + MARGIN)
        result = await ends_soundly(transfer)
        assert (result.outcome, result.cause) == wait.ends
        # The server may go on to the end of the skip before the worker has said what follows from the timer.
        assert timedelta(0) <= result.ended_at - result.started_at - wait.after < timedelta(seconds=10)


class Hostile(SimulatedExchange):
    """An exchange that refuses the engine's credentials."""

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        raise ProtocolError("arrange: returned 401")


async def test_a_provider_that_never_does_anything_fails_the_transfer_in_the_end(
    skipping: WorkflowEnvironment,
) -> None:
    async with running_engine(skipping.client, Hostile()) as engine:
        transfer = await engine.transfer(Mode.COLD, "sim:bob?ring")
        result = await transfer.result(within=40)
        assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.PROVIDER_ERROR)
        assert timedelta(minutes=4) < result.ended_at - result.started_at < timedelta(minutes=6)
        assert transfer.target_legs == []
        assert transfer.heard() == {"customer": {"agent"}, "agent": {"customer"}}


async def test_an_outage_that_lasts_gives_the_customer_back_as_soon_as_it_is_over(
    skipping: WorkflowEnvironment,
) -> None:
    async with running_engine(skipping.client) as engine:
        transfer = await engine.transfer(Mode.COLD, "sim:bob?ring")
        await transfer.hear(customer={"ringback"}, agent={"music"})
        engine.exchange.faults.outage = True
        with contextlib.suppress(WorkflowUpdateFailedError):
            await transfer.do("conference")
        await transfer.reaches(Stage.ENDING)
        engine.exchange.faults.outage = False
        result = await ends_soundly(transfer)
        assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.PROVIDER_ERROR)
