"""The waits of a transfer run as long as the policy says, or longer where somebody asks for it, and never less."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

import pytest
from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.testing import WorkflowEnvironment

from activities.telephony.model import Arrangement, Observation
from activities.telephony.simulator import SimulatedExchange
from hookflash import (
    Actor,
    AnotherTarget,
    Cause,
    Extend,
    HandOff,
    Mode,
    Outcome,
    Policy,
    Recall,
    Stage,
    TransferStatus,
)
from hookflash._summary import in_words
from hookflash.commands import Wait
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running, running_engine
from tests.workflows.people import asked, causes, deadline, hear, journal, leg_of, person, refused, ring, waits
from tests.workflows.scenarios import LONG, SHORT
from tests.workflows.soundness import ends_soundly
from workflows.limits import PROVIDER_STANDS_BEHIND

pytestmark = pytest.mark.timeout(60)

QUEUE = HandOff(kind="queue", place="claims")
HOUR = timedelta(hours=1)
EXTENDED = timedelta(minutes=30)
AS_IT_WAS = timedelta(minutes=1)
"""How long each wait is before it is extended."""


def _policy(**limits: object) -> Policy:
    return Policy.model_validate({"hold_budget": HOUR, "consult_limit": HOUR, "fallbacks": [QUEUE], **limits})


async def _accept(engine: Engine) -> Running:
    bob = asked("Bob", "answer=0ms", timeout=AS_IT_WAS)
    return await engine.transfer(Mode.COLD, bob, policy=_policy())


async def _recall_pause(engine: Engine) -> Running:
    policy = _policy(fallbacks=[Recall(attempts=2, pause=AS_IT_WAS), QUEUE])
    return await engine.transfer(Mode.BLIND, person("Bob", "busy"), policy=policy, recalled="busy", tenant="bold")


async def _hold_budget(engine: Engine) -> Running:
    return await engine.transfer(Mode.WARM, person("Bob", ring_timeout=HOUR), policy=_policy(hold_budget=AS_IT_WAS))


async def _consult_limit(engine: Engine) -> Running:
    return await engine.transfer(Mode.WARM, person("Bob", "answer=0ms"), policy=_policy(consult_limit=AS_IT_WAS))


async def _linger(engine: Engine) -> Running:
    transfer = await engine.transfer(Mode.WARM, person("Bob", "answer=0ms"), policy=_policy(linger=AS_IT_WAS))
    await transfer.reaches(Stage.CONSULTING)
    await transfer.do("conference")
    return transfer


async def _overall_limit(engine: Engine) -> Running:
    return await engine.transfer(Mode.COLD, person("Bob", ring_timeout=HOUR), policy=_policy(overall_limit=AS_IT_WAS))


class Extensible(NamedTuple):
    """A wait that can be extended."""

    begin: Callable[[Engine], Awaitable[Running]]
    """Starts a transfer in which it comes to run."""
    ends: tuple[Outcome, Cause | None]
    """How that ends when it is over."""


EXTENSIBLE = {
    Wait.ACCEPT: Extensible(_accept, (Outcome.RETURNED_TO_AGENT, Cause.ACCEPT_TIMEOUT)),
    Wait.RECALL_PAUSE: Extensible(_recall_pause, (Outcome.SENT_TO_QUEUE, Cause.BUSY)),
    Wait.HOLD_BUDGET: Extensible(_hold_budget, (Outcome.RETURNED_TO_AGENT, Cause.HOLD_BUDGET)),
    Wait.CONSULT_LIMIT: Extensible(_consult_limit, (Outcome.RETURNED_TO_AGENT, Cause.CONSULT_LIMIT)),
    Wait.LINGER: Extensible(_linger, (Outcome.CONNECTED, None)),
    Wait.OVERALL_LIMIT: Extensible(_overall_limit, (Outcome.RETURNED_TO_AGENT, Cause.OVERALL_LIMIT)),
}


@pytest.mark.parametrize("wait", Wait)
async def test_a_wait_that_is_extended_ends_later_and_ends_all_the_same(
    skipping: WorkflowEnvironment, wait: Wait
) -> None:
    async with running_engine(skipping.client) as engine:
        with skipping.with_time_skipping_disabled():
            transfer = await EXTENSIBLE[wait].begin(engine)
            stage = (await _lasts(transfer, wait, AS_IT_WAS)).stage
            await transfer.do("extend", Extend(wait=wait, remaining=EXTENDED))
            status = await _lasts(transfer, wait, EXTENDED)
            assert f"agent: extend {wait.replace('_', ' ')}" in journal(status)
            later = deadline(status, wait).at

            # Neither asking for less nor repeating it makes it shorter.
            for remaining in (timedelta(seconds=1), EXTENDED / 2):
                await transfer.do("extend", Extend(wait=wait, remaining=remaining))
            assert deadline(await transfer.status(), wait).at == later
            await transfer.do("extend", Extend(wait=wait, remaining=EXTENDED))
            later = deadline(await transfer.reaches(stage), wait).at
        await skipping.fast_forward(transfer.handle, 2 * AS_IT_WAS)
        with skipping.with_time_skipping_disabled():
            status = await transfer.status()
            assert (status.stage, deadline(status, wait).at) == (stage, later), "what it was before does not end it"
        await skipping.fast_forward(transfer.handle, EXTENDED)
        result = await ends_soundly(transfer)
        assert (result.outcome, result.cause) == EXTENSIBLE[wait].ends
        assert timedelta(0) <= result.ended_at - later < timedelta(minutes=1)


async def _lasts(transfer: Running, wait: str, length: timedelta) -> TransferStatus:
    async def there() -> TransferStatus | None:
        status = await transfer.status()
        found = [it for it in status.deadlines if it.wait == wait and f"({in_words(length)})" in it.name]
        return status if found else None

    return await eventually(there, f"{wait} of {length}")


async def test_a_wait_that_does_not_run_cannot_be_extended_and_who_asks_is_told_which_can(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, person("Bob"))
    await transfer.reaches(Stage.RINGING)
    before = await waits(transfer, "ring", "hold_budget", "overall_limit")
    for wait in (Wait.ACCEPT, Wait.CONSULT_LIMIT, Wait.LINGER, Wait.RECALL_PAUSE):
        why = await refused(transfer.do("extend", Extend(wait=wait, remaining=LONG)))
        running = "hold_budget, overall_limit"  # the ringing does too, and cannot be extended
        assert f"cannot extend in stage ringing: the wait {wait} does not run now (those that do: {running})" in why
    assert (await transfer.status()).deadlines == before.deadlines
    with pytest.raises(WorkflowUpdateFailedError):
        await transfer.do("extend", {"wait": "ring", "remaining": "PT5M"})
    await transfer.do("cancel")
    await ends_soundly(transfer)


async def test_an_extension_counts_for_all_who_are_asked_to_accept(engine: Engine) -> None:
    group = asked("Bob", "answer=0ms", timeout=LONG), asked("Dora", "answer=0ms", together=True, timeout=LONG)
    transfer = await engine.transfer(Mode.COLD, *group)

    async def asks(length: str) -> bool | None:
        names = [it.name for it in (await transfer.status()).deadlines if it.wait == "accept"]
        return names == [f"Bob accepts ({length})", f"Dora accepts ({length})"] or None

    await eventually(lambda: asks("10 min"), "two who are asked")
    await transfer.do("extend", Extend(wait=Wait.ACCEPT, remaining=EXTENDED))
    await eventually(lambda: asks("30 min"), "two who are asked for longer")
    await transfer.do("accept")
    assert causes(await ends_soundly(transfer)) == ["Bob", "Dora answered_elsewhere"]


class Listening(SimulatedExchange):
    """An exchange that remembers what it was told: how long anybody waits and rings, and whose time was up."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[timedelta | None] = []
        self.ring_timeouts: list[timedelta] = []
        self.accept_timeouts: list[timedelta] = []
        self.asked_to_end: list[str] = []

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        self.limits.append(wanted.hold_limit)
        self.ring_timeouts += [it.dial.ring_timeout for it in wanted.legs if it.dial is not None]
        self.accept_timeouts += [it.dial.accept_timeout for it in wanted.legs if it.dial is not None]
        self.asked_to_end += [it.leg for it in wanted.legs if it.expired]
        return await super().arrange(wanted)


async def test_the_provider_s_own_limit_moves_with_the_hold_budget(client: Client) -> None:
    exchange = Listening()
    async with running_engine(client, exchange) as engine:
        transfer = await engine.transfer(Mode.WARM, person("Bob"), policy=Policy(hold_budget=LONG))
        await ring(transfer, "Bob")
        assert set(exchange.limits) == {LONG}
        await transfer.do("extend", Extend(wait=Wait.HOLD_BUDGET, remaining=SHORT))  # not longer than it is
        await transfer.do("extend", Extend(wait=Wait.HOLD_BUDGET, remaining=EXTENDED))

        await eventually(lambda: _if((exchange.limits[-1] or LONG) > LONG), "the longer limit")
        for _ in range(3):
            await transfer.do("extend", Extend(wait=Wait.HOLD_BUDGET, remaining=EXTENDED))
        await transfer.do("cancel")
        await ends_soundly(transfer)
        last = exchange.limits[-1]
        assert last is not None
        # At least as long as the customer has waited and is going to, and not longer for being asked four times.
        assert EXTENDED <= last < EXTENDED + timedelta(minutes=1)
        await hear(transfer, customer="agent", agent="customer")


@pytest.mark.parametrize("mode", [Mode.WARM, Mode.COLD])
async def test_the_engine_ends_the_ringing_at_its_limit_and_the_provider_stands_behind(
    client: Client, mode: Mode
) -> None:
    exchange = Listening()
    async with running_engine(client, exchange) as engine:
        transfer = await engine.transfer(mode, person("Bob", ring_timeout=SHORT))
        assert (await ends_soundly(transfer)).cause is Cause.NO_ANSWER
        assert set(exchange.ring_timeouts) == {SHORT + PROVIDER_STANDS_BEHIND}
        assert exchange.asked_to_end, "the provider's own limit has ended it"


async def _if(fact: bool) -> bool | None:
    return fact or None


async def test_the_agent_leaves_by_itself_when_all_three_have_been_together_for_a_while(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, person("Bob", "answer=0ms"), policy=Policy(linger=SHORT))
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    assert "linger" not in [it.wait for it in (await transfer.status()).deadlines]
    await transfer.do("conference")
    await hear(transfer, customer="agent,Bob", agent="customer,Bob", Bob="customer,agent")
    result = await ends_soundly(transfer)
    assert (result.outcome, result.ended_by) == (Outcome.CONNECTED, Actor.ENGINE)
    await hear(transfer, customer="Bob", Bob="customer")


async def test_an_agent_who_steps_back_to_one_of_them_lingers_anew_afterwards(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, person("Bob", "answer=0ms"), policy=Policy(linger=LONG))
    await transfer.reaches(Stage.CONSULTING)
    await transfer.do("conference")
    status = await waits(transfer, "linger", "overall_limit")
    first = deadline(status, "linger")
    assert first.name == "Agent leaves the three-way call (10 min)"
    await transfer.do("hold")
    await waits(transfer, "consult_limit", "hold_budget", "overall_limit")
    await transfer.do("conference")
    status = await waits(transfer, "linger", "overall_limit")
    assert deadline(status, "linger").at > first.at
    await transfer.do("complete")
    assert (await ends_soundly(transfer)).ended_by is Actor.AGENT


async def test_an_agent_who_lingers_may_leave_before_and_whoever_else_does_ends_it(engine: Engine) -> None:
    async def three(name: str) -> Running:
        transfer = await engine.transfer(Mode.WARM, person(name, "answer=0ms"), policy=Policy(linger=LONG))
        await transfer.reaches(Stage.CONSULTING)
        await transfer.do("conference")
        await transfer.reaches(Stage.THREE_WAY)
        return transfer

    agent, target = await asyncio.gather(three("Bob"), three("Dora"))
    engine.exchange.hang_up(agent.request.agent.leg)
    engine.exchange.hang_up(leg_of(target, "Dora").id)
    first, second = await asyncio.gather(ends_soundly(agent), ends_soundly(target))
    assert (first.outcome, first.ended_by) == (Outcome.CONNECTED, Actor.AGENT)
    assert (second.outcome, second.cause) == (Outcome.RETURNED_TO_AGENT, Cause.TARGET_LEFT)


async def test_a_customer_who_waits_for_an_agent_to_decide_is_given_back_in_the_end(engine: Engine) -> None:
    policy = Policy.model_validate({"when_unanswered": "wait", "overall_limit": 3 * SHORT})
    transfer = await engine.transfer(Mode.WARM, person("Bob", "busy"), policy=policy)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.OVERALL_LIMIT)
    assert causes(result) == ["Bob busy"]


@pytest.mark.parametrize(
    ("policy", "longest"),
    [
        (Policy(), timedelta(minutes=5)),
        (Policy(consult_limit=LONG), LONG),
        (Policy(fallbacks=(Recall(attempts=3, pause=LONG), QUEUE)), 3 * (LONG + timedelta(seconds=20))),
        (Policy(fallbacks=(AnotherTarget(target=person("Sue", ring_timeout=LONG)), Recall(), QUEUE)), None),
    ],
    ids=["hold budget", "consultation", "pauses", "fallbacks"],
)
async def test_the_provider_s_own_limit_stands_behind_the_longest_of_all_waits(
    client: Client, policy: Policy, longest: timedelta | None
) -> None:
    exchange = Listening()
    async with running_engine(client, exchange) as engine:
        await ends_soundly(await engine.transfer(Mode.COLD, "sim:bob?busy", policy=policy))
    assert set(exchange.limits) == {longest or LONG + timedelta(seconds=30)}


async def test_the_provider_s_own_limit_stands_behind_the_accepting_also_when_that_is_extended(client: Client) -> None:
    exchange = Listening()
    async with running_engine(client, exchange) as engine:
        transfer = await _accept(engine)
        await transfer.reaches(Stage.SCREENING)
        assert set(exchange.accept_timeouts) == {AS_IT_WAS}
        await transfer.do("extend", Extend(wait=Wait.ACCEPT, remaining=EXTENDED))

        async def told() -> bool | None:
            return exchange.accept_timeouts[-1] >= EXTENDED or None

        await eventually(told, "the longer limit at the provider")
        await transfer.do("cancel")
        await ends_soundly(transfer)


async def test_of_two_waits_that_end_together_the_first_settles_it_and_the_other_says_nothing(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, person("Bob"), policy=Policy(hold_budget=SHORT, overall_limit=SHORT))
    assert (await ends_soundly(transfer)).cause is Cause.HOLD_BUDGET
    told = [line for line in journal(await transfer.status()) if line.startswith("time is up")]
    assert told == ["time is up: hold budget"]
