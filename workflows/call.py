"""A request made concrete: whom the transfer rings, who takes the customer in the end, and how long every wait is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from activities.admission import AdmittedTarget, Verdict
from activities.telephony.model import DEFAULT_MUSIC
from hookflash import (
    AnotherTarget,
    Cause,
    CustomerAudio,
    Fallback,
    HandOff,
    Party,
    Recall,
    Target,
    TransferRequest,
    WhenUnanswered,
)
from hookflash.fallbacks import FALLBACK_PLACE
from workflows.core import Deadline, FallbackKind, LegEnded, LegRef, PlannedTarget, Rules, Timer
from workflows.legs import Legs
from workflows.limits import longest_wait
from workflows.wording import party_name, timer_text

_DIALS_WITHIN = timedelta(milliseconds=100)
"""How long after it was wanted a leg may be dialled without being late."""

_RETRY_FIRST, _RETRY_MOST = timedelta(milliseconds=500), timedelta(seconds=5)

_CALLER_ID_REFUSED = (403, 428, 433, 436, 437, 438)
"""SIP status codes by which a carrier refuses an identity: RFC 5079 section 5, RFC 8224 section 6.2.2. Many only say
403, which can mean other things too; then the second try does no harm."""

_LAST_RESORT = HandOff(kind="flow", place=FALLBACK_PLACE)
"""Where a customer goes on who may not go on where the request says, and has nobody else."""

_ABOUT_A_TARGET = (Timer.RING, Timer.ACCEPT, Timer.CONSULT_WARNING, Timer.CONSULT_LIMIT)


@dataclass(frozen=True)
class RungTarget:
    """A target that may be rung."""

    target: Target
    address: str
    name: str
    caller_id: str
    """Number to show; empty: the provider's default."""
    caller_id_of: str
    """Leg whose number is shown, where it is known; empty: nobody's."""


class FallbackStep(NamedTuple):
    """One thing that is tried for a customer whom nobody is left to serve."""

    entry: Fallback
    planned: FallbackKind | PlannedTarget
    """What it is to the decision core."""


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
        self.owner = owner
        self.legs = legs
        self.fallbacks: tuple[FallbackStep, ...] = ()
        """In the order they are tried; a recall is here once for every attempt. Empty until the policy was asked."""
        self.hold_limit = longest_wait(request.policy)
        """Longest time anybody waits on hold, by our own timers; grows when one of them is extended."""
        self.accept_extended = timedelta()
        """Longest time that a target is asked since that wait was extended; nothing if it never was."""
        self.since: datetime | None = None
        """The provider's time of the last look at the legs, by which it can tell that its node was restarted."""
        self.hold_music = request.policy.hold_music or DEFAULT_MUSIC
        """Class of music for whoever waits."""
        self.queue = ""
        """Task queue of the workers that reach the provider's node; empty: the workflow's own. Told by the policy."""
        self.other_line = request.agent.consulting_leg
        """The agent's leg in another call, to be released with the agent; None: there is none, or none of ours."""
        self.agent_judged: AdmittedTarget | None = None
        """What the policy says of ``called_back``; None: it was not asked, as when a transfer began before it was."""
        self.denied_numbers: tuple[str, ...] = ()
        """What must not be shown of ``caller_id`` and ``caller_id_fallback``; never the number itself."""
        self._denied_places: tuple[str, ...] = ()
        self._targets: list[RungTarget] = []

    @property
    def rules(self) -> Rules:
        """The rules the decision core goes by."""
        policy = self.request.policy
        reminder = policy.hold_reminder
        return Rules(
            mode=self.request.mode,
            fallbacks=tuple(step.planned for step in self.fallbacks),
            wait_when_unanswered=policy.when_unanswered is WhenUnanswered.WAIT,
            music_while_ringing=policy.customer_audio is CustomerAudio.MUSIC,
            lingers=policy.linger is not None,
            # Waits end, so reminders do; the limit only keeps an endless chain of recalls from reminding for ever.
            most_reminders=max(1, policy.overall_limit // reminder.every) if reminder else 0,
            warns=policy.consult_warning is not None,
        )

    @property
    def asked_for(self) -> tuple[Target, ...]:
        """Every target that the request names: those to try, then those among the fallbacks."""
        fallbacks = self.request.policy.fallbacks
        return (*self.request.targets, *(it.target for it in fallbacks if isinstance(it, AnotherTarget)))

    @property
    def called_back(self) -> tuple[Target, ...]:
        """The agent, whom the policy has to judge too if a fallback may ring where the request says; else nobody."""
        address = self.request.agent.address
        recalled = any(isinstance(it, Recall) for it in self.request.policy.fallbacks)
        return (Target(address=address, name=Party.AGENT.value),) if address is not None and recalled else ()

    @property
    def places(self) -> tuple[str, ...]:
        """Every place of the provider that the request names and that may be denied, once."""
        policy = self.request.policy
        named = (*policy.fallbacks, policy.when_target_leaves)
        places = dict.fromkeys(it.place for it in named if isinstance(it, HandOff))
        return tuple(place for place in places if place != FALLBACK_PLACE)

    @property
    def caller_ids(self) -> tuple[str, ...]:
        """Every number that the request wants to be shown, once."""
        policy = self.request.policy
        return tuple(dict.fromkeys(filter(None, (policy.caller_id, policy.caller_id_fallback))))

    @property
    def denied_hand_offs(self) -> tuple[str, ...]:
        """What must not be used for its place; never the place itself, which may hold a phone number."""
        policy = self.request.policy
        named = [(f"fallback {it.kind}", it) for it in policy.fallbacks if isinstance(it, HandOff)]
        named += [("when_target_leaves", it) for it in (policy.when_target_leaves,) if it is not None]
        return tuple(what for what, it in named if it.place in self._denied_places)

    @property
    def when_target_leaves(self) -> HandOff | None:
        """Where the customer goes on when the target hangs up first, after the transfer; None: nowhere."""
        place = self.request.policy.when_target_leaves
        return _LAST_RESORT if place is not None and place.place in self._denied_places else place

    def plan(self, verdict: Verdict) -> tuple[PlannedTarget, ...]:
        """Take in what the policy says of all that it was asked about, and return the targets to try first."""
        count = len(self.request.targets)
        policy = self.request.policy
        numbers = ("caller_id", "caller_id_fallback")
        self.denied_numbers = tuple(it for it in numbers if getattr(policy, it) in verdict.denied_caller_ids)
        policy = policy.model_copy(update=dict.fromkeys(self.denied_numbers))
        self.request = self.request.model_copy(update={"policy": policy})
        self.agent_judged = next(iter(verdict.targets[len(self.asked_for) :]), None)
        groups = _groups(self.request.targets, verdict.targets[:count])
        judged = zip(self.request.targets, verdict.targets, groups, strict=False)
        planned = [self.add_target(target, admitted, group) for target, admitted, group in judged]
        self._denied_places = verdict.denied_places
        self.fallbacks = tuple(self._steps(verdict.targets[count:]))
        self.queue = verdict.queue
        self.hold_music = self.request.policy.hold_music or verdict.hold_music or DEFAULT_MUSIC
        return tuple(it for it in planned if it is not None)

    def add_target(self, target: Target, admitted: AdmittedTarget, group: int = 0) -> PlannedTarget | None:
        """Add a target and return it numbered; None if it must not be rung."""
        if admitted.denied is not None:
            return None
        policy, legs = self.request.policy, {"customer": self.request.customer.leg, "agent": self.request.agent.leg}
        shown = policy.caller_id or "", legs.get(policy.caller_id_of or "", "")
        self._targets.append(RungTarget(target, admitted.address, admitted.name, *shown))
        number, again = len(self._targets), 0
        if target.leg is not None:
            self.legs.know(LegRef(Party.TARGET, number), target.leg)
        elif policy.caller_id_fallback:
            self._targets.append(RungTarget(target, admitted.address, admitted.name, policy.caller_id_fallback, ""))
            again = len(self._targets)
        return PlannedTarget(number, gated=target.accept is not None, again=again, group=group)

    def has_part(self, leg: str) -> bool:
        """Return whether a leg is, or was, somebody's in this transfer."""
        return self.legs.ref(leg) is not None or leg == self.request.agent.consulting_leg

    def as_refused(self, event: LegEnded) -> LegEnded:
        """Return the end of a leg with the cause it has where there is another caller id to try."""
        leg = self.legs[event.leg]
        refused = event.leg.party is Party.TARGET and leg.evidence.sip_status in _CALLER_ID_REFUSED
        return event._replace(cause=Cause.CALLER_ID_REFUSED) if refused and self._can_ring_again(event.leg) else event

    def _can_ring_again(self, ref: LegRef) -> bool:
        shown = self.rung(ref)
        return self.request.policy.caller_id_fallback not in (None, shown.caller_id)

    def _steps(self, admitted: Sequence[AdmittedTarget]) -> Iterator[FallbackStep]:
        verdicts = iter(admitted)
        for entry in self.request.policy.fallbacks:
            if isinstance(entry, AnotherTarget):
                planned = self.add_target(entry.target, next(verdicts))
                if planned is not None:
                    yield FallbackStep(entry, planned)
            elif isinstance(entry, Recall):
                # Nobody can be called back without an address, or where nobody may ring: left out rather than tried.
                denied = self.agent_judged is not None and self.agent_judged.denied
                for attempt in range(entry.attempts if self.request.agent.address and not denied else 0):
                    yield FallbackStep(entry, FallbackKind.RECALL_AGAIN if attempt else FallbackKind.RECALL)
            elif not isinstance(entry, HandOff) or entry.place not in self._denied_places:
                yield FallbackStep(entry, FallbackKind(entry.kind))
            elif entry is self.request.policy.fallbacks[-1]:
                # The last one is never left out: without it nobody would be there for the customer.
                yield FallbackStep(_LAST_RESORT, FallbackKind(_LAST_RESORT.kind))

    def rung(self, ref: LegRef) -> RungTarget:
        """Return the target that a leg belongs to."""
        return self._targets[ref.number - 1]

    def recall(self, ref: LegRef) -> Recall:
        """Return the recall that a leg of the agent belongs to."""
        recalls = [step.entry for step in self.fallbacks if isinstance(step.entry, Recall)]
        return recalls[ref.number - 2]  # the agent's first leg was there before any recall

    def ring_limit(self, ref: LegRef) -> timedelta:
        """Return how long a leg may ring, as it was asked for."""
        return self.recall(ref).ring_timeout if ref.party is Party.AGENT else self.rung(ref).target.ring_timeout

    def name(self, ref: LegRef) -> str:
        """Return how operators call a leg."""
        return party_name(ref, self.rung(ref).name if ref.party is Party.TARGET else "")

    def describe(self, deadline: Deadline, length: timedelta, left: timedelta) -> str:
        """Return the text for operators of a deadline of some length of which so much is left."""
        target = LegRef(Party.TARGET, deadline.number)
        return timer_text(deadline, self.name(target) if deadline.timer in _ABOUT_A_TARGET else "", length, left)

    def length(self, deadline: Deadline) -> timedelta:
        """Return how long a deadline is."""
        target = LegRef(Party.TARGET, deadline.number)
        match deadline.timer:
            case Timer.RING:
                return self.ring_limit(target)
            case Timer.ACCEPT:
                gate = self.rung(target).target.accept
                assert gate is not None
                return gate.timeout
            case Timer.RECALL:
                return self.ring_limit(LegRef(Party.AGENT, deadline.number))
            case Timer.RECALL_PAUSE:
                return self.recall(LegRef(Party.AGENT, deadline.number)).pause
            case Timer.RETRY:
                return min(_RETRY_FIRST * 2 ** min(deadline.number - 1, 10), _RETRY_MOST)
            case _:
                return self._length_by_policy(deadline.timer)

    def rest(self, deadline: Deadline, now: datetime) -> timedelta:
        """Return how much longer a leg may ring whose time is up: the limit counts from its dialling.

        The wait begins when the leg is wanted. What little time a provider needs to dial is not given back. When it was
        dialled is what the provider says; without that, when the transfer first heard of it, which may be late.
        """
        if deadline.timer not in (Timer.RING, Timer.RECALL):
            return timedelta()
        ref = LegRef(Party.TARGET if deadline.timer is Timer.RING else Party.AGENT, deadline.number)
        dialled_at = self.legs[ref].dialled_at
        rest = dialled_at + self.ring_limit(ref) - now if dialled_at else timedelta()
        return rest if rest > _DIALS_WITHIN else timedelta()

    def _length_by_policy(self, timer: Timer) -> timedelta:
        policy = self.request.policy
        lengths = {
            Timer.HOLD_BUDGET: policy.hold_budget,
            Timer.REMINDER: policy.hold_reminder.every if policy.hold_reminder else None,
            Timer.CONSULT_WARNING: policy.consult_limit - policy.consult_warning.before
            if policy.consult_warning
            else None,
            Timer.CONSULT_LIMIT: policy.consult_limit,
            Timer.LINGER: policy.linger,
            Timer.OVERALL_LIMIT: policy.overall_limit,
        }
        length = lengths[timer]
        assert length is not None, "the rules let it run only where the policy gives a time"
        return length


def _groups(targets: Sequence[Target], admitted: Sequence[AdmittedTarget]) -> list[int]:
    """Return for each target the group it rings with; 0 for those that ring by themselves."""
    groups: list[int] = []
    for target in targets:
        groups.append(groups[-1] if target.with_previous else len(groups) + 1)
    rung = [group for group, judged in zip(groups, admitted, strict=True) if judged.denied is None]
    return [group if rung.count(group) > 1 else 0 for group in groups]
