"""What a provider, a network and a worker can do to a transfer: it is late, never wrong."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import Client

from activities.telephony.simulator import Faults
from hookflash import (
    Cause,
    HandOff,
    HangUp,
    Mode,
    Outcome,
    Policy,
    ProviderEvent,
    Stage,
    Target,
    TransferResult,
)
from hookflash.names import PROVIDER_EVENT_SIGNAL, owning_run
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running, listening, running_engine
from tests.workflows.interrupting import InterruptedExchange, Moments
from tests.workflows.scenarios import SHORT, Scenario, cold_answered, gated, warm_completed
from tests.workflows.soundness import ends_soundly
from tests.workflows.troubles import half, lost, refused

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def engine(client: Client) -> AsyncIterator[Engine]:
    exchange = InterruptedExchange(Moments())
    async with running_engine(client, exchange) as engine:
        yield engine
    assert exchange.overlaps == []


def _slow(faults: Faults) -> None:
    faults.slow(0.5)


FAULTS = [refused, lost, half, _slow]


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_in_any_phase_delays_a_transfer_and_does_not_end_it(
    client: Client, fault: Callable[[Faults], None]
) -> None:
    async def begin(engine: Engine) -> None:
        fault(engine.exchange.faults)
        transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=100ms")
        await transfer.reaches(Stage.CONSULTING)
        await transfer.do("complete")
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED

    async def answer(engine: Engine) -> None:
        transfer = await engine.transfer(Mode.COLD, gated("ring"))
        await transfer.hear(customer={"ringback"}, agent={"music"})
        await eventually(lambda: _first_leg(transfer), "a leg")
        fault(engine.exchange.faults)
        engine.exchange.answer(transfer.target_leg)
        await transfer.reaches(Stage.SCREENING)
        await transfer.do("accept")
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED

    async def end(engine: Engine) -> None:
        transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=50ms")
        await transfer.hear(customer={"music"}, agent={"target"}, target={"agent"})
        fault(engine.exchange.faults)
        await transfer.do("complete")
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED

    async def next_target(engine: Engine) -> None:
        quiet = Target(address="sim:bob?ring", name="Claims desk", ring_timeout=SHORT)
        transfer = await engine.transfer(Mode.COLD, quiet, "sim:dora?answer=50ms")
        await transfer.hear(customer={"ringback"}, agent={"music"})
        fault(engine.exchange.faults)
        result = await ends_soundly(transfer)
        assert (result.outcome, result.attempts[0].cause) == (Outcome.CONNECTED, Cause.NO_ANSWER)

    async def alone(phase: Callable[[Engine], Awaitable[None]]) -> None:
        # Faults hit whichever request comes next, so each phase has an exchange of its own.
        exchange = InterruptedExchange(Moments())
        async with running_engine(client, exchange) as engine:
            await phase(engine)
        assert exchange.overlaps == []

    await asyncio.gather(*(alone(phase) for phase in (begin, answer, end, next_target)))


async def test_a_place_the_provider_does_not_have_is_followed_by_the_next_fallback(engine: Engine) -> None:
    async def told(*fallbacks: HandOff | HangUp) -> TransferResult:
        target = Target(address="sim:bob?ring", name="Claims desk", ring_timeout=SHORT)
        policy = Policy(fallbacks=fallbacks)
        transfer = await engine.transfer(Mode.COLD, target, policy=policy, scripts=("", "hangup=200ms"))
        return await ends_soundly(transfer)

    nowhere = HandOff(kind="voicemail", place="missing")
    next_one, nothing, hung_up = await asyncio.gather(
        told(nowhere, HandOff(kind="queue", place="claims")), told(nowhere), told(nowhere, HangUp())
    )
    assert (next_one.outcome, next_one.customer_with) == (Outcome.SENT_TO_QUEUE, ("queue",))
    assert (nothing.outcome, nothing.customer_with) == (Outcome.FAILED, ("hold",))
    assert (hung_up.outcome, hung_up.customer_with) == (Outcome.FAILED, ())


async def test_commands_are_accepted_at_once_while_the_provider_is_slow_and_the_newest_counts(client: Client) -> None:
    moments = Moments()
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        asked.set()
        await answer.wait()

    async with running_engine(client, InterruptedExchange(moments)) as engine:
        transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=50ms")
        await transfer.hear(customer={"music"}, agent={"target"}, target={"agent"})
        moments.plan(transfer.handle.id, moments.count[transfer.handle.id], slow)
        for command in ("conference", "hold", "unhold", "hold", "conference"):
            await transfer.do(command)
        await asked.wait()
        assert transfer.heard() == {"customer": {"music"}, "agent": {"target"}, "target": {"agent"}}
        answer.set()
        everybody = {"customer", "agent", "target"}
        await transfer.hear(**{party: everybody - {party} for party in everybody})
        await transfer.do("complete")
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def test_an_outage_is_survived_and_what_happened_in_it_is_looked_up(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?ring")
    await transfer.hear(customer={"music"}, agent={"ringback"})
    engine.exchange.faults.outage = True
    engine.exchange.answer(transfer.target_leg)
    status = await transfer.do("unhold")
    assert status.stage is Stage.RINGING
    engine.exchange.faults.outage = False
    await transfer.reaches(Stage.THREE_WAY)
    await transfer.do("complete")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def test_events_that_are_doubled_late_out_of_order_or_malformed_change_nothing(client: Client) -> None:
    async def wild(engine: Engine, order: int) -> None:
        kept: list[tuple[str, ProviderEvent]] = []

        async def post(owner: str, event: ProviderEvent) -> None:
            kept.append((owner, event))
            for _ in range(2):
                await engine.signal(owner, event)
            for late in kept[:: order or 1]:
                await engine.signal(*late)
            for nonsense in ({}, {"kind": "exploded"}, {"kind": "answered", "leg": "nobody"}, {"digit": "11"}):
                with contextlib.suppress(Exception):
                    await engine.client.get_workflow_handle(owning_run(owner)[0]).signal(
                        PROVIDER_EVENT_SIGNAL, nonsense
                    )

        engine.post = post
        transfer, result = await warm_completed(engine)
        assert len(result.attempts) == 1
        assert engine.exchange.rings(transfer.target_leg) == 1

    async def one(order: int) -> None:
        async with running_engine(client) as engine:
            await wild(engine, order)

    await asyncio.gather(one(1), one(-1))


MALFORMED: list[list[Any]] = [
    [],
    [None],
    ["ended"],
    [b"\x00"],
    [[{"kind": "ended"}]],
    [{"kind": 7, "leg": {}}],
    [{"kind": "ended", "evidence": "no"}],
    [{"kind": "ended"}, {"kind": "ended"}],
    [{"kind": "x" * 10_000, "leg": "\n"}],
]


async def test_malformed_events_are_harmless(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, "sim:bob?answer=50ms")
    await transfer.reaches(Stage.CONSULTING)
    for args in MALFORMED:
        await transfer.handle.signal(PROVIDER_EVENT_SIGNAL, args=args)
    assert (await transfer.do("conference")).stage is Stage.THREE_WAY
    assert sum("dropped" in entry.text for entry in (await transfer.status()).journal) >= 4
    await transfer.do("cancel")
    assert (await ends_soundly(transfer)).outcome is Outcome.CANCELLED


async def test_events_that_nobody_heard_are_made_up_for(client: Client) -> None:
    async with running_engine(client) as engine:

        async def deaf(owner: str, event: ProviderEvent) -> None:
            """Lose it."""

        engine.post = deaf
        transfer = await engine.transfer(Mode.COLD, "sim:bob?answer=50ms")
        leg = await eventually(lambda: _first_leg(transfer), "a leg")
        await engine.exchange.until(lambda: engine.exchange.legs[leg].up)
        engine.post = None
        engine.exchange.lose_listener()
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def _first_leg(transfer: Running) -> str | None:
    return transfer.target_legs[0] if transfer.target_legs else None


@pytest.mark.parametrize("cached", [1000, 0], ids=["in memory", "replayed at each step"])
async def test_a_worker_that_dies_in_the_middle_is_replaced_and_nothing_is_lost(client: Client, cached: int) -> None:
    engine = Engine(client, InterruptedExchange(Moments()))
    options: dict[str, Any] = {"max_cached_workflows": cached, "sticky_queue_schedule_to_start_timeout": SHORT}
    if not cached:
        del options["sticky_queue_schedule_to_start_timeout"]
    async with engine.worker(**options), listening(engine):
        answered = await engine.transfer(Mode.COLD, "sim:bob?ring")
        deserted = await engine.transfer(Mode.WARM, "sim:bob?ring")
        for transfer in (answered, deserted):
            await transfer.reaches(Stage.RINGING)
            await eventually(lambda transfer=transfer: _first_leg(transfer), "a leg")
    engine.exchange.lose_listener()
    engine.exchange.answer(answered.target_leg)
    engine.exchange.hang_up(deserted.request.customer.leg)
    async with engine.worker(**options), listening(engine):
        first, second = await asyncio.gather(ends_soundly(answered), ends_soundly(deserted))
    assert (first.outcome, second.outcome) == (Outcome.CONNECTED, Outcome.CUSTOMER_LEFT)
    assert engine.exchange.violations == ()


@pytest.mark.parametrize("scenario", [warm_completed, cold_answered])
async def test_a_transfer_that_is_replayed_at_every_step_ends_the_same(client: Client, scenario: Scenario) -> None:
    async with running_engine(client, max_cached_workflows=0) as engine:
        await scenario(engine)
