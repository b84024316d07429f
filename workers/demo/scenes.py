"""The script: five transfers, what the phones do in them, what the agent says, and how each must end."""

from dataclasses import dataclass, field
from datetime import timedelta

from hookflash import Agent, Cause, CommandName, Context, Customer, Mode, Outcome, Party, Stage, Target, TransferRequest

PROVIDER = "simulator"
AGENT = "Anna"

_RINGS_AFTER = 0.3
"""Seconds from the dialling to the first ring, as on a real line."""


@dataclass(frozen=True)
class Callee:
    """Somebody who is to take the customer over."""

    name: str
    phone: str
    manner: str = "ring"
    """What the phone does, as the exchange's scripts call it."""
    after: float | None = None
    """Seconds it rings before it does that. None: as the manner says."""
    ring_limit: float = 20.0
    """Seconds it may ring."""

    def target(self, speed: float) -> Target:
        """Return whom the transfer rings, at so many times the speed of the script."""
        manner = "" if self.manner == "ring" else f"&{self.manner}"
        delay = "" if self.after is None else f"={1000 * self.after / speed:.0f}ms"
        script = f"ring={1000 * _RINGS_AFTER / speed:.0f}ms{manner}{delay}"
        limit = timedelta(seconds=self.ring_limit / speed)
        return Target(address=f"sim:{self.phone}?{script}", name=self.name, ring_timeout=limit)


@dataclass(frozen=True)
class Cue:
    """Something a person does while the transfer runs."""

    stage: Stage
    """It is done once the transfer is there,"""
    after: float
    """and this many seconds later."""
    who: Party
    command: CommandName | None = None
    """What the person asks the engine for. None: hangs up."""


@dataclass(frozen=True)
class Scene:
    """One transfer."""

    title: str
    watch: str
    """What to look out for, in a sentence."""
    mode: Mode
    customer: str
    reason: str
    callees: tuple[Callee, ...]
    outcome: Outcome
    """How it must end."""
    cues: tuple[Cue, ...] = ()
    cause: Cause | None = None
    """Why it must end so."""
    customer_with: tuple[str, ...] = field(default=("target",))
    """Where the customer must be then."""

    def request(self, number: int, speed: float) -> TransferRequest:
        """Return the request that starts it.

        Args:
            number: The number of the scene, for ids that nobody else uses.
            speed: How many times faster than scripted it is played.
        """
        return TransferRequest(
            mode=self.mode,
            provider=PROVIDER,
            customer=Customer(leg=f"sim:{self.customer.lower()}"),
            agent=Agent(leg=f"sim:anna-{number}", id="anna", address="sim:anna?answer=1s"),
            targets=tuple(it.target(speed) for it in self.callees),
            context=Context(customer_name=self.customer, reason=self.reason),
            labels={"demo": self.title},
        )


_CLAIMS = "Claims desk"

SCENES = (
    Scene(
        title="Warm transfer",
        watch="Carol only ever waits with music, and cannot hear what Anna and the claims desk say about her.",
        mode=Mode.WARM,
        customer="Carol",
        reason="a claim for a broken windscreen",
        callees=(Callee(_CLAIMS, "bob", "answer", 1.8),),
        cues=(
            Cue(Stage.CONSULTING, 1.8, Party.AGENT, CommandName.CONFERENCE),
            Cue(Stage.THREE_WAY, 1.8, Party.AGENT, CommandName.COMPLETE),
        ),
        outcome=Outcome.CONNECTED,
    ),
    Scene(
        title="Cold transfer, answered",
        watch="Dave hears it ring while Anna stays within reach; the moment it is answered she is free.",
        mode=Mode.COLD,
        customer="Dave",
        reason="a change of address",
        callees=(Callee(_CLAIMS, "bob", "answer", 2.0),),
        outcome=Outcome.CONNECTED,
    ),
    Scene(
        title="Cold transfer, not answered",
        watch="Nobody picks up within the limit, so Erin is back with Anna: nobody has to do anything.",
        mode=Mode.COLD,
        customer="Erin",
        reason="a question about her policy",
        callees=(Callee(_CLAIMS, "bob", ring_limit=2.5),),
        outcome=Outcome.RETURNED_TO_AGENT,
        cause=Cause.NO_ANSWER,
        customer_with=("agent",),
    ),
    Scene(
        title="Busy, then answered",
        watch="The claims desk is busy, so the back office rings at once; Frank hardly notices.",
        mode=Mode.COLD,
        customer="Frank",
        reason="a claim after a storm",
        callees=(Callee(_CLAIMS, "bob", "busy"), Callee("Back office", "dora", "answer", 1.8)),
        outcome=Outcome.CONNECTED,
    ),
    Scene(
        title="The customer gives up",
        watch="Grace hangs up while it rings; the claims desk's phone stops ringing at once, and Anna is free.",
        mode=Mode.WARM,
        customer="Grace",
        reason="an overdue payment",
        callees=(Callee(_CLAIMS, "bob"),),
        cues=(Cue(Stage.RINGING, 2.2, Party.CUSTOMER),),
        outcome=Outcome.CUSTOMER_LEFT,
        cause=Cause.HUNG_UP,
        customer_with=(),
    ),
)
