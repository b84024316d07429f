"""What is asked of Twilio, and what the emulator answers, by Twilio's own OpenAPI description."""

from dataclasses import replace
from datetime import timedelta

import pytest

from activities.telephony.model import Announcement, Placement
from tests.providers.contract import Transfer
from tests.providers.listening import listening
from tests.providers.steps import Steps
from tests.providers.twilio_emulator.judge import Judge
from tests.providers.twilio_world import TwilioWorld, twilio_world
from tests.providers.world import expect

pytestmark = pytest.mark.twilio_api

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, HANDED_OFF, GONE = Placement.SCREENING, Placement.HANDED_OFF, Placement.GONE


@pytest.fixture
def judge() -> Judge:
    found = Judge.installed()
    assert found is not None
    return found


async def test_every_kind_of_request_and_answer_is_as_twilio_describes_it(judge: Judge) -> None:
    async with twilio_world() as world:
        await everything_once(world)
        exchanged = world.emulator.exchanged
        assert judge.complaints(exchanged) == []
    asked = {(it.method, it.path.rpartition("/")[2].partition(".")[0].rstrip("0123456789abcdef-")) for it in exchanged}
    kinds = {("POST", "Participants"), ("POST", "Calls"), ("POST", "CA"), ("GET", "CA"), ("GET", "Conferences")}
    assert kinds <= asked


async def everything_once(world: TwilioWorld) -> None:
    """Hold, ring, let in, screen, announce, say farewell, hand off, hang up."""
    transfer = await Transfer.of_a_new_call(world)
    customer, agent = transfer.customer, transfer.agent
    first, second = await transfer.target(name="target"), await transfer.target(name="target2")
    steps = Steps(transfer)
    async with listening(world):
        announcements = {customer: Announcement(media=world.recording)}
        await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, first: RINGING}, announcements=announcements)
        await transfer.until_it_rings(first)
        await transfer.arrange({customer: IN_ROOM, agent: ON_HOLD, first: GONE})
        await transfer.arrange(
            {customer: IN_ROOM, agent: ON_HOLD, first: GONE, second: SCREENING}, dial={"detect_machine": True}
        )
        await transfer.until_it_rings(second)
        await world.answer(second)
        await transfer.until_answered(second, {customer: IN_ROOM, agent: ON_HOLD, second: SCREENING})
        await steps({customer: IN_ROOM, second: IN_ROOM}, {customer: {"target2"}, second: {"customer"}})
        await transfer.arrange(
            {customer: HANDED_OFF, agent: GONE, second: GONE}, farewells={agent: world.recording}, keep_room=False
        )
        await expect(world, {second: set()})


async def test_the_judge_notices_what_is_not_as_described(judge: Judge) -> None:
    async with twilio_world() as world:
        transfer = await Transfer.of_a_new_call(world)
        target = await transfer.target()
        await transfer.arrange({transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, target: RINGING})
        (dialled,) = [it for it in world.emulator.exchanged if it.path.endswith("/Participants.json") and it.body]
    assert judge.complaints([dialled]) == []
    unknown = replace(dialled, body=dialled.body + b"&Hold=true")
    wrong_type = replace(dialled, body=dialled.body.replace(b"Timeout=20", b"Timeout=soon"))
    incomplete = replace(dialled, body=dialled.body.replace(b"From=", b"Sender="))
    unauthorized = replace(dialled, headers={k: v for k, v in dialled.headers.items() if k != "Authorization"})
    wrong_answer = replace(dialled, answer=dialled.answer.replace(b'"hold": false', b'"hold": "no"'))
    wrong_status = replace(dialled, status=200)
    nowhere = replace(dialled, path=dialled.path.replace("Participants", "Members"))
    for wrong in (unknown, wrong_type, incomplete, unauthorized, wrong_answer, wrong_status, nowhere):
        assert wrong != dialled
        assert len(judge.complaints([wrong])) >= 1


async def test_the_shortest_and_the_longest_ringing_are_what_twilio_takes(judge: Judge) -> None:
    async with twilio_world() as world:
        transfer = await Transfer.of_a_new_call(world)
        for seconds in (1.0, timedelta(hours=1).total_seconds()):
            target = await transfer.target(name=f"target{seconds}")
            ringing = {transfer.customer: ON_HOLD, transfer.agent: IN_ROOM, target: RINGING}
            assert (await transfer.arrange(ringing, ring_timeout=seconds)).stands
        asked = [it.body for it in world.emulator.exchanged if it.path.endswith("/Participants.json") and it.body]
        assert [b"&Timeout=5&" in asked[0], b"&Timeout=600&" in asked[1]] == [True, True]
        assert judge.complaints(world.emulator.exchanged) == []
