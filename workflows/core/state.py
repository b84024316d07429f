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
    PAUSING = "pausing"
    """Not answered, and to be rung again after a pause."""
    LEAVING = "leaving"
    """About to be released, and still there until the provider has done it: can be kept if plans change."""
    DISMISSED = "dismissed"
    """Sent away by us: released, with a short notice if it has answered by now."""
    GONE = "gone"

    @property
    def up(self) -> bool:
        """Whether the leg is a person who can be put into the room or on hold."""
        return self in (Standing.IN_ROOM, Standing.ON_HOLD)

    @property
    def calling(self) -> bool:
        """Whether the leg is being rung."""
        return self in (Standing.RINGING, Standing.EXPIRED)

    @property
    def pending(self) -> bool:
        """Whether the leg may still be let in: it is being rung, or asked to accept."""
        return self.calling or self is Standing.SCREENING

    @property
    def there(self) -> bool:
        """Whether the leg still counts: it is up, or may still be let in."""
        return self.up or self.pending

    @property
    def returning(self) -> bool:
        """Whether the leg is an agent on the way back."""
        return self.calling or self is Standing.PAUSING


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
    again: int = 0
    """Number under which it is rung once more if the carrier refuses the caller id; 0: it is not."""
    group: int = 0
    """Targets next to each other of the same group ring at the same time; 0 rings by itself."""

    @property
    def waits_alone(self) -> bool:
        """Whether it waits outside the room when it has answered: somebody has to choose first."""
        return self.gated or self.group != 0


class Rival(NamedTuple):
    """A target that is rung at the same time as the current one."""

    target: PlannedTarget
    standing: Standing


class FallbackKind(StrEnum):
    """Who can take a customer whom nobody is left to serve."""

    RECALL = "recall"
    RECALL_AGAIN = "recall_again"
    """The next attempt of the recall before it, after a pause."""
    VOICEMAIL = "voicemail"
    QUEUE = "queue"
    FLOW = "flow"
    CALL_BACK = "call_back"
    HANG_UP = "hang_up"


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What stays the same during a transfer: one object, the same in all its states."""

    mode: Mode
    fallbacks: "tuple[FallbackKind | PlannedTarget, ...]"
    """In order; a target among them is rung. A recall of an agent without an address is left out by whoever makes the
    rules."""
    wait_when_unanswered: bool = False
    """Warm and consult: the agent decides what happens when nobody takes over."""
    music_while_ringing: bool = False
    """A customer who waits for somebody to answer hears music in place of ringback."""
    lingers: bool = False
    """Warm: the agent leaves by itself some time after all three have come together."""
    most_reminders: int = 0
    """How often a waiting customer is told that they are not forgotten."""
    warns: bool = False
    """Whether the agent is warned before the consultation is over."""
    patience: int = 3
    """Failed arrangements in a row after which the engine stops going forward and gives the customer back."""
    endurance: int = 60
    """Failed arrangements in a row after which there is nothing left that the engine could do."""


class Ending(NamedTuple):
    """What the transfer will have come to as soon as its last arrangement stands."""

    outcome: Outcome
    cause: Cause | None
    by: Actor


class State(NamedTuple):
    """Everything the next decision depends on. Hashable, without times: the whole space can be walked.

    A tuple, because millions of states are made and compared in that walk.
    """

    rules: Rules
    customer: Standing
    agent: Standing
    target: Standing
    waiting: tuple[PlannedTarget, ...]
    """Targets not tried yet, the next one first."""
    current: PlannedTarget | None = None
    """The target last tried; of those that ring at the same time, one that has come furthest."""
    rivals: tuple[Rival, ...] = ()
    """The others that ring at the same time. Once one was let in, they are dismissed and stay here."""
    known_targets: int = 0
    """Highest number of a target the transfer has learnt of."""
    agent_number: int = 1
    """Number of the agent's leg: above 1 once the agent has been recalled."""
    fallback: int = 0
    """How many fallbacks have been tried."""
    reminders: int = 0
    """How often the customer was reminded."""
    warnings: int = 0
    """How often the agent was warned that the consultation is about to end."""
    warned_of: int = 0
    """Number of the target that the last warning was about."""
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

    @property
    def closing(self) -> bool:
        """Whether the last arrangement is being made, and has not failed so far: it takes a moment."""
        return self.ending is not None and not self.ended and self.failures == 0

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
        if self.agent.returning:
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
