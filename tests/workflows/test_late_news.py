"""News that comes late, is refused, or waits for an answer that does not come."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio import activity
from temporalio.client import Client

from activities.admission import ADMIT, Admission, AdmissionInput, Verdict
from activities.telephony.model import Arrangement, Observation, Phase
from activities.telephony.simulator import SimulatedExchange
from hookflash import Cause, Mode, Outcome, ProviderEvent, Retarget, Stage, Target
from tests.support.polling import eventually
from tests.workflows.engine import TENANTS, Engine, Running, running_engine
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(30)


class Forgetful(SimulatedExchange):
    """An exchange that sees that a leg has ended, but not why: only the event says so."""

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        observation = await super().arrange(wanted)
        legs = (it.model_copy(update={"cause": None}) if it.phase is Phase.ENDED else it for it in observation.legs)
        return observation.model_copy(update={"legs": tuple(legs)})


@pytest.fixture
async def engine(client: Client) -> AsyncIterator[Engine]:
    async with running_engine(client, Forgetful()) as engine:
        yield engine


async def test_the_result_does_not_wait_for_the_policy_to_judge_a_retarget(client: Client) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()
    dora = Target(address="sim:dora?ring")
    policy = Admission(TENANTS, ["simulator"])

    @activity.defn(name=ADMIT)
    async def admit(target: AdmissionInput) -> Verdict:
        if target.targets == (dora,):
            asked.set()
            await answer.wait()
        return await policy.admit(target)

    async with running_engine(client, admit=admit) as engine:
        transfer = await engine.transfer(Mode.WARM, "sim:bob?ring")
        await transfer.reaches(Stage.RINGING)
        await transfer.accepted("retarget", Retarget(target=dora))
        await asked.wait()
        engine.exchange.hang_up(transfer.request.customer.leg)
        assert (await ends_soundly(transfer, within=1.5)).outcome is Outcome.CUSTOMER_LEFT
        answer.set()


async def test_a_refused_hold_signal_shows_in_the_journal(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?ring")
    await transfer.reaches(Stage.RINGING)
    await transfer.handle.signal("hold", {"party": "target"})

    async def noted() -> bool | None:
        return True if any("refused" in it.text for it in (await transfer.status()).journal) else None

    await eventually(noted, "the refusal in the journal")
    await transfer.do("cancel")
    assert (await ends_soundly(transfer)).outcome is Outcome.CANCELLED


async def test_a_cause_that_comes_too_late_to_decide_anything_still_explains_the_attempt(
    engine: Engine,
) -> None:
    held_back: list[tuple[str, ProviderEvent]] = []

    async def keep_ends(owner: str, event: ProviderEvent) -> None:
        if event.kind == "ended":
            held_back.append((owner, event))
            await engine.signal(owner, ProviderEvent(kind="reconcile"))
        else:
            await engine.signal(owner, event)

    engine.post = keep_ends
    transfer = await engine.transfer(Mode.WARM, "sim:bob?busy", "sim:dora?ring")
    await eventually(lambda: _second_leg(transfer), "the second target's leg")
    (late,) = held_back
    assert late[1].cause == "busy"
    await engine.signal(*late)
    engine.post = None
    await transfer.do("cancel")
    result = await ends_soundly(transfer)
    assert result.attempts[0].cause is Cause.BUSY


async def _second_leg(transfer: Running) -> str | None:
    return transfer.target_legs[1] if len(transfer.target_legs) > 1 else None
