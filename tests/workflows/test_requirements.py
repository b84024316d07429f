"""What the table of docs/behaviour.md promises and no other test looks at: context, directory, budgets, the books."""

import asyncio
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.admission import ADMIT, Admission, AdmissionInput, DirectoryEntry, Tenant, Tenants, Verdict
from activities.telephony.model import Arrangement, Observation
from activities.telephony.simulator import SimulatedExchange
from hookflash import (
    AnotherTarget,
    Cause,
    Context,
    HandOff,
    Mode,
    Outcome,
    Party,
    Policy,
    Recall,
    Retarget,
    Stage,
    Target,
)
from tests.workflows.engine import Engine, Running, running_engine
from tests.workflows.people import causes, has, hear, journal, leg_of, person, ring
from tests.workflows.scenarios import LONG
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)

QUEUE = HandOff(kind="queue", place="claims")
CONTEXT = Context(
    customer_name="Carol",
    reason="Water damage",
    issue="CASE-4711",
    steps_tried=("looked it up", "asked for photos"),
    customer_consent=True,
    data={"Priority": "high"},
)
TOLD = {
    "X-Transfer-Customer": "Carol",
    "X-Transfer-Reason": "Water damage",
    "X-Transfer-Issue": "CASE-4711",
    "X-Transfer-Consent": "yes",
    "X-Transfer-Step-1": "looked it up",
    "X-Transfer-Step-2": "asked for photos",
    "X-Transfer-Data-Priority": "high",
}


class Reading(SimulatedExchange):
    """An exchange that remembers what each phone was told when it was dialled."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, list[dict[str, str]]] = {}
        """By the name of the person; one entry per leg."""
        self._dialled: set[str] = set()

    async def arrange(self, wanted: Arrangement) -> Observation:
        """See base class."""
        for leg in wanted.legs:
            if leg.dial is not None and leg.leg not in self._dialled:
                self._dialled.add(leg.leg)
                self.told.setdefault(leg.name, []).append(leg.dial.headers)
        return await super().arrange(wanted)


# What the target knows.


async def test_the_context_follows_to_every_target_and_the_agent_is_told_nothing_new(client: Client) -> None:
    """Also to who rings next, to who is rung instead, and to a supervisor among the fallbacks."""
    exchange = Reading()
    policy = Policy(fallbacks=(Recall(), AnotherTarget(target=person("Sue")), QUEUE))
    dora = person("Dora", data={"Priority": "low", "Desk": "2"})
    async with running_engine(client, exchange) as engine:
        transfer = await engine.transfer(
            Mode.COLD, person("Bob", "busy"), dora, policy=policy, context=CONTEXT, recalled="busy"
        )
        await ring(transfer, "Dora")
        await transfer.do("retarget", Retarget(target=person("Erik")))
        await ring(transfer, "Erik")
        exchange.hang_up(transfer.request.agent.leg)
        await hear(transfer, customer="ringback")
        exchange.hang_up(leg_of(transfer, "Erik").id)
        await ring(transfer, "Sue")
        exchange.answer(leg_of(transfer, "Sue").id)
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
    own = {"X-Transfer-Data-Priority": "low", "X-Transfer-Data-Desk": "2"}
    assert exchange.told == {"Bob": [TOLD], "Dora": [TOLD | own], "Erik": [TOLD], "Sue": [TOLD], "agent": [{}]}


@pytest.mark.parametrize(("context", "told"), [(Context(), {}), (Context(customer_consent=False), {"Consent": "no"})])
async def test_a_cold_target_is_told_nothing_unless_there_is_a_context(
    client: Client, context: Context, told: dict[str, str]
) -> None:
    exchange = Reading()
    async with running_engine(client, exchange) as engine:
        transfer = await engine.transfer(Mode.COLD, person("Bob", "answer=0ms"), context=context)
        assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
    assert exchange.told == {"Bob": [{f"X-Transfer-{name}": value for name, value in told.items()}]}


# Whom the tenant knows, and what happens when nobody can say.


async def test_a_target_is_found_in_the_tenant_s_directory(client: Client) -> None:
    directory = {
        "emergency": DirectoryEntry(address="sim:dora?busy", name="Emergency desk"),
        "claims": DirectoryEntry(address="sim:bob?answer=0ms"),
        "outside": DirectoryEntry(address="tel:0190"),
    }
    # By default a tenant may ring the company's own phones, and nothing outside.
    tenants = Tenants(tenants={"acme": Tenant(directory=directory)})
    names = ("nobody", "outside", "emergency", "claims")
    async with running_engine(client, admit=Admission(tenants, ["simulator"]).admit) as engine:
        targets = [Target(directory=name) for name in names]
        transfer = await engine.transfer(Mode.COLD, *targets, tenant="acme")
        result = await ends_soundly(transfer)
        # Another tenant's directory is none of ours.
        other = await ends_soundly(await engine.transfer(Mode.COLD, targets[-1], tenant="other"))
    assert result.outcome is Outcome.CONNECTED
    assert causes(result) == [
        "nobody invalid_destination",
        "outside destination_denied",
        "Emergency desk busy",
        "claims",
    ]
    assert (other.outcome, other.cause) == (Outcome.REJECTED, Cause.INVALID_DESTINATION)


async def test_a_directory_that_cannot_be_asked_costs_nobody_anything(client: Client) -> None:
    """Nobody is dialled and nobody is moved; and the same transfer is possible as soon as there is an answer."""
    broken = True

    @activity.defn(name=ADMIT)
    async def admit(asked: AdmissionInput) -> Verdict:
        if broken:
            raise ApplicationError("the directory is away", non_retryable=True)
        return await Admission(Tenants(), ["simulator"]).admit(asked)

    async with running_engine(client, admit=admit) as engine:
        transfer = await engine.transfer(Mode.WARM, person("Bob", "answer=0ms"))
        result = await ends_soundly(transfer)
        assert (result.outcome, result.cause) == (Outcome.REJECTED, Cause.PROVIDER_ERROR)
        assert (result.customer_with, result.attempts) == (("agent",), ())
        assert "the policy could not be asked" in journal(await transfer.status())
        assert engine.exchange.requests["arrange"] == 0
        await hear(transfer, customer="agent", agent="customer")
        broken = False
        again = await engine.start(transfer.request)
        await again.reaches(Stage.CONSULTING)
        await again.do("complete")
        assert (await ends_soundly(again)).outcome is Outcome.CONNECTED


# The books.


async def test_there_is_one_hold_budget_for_all_who_are_tried(client: Client) -> None:
    async with running_engine(client) as engine:
        everybody = [person(name, ring_timeout=timedelta(seconds=1.2)) for name in ("Bob", "Dora", "Erik")]
        policy = Policy(hold_budget=timedelta(seconds=2))
        transfer = await engine.transfer(Mode.WARM, *everybody, policy=policy)
        await ring(transfer, "Bob")
        result = await ends_soundly(transfer)
        await hear(transfer, customer="agent", agent="customer")
    assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.HOLD_BUDGET)
    assert not [it for it in result.attempts if it.target == "Erik"], "each had a budget of its own"
    assert result.held < timedelta(seconds=3.5)


@pytest.mark.parametrize("mode", Mode)
async def test_the_result_says_how_long_each_stage_took_in_which_mode(engine: Engine, mode: Mode) -> None:
    transfer = await engine.transfer(mode, person("Bob"), tenant="bold")
    await ring(transfer, "Bob")
    if mode is not Mode.BLIND:
        status = await has(transfer, "ringing", "Bob")
        assert {it.party for it in status.legs} == set(Party), "three connections, each on its own"
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    if mode in (Mode.WARM, Mode.CONSULT):
        await transfer.reaches(Stage.CONSULTING)
        await hear(transfer, customer="music", agent="Bob", Bob="agent")
        await transfer.do("conference")
        await hear(transfer, customer="agent,Bob", agent="customer,Bob", Bob="customer,agent")
        await transfer.do("complete")
    result = await ends_soundly(transfer)
    introduced = mode in (Mode.WARM, Mode.CONSULT)
    assert result.mode is mode
    assert (result.consulting > timedelta(), result.with_agent > timedelta()) == (introduced, introduced)
    assert result.ringing > timedelta()
    assert result.held >= result.ringing + result.consulting
    assert result.held + result.with_agent <= result.ended_at - result.started_at
    (attempt,) = result.attempts
    assert attempt.accepted_at, "when the target took over"
    assert await _search_mode(transfer) == mode.value


async def _search_mode(transfer: Running) -> Any:  # noqa: ANN401 a search attribute
    return (await transfer.handle.describe()).search_attributes["TransferMode"][0]


async def test_a_customer_who_was_given_back_is_transferred_to_another_department(engine: Engine) -> None:
    """Blind, to a department: the next transfer of the same call starts from a clean slate."""
    first = await engine.transfer(Mode.COLD, person("Bob", "busy"))
    assert (await ends_soundly(first)).outcome is Outcome.RETURNED_TO_AGENT
    department = person("Billing", "answer=100ms", ring_timeout=LONG)
    request = first.request.model_copy(update={"mode": Mode.BLIND, "targets": (department,), "tenant": "bold"})
    second = await engine.start(request)
    result = await ends_soundly(second)
    assert (result.outcome, causes(result)) == (Outcome.CONNECTED, ["Billing"])
    await hear(second, customer="Billing", Billing="customer")
    assert result.held < LONG


# Who hangs up.


async def _talks(engine: Engine, stage: Stage, **more: Any) -> Running:  # noqa: ANN401
    """Return a warm transfer in a stage."""
    transfer = await engine.transfer(Mode.WARM, person("Bob"), policy=Policy(fallbacks=(QUEUE,)), **more)
    await ring(transfer, "Bob")
    if stage is not Stage.RINGING:
        engine.exchange.answer(leg_of(transfer, "Bob").id)
        await transfer.reaches(Stage.CONSULTING)
        await hear(transfer, customer="music", agent="Bob", Bob="agent")
    if stage is Stage.THREE_WAY:
        await transfer.do("conference")
        await hear(transfer, customer="agent,Bob", agent="customer,Bob", Bob="customer,agent")
    return transfer


def _hang_up(transfer: Running, who: str) -> None:
    transfer.engine.exchange.hang_up(leg_of(transfer, who).id)


@pytest.mark.parametrize(
    ("stage", "leaves", "outcome"),
    [
        (Stage.CONSULTING, "customer", Outcome.CUSTOMER_LEFT),
        (Stage.CONSULTING, "agent", Outcome.CONNECTED),
        (Stage.CONSULTING, "Bob", Outcome.RETURNED_TO_AGENT),
        (Stage.THREE_WAY, "customer", Outcome.CUSTOMER_LEFT),
        (Stage.THREE_WAY, "agent", Outcome.CONNECTED),
        (Stage.THREE_WAY, "Bob", Outcome.RETURNED_TO_AGENT),
    ],
)
async def test_the_two_who_stay_talk_to_each_other(engine: Engine, stage: Stage, leaves: str, outcome: Outcome) -> None:
    transfer = await _talks(engine, stage)
    _hang_up(transfer, leaves)
    assert (await ends_soundly(transfer)).outcome is outcome
    one, other = {"customer", "agent", "Bob"} - {leaves}
    await hear(transfer, **{one: other, other: one})
    # The last one is not left behind.
    _hang_up(transfer, one)
    await hear(transfer)


@pytest.mark.parametrize("stage", [Stage.RINGING, Stage.CONSULTING, Stage.THREE_WAY])
async def test_two_may_leave_in_either_order(engine: Engine, stage: Stage) -> None:
    """At the same instant, in all six orders: a customer who stays is taken care of, and nobody else is left over."""

    async def leave(first: str, second: str) -> None:
        transfer = await _talks(engine, stage)
        _hang_up(transfer, first)
        _hang_up(transfer, second)
        result = await ends_soundly(transfer)
        if "customer" not in (first, second):
            assert (result.outcome, result.customer_with) == (Outcome.SENT_TO_QUEUE, ("queue",)), (first, second)
            return
        # Whoever of the others is still there has nobody to talk to.
        assert result.outcome is not Outcome.SENT_TO_QUEUE, (first, second)
        await hear(transfer)

    parties = ["customer", "agent"] if stage is Stage.RINGING else ["customer", "agent", "Bob"]
    await asyncio.gather(*(leave(*pair) for pair in permutations(parties, 2)))


async def test_who_rings_is_stopped_or_left_ringing_by_who_leaves_first(engine: Engine) -> None:
    """The agent first: it rings on. The customer first, or after the agent: it stops."""
    transfer = await _talks(engine, Stage.RINGING)
    _hang_up(transfer, "agent")
    await hear(transfer, customer="ringback")
    await ring(transfer, "Bob")
    _hang_up(transfer, "customer")
    result = await ends_soundly(transfer)
    assert (result.outcome, causes(result)) == (Outcome.CUSTOMER_LEFT, ["Bob customer_left"])
    await ring(transfer)
