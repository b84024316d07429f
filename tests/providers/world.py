"""What the contract suite needs of a provider's world: people at phones, and what each of them hears.

Everything is asynchronous and looked at until it is true, because a real exchange takes its time; a world with virtual
time advances it in ``pause``.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from activities.telephony.interface import Telephony
from activities.telephony.model import Report

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
    KEYS = "keys"
    """Tell of keys that are pressed in the room and on hold."""
    TRANSFER_KEY = "transfer_key"
    """Hear of a phone's own transfer key, and tell the phone how it goes."""
    RECORDINGS = "recordings"
    """Pause and resume recordings."""
    DECLINED = "declined"
    """Tell who declines from who is busy."""
    MISSING_RECORDING = "missing_recording"
    """Know that a recording does not exist."""
    MARKS = "marks"
    """Tell with one look at the whole node whether an arrangement still stands."""
    UNTOLD_RELEASES = "untold_releases"
    """Tell of a leg that is released for its owner by the answer alone."""


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

    def let_recordings_fail(self, *, fail: bool) -> None:
        """Let no recording be paused or resumed from now on, or again."""
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
