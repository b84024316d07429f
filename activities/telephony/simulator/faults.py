"""What can go wrong between the engine and the exchange, on demand."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class FaultKind(StrEnum):
    """How a request goes wrong."""

    UNAVAILABLE = "unavailable"
    """Refused; nothing is executed."""
    ANSWER_LOST = "answer_lost"
    """Executed in full, but the answer never arrives."""
    HALF = "half"
    """Stops after some of the steps, and the answer never arrives."""
    SLOW = "slow"
    """Executed, but only after a while."""


@dataclass(frozen=True)
class Fault:
    """One request that will go wrong."""

    kind: FaultKind
    steps: int = 0
    """For ``half``: how many steps are executed."""
    seconds: float = 0.0
    """For ``slow``: how long it takes."""


@dataclass
class Faults:
    """Requests that will go wrong, in this order, and whether the exchange is out of reach altogether."""

    outage: bool = False
    """While true nothing gets through: not a request, not an event, not a question."""
    coming: deque[Fault] = field(default_factory=lambda: deque[Fault]())

    def unavailable(self, times: int = 1) -> None:
        """Refuse the next requests."""
        self.coming.extend([Fault(FaultKind.UNAVAILABLE)] * times)

    def answer_lost(self, times: int = 1) -> None:
        """Lose the answers of the next requests."""
        self.coming.extend([Fault(FaultKind.ANSWER_LOST)] * times)

    def half(self, steps: int, times: int = 1) -> None:
        """Stop the next requests after some of their steps."""
        self.coming.extend([Fault(FaultKind.HALF, steps=steps)] * times)

    def slow(self, seconds: float, times: int = 1) -> None:
        """Make the next requests slow."""
        self.coming.extend([Fault(FaultKind.SLOW, seconds=seconds)] * times)

    def take(self) -> Fault | None:
        """Return what happens to the request that has just come in. None: it goes well."""
        if self.outage:
            return Fault(FaultKind.UNAVAILABLE)
        return self.coming.popleft() if self.coming else None
