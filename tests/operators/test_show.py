"""`hookflash show`: the story of a transfer, in the terminal and for a ticket."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from temporalio.client import Client

from activities.arrange import ARRANGE
from hookflash import Customer, Mode, RunningTransfer, Stage
from hookflash._operators import story
from tests.operators.operated import Operated, engine, reaches
from tests.support.namespaces import new_namespace
from tests.support.polling import eventually

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
async def conferenced(operated: Operated) -> RunningTransfer:
    """A warm transfer that went its whole way."""
    transfer = await operated.start(Mode.WARM, "answer=200ms")
    await reaches(transfer, Stage.CONSULTING)

    async def talk() -> bool | None:
        return "agent and Claims desk talk" in (await operated.run("show", transfer.id)).out or None

    # A stage is known before everybody is where it puts them; a command in between is drawn in between.
    await eventually(talk, "agent and target in the room", within=60)
    await transfer.conference()
    await transfer.complete()
    await transfer.wait()
    return transfer


def said(out: str) -> list[str]:
    """Return the pictures and the words of a drawing, without the times."""
    return [line[21:] for line in out.splitlines() if re.match(r"\d\d:\d\d:\d\d ", line)]


def has_in_order(lines: Sequence[str], *wanted: str) -> None:
    """Demand that each line is there once, in this order, whatever is between them."""
    assert [line for line in lines if line in wanted] == list(wanted), "\n".join(lines)


async def test_the_way_of_a_warm_transfer_is_drawn(operated: Operated, conferenced: RunningTransfer) -> None:
    ran = await operated.run("show", conferenced.id)
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[:2] == [conferenced.id, "warm transfer: connected"]
    assert lines[3].split() == ["local", "time", "customer", "agent", "Claims", "desk"]
    assert lines[-1].startswith("https://ui.example/")
    assert lines[-1].endswith(f"/{conferenced.run_id}/history")
    drawn = said(ran.out)
    has_in_order(
        drawn,
        "♫            ●┄┄┄┄┄┄┄┄┄┄┄┄☎   customer on hold · agent hears it ring · Claims desk is called",
        "♫            ●━━━━━━━━━━━━●   agent and Claims desk talk",
        "●━━━━━━━━━━━━●━━━━━━━━━━━━●   customer, agent and Claims desk talk",
        "●━━━━━━━━━━━━━━━━━━━━━━━━━●   customer and Claims desk talk · agent leaves",
    )
    lifelines = "│            │            │   "
    # A command is taken before what the one before it asked for is done.
    happened = [line.removeprefix(lifelines) for line in drawn if line.startswith(lifelines)]
    has_in_order(happened, "Claims desk answered", "agent: conference", "agent: complete")
    assert drawn[0] == "·            ·            ·   warm transfer begins"
    assert re.fullmatch(r"│            ·            │   connected, by the agent, after .+ m?s", drawn[-1])


async def test_it_becomes_a_diagram_for_a_ticket(operated: Operated, conferenced: RunningTransfer) -> None:
    mermaid, svg = await asyncio.gather(
        operated.run("show", conferenced.id, "--format", "mermaid"),
        operated.run("show", conferenced.id.removeprefix("transfer:"), "--format", "svg"),
    )
    assert (mermaid.code, svg.code) == (0, 0)
    lines = [re.sub(r"\d\d:\d\d:\d\dZ ", "", line.strip()) for line in mermaid.out.splitlines()]
    assert lines[:4] == [
        "sequenceDiagram",
        "participant P0 as customer",
        "participant P1 as agent",
        "participant P2 as Claims desk",
    ]
    has_in_order(
        lines,
        "P1->>P2: Claims desk is called",
        "Note over P1,P2: agent and Claims desk talk",
        "Note over P1: agent#58; conference",
        "Note over P0,P2: customer, agent and Claims desk talk",
        "Note over P1: agent leaves",
    )
    drawing = ElementTree.fromstring(svg.out)
    texts = [it.text or "" for it in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:3] == ["customer", "agent", "Claims desk"]
    assert any(it.endswith(" agent and Claims desk talk") for it in texts)
    # Whoever reads the ticket finds the transfer itself.
    assert lines[-1] == f"%% {operated.link(conferenced)}"
    (link,) = drawing.iter("{http://www.w3.org/2000/svg}a")
    assert link.get("href") == operated.link(conferenced)
    assert texts[-1] == f"{conferenced.id} {conferenced.run_id}"


async def test_a_script_gets_the_moments(operated: Operated, conferenced: RunningTransfer) -> None:
    told = (await operated.run("show", conferenced.id, "--json")).json
    assert told["lanes"] == ["customer", "agent", "Claims desk"]
    assert told["result"]["outcome"] == "connected"
    assert [it["places"] for it in told["moments"] if it["places"]][-1] == {
        "customer": "in_room",
        "Claims desk": "in_room",
    }


async def test_an_earlier_transfer_of_a_call_can_be_named(operated: Operated) -> None:
    first = await operated.ringing(customer=Customer(leg="sim:twice"))
    await first.cancel()
    await first.wait()
    assert first.run_id is not None
    second = await operated.ringing(customer=Customer(leg="sim:twice"))
    assert (second.id, second.run_id != first.run_id) == (first.id, True)
    earlier, latest = await asyncio.gather(
        operated.run("show", first.id, "--run-id", first.run_id), operated.run("show", first.id)
    )
    assert earlier.out.splitlines()[1] == "warm transfer: cancelled"
    assert latest.out.splitlines()[1] == "warm transfer: ringing"
    unknown = await operated.run("show", first.id, "--run-id", "00000000-0000-4000-8000-000000000000")
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err == f"hookflash: no transfer {first.id} in namespace {operated.client.namespace}\n"


async def test_it_shows_what_is_going_on_and_what_was_terminated(operated: Operated) -> None:
    transfer = await operated.ringing()
    now = await operated.run("show", transfer.id)
    assert now.out.splitlines()[1] == "warm transfer: ringing"
    assert any("Claims desk is called" in line for line in said(now.out))
    await operated.client.get_workflow_handle(transfer.id).terminate()
    ended = await operated.run("show", transfer.id)
    assert ended.code == 0, ended.err
    assert ended.out.splitlines()[1] == "warm transfer: terminated"
    assert said(ended.out)[-1].endswith(f"   {transfer.id} was terminated")


async def test_without_a_worker_only_the_journal_is_missing(client: Client, tmp_path: Path) -> None:
    own = await new_namespace(client, "operators")
    operated = Operated(own)
    async with engine(own, tmp_path):
        transfer = await operated.start(Mode.COLD, "answer=100ms")
        await transfer.wait()
    ran = await operated.run("show", transfer.id)
    assert (ran.code, ran.err) == (0, "hookflash: no worker answers: without the journal\n")
    drawn = said(ran.out)
    assert "●━━━━━━━━━━━━━━━━━━━━━━━━━●   customer and Claims desk talk · agent leaves" in drawn
    assert "connected, by the target" in drawn[-1]
    assert "answered" not in ran.out


def test_the_activity_has_the_name_that_is_looked_for() -> None:
    assert story.ARRANGE == ARRANGE
