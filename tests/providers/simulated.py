"""A call on the simulated exchange, and the words in which its own tests speak of it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from activities.telephony.errors import ProviderUnavailable
from activities.telephony.model import Arrangement, Dial, LegEvent, Phase, Placement, WantedLeg
from activities.telephony.simulator import SimulatedExchange

CAROL, ANNA = "sim:carol", "sim:anna"
BOB = "hf-" + "b" * 32
IN_ROOM, ON_HOLD, RINGING, GONE = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING, Placement.GONE


def arrangement(
    customer: Placement = ON_HOLD,
    agent: Placement = IN_ROOM,
    target: Placement = RINGING,
    *,
    address: str = "sim:bob",
    ring_timeout: float = 20.0,
    expired: bool = False,
) -> Arrangement:
    dial = Dial(address=address, ring_timeout=timedelta(seconds=ring_timeout))
    return Arrangement(
        owner="transfer:sim:sim:carol",
        room="room",
        legs=(
            WantedLeg(leg=CAROL, name="customer", placement=customer, known=Phase.ANSWERED),
            WantedLeg(leg=ANNA, name="agent", placement=agent, known=Phase.ANSWERED),
            WantedLeg(leg=BOB, name="target", placement=target, dial=dial, expired=expired),
        ),
    )


async def listen(exchange: SimulatedExchange) -> Callable[[], Awaitable[list[LegEvent]]]:
    stream = exchange.events()
    assert await anext(stream) is None
    events: list[LegEvent] = []

    async def collect() -> None:
        async for event in stream:
            if isinstance(event, LegEvent):
                events.append(event)

    task = asyncio.create_task(collect())

    async def so_far() -> list[LegEvent]:
        await exchange.close()
        with pytest.raises(ProviderUnavailable):
            await task
        return events

    return so_far
