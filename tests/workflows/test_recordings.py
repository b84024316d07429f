"""Recordings that a request names and with which something cannot be done: people are told once, nobody waits."""

import pytest

from hookflash import Mode, Outcome, Policy, Stage
from hookflash.policy import RecordingOnHold
from tests.workflows.engine import Engine, Running
from tests.workflows.people import hear, journal, person
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)

CAROL, ANNA = "calls/carol-1", "calls/anna-1"
"""Recordings of the legs of customer and agent."""


async def recorded(engine: Engine, *, runs: bool = True, fails: bool = False, policy: Policy | None = None) -> Running:
    """Start to transfer a call whose request names a recording of each leg.

    Args:
        engine: The engine.
        runs: Whether there are such recordings.
        fails: Whether they can be neither paused nor resumed.
        policy: Of the request.
    """
    request = engine.request(Mode.WARM, person("Bob", "answer=0ms"), policy=policy)
    for leg, name in (request.customer.leg, CAROL), (request.agent.leg, ANNA):
        if runs:
            engine.exchange.record(leg, name)
        engine.exchange.legs[leg].recording_stuck = fails
    customer = request.customer.model_copy(update={"recording": CAROL})
    agent = request.agent.model_copy(update={"recording": ANNA})
    return await engine.start(request.model_copy(update={"customer": customer, "agent": agent}))


def about_recordings(lines: list[str]) -> list[str]:
    return [line for line in lines if ".recording: " in line]


async def swap_twice_and_complete(transfer: Running) -> None:
    """Move everybody several times."""
    await transfer.reaches(Stage.CONSULTING)  # people hear each other before the engine knows
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    for _ in range(2):
        await transfer.do("swap")
        await hear(transfer, customer="agent", agent="customer", Bob="music")
        await transfer.do("swap")
        await hear(transfer, customer="music", agent="Bob", Bob="agent")
    await transfer.do("complete")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
    await hear(transfer, customer="Bob", Bob="customer")


async def test_recordings_that_do_not_exist_are_told_once_each_and_the_transfer_goes_on(engine: Engine) -> None:
    transfer = await recorded(engine, runs=False)
    await swap_twice_and_complete(transfer)
    assert about_recordings(journal(await transfer.status())) == [
        f"{party}.recording: {name} was not found, or is over; "
        f"whatever else records the {party}'s leg is not paused on hold"
        for party, name in (("customer", CAROL), ("agent", ANNA))
    ]


async def test_recordings_that_cannot_be_paused_are_told_once_each_and_the_transfer_goes_on(engine: Engine) -> None:
    transfer = await recorded(engine, fails=True)
    await swap_twice_and_complete(transfer)
    assert about_recordings(journal(await transfer.status())) == [
        f"{field} could not be paused; what is heard on hold or said in private may be in it"
        for field in (f"customer.recording: {CAROL}", f"agent.recording: {ANNA}")
    ]


async def test_a_recording_that_cannot_be_resumed_is_told_once_and_the_transfer_goes_on(engine: Engine) -> None:
    transfer = await recorded(engine)
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    engine.exchange.legs[transfer.request.customer.leg].recording_stuck = True
    await swap_twice_and_complete(transfer)
    assert about_recordings(journal(await transfer.status())) == [
        f"customer.recording: {CAROL} could not be resumed; what is said from now on may be missing from it"
    ]


async def test_recordings_that_are_there_are_not_worth_a_line(engine: Engine) -> None:
    transfer = await recorded(engine)
    await swap_twice_and_complete(transfer)
    assert about_recordings(journal(await transfer.status())) == []


async def test_recordings_that_go_on_by_policy_are_not_looked_for(engine: Engine) -> None:
    transfer = await recorded(engine, runs=False, policy=Policy(recording_on_hold=RecordingOnHold.CONTINUE))
    await swap_twice_and_complete(transfer)
    assert about_recordings(journal(await transfer.status())) == []
