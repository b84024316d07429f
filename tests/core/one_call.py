"""The engine without Temporal: decision core, arrangements and simulated exchange on a clock that is turned by hand.

It does what the workflow does, in the workflow's order, and with the workflow's own parts wherever these are pure.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from activities.admission import AdmittedTarget, Verdict
from activities.telephony.errors import TelephonyError, Unsupported
from activities.telephony.model import Arrangement, LegEvent, Observation, TransferAsked
from activities.telephony.simulator import Clock, SimulatedExchange, VirtualClock
from activities.telephony.simulator.clock import Timer as Alarm
from activities.telephony.simulator.legs import Leg
from hookflash import Agent, CommandName, Customer, Mode, Policy, ProviderEvent, Target, TransferRequest, TransferResult
from workflows.arrange_input import arrange_input
from workflows.arranger import Aim
from workflows.call import Call
from workflows.core import (
    Arranged,
    ArrangeFailed,
    Command,
    Deadline,
    DigitPressed,
    Event,
    LegEnded,
    PlannedTarget,
    Timer,
    TimerFired,
    begin,
    deadlines,
    decide,
)
from workflows.feature_codes import DigitCollector
from workflows.ledger import Ledger
from workflows.legs import Legs

CAROL, ANNA = "sim:carol", "sim:anna"

LATENCY = 0.05
"""Seconds from an event until the engine hears of it, and from a decision until the provider does."""

_ATTEMPTS = 5
"""Requests for one aim, after which Temporal would tell the core that it failed."""


class OverheardExchange(SimulatedExchange):
    """An exchange that tells its events at once, without an event loop."""

    def __init__(self, clock: Clock, told: Callable[[LegEvent], None]) -> None:
        super().__init__(clock)
        self._tell_engine = told

    def _told(self, event: LegEvent | TransferAsked) -> None:
        if isinstance(event, LegEvent) and not self.faults.outage:
            self._tell_engine(event)

    def arrange_now(self, wanted: Arrangement) -> Observation:
        """Make an arrangement true without waiting; there must be no slow request to come."""
        request = self.arrange(wanted)
        try:
            request.send(None)
        except StopIteration as answer:
            return answer.value
        raise AssertionError("the exchange waited")


class OneCall:
    """A transfer, its exchange, and the time."""

    def __init__(
        self, mode: Mode, targets: tuple[Target, ...], policy: Policy, recalled: str, scripts: tuple[str, str]
    ) -> None:
        self.clock = VirtualClock()
        self.exchange = OverheardExchange(self.clock, self._hear_later)
        self.exchange.place_call(CAROL, ANNA, customer_script=scripts[0], agent_script=scripts[1])
        self.results: list[TransferResult] = []
        """What the transfer came to: exactly one entry, once it is over."""
        self.left: dict[str, Leg] = {}
        """The legs of the call that were live when it was over."""
        self.echo = 1
        """How often each event is heard: 0 loses them, 2 doubles them."""
        request = TransferRequest(
            mode=mode,
            provider="simulator",
            customer=Customer(leg=CAROL, address="sim:carol"),
            agent=Agent(leg=ANNA, address=f"sim:anna?{recalled}"),
            targets=targets,
            policy=policy,
        )
        self._call = Call(request, "transfer", Legs("run", request))
        planned = self._call.plan(_admitted(self._call.asked_for))
        self.state = begin(self._call.rules, planned)
        self._ledger = Ledger(request, self._call.legs, self._call.name, self._now())
        self._ledger.first_step(self.state, self._now())
        self._codes = DigitCollector(policy.feature_codes)
        self._running: dict[Deadline, Alarm] = {}
        self._standing: Aim | None = None
        self._under_way: Aim | None = None
        self._go_on()

    # What a test does to it.

    def plan(self, target: Target) -> PlannedTarget:
        """Admit one more target, as the policy does."""
        planned = self._call.add_target(target, _admitted((target,)).targets[0])
        assert planned is not None
        return planned

    def command(self, command: Command) -> str:
        """Ask for something. Returns why it was refused."""
        return self._decide(command)

    def extend(self, timer: Timer, remaining: timedelta) -> str:
        """Let a wait run longer. Returns why that was refused."""
        refused = self._decide(Command(CommandName.EXTEND, timer=timer))
        for deadline in [] if refused else [it for it in self._running if it.timer is timer]:
            self._running.pop(deadline).cancel()
            self._running[deadline] = self._set_alarm(deadline, remaining)
        return refused

    def press(self, leg: str, keys: str) -> None:
        """Let a party press keys one after another, if it is up."""
        for key in keys if self.exchange.legs[leg].up else "":
            self.exchange.press(leg, key)

    def reconcile(self) -> None:
        """Look at the real state again, as after a gap of the listener."""
        self._standing = None
        self._go_on()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.advance(seconds)

    @property
    def last_rung(self) -> Leg | None:
        """The leg that the engine rang last."""
        return self._rung[-1] if self._rung else None

    @property
    def ringing(self) -> list[Leg]:
        """The legs that ring now, in the order in which they were rung."""
        return [leg for leg in self._rung if leg.ringing]

    @property
    def _rung(self) -> list[Leg]:
        return [leg for leg in self.exchange.legs.values() if leg.id.startswith("hf-")]

    # What the workflow does.

    def _now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.clock.now())

    def _hear_later(self, event: LegEvent) -> None:
        heard = ProviderEvent(
            kind=event.kind.value, leg=event.leg, cause=event.cause or "", digit=event.digit, evidence=event.evidence
        )
        for copy in range(self.echo):
            self.clock.call_later(LATENCY * (1 + copy), lambda: self._hear(heard))

    def _hear(self, heard: ProviderEvent) -> None:
        if self.state.ended and heard.kind == "ended" and heard.leg in self.left:
            for leg in self.left:  # what the watch over a connected call does: the last one is not left alone
                self.exchange.hang_up(leg)
        for event in self._call.legs.heard(heard):
            self._decide(event)
            if isinstance(event, DigitPressed) and (typed := self._codes.hear(self.state, event, self._now())):
                self._decide(typed.command)

    def _decide(self, event: Event) -> str:
        if isinstance(event, LegEnded):
            event = self._call.as_refused(event)
        before = self.state
        decision = decide(before, event)
        self.state = decision.state
        self._ledger.note_event(event, self._now())
        self._ledger.note_step(before, self.state, self._now())
        if before.ended:
            assert self.state == before, f"{event} changed a transfer that was over"
        elif self.state.ended:
            self._finish()
        self._go_on()
        return decision.refused

    def _finish(self) -> None:
        self.results.append(self._ledger.result(self.state, self._now()))
        self.left = {leg.id: replace(leg) for leg in self.exchange.legs.values() if leg.live}

    def _go_on(self) -> None:
        wanted = deadlines(self.state)
        for deadline in [it for it in self._running if it not in wanted]:
            self._running.pop(deadline).cancel()
        for deadline in wanted:
            if deadline not in self._running:
                self._running[deadline] = self._set_alarm(deadline)
        aim = Aim.of(self.state)
        if not (self.state.ended or self.state.retrying or self._under_way) and aim != self._standing:
            self._under_way = aim
            # The activity knows from Temporal who asks.
            wanted_now = arrange_input(self._call, aim)[0].arrangement.model_copy(update={"owner": self._call.owner})
            self.clock.call_later(LATENCY, lambda: self._request(aim, wanted_now, 1))

    def _set_alarm(self, deadline: Deadline, length: timedelta | None = None) -> Alarm:
        seconds = (length or self._call.length(deadline)).total_seconds()
        return self.clock.call_later(seconds, lambda: void(self._decide(TimerFired(deadline))))

    def _request(self, aim: Aim, wanted: Arrangement, attempt: int) -> None:
        superseded = attempt > 1 and aim != Aim.of(self.state)
        try:
            observation = None if superseded else self.exchange.arrange_now(wanted)
        except TelephonyError as error:
            permanently = isinstance(error, Unsupported)
            if attempt < _ATTEMPTS and not permanently:
                self.clock.call_later(0.2 * 2**attempt, lambda: self._request(aim, wanted, attempt + 1))
                return
            self._answered(aim, None)
            if aim == Aim.of(self.state):
                self._decide(ArrangeFailed(permanently))
        else:
            self._answered(aim, observation)
        self._go_on()

    def _answered(self, aim: Aim, observation: Observation | None) -> None:
        self._standing = None
        if observation is None:
            self._under_way = None
            return
        events = deque(event for seen in observation.legs for event in self._call.legs.saw(seen))
        while events:
            self._decide(events.popleft())
        self._standing, self._under_way = aim, None
        if aim == Aim.of(self.state):
            self._decide(Arranged() if observation.stands else ArrangeFailed())


def _admitted(targets: tuple[Target, ...]) -> Verdict:
    return Verdict(targets=tuple(AdmittedTarget(address=it.address or "", name=it.name or "target") for it in targets))


def void(_: object) -> None:
    """Drop a value, where nothing is to be returned."""


__all__ = ["ANNA", "CAROL", "CommandName", "OneCall"]
