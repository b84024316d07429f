"""Whom a listener tells of keys, and how many: a transfer takes only so many signals."""

from uuid import uuid4

import pytest
from temporalio.client import Client

from activities.key_presses import MOST_KEYS
from activities.telephony.model import LegEventKind
from hookflash import names
from tests.workers.recorder import Recorder
from tests.workers.scripted_telephony import ScriptedTelephony
from tests.workers.turn import NODE, Handle, heard, listening

pytestmark = pytest.mark.timeout(30)


async def test_who_leans_on_a_key_is_heard_to_hang_up_all_the_same(client: Client, transfers: list[Handle]) -> None:
    """Temporal takes so many signals per run, and then not even the one that says that a leg has ended."""
    telephony, transfer = ScriptedTelephony(), transfers[0]
    async with listening(client, telephony):
        for _ in range(2 * MOST_KEYS):
            telephony.say(transfer.id, "customer", LegEventKind.DIGIT, digit="1")
        telephony.say(transfer.id, "agent", LegEventKind.DIGIT, digit="*")
        telephony.say(transfer.id, "customer", LegEventKind.ENDED)
        events = await heard(transfer, MOST_KEYS + 2)
    assert [it.leg for it in events] == [*["customer"] * MOST_KEYS, "agent", "customer"]
    assert events[-1].kind == "ended"


@pytest.mark.parametrize("begins", [names.WATCH, names.CALL_BACK])
async def test_to_whom_keys_mean_nothing_none_is_told(client: Client, recorder_queue: str, begins: str) -> None:
    watch = await client.start_workflow(Recorder.run, id=f"{begins}{NODE}:{uuid4()}", task_queue=recorder_queue)
    telephony = ScriptedTelephony()
    async with listening(client, telephony):
        telephony.say(watch.id, "leg-1", LegEventKind.DIGIT, digit="1")
        telephony.say(watch.id, "leg-1", LegEventKind.ENDED)
        assert [it.kind for it in await heard(watch, 1)] == ["ended"]
