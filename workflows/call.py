"""A request made concrete: whom the transfer rings, where it falls back to, and how an aim reads for a provider."""

from dataclasses import dataclass
from datetime import timedelta

from activities.admission import Verdict
from activities.arrange import ArrangeInput
from activities.telephony.model import Arrangement, Dial, Phase, Placement, WantedLeg
from hookflash import Context, HandOff, Party, Recall, Target, TransferRequest, WhenUnanswered
from hookflash.names import WATCH, owning_run
from workflows.arranger import Aim
from workflows.core import Deadline, FallbackKind, LegRef, PlannedTarget, Rules, Standing, Timer
from workflows.legs import Legs
from workflows.wording import arrange_summary, party_name, timer_text

PROVIDER_DECIDES = timedelta(seconds=1)
"""How much later than the provider's own ring time-out ours is. The provider's decides the race between the time-out
and an answer in one place, so that nobody is joined after it; ours stands behind it."""

_RETRY_FIRST, _RETRY_MOST = timedelta(milliseconds=500), timedelta(seconds=5)


@dataclass(frozen=True)
class RungTarget:
    """A target that may be rung."""

    target: Target
    address: str
    name: str


class Call:
    """What stays the same while a transfer runs, plus the targets it learns of."""

    def __init__(self, request: TransferRequest, owner: str, legs: Legs) -> None:
        """Make a call.

        Args:
            request: What the caller asked for.
            owner: Token of the run that is to be told what happens to the legs.
            legs: The legs of the transfer.
        """
        self.request = request
        self.legs = legs
        self._owner = owner
        self._targets: list[RungTarget] = []
        # Nobody can be called back without an address: such a recall is left out rather than tried.
        self._fallbacks = tuple(
            it for it in request.policy.fallbacks if not isinstance(it, Recall) or request.agent.address
        )

    @property
    def rules(self) -> Rules:
        """The rules the decision core goes by."""
        policy = self.request.policy
        return Rules(
            mode=self.request.mode,
            fallbacks=tuple(FallbackKind(it.kind) for it in self._fallbacks),
            wait_when_unanswered=policy.when_unanswered is WhenUnanswered.WAIT,
        )

    def add_targets(self, targets: tuple[Target, ...], verdict: Verdict) -> tuple[PlannedTarget, ...]:
        """Add those of the targets that may be rung, and return them numbered."""
        planned: list[PlannedTarget] = []
        for target, admitted in zip(targets, verdict.targets, strict=True):
            if admitted.denied is None:
                self._targets.append(RungTarget(target, admitted.address, admitted.name))
                planned.append(PlannedTarget(len(self._targets), gated=target.accept is not None))
        return tuple(planned)

    def name(self, ref: LegRef) -> str:
        """Return how operators call a leg."""
        return party_name(ref, self._targets[ref.number - 1].name if ref.party is Party.TARGET else "")

    def wait(self, deadline: Deadline) -> tuple[timedelta, str]:
        """Return how long a deadline is, and its text for operators."""
        duration = self._duration(deadline)
        about_target = deadline.timer in (Timer.RING, Timer.ACCEPT, Timer.CONSULT_LIMIT)
        name = self.name(LegRef(Party.TARGET, deadline.number)) if about_target else ""
        return duration, timer_text(deadline, name, duration)

    def _duration(self, deadline: Deadline) -> timedelta:
        match deadline.timer:
            case Timer.RING:
                return self._targets[deadline.number - 1].target.ring_timeout + PROVIDER_DECIDES
            case Timer.ACCEPT:
                gate = self._targets[deadline.number - 1].target.accept
                assert gate is not None
                return gate.timeout
            case Timer.RECALL:
                return self._recall_timeout(deadline.number) + PROVIDER_DECIDES
            case Timer.HOLD_BUDGET:
                return self.request.policy.hold_budget
            case Timer.CONSULT_LIMIT:
                return self.request.policy.consult_limit
            case Timer.RETRY:
                return min(_RETRY_FIRST * 2 ** min(deadline.number - 1, 10), _RETRY_MOST)

    def _recall_timeout(self, agent_number: int) -> timedelta:
        recalls = [it for it in self._fallbacks if isinstance(it, Recall)]
        return recalls[agent_number - 2].ring_timeout  # the agent's first leg was there before any recall

    def arrangement(self, aim: Aim) -> tuple[ArrangeInput, str]:
        """Return an aim in the provider's terms, and its summary for operators."""
        wanted = tuple(
            self._wanted(ref, placement, standing, aim.fallback)
            for ref, placement, standing in aim.legs
            if placement is not Placement.GONE or (ref in self.legs and self.legs[ref].phase is not Phase.ENDED)
        )
        alive = any(leg.placement not in (Placement.GONE, Placement.HANDED_OFF) for leg in wanted)
        arrangement = Arrangement(
            owner=self._owner,
            take_from=(
                WATCH,
                f"{owning_run(self._owner)[0]}/",
            ),  # watches, and what an earlier transfer of this call left
            room=self.legs.room,
            customer=self.request.customer.leg,
            legs=wanted,
            hold_limit=self.request.policy.hold_budget,
            hold_music=self.request.policy.hold_music,
            keep_room=alive,
        )
        summary = arrange_summary((leg.name, leg.placement, self._rings_for(leg)) for leg in wanted)
        return ArrangeInput(provider=self.request.provider, arrangement=arrangement), summary

    def _rings_for(self, leg: WantedLeg) -> timedelta | None:
        return leg.dial.ring_timeout if leg.dial is not None and leg.known is Phase.NEW else None

    def _wanted(self, ref: LegRef, placement: Placement, standing: Standing | None, fallback: int) -> WantedLeg:
        leg = self.legs[ref]
        called = placement in (Placement.RINGING, Placement.SCREENING)
        hand_off = self._fallbacks[fallback - 1] if placement is Placement.HANDED_OFF else None
        return WantedLeg(
            leg=leg.id,
            name=self.name(ref),
            placement=placement,
            known=leg.phase,
            dial=self._dial(ref) if called else None,
            expired=standing is Standing.EXPIRED,
            place=hand_off.place if isinstance(hand_off, HandOff) else "",
        )

    def _dial(self, ref: LegRef) -> Dial:
        caller_id = self.request.policy.caller_id or ""
        if ref.party is Party.AGENT:
            address = self.request.agent.address
            assert address is not None
            return Dial(address=address, ring_timeout=self._recall_timeout(ref.number), caller_id=caller_id)
        rung = self._targets[ref.number - 1]
        return Dial(
            address=rung.address,
            ring_timeout=rung.target.ring_timeout,
            caller_id=caller_id,
            headers=context_headers(self.request.context),
            prompt=rung.target.accept.prompt if rung.target.accept else "",
        )


def context_headers(context: Context) -> dict[str, str]:
    """Return what the target is told, as header name to value. Empty fields are left out."""
    steps = {f"X-Transfer-Step-{number}": step for number, step in enumerate(context.steps_tried, start=1)}
    data = {f"X-Transfer-Data-{name}": value for name, value in sorted(context.data.items())}
    headers = {
        "X-Transfer-Customer": context.customer_name,
        "X-Transfer-Reason": context.reason,
        "X-Transfer-Issue": context.issue,
        **steps,
        **data,
    }
    return {name: value for name, value in headers.items() if value}
