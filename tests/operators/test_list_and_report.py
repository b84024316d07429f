"""`hookflash list` and `hookflash report`, over the same few transfers."""

import asyncio
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import unquote

import pytest

from hookflash import Mode, Outcome
from tests.operators.operated import Operated

pytestmark = pytest.mark.timeout(300)


class Calls(NamedTuple):
    """Ids of transfers, by what became of them."""

    connected: str
    busy: str
    terminated: str
    ringing: str
    before: str
    """A time before the last of them."""


@pytest.fixture(scope="module")
async def calls(operated: Operated) -> Calls:
    connected = await operated.start(Mode.COLD, "answer=100ms")
    busy = await operated.start(Mode.WARM, "busy", tenant="north")
    assert (await connected.wait()).outcome is Outcome.CONNECTED
    assert (await busy.wait()).outcome is Outcome.RETURNED_TO_AGENT
    terminated = await operated.ringing(tenant="north")
    await operated.client.get_workflow_handle(terminated.id).terminate()
    before = datetime.now(UTC)
    ringing = await operated.ringing()
    await operated.visible("ExecutionStatus != 'Running'", 3)
    await operated.visible("TransferHeld = true AND TransferStage = 'ringing' AND ExecutionStatus = 'Running'", 1)
    return Calls(connected.id, busy.id, terminated.id, ringing.id, before.isoformat())


async def test_every_filter_finds_its_transfers(operated: Operated, calls: Calls) -> None:
    wanted = {
        ("--open",): {calls.ringing},
        ("--closed",): {calls.connected, calls.busy, calls.terminated},
        ("--outcome", "connected"): {calls.connected},
        ("--cause", "busy", "--mode", "warm"): {calls.busy},
        # Who was terminated is found as it was then.
        ("--stage", "ringing", "--held"): {calls.ringing, calls.terminated},
        ("--tenant", "north", "--query", "ExecutionStatus = 'Terminated'"): {calls.terminated},
        ("--since", calls.before): {calls.ringing},
        ("--since", "1h", "--until", calls.before): {calls.connected, calls.busy, calls.terminated},
        # With one bracket too many it means everything, the listener too.
        ("--query", "TransferMode = 'cold') OR (WorkflowType != 'x'"): {
            calls.connected,
            calls.busy,
            calls.terminated,
            calls.ringing,
        },
    }
    for options, expected in wanted.items():
        ran = await operated.run("list", "--json", *options)
        assert ran.code == 0, ran.err
        assert {it["id"] for it in ran.json} == expected, options


async def test_a_person_sees_a_table_with_links(operated: Operated, calls: Calls) -> None:
    ran, cut = await asyncio.gather(operated.run("list"), operated.run("list", "--limit", "1"))
    assert (ran.code, ran.err) == (0, "")
    heading, first, *others = (line.split() for line in ran.out.splitlines())
    assert heading == ["ID", "MODE", "STATE", "CAUSE", "BEGUN", "LENGTH", "UI"]
    assert first[:4] == [calls.ringing, "warm", "ringing", "-"]
    assert all(line[-1].startswith("https://ui.example/namespaces/") for line in [first, *others])
    states = {line.split()[0]: line for line in ran.out.splitlines()}
    assert " returned to agent  busy  " in states[calls.busy]
    assert " terminated " in states[calls.terminated]
    assert "\x1b" not in ran.out
    assert [line.split()[0] for line in cut.out.splitlines()] == ["ID", calls.ringing]
    assert cut.err == "hookflash: there are more; --limit shows them\n"


async def test_a_report_counts_and_measures(operated: Operated, calls: Calls) -> None:
    assert calls
    report = await operated.run("report", "--since", "1h", "--results", "--json")
    assert report.code == 0, report.err
    told = report.json
    assert (told["transfers"], told["open"]) == (4, 1)
    assert told["outcomes"] == {"connected": 1, "returned_to_agent": 1, "terminated": 1}
    assert told["causes"] == {"busy": 1}
    assert told["modes"] == {"warm": 3, "cold": 1}
    assert told["length"]["all"]["number"] == 3
    assert told["spent"]["held"]["number"] == 2
    assert told["unread"] == 0
    assert told["ui"].startswith("https://ui.example/namespaces/")


async def test_a_person_reads_a_report(operated: Operated, calls: Calls) -> None:
    assert calls
    ran, nothing = await asyncio.gather(operated.run("report"), operated.run("report", "--tenant", "nobody"))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0].endswith(": 3 over, 1 open")
    for line in ("  returned to agent  1       33.3 %", "  busy   1       33.3 %", "  warm  3       75.0 %"):
        assert line in ran.out.splitlines()
    assert "TIME SPENT" not in ran.out
    # The same transfers, in the UI.
    base, _, query = ran.out.splitlines()[-1].partition("?query=")
    assert base == f"https://ui.example/namespaces/{operated.client.namespace}/workflows"
    assert (await operated.client.count_workflows(unquote(query))).count == 4
    assert nothing.code == 0
    assert nothing.out.endswith(": 0 over, 0 open\n")
