"""Arguments of the commands, which are Temporal updates (``hold`` and ``unhold`` are signals too)."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from hookflash._base import FromCaller
from hookflash.request import Target
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
