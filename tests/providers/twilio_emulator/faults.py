"""What can go wrong between an engine and an account, on demand."""

from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """How a request goes wrong."""

    UNAVAILABLE = "unavailable"
    """The connection is cut, as if it had never been there: surely nothing was executed."""
    REFUSED = "refused"
    """503 before anything is done."""
    ANSWER_LOST = "answer_lost"
    """Executed, and then the connection is cut."""
    CUT = "cut"
    """Not executed, and nobody can tell: the connection is cut."""
    TOO_MANY = "too_many"
    """429, not executed."""
    SLOW = "slow"
    """Executed after a while."""


@dataclass
class Faults:
    """What goes wrong from now on."""

    after: int | None = None
    """Requests that change something and still go well before all are cut. None: all go well."""
    dials: list[Fault] = field(default_factory=lambda: list[Fault]())
    """What happens to the next diallings, in their order."""
    reads: list[Fault] = field(default_factory=lambda: list[Fault]())
    """What happens to the next requests that change nothing."""
    outage: bool = False
    """Whether nothing gets through."""
    latency: float = 0.0
    """Seconds that every answer takes, as from far away."""
    seconds: float = 3.0
    """How slow ``slow`` is, and what 429 says as ``Retry-After``."""
    callbacks_lost: bool = False
    callbacks_doubled: bool = False
    callbacks_reordered: bool = False
    """Of two callbacks of a call or a conference the second one comes first; one that none follows does not come."""

    def take(self, method: str, where: str) -> Fault | None:
        """Return what happens to a request. None: it goes well."""
        if self.outage:
            return Fault.UNAVAILABLE
        if method == "GET":
            return self.reads.pop(0) if self.reads else None
        if self.after is not None:
            if self.after <= 0:
                return Fault.CUT
            self.after -= 1
        dials = where.endswith(("/Participants.json", "/Calls.json"))
        return self.dials.pop(0) if dials and self.dials else None
