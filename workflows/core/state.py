"""The state of a transfer: where each of the three parties is meant to be."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from hookflash import Actor, Cause, Mode, Outcome, Party, Stage


class Standing(StrEnum):
    """What the engine wants of a party's leg.

    A standing is a wish, not yet where the leg is put: see ``arrangement.placements``.
    """

    IN_ROOM = "in_room"
    ON_HOLD = "on_hold"
    RINGING = "ringing"
    EXPIRED = "expired"
    """Its ringing time is up: the provider is asked to end it unless it has been answered."""
    SCREENING = "screening"
    """Answered, alone, and asked to accept."""
    HANDED_OFF = "handed_off"
    LEAVING = "leaving"
    """About to be released, and still there until the provider has done it: can be kept if plans change."""
    GONE = "gone"

    @property
    def up(self) -> bool:
        """Whether the leg is a person who can be put into the room or on hold."""
        return self in (Standing.IN_ROOM, Standing.ON_HOLD)

    @property
    def calling(self) -> bool:
        """Whether the leg is being rung."""
        return self in (Standing.RINGING, Standing.EXPIRED)


class LegRef(NamedTuple):
    """One leg of a party. Targets and the agent can have several, one after another."""

    party: Party
    number: int = 1

    def __str__(self) -> str:
        """Return ``customer``, ``agent``, ``target-1`` …: a stable name to mint the leg's id from."""
        return self.party.value if self.party is Party.CUSTOMER else f"{self.party.value}-{self.number}"


CUSTOMER = LegRef(Party.CUSTOMER)


class PlannedTarget(NamedTuple):
    """A target that may be rung. The request's details stay outside the core."""

    number: int
    """Its number in the order in which the transfer learnt of it, from 1; also the number of its leg."""
    gated: bool = False
    """Whether it has to accept before it is joined."""


class FallbackKind(StrEnum):
    """Who can take a customer whom nobody is left to serve."""

    RECALL = "recall"
    VOICEMAIL = "voicemail"
    QUEUE = "queue"
    FLOW = "flow"
    HANG_UP = "hang_up"


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What stays the same during a transfer: one object, the same in all its states."""

    mode: Mode
    fallbacks: tuple[FallbackKind, ...]
    """In order. A recall of an agent without an address is left out by whoever makes the rules."""
    wait_when_unanswered: bool = False
    """Warm and consult: the agent decides what happens when nobody takes over."""
    patience: int = 3
    """Failed arrangements in a row after which the engine stops going forward and gives the customer back."""
    endurance: int = 60
    """Failed arrangements in a row after which there is nothing left that the engine could do."""


class Ending(NamedTuple):
    """What the transfer will have come to as soon as its last arrangement stands."""

    outcome: Outcome
    cause: Cause | None
    by: Actor


@dataclass(frozen=True, slots=True)
class State:
    """Everything the next decision depends on. Hashable, without times: the whole space can be walked."""

    rules: Rules
    customer: Standing
    agent: Standing
    target: Standing
    waiting: tuple[PlannedTarget, ...]
    """Targets not tried yet, the next one first."""
    current: PlannedTarget | None = None
    """The target last tried."""
    known_targets: int = 0
    """Highest number of a target the transfer has learnt of."""
    agent_number: int = 1
    """Number of the agent's leg: above 1 once the agent has been recalled."""
    fallback: int = 0
    """How many fallbacks have been tried."""
    cause: Cause | None = None
    """Why the last thing that was tried did not work out."""
    begun: bool = False
    """Whether an arrangement has stood. Before that, nothing has been changed."""
    ending: Ending | None = None
    ended: bool = False
    failures: int = 0
    """Arrangements that failed in a row."""
    retrying: bool = False
    """Whether the engine waits before it arranges again."""

    @property
    def agent_leg(self) -> LegRef:
        """The agent's leg that counts now."""
        return LegRef(Party.AGENT, self.agent_number)

    @property
    def target_leg(self) -> LegRef | None:
        """The target's leg that counts now, if one was ever rung."""
        return LegRef(Party.TARGET, self.current.number) if self.current else None

    @property
    def gated(self) -> bool:
        """Whether the current target has to accept."""
        return self.current is not None and self.current.gated

    def standing(self, party: Party) -> Standing:
        """Return the standing of a party."""
        return {Party.CUSTOMER: self.customer, Party.AGENT: self.agent, Party.TARGET: self.target}[party]

    @property
    def customer_with_person(self) -> bool:
        """Whether the customer shares the room with a live party."""
        return self.customer is Standing.IN_ROOM and Standing.IN_ROOM in (self.agent, self.target)

    @property
    def stage(self) -> Stage:
        """What is going on, as an operator would say it."""
        if self.ended or self.ending:
            return Stage.ENDED if self.ended else Stage.ENDING
        if self.agent.calling:
            return Stage.RECALLING
        if self.target.calling:
            return Stage.RINGING
        if self.target is Standing.SCREENING:
            return Stage.SCREENING
        return _TALKING.get(self._in_room(), Stage.PARKED) if self.target.up else Stage.DECIDING

    def _in_room(self) -> tuple[bool, bool, bool]:
        room = Standing.IN_ROOM
        return self.customer is room, self.agent is room, self.target is room


_TALKING = {  # customer, agent, target in the room
    (False, True, True): Stage.CONSULTING,
    (True, True, False): Stage.SWAPPED,
    (True, True, True): Stage.THREE_WAY,
    (True, False, True): Stage.INTRODUCED,
}
