"""The engine without Temporal: decision core, arrangements and simulated exchange on a clock that is turned by hand.

It does what the workflow does, in the workflow's order, with the workflow's own parts wherever these are pure.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field

from activities.admission import AdmittedTarget, Verdict
from activities.telephony.errors import TelephonyError, Unsupported
from activities.telephony.model import LegEvent, Observation
from activities.telephony.simulator import SimulatedExchange, VirtualClock
from activities.telephony.simulator.clock import Timer as ClockTimer
from hookflash import Agent, CommandName, Customer, Mode, Party, Policy, ProviderEvent, Target, TransferRequest
from workflows.arranger import Aim
from workflows.call import Call
from workflows.core import (
    Arranged,
    ArrangeFailed,
    Command,
    Deadline,
    Event,
    PlannedTarget,
    State,
    TimerFired,
    begin,
    deadlines,
    decide,
)
from workflows.legs import Legs

CAROL, ANNA = "sim:carol", "sim:anna"
_OWNER = "transfer"
_LATENCY = 0.05
"""Seconds from an event until the engine hears of it, and from a decision until the provider does."""


@dataclass(order=True)
class _Heard:
    at: float
    number: int
    event: ProviderEvent = field(compare=False)


class OneCall:
    """A transfer, its exchange, and the time."""

    def __init__(self, mode: Mode, targets: tuple[Target, ...], policy: Policy, recalled: str) -> None:
        self.clock = VirtualClock()
        self.exchange = SimulatedExchange(self.clock)
        self.exchange.place_call(CAROL, ANNA)
        self.endings = 0
        """How often the transfer has come to an end."""
        self.lost: list[str] = []
        """Where the customer was left alone for longer than any of the waits allows."""
        request = TransferRequest(
            mode=mode,
            provider="simulator",
            customer=Customer(leg=CAROL),
            agent=Agent(leg=ANNA, address=f"sim:anna?{recalled}"),
            targets=targets,
            policy=policy,
        )
        self.call = Call(request, _OWNER, Legs("run", request))
        self.state = begin(self.call.rules, self._plan(targets))
        self._listener = self.exchange.events()
        self._coming: list[_Heard] = []
        self._heard = 0
        self._running: dict[Deadline, ClockTimer] = {}
        self._fired: deque[Deadline] = deque()
        self._standing: Aim | None = None
        self._arranging_at: float | None = None
        self.drop_events = False

    def _plan(self, targets: tuple[Target, ...]) -> tuple[PlannedTarget, ...]:
        allowed = tuple(AdmittedTarget(address=it.address or "", name=it.name or "target") for it in targets)
        return self.call.add_targets(targets, Verdict(targets=allowed))

    @property
    def over(self) -> bool:
        """Whether the transfer has come to its end."""
        return self.state.ended
