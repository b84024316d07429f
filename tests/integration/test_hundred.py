"""A hundred transfers at once on one node."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.integration.line import PATIENCE, Desk, Kind, Line
from tests.integration.switchboard import Office, story, worker_on
from tests.rig.behaviour import Behaviour
from tests.support.polling import eventually

pytestmark = [pytest.mark.asterisk, pytest.mark.calm, pytest.mark.timeout(600)]

HUNDRED = 100
TALKING = 10
"""Lines whose parties talk, two of each kind: three hundred voices at once are too many for phones in Python."""
HANDS = 10
"""How many calls the contact centre connects in the same moment. The transfers are started all at once."""

T = TypeVar("T")


@pytest.fixture
async def office(large_office: Office, tmp_path: Path) -> AsyncIterator[Office]:
    async with worker_on(large_office.node, large_office.client, tmp_path / "worker.log"):
        yield large_office


async def test_a_hundred_transfers_at_once(office: Office) -> None:
    behaviours = {"customer": Behaviour.answers(), "agent": Behaviour.answers(), "target": Behaviour.rings()}
    phones = {
        party: await office.phones.phone("target1" if party == "target" else party, behaviour)
        for party, behaviour in behaviours.items()
    }
    desk = Desk(phones, TALKING)
    lines = [Line(office, number, TALKING, desk) for number in range(HUNDRED)]
    await some_at_a_time(HANDS, (line.connect for line in lines))

    transfers = await asyncio.gather(*(line.transfer() for line in lines))
    ringing = [line for line in lines if line.kind is not Kind.UNANSWERED]  # those may have given up by now
    for line in ringing:
        target = await line.call("target")
        assert target.at.keys() == {"invite", "ringing"}, f"line {line.number}: {target}"
    # All hundred are there now, and whatever ends them happens at once.
    results = await asyncio.gather(*(line.play_out(it) for line, it in zip(lines, transfers, strict=True)))
    for line, transfer, result in zip(lines, transfers, results, strict=True):
        told = f"line {line.number}, {line.kind.name}: {result}"
        if result.outcome is not line.kind.outcome:
            raise AssertionError(f"{told}\n{await line.call('target')}\n{await story(transfer)}")
        assert result.customer_with == ((line.kind.partner,) if line.kind.partner else ()), told
        assert len(result.attempts) == 1, told
    assert Counter(result.outcome for result in results) == Counter(line.kind.outcome for line in lines)

    for line in lines:
        await office.calls.remove(line.room)  # the contact centre's own, empty by now
    await eventually(
        lambda: rooms_are(office, lines), "each customer with the right partner, and nobody else", PATIENCE
    )
    await asyncio.gather(*(line.assert_sip_calls() for line in lines))
    await asyncio.gather(*(line.assert_heard() for line in lines if line.talks))
    assert await rooms_are(office, lines), "somebody was moved since"

    await asyncio.gather(*(line.hang_up() for line in lines))
    await office.node.drained(PATIENCE)  # no leaked channel, no leaked bridge
    await eventually(lambda: nothing_runs(office), "the end of every workflow but the listener", PATIENCE)


async def rooms_are(office: Office, lines: Iterable[Line]) -> bool | None:
    """Whether every pair has a room of its own, and there is no other leg and no other room."""
    pairs = {frozenset(line.stay.values()) for line in lines if line.stay}
    bridges = [frozenset(bridge["channels"]) for bridge in await office.node.bridges()]
    channels = {channel["id"] for channel in await office.node.channels()}
    rooms = [bridge for bridge in bridges if bridge]
    standing = len(bridges) - len(rooms)  # the one in which people are held
    return (
        set(rooms) == pairs and len(rooms) == len(pairs) and channels == set().union(*pairs) and standing <= 1
    ) or None


async def nothing_runs(office: Office) -> bool | None:
    """Whether no workflow is left but the listener."""
    running = [it.workflow_type async for it in office.client.list_workflows("ExecutionStatus = 'Running'")]
    return running == ["Listener"] or None


async def some_at_a_time(limit: int, work: Iterable[Callable[[], Awaitable[T]]]) -> list[T]:
    """Do many things, but only some of them at the same time."""
    hands = asyncio.Semaphore(limit)

    async def one(item: Callable[[], Awaitable[T]]) -> T:
        async with hands:
            return await item()

    return await asyncio.gather(*(one(item) for item in work))
