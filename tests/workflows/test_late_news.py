"""News that comes late, is refused, or waits for an answer that does not come."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from activities.admission import ADMIT, Admission, AdmissionInput, Verdict
from activities.telephony.model import Arrangement, Observation, Phase
from activities.telephony.simulator import SimulatedExchange
from hookflash import Cause, Evidence, Mode, Outcome, ProviderEvent, Retarget, Stage, Target
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


@pytest.mark.parametrize("told", [True, False])
async def test_a_customer_who_is_gone_has_not_hung_up_before_the_event_could_say_otherwise(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, *, told: bool
) -> None:
    """The node is being shut down as an arrangement is made: the customer is not there, and the event comes later."""
    transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=50ms")
    await transfer.reaches(Stage.CONSULTING)
    await transfer.hear(customer={"music"}, agent={"target"}, target={"agent"})
    customer, arrange = transfer.request.customer.leg, engine.exchange.arrange
    owner = engine.exchange.legs[customer].owner
    unseen = Evidence(text="its last event was not seen")

    async def nobody_hears(_: str, event: ProviderEvent) -> None:
        assert event.leg == customer

    async def assuming(wanted: Arrangement) -> Observation:
        observation = await arrange(wanted)
        how = {"cause": Cause.HUNG_UP, "evidence": unseen, "assumed": True}
        legs = tuple(it.model_copy(update=how) if it.leg == customer else it for it in observation.legs)
        return observation.model_copy(update={"legs": legs})

    engine.post = nobody_hears
    monkeypatch.setattr(engine.exchange, "arrange", assuming)
    engine.exchange.hang_up(customer)
    before = await _answers(transfer)
    await transfer.do("swap")
    await eventually(lambda: _more_answers(transfer, before), "the look that finds nobody")
    engine.post = None
    if told:
        evidence = Evidence(text="the node was shut down")
        await engine.signal(owner, ProviderEvent(kind="ended", leg=customer, cause=Cause.NODE_DOWN, evidence=evidence))
    monkeypatch.undo()
    result = await transfer.result()
    if told:
        assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.NODE_DOWN)
    else:
        assert (result.outcome, result.cause, result.evidence) == (Outcome.CUSTOMER_LEFT, Cause.HUNG_UP, unseen)


async def _answers(transfer: Running) -> int:
    """Return how many activities have been answered."""
    events = (await transfer.handle.fetch_history()).events
    return sum(it.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED for it in events)


async def _more_answers(transfer: Running, than: int) -> bool | None:
    return await _answers(transfer) > than or None


async def _second_leg(transfer: Running) -> str | None:
    return transfer.target_legs[1] if len(transfer.target_legs) > 1 else None
