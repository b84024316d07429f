"""What the contract suite needs of a provider's world, and the words it is written in.

A world is a provider with people at its phones. Everything is asynchronous and looked at until it is true, because a
real exchange takes its time; a world with virtual time advances it in ``pause``.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from activities.telephony.interface import Telephony
from activities.telephony.model import (
    Announcement,
    Arrangement,
    Dial,
    LegEvent,
    LegEventKind,
    Observation,
    Phase,
    Placement,
    Report,
    SeenLeg,
    TransferAsked,
    WantedLeg,
)

MUSIC = "music"
RINGBACK = "ringback"
ANNOUNCEMENT = "announcement"
SILENCE = "silence"
PLACE = "place"
"""What can be heard that is not a person. A person is heard by the name of the party."""

POLLS = 200
"""How often a condition is looked at before it counts as failed."""


class Manner(StrEnum):
    """What a phone does when it is rung."""

    RING = "ring"
    """Rings until the test lets it answer."""
    BUSY = "busy"
    DECLINE = "decline"
    """Rings, and declines by itself."""
    SILENT = "silent"
    """Neither rings nor answers."""
    UNREACHABLE = "unreachable"
    INVALID = "invalid"
    """Does not exist."""
    MACHINE = "machine"
    """Is answered by a machine that talks at once."""


class Feature(StrEnum):
    """What not every world can do."""

    ANSWER_LOST = "answer_lost"
    """Lose the answer of a request that was executed."""
    HALF = "half"
    """Stop a request after some of its steps."""
    UNAVAILABLE = "unavailable"
    """Refuse a request without executing anything."""
    MISSING_PLACE = "missing_place"
    """Know that a place for a hand-off does not exist."""
    COUNT_CHANGES = "count_changes"
    """Count what it was made to change."""
    MACHINE = "machine"
    """Tell a machine from a person."""
    CALLER_ID = "caller_id"
    """Say which number a phone shows."""


@dataclass(frozen=True)
class Party:
    """Somebody with a phone."""

    name: str
    leg: str
    """The provider's id of their leg."""
    address: str = ""
    """Where they are rung. Empty: they are in the call already."""


class World(Protocol):
    """A provider and the people at its phones."""

    unsupported: frozenset[Feature]
    place: str
    """Where a call can be handed off to."""
    missing_place: str
    """Where it cannot, because there is no such place."""
    unknown_leg: str
    """A well-formed id of a leg that never existed."""
    recording: str
    """Name of a recording that exists; it is heard as ``ANNOUNCEMENT`` for about a second."""
    missing_recording: str
    """Name of one that does not."""

    @property
    def provider(self) -> Telephony: ...

    async def place_call(self) -> tuple[Party, Party]:
        """Begin a call between parties named ``customer`` and ``agent``: both up, and they hear each other."""
        ...

    async def phone(self, name: str, manner: Manner) -> str:
        """Put a phone in place and return its address. Whoever answers there is heard by this name."""
        ...

    async def answer(self, party: Party) -> None:
        """Answer the phone, which rings."""
        ...

    async def hang_up(self, party: Party) -> None:
        """Hang up from the party's own side."""
        ...

    async def press(self, party: Party, digit: str) -> None:
        """Press a key on the party's phone."""
        ...

    async def ask_transfer(self, party: Party, destination: str) -> None:
        """Press the transfer key of the party's phone, and ask for somebody by that name."""
        ...

    async def told(self, party: Party) -> list[Report]:
        """Return what the party's phone was told of the transfers that it has asked for."""
        ...

    async def hears(self, party: Party) -> frozenset[str]:
        """Return what the party hears now: names of parties, or one of the sounds."""
        ...

    async def caller_id(self, party: Party) -> str:
        """Return the number that the party's phone shows as its partner's."""
        ...

    async def record(self, party: Party, name: str) -> None:
        """Begin a recording on the party's leg, as a contact centre does."""
        ...

    async def pause_recording(self, name: str) -> None:
        """Pause a recording, as a contact centre does."""
        ...

    async def recording_state(self, name: str) -> str:
        """Return what becomes of a recording now: ``recording``, ``paused``, or empty if there is none."""
        ...

    async def rings(self, party: Party) -> int:
        """Return how often the party's phone was rung so far."""
        ...

    async def leftovers(self) -> list[str]:
        """Return the legs and rooms that exist; empty when everything was cleaned up."""
        ...

    async def changes(self) -> int:
        """Return how much arrangements have changed so far."""
        ...

    def go_wrong(self, feature: Feature, steps: int = 0) -> None:
        """Let the next ``arrange`` go wrong: ``unavailable``, ``answer_lost`` or ``half`` (after some steps)."""
        ...

    async def pause(self) -> None:
        """Let a little time pass, some 50 ms."""
        ...

    async def violations(self) -> list[str]:
        """Return what the world itself saw that must never happen."""
        ...


async def eventually(world: World, condition: Callable[[], Awaitable[bool]], what: Callable[[], str]) -> None:
    """Wait until something is so.

    Args:
        world: Where.
        condition: Looked at again and again.
        what: Says what was seen instead, when it never becomes so.
    """
    for _ in range(POLLS):
        if await condition():
            return
        await world.pause()
    raise AssertionError(what())


async def expect(world: World, heard: Mapping[Party, set[str]]) -> None:
    """Wait until each of these parties hears exactly this."""
    wanted = {party.name: frozenset(sounds) for party, sounds in heard.items()}
    seen: dict[str, frozenset[str]] = {}

    async def as_wanted() -> bool:
        for party in heard:
            seen[party.name] = await world.hears(party)
        return seen == wanted

    await eventually(world, as_wanted, lambda: f"wanted {wanted}, heard {seen}")


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


@dataclass
class Transfer:
    """A call between customer and agent, and the arrangements made for it as an engine would."""

    world: World
    customer: Party
    agent: Party
    owner: str = field(default_factory=lambda: f"transfer:test:{uuid.uuid4().hex}")
    room: str = field(default_factory=lambda: f"room-{uuid.uuid4().hex}")
    known: dict[str, Phase] = field(default_factory=lambda: dict[str, Phase]())
    """How far the engine knows each leg to have come."""

    @classmethod
    async def of_a_new_call(cls, world: World) -> "Transfer":
        """Place a call and begin its transfer."""
        customer, agent = await world.place_call()
        await expect(world, {customer: {agent.name}, agent: {customer.name}})
        known = {customer.leg: Phase.ANSWERED, agent.leg: Phase.ANSWERED}
        return cls(world, customer, agent, known=known)

    async def target(self, manner: Manner = Manner.RING, name: str = "target") -> Party:
        """Put a phone in place for somebody who is to take over."""
        return Party(name, f"hf-{uuid.uuid4().hex}", await self.world.phone(name, manner))

    def wanted(
        self,
        placements: Mapping[Party, Placement],
        *,
        expired: Iterable[Party] = (),
        ring_timeout: float = 20.0,
        keep_room: bool = True,
        announcements: Mapping[Party, Announcement] | None = None,
        farewells: Mapping[Party, str] | None = None,
        dial: Mapping[str, object] | None = None,
    ) -> Arrangement:
        """Return the arrangement that puts everybody in their place.

        Args:
            placements: Where everybody is to be.
            expired: Whose ringing time is up.
            ring_timeout: How long phones may ring, in seconds.
            keep_room: Whether the room is still needed.
            announcements: What is to be played to whom.
            farewells: Recording that somebody hears who is released.
            dial: Further fields of every ``Dial``.
        """
        late = {party.leg for party in expired}
        return Arrangement(
            owner=self.owner,
            room=self.room,
            keep_room=keep_room,
            legs=tuple(
                WantedLeg(
                    leg=party.leg,
                    name=party.name,
                    placement=placement,
                    known=self.known.get(party.leg, Phase.NEW),
                    dial=_dial(party, ring_timeout, dial or {}),
                    expired=party.leg in late,
                    place=self.world.place if placement == Placement.HANDED_OFF else "",
                    announcement=(announcements or {}).get(party),
                    farewell=(farewells or {}).get(party, ""),
                )
                for party, placement in placements.items()
            ),
        )

    async def arrange(
        self,
        placements: Mapping[Party, Placement],
        *,
        expired: Iterable[Party] = (),
        ring_timeout: float = 20.0,
        keep_room: bool = True,
        announcements: Mapping[Party, Announcement] | None = None,
        farewells: Mapping[Party, str] | None = None,
        dial: Mapping[str, object] | None = None,
    ) -> Observation:
        """Make it so, once, and remember what was seen. The arguments are those of ``wanted``."""
        wanted = self.wanted(
            placements,
            expired=expired,
            ring_timeout=ring_timeout,
            keep_room=keep_room,
            announcements=announcements,
            farewells=farewells,
            dial=dial,
        )
        observation = await self.world.provider.arrange(wanted)
        assert [seen.leg for seen in observation.legs] == [leg.leg for leg in wanted.legs]
        for seen in observation.legs:
            self.known[seen.leg] = max(seen.phase, self.known.get(seen.leg, Phase.NEW))
        return observation

    async def until_answered(self, party: Party, placements: Mapping[Party, Placement]) -> None:
        """Repeat the arrangement until it shows that somebody has answered."""

        async def answered() -> bool:
            return seen(await self.arrange(placements), party).phase == Phase.ANSWERED

        await eventually(self.world, answered, lambda: f"{party.name} has not answered")

    async def until_it_rings(self, party: Party, times: int = 1) -> None:
        """Wait until the party's phone was rung so often."""

        async def rung() -> bool:
            return await self.world.rings(party) == times

        await eventually(self.world, rung, lambda: f"{party.name} was not rung {times} times")


def seen(observation: Observation, party: Party) -> SeenLeg:
    """Return what was observed of a party's leg."""
    return next(leg for leg in observation.legs if leg.leg == party.leg)


def _dial(party: Party, ring_timeout: float, more: Mapping[str, object]) -> Dial | None:
    if not party.address:
        return None
    given = {"address": party.address, "ring_timeout": timedelta(seconds=ring_timeout), "prompt": "hookflash-accept"}
    return Dial.model_validate(given | dict(more))
