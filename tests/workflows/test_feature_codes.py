"""An agent who gives commands by keys, on the real server: what each code does, and what keys never do."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata

from hookflash import Actor, Cause, CommandName, FeatureCodes, Mode, Outcome, Party, Policy, Stage
from tests.support.polling import eventually
from tests.workflows.engine import Engine, Running
from tests.workflows.people import asked, gone, hear, journal, leg_of, person, refused, ring
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)

CODES = FeatureCodes(
    cancel="1",
    complete="*2",
    conference="*31",
    swap="*32",
    hold="#4#A",
    unhold="#40",
    # Keys are sent one by one, and a busy machine takes its time.
    inter_digit_timeout=timedelta(seconds=10),
)
POLICY = Policy(feature_codes=CODES)


def presses(transfer: Running, keys: str, who: Party = Party.AGENT) -> None:
    """Let customer or agent press keys, one after the other."""
    leg = transfer.request.agent.leg if who is Party.AGENT else transfer.request.customer.leg
    for key in keys:
        transfer.engine.exchange.press(leg, key)


def gives(transfer: Running, command: CommandName) -> None:
    """Let the agent press the code of a command."""
    presses(transfer, CODES.codes[command])


async def noted(transfer: Running, line: str, times: int = 1) -> list[str]:
    """Wait until a line is in the journal so many times, and return all of it."""

    async def there() -> list[str] | None:
        lines = journal(await transfer.status())
        return lines if lines.count(line) == times else None

    return await eventually(there, f"'{line}' in the journal, {times} times")


async def start(engine: Engine, mode: Mode, script: str = "ring", policy: Policy = POLICY) -> Running:
    """Start to transfer to Bob, and wait until everybody is where they belong."""
    transfer = await engine.transfer(mode, person("Bob", script), policy=policy)
    if "busy" in script:
        await transfer.reaches(Stage.DECIDING)
        await hear(transfer, customer="music", agent="music")
    elif "ring" in script:
        await ring(transfer, "Bob")
        cold = {"customer": "ringback", "agent": "music"}
        await hear(transfer, **(cold if mode is Mode.COLD else {"customer": "music", "agent": "ringback"}))
    else:
        await hear(transfer, customer="music", agent="Bob", Bob="agent")
    await noted(transfer, "agent is on the line")
    return transfer


# What each code does.


@pytest.mark.parametrize("stage", ["warm rings", "cold rings", "consulting", "three-way", "nobody took over"])
async def test_a_code_cancels(engine: Engine, stage: str) -> None:
    waits = Policy.model_validate({"feature_codes": CODES, "when_unanswered": "wait"})
    match stage:
        case "warm rings":
            transfer = await start(engine, Mode.WARM)
        case "cold rings":
            transfer = await start(engine, Mode.COLD)
        case "nobody took over":
            transfer = await start(engine, Mode.WARM, "busy", waits)
        case _:
            transfer = await start(engine, Mode.WARM, "answer=0ms")
    if stage == "three-way":
        gives(transfer, CommandName.CONFERENCE)
        await hear(transfer, customer="Bob,agent", agent="Bob,customer", Bob="agent,customer")
    gives(transfer, CommandName.CANCEL)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.cause) == (Outcome.CANCELLED, Cause.AGENT_CANCELLED)
    assert (result.ended_by, result.customer_with) == (Actor.AGENT, ("agent",))
    await hear(transfer, customer="agent", agent="customer")
    assert "agent pressed 1: cancel" in journal(await transfer.status())


async def test_codes_swap_bring_all_together_and_complete(engine: Engine) -> None:
    transfer = await start(engine, Mode.WARM, "answer=0ms")
    gives(transfer, CommandName.SWAP)
    await hear(transfer, customer="agent", agent="customer", Bob="music")
    gives(transfer, CommandName.SWAP)
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    gives(transfer, CommandName.CONFERENCE)
    await hear(transfer, customer="Bob,agent", agent="Bob,customer", Bob="agent,customer")
    gives(transfer, CommandName.COMPLETE)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.ended_by) == (Outcome.CONNECTED, Actor.AGENT)
    await hear(transfer, customer="Bob", Bob="customer")
    assert [it for it in journal(await transfer.status()) if it.startswith("agent pressed") and "a key" not in it] == [
        "agent pressed *32: swap",
        "agent pressed *32: swap",
        "agent pressed *31: conference",
        "agent pressed *2: complete",
    ]


async def test_codes_hold_and_unhold_the_customer(engine: Engine) -> None:
    transfer = await start(engine, Mode.COLD)
    gives(transfer, CommandName.UNHOLD)
    await hear(transfer, customer="agent", agent="customer")
    gives(transfer, CommandName.HOLD)
    await hear(transfer, customer="music", agent="ringback")
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    gives(transfer, CommandName.UNHOLD)
    await hear(transfer, customer="Bob,agent", agent="Bob,customer", Bob="agent,customer")
    lines = journal(await transfer.status())
    assert lines.count("agent pressed #40: unhold customer") == 2
    assert lines.count("agent pressed #4#A: hold customer") == 1
    gives(transfer, CommandName.COMPLETE)
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def test_a_code_completes_while_it_rings_and_it_rings_on(engine: Engine) -> None:
    transfer = await start(engine, Mode.WARM)
    gives(transfer, CommandName.COMPLETE)
    await hear(transfer, customer="ringback")
    assert (await transfer.status()).feature_codes == {}, "the agent who could press them has left"
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    result = await ends_soundly(transfer)
    assert (result.outcome, len(result.attempts)) == (Outcome.CONNECTED, 1)


async def test_a_code_asks_for_a_conference_while_it_rings(engine: Engine) -> None:
    transfer = await start(engine, Mode.WARM)
    gives(transfer, CommandName.CONFERENCE)
    await hear(transfer, customer="agent", agent="customer")
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    await hear(transfer, customer="Bob,agent", agent="Bob,customer", Bob="agent,customer")
    gives(transfer, CommandName.CANCEL)
    assert (await ends_soundly(transfer)).outcome is Outcome.CANCELLED


async def test_a_code_ends_a_consultation(engine: Engine) -> None:
    transfer = await start(engine, Mode.CONSULT, "answer=0ms")
    gives(transfer, CommandName.COMPLETE)
    result = await ends_soundly(transfer)
    assert (result.outcome, result.customer_with) == (Outcome.CONSULTED, ("agent",))


async def test_a_code_that_makes_no_sense_now_is_refused_as_its_command_is(engine: Engine) -> None:
    policy = Policy.model_validate({"feature_codes": CODES, "when_unanswered": "wait"})
    transfer = await start(engine, Mode.WARM, "busy", policy)
    before = await transfer.status()
    for command in (CommandName.CONFERENCE, CommandName.SWAP, CommandName.COMPLETE):
        told = await refused(transfer.do(command))
        why = told.split(": ", 1)[1].split(";")[0]
        gives(transfer, command)
        await noted(transfer, f"agent pressed {CODES.codes[command]}: {command}: refused, {why}")
    after = await transfer.status()
    assert (after.stage, after.legs, after.possible) == (before.stage, before.legs, before.possible)
    gives(transfer, CommandName.CANCEL)
    assert (await ends_soundly(transfer)).outcome is Outcome.CANCELLED


# What keys never do.


async def test_keys_of_customer_and_target_are_no_commands(engine: Engine) -> None:
    transfer = await start(engine, Mode.WARM, "answer=0ms")
    before = await transfer.status()
    every_code = "".join(CODES.codes.values())
    presses(transfer, every_code, Party.CUSTOMER)
    for key in every_code:
        engine.exchange.press(leg_of(transfer, "Bob").id, key)
    await noted(transfer, "customer pressed a key", len(every_code))
    await noted(transfer, "Bob pressed a key", len(every_code))
    after = await transfer.status()
    assert (after.stage, after.legs) == (before.stage, before.legs)
    gives(transfer, CommandName.COMPLETE)
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def test_the_keys_by_which_a_target_accepts_are_not_the_agent_s(engine: Engine) -> None:
    """One is the agent's code to cancel, and the target's to accept; two is the target's to decline."""
    transfer = await engine.transfer(
        Mode.WARM, asked("Bob", "answer=0ms", timeout=timedelta(minutes=10)), policy=POLICY
    )
    await transfer.reaches(Stage.SCREENING)
    await hear(transfer, customer="music", agent="music", Bob="announcement")
    await noted(transfer, "agent is on the line")
    presses(transfer, "2")
    await noted(transfer, "agent pressed a key")
    assert (await transfer.status()).stage is Stage.SCREENING
    engine.exchange.press(leg_of(transfer, "Bob").id, "1")
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    gives(transfer, CommandName.CANCEL)
    await gone(transfer, "Bob")
    result = await ends_soundly(transfer)
    assert (result.outcome, result.ended_by) == (Outcome.CANCELLED, Actor.AGENT)


async def test_other_keys_of_the_agent_are_forgotten(engine: Engine) -> None:
    transfer = await start(engine, Mode.WARM, "answer=0ms")
    before = await transfer.status()
    presses(transfer, "5*9*38#B0")
    await noted(transfer, "agent pressed a key", 9)
    after = await transfer.status()
    assert (after.stage, after.legs) == (before.stage, before.legs)
    presses(transfer, "5**2")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def test_a_code_that_was_begun_is_forgotten_after_a_pause(engine: Engine) -> None:
    pause = timedelta(milliseconds=300)
    policy = Policy(feature_codes=FeatureCodes(cancel="1", complete="*2", inter_digit_timeout=pause))
    transfer = await start(engine, Mode.WARM, "answer=0ms", policy)
    presses(transfer, "*")
    await noted(transfer, "agent pressed a key")
    await asyncio.sleep(2 * pause.total_seconds())  # the agent's pause, which is what this test is about
    presses(transfer, "2")
    await noted(transfer, "agent pressed a key", 2)
    assert (await transfer.status()).stage is Stage.CONSULTING
    presses(transfer, "1")
    assert (await ends_soundly(transfer)).outcome is Outcome.CANCELLED


async def test_without_codes_the_agent_s_keys_mean_nothing(engine: Engine) -> None:
    transfer = await start(engine, Mode.WARM, "answer=0ms", Policy())
    presses(transfer, "1*2*31")
    await noted(transfer, "agent pressed a key", 6)
    status = await transfer.status()
    assert (status.stage, status.feature_codes) == (Stage.CONSULTING, {})
    await transfer.do("cancel")
    assert (await ends_soundly(transfer)).outcome is Outcome.CANCELLED


async def test_a_key_costs_no_more_than_its_signal(engine: Engine) -> None:
    """No timer runs while a code is half typed, and a forgotten one leaves nothing behind."""
    transfer = await start(engine, Mode.WARM)

    async def events() -> list[str]:
        history = await transfer.handle.fetch_history()
        names = (EventType.Name(it.event_type).removeprefix("EVENT_TYPE_") for it in history.events)
        return [name for name in names if not name.startswith("WORKFLOW_TASK")]

    before = await events()
    presses(transfer, "*3*#5")
    await noted(transfer, "agent pressed a key", 5)
    # One more at most: the phone that rings may be told of late.
    since = (await events())[len(before) :]
    assert set(since) == {"WORKFLOW_EXECUTION_SIGNALED"}
    assert 5 <= len(since) <= 6
    gives(transfer, CommandName.CANCEL)
    assert (await ends_soundly(transfer)).outcome is Outcome.CANCELLED


# What operators see.


async def shown(transfer: Running) -> str:
    """Return the details page of the Temporal UI."""
    metadata = await transfer.handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return metadata.current_details


async def test_the_codes_are_shown_beside_the_commands_they_give(engine: Engine) -> None:
    transfer = await start(engine, Mode.WARM)
    status = await transfer.status()
    assert status.feature_codes == CODES.codes
    assert set(status.feature_codes) < set(status.possible)
    details = await shown(transfer)
    assert "- `complete`: the agent leaves, customer and target stay (agent: `*2`)\n" in details
    assert "- `retarget`: ring somebody else\n" in details
    gives(transfer, CommandName.CANCEL)
    await ends_soundly(transfer)
    assert (await transfer.status()).feature_codes == {}
    assert "(agent:" not in await shown(transfer)
