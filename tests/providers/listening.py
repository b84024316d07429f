"""What a provider reports by itself, collected while something happens."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from activities.telephony.model import LegEvent, LegEventKind, TransferAsked
from tests.providers.world import Party, World, eventually


@dataclass
class Listener:
    """Collects what the provider reports."""

    world: World
    events: list[LegEvent] = field(default_factory=lambda: list[LegEvent]())
    asked: list[TransferAsked] = field(default_factory=lambda: list[TransferAsked]())

    def of(self, party: Party) -> list[LegEvent]:
        """Return the events of a party's leg."""
        return [event for event in self.events if event.leg == party.leg]

    async def until(self, party: Party, kind: LegEventKind) -> LegEvent:
        """Wait for the first event of a kind."""

        async def reported() -> bool:
            return any(event.kind == kind for event in self.of(party))

        await eventually(self.world, reported, lambda: f"no {kind} among {self.events}")
        return next(event for event in self.of(party) if event.kind == kind)


@asynccontextmanager
async def listening(world: World) -> AsyncGenerator[Listener]:
    """Listen to the provider's events, from the moment the body begins."""
    listener = Listener(world)
    stream = world.provider.events()
    assert await anext(stream) is None, "the first item says that it listens"

    async def listen() -> None:
        async for event in stream:
            if isinstance(event, TransferAsked):
                listener.asked.append(event)
            elif event is not None:
                listener.events.append(event)

    task = asyncio.create_task(listen())
    try:
        yield listener
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
