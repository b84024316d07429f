"""One attempt to bring a caller and a customer together: two legs, one room, and where each of them must be.

The caller is rung first, and the customer only for a caller who is on the line: nobody is called to hear silence.
Nothing in here waits or asks anybody; `workflows/call_back_ringing.py` does.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from activities.arrange import ArrangeInput
from activities.telephony.model import Arrangement, Dial, Phase, Placement, SeenLeg, WantedLeg
from hookflash import Cause, Evidence, ProviderEvent
from workflows.ids import mint
from workflows.limits import PROVIDER_STANDS_BEHIND

CUSTOMER = "customer"
"""How operators, summaries and results call the customer. Never by number or name."""

_PHASES = {"ringing": Phase.RINGING, "answered": Phase.ANSWERED, "ended": Phase.ENDED}


class MadeBy(NamedTuple):
    """Who makes an attempt, and where."""

    run: str
    """Run id of the workflow."""
    owner: str
    """Who is told what happens to the legs."""
    provider: str
    hold_music: str
    """Class of music for somebody who was left alone."""
    tenant: str
    """In whose name the caller's phone may transfer with its own key."""
    queue: str
    """Task queue of the workers that reach the provider's node; empty: the workflow's own."""


@dataclass
class CalledLeg:
    """A leg that is rung, and what is known of it. Phases only move forward; ``ended`` is final."""

    id: str
    name: str
    dial: Dial
    """How it is rung, and how long: the limit that was asked for, behind which the provider's stands."""
    phase: Phase = Phase.NEW
    expired: bool = False
    """Its time to answer is over: it is ended, unless it has been answered."""
    cause: Cause | None = None
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def answered(self) -> bool:
        """Whether somebody is on the line now."""
        return self.phase is Phase.ANSWERED

    def advance(self, phase: Phase, cause: Cause | None, evidence: Evidence) -> None:
        """Take in how far it has come. What is late or doubled changes nothing."""
        if phase is Phase.ENDED and self.cause is None:
            self.cause, self.evidence = cause, evidence  # that it has ended may be known before the reason is
        self.phase = max(self.phase, phase)


Aim = tuple[tuple[Placement, bool], ...]
"""Where caller and customer must be, and whether their time to answer is over. Equal aims need no new arrangement."""


class Attempt:
    """The two legs of one attempt. Their ids are minted with it, before anything is dialled."""

    def __init__(self, number: int, made_by: MadeBy, caller_name: str, caller: Dial, customer: Dial) -> None:
        """Make an attempt.

        Args:
            number: Number of the attempt; each has legs and a room of its own.
            made_by: Who makes it.
            caller_name: How operators call the caller.
            caller: How the caller is rung.
            customer: How the customer is rung.
        """
        self.caller = CalledLeg(mint(made_by.run, f"attempt {number}/caller"), caller_name, caller)
        self.customer = CalledLeg(mint(made_by.run, f"attempt {number}/customer"), CUSTOMER, customer)
        self.failed: CalledLeg | None = None
        """Who ended first, before the two were together."""
        self.away_since: datetime | None = None
        """Since when the provider was out of reach, if nobody waits for it any more."""
        self.doubted = False
        """Somebody doubts that we know the real state."""
        self.mark = ""
        """What stands for the two, as long as the last aim is true and nothing else has been tried."""
        self._made_by = made_by
        self._room = mint(made_by.run, f"attempt {number}/room")
        self._stopped = False

    @property
    def together(self) -> bool:
        """Whether both are on the line."""
        return self.caller.answered and self.customer.answered and not self.over

    @property
    def over(self) -> bool:
        """Whether everybody is to be released."""
        return self._stopped or self.failed is not None

    @property
    def aim(self) -> Aim:
        """Where the two must be now."""
        if self.over:
            return ((Placement.GONE, False),) * 2
        if not self.caller.answered:
            return ((Placement.RINGING, self.caller.expired),)
        # In the room, not ringing any more: then the provider does not ring the customer for a caller who has left.
        there = (Placement.IN_ROOM, False)
        return there, there if self.customer.answered else (Placement.RINGING, self.customer.expired)

    def arrangement(self, aim: Aim) -> ArrangeInput:
        """Return an aim in the provider's terms."""
        legs = zip((self.caller, self.customer), aim, strict=False)
        arrangement = Arrangement(
            owner=self._made_by.owner,
            take_from=(),  # these legs are nobody else's, and once they are a watch's they are not ours any more
            room=self._room,
            customer=self.customer.id,
            legs=tuple(self._wanted(leg, placement, expired) for leg, (placement, expired) in legs),
            hold_music=self._made_by.hold_music,
            hold_limit=self.customer.dial.ring_timeout,  # nobody waits for longer than for the customer's answer
            keep_room=not self.over,
        )
        return ArrangeInput(provider=self._made_by.provider, arrangement=arrangement, queue=self._made_by.queue)

    def stop(self) -> None:
        """Release everybody."""
        self._stopped = True

    def heard(self, event: ProviderEvent) -> None:
        """Take in what the provider reported. What is late, doubled, unknown or malformed means nothing."""
        if event.kind == "reconcile":
            for leg, how_far in event.legs.items():
                self.heard(ProviderEvent(kind=how_far, leg=leg))
            self.doubted = self.doubted or not event.mark or event.mark != self.mark
        phase = _PHASES.get(event.kind)
        if phase is not None:
            # A newer provider may know causes that this engine does not: the leg has ended all the same.
            cause = Cause(event.cause) if event.cause in set(Cause) else None
            self._advance(event.leg, phase, cause, event.evidence)

    def saw(self, seen: SeenLeg) -> None:
        """Take in what ``arrange`` saw."""
        # One that was not even dialled in time is unknown to the provider, and that is no fault of the phone's.
        cause = Cause.PROVIDER_ERROR if seen.cause is Cause.UNKNOWN_LEG else seen.cause
        self._advance(seen.leg, seen.phase, cause, seen.evidence)

    def _advance(self, leg_id: str, phase: Phase, cause: Cause | None, evidence: Evidence) -> None:
        leg = next((it for it in (self.caller, self.customer) if it.id == leg_id), None)
        if leg is None:
            return
        leg.advance(phase, cause, evidence)
        if leg.phase is Phase.ENDED and not self.over:
            self.failed = leg

    def _wanted(self, leg: CalledLeg, placement: Placement, expired: bool) -> WantedLeg:
        dial = leg.dial.model_copy(update={"ring_timeout": leg.dial.ring_timeout + PROVIDER_STANDS_BEHIND})
        return WantedLeg(
            leg=leg.id,
            name=leg.name,
            placement=placement,
            known=leg.phase,
            dial=dial if placement is Placement.RINGING else None,
            expired=expired,
            transfers_for=self._made_by.tenant if leg is self.caller else "",
        )
