"""Arguments of the commands, which are Temporal updates (``hold`` and ``unhold`` are signals too)."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import StringConstraints, model_validator

from hookflash._base import FromCaller
from hookflash.parties import Target
from hookflash.values import Duration, LegId
from hookflash.vocabulary import Party

Reason = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Hold(FromCaller):
    """Put a party on hold: it hears music, and nobody else."""

    party: Party = Party.CUSTOMER
    """Who. Default: the customer."""


class Unhold(FromCaller):
    """Bring a party into the room. For the customer: bring customer and agent together."""

    party: Party = Party.CUSTOMER
    """Who. Default: the customer."""


class Cancel(FromCaller):
    """Give up: the customer goes back to the agent, the target is released."""

    by: Literal["agent", "operator"] = "agent"
    """Who wants it, for the record. Default: the agent."""
    reason: Reason = ""
    """Why, for the journal. Default: not said."""


class Retarget(FromCaller):
    """Ring somebody else instead. The customer stays where they are."""

    target: Target
    """Whom to ring now; targets not tried yet stay behind it."""

    @model_validator(mode="after")
    def _by_itself(self) -> Self:
        if self.target.with_previous:
            raise ValueError("target.with_previous: a retarget rings one target")
        return self


class Accept(FromCaller):
    """Let a target in that is asked whether it accepts."""

    leg: LegId | None = None
    """Leg of the target, as in the status. Default: the one that was asked first."""


class Decline(FromCaller):
    """Send a target away that is asked whether it accepts."""

    leg: LegId | None = None
    """Leg of the target, as in the status. Default: the one that was asked first."""


class Wait(StrEnum):
    """The waits that can be made longer. Ringing is none of them: the provider ends it by itself."""

    ACCEPT = "accept"
    RECALL_PAUSE = "recall_pause"
    HOLD_BUDGET = "hold_budget"
    CONSULT_LIMIT = "consult_limit"
    LINGER = "linger"
    OVERALL_LIMIT = "overall_limit"


class Extend(FromCaller):
    """Make a running wait longer. Never makes it shorter, so repeating it is harmless."""

    wait: Wait
    """Which one."""
    remaining: Duration
    """How long it is to run from now on, at least."""
