"""Transfers under way outlive a deployment: today's code makes the decisions that are in the recorded histories.

A failure here means that a change of the workflow code would leave running transfers stuck. If that is meant, record
again: `python -m scripts.record_histories`.
"""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from tests.replay.recording import HISTORIES, RECORDINGS, read
from tests.workflows.replaying import replayer

Json = dict[str, Any]


@pytest.fixture(scope="module")
def replay() -> Replayer:
    return replayer()


def test_there_is_a_recording_of_every_scenario_and_no_other() -> None:
    assert {path.stem for path in HISTORIES.glob("*.json")} == set(RECORDINGS)


@pytest.mark.parametrize("name", RECORDINGS)
async def test_a_recorded_history_replays(replay: Replayer, name: str) -> None:
    await replay.replay_workflow(read(HISTORIES / f"{name}.json"))


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_history_names_no_machine(name: str) -> None:
    text = (HISTORIES / f"{name}.json").read_text()
    assert set(re.findall(r'"identity": "([^"]*)"', text)) <= {"recorded", "history-service"}
    assert not re.search(r'[\w-]+@[\w-]+|File \\"|site-packages|"/[a-z]+/|\.py\b', text)


def _of_kind(events: list[Json], kind: str) -> Json:
    return next(it for it in events if it["eventType"] == f"EVENT_TYPE_{kind}")


def _another_activity(events: list[Json]) -> None:
    attributes = _of_kind(events, "ACTIVITY_TASK_SCHEDULED")["activityTaskScheduledEventAttributes"]
    attributes["activityType"]["name"] = "telephone"


def _no_timer(events: list[Json]) -> None:
    started = _of_kind(events, "TIMER_STARTED")
    started.pop("timerStartedEventAttributes")
    started["eventType"] = "EVENT_TYPE_MARKER_RECORDED"
    started["markerRecordedEventAttributes"] = {"markerName": "nothing"}


def _another_child(events: list[Json]) -> None:
    for it in events:
        for attributes in it.values():
            if isinstance(attributes, dict) and "workflowType" in attributes and it["eventType"].count("CHILD"):
                attributes["workflowType"]["name"] = "Voicemail"


def _another_order(events: list[Json]) -> None:
    """The timer of the ringing before the dialling."""
    names = [it["eventType"] for it in events]
    first = names.index("EVENT_TYPE_TIMER_STARTED")
    second = next(n for n in range(first + 1, len(names)) if names[n] == "EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES")
    for key in ("eventId", "eventTime", "taskId"):
        events[first][key], events[second][key] = events[second][key], events[first][key]
    events[first], events[second] = events[second], events[first]


TAMPERED: dict[str, Callable[[list[Json]], None]] = {
    "another activity": _another_activity,
    "a timer that is not there": _no_timer,
    "another child workflow": _another_child,
    "another order": _another_order,
}


@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
async def test_a_history_that_today_s_code_would_not_write_is_refused(
    replay: Replayer, tamper: Callable[[list[Json]], None]
) -> None:
    recorded = json.loads((HISTORIES / "cold_answered.json").read_text())
    changed = copy.deepcopy(recorded)
    tamper(changed["events"])
    assert changed != recorded
    with pytest.raises(NondeterminismError):
        await replay.replay_workflow(WorkflowHistory.from_json("transfer", json.dumps(changed)))
