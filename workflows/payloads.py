"""What goes into the workflows that come after a transfer, and what comes out of them.

Apart from these workflows themselves, because making a model is slow, and the sandbox imports the others for every
single workflow anew.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from activities.arrange import ArrangeInput
from activities.telephony.model import Frozen, Reason
from hookflash import Cause, Evidence
from hookflash.values import Address, Word

CallBackParty = Literal["caller", "customer"]
CallBackOutcome = Literal["connected", "not_reached", "cancelled", "denied"]


class WatchedCall(ArrangeInput):
    """Input of the ``ConnectedCall`` workflow: where its legs are now."""

    onward: str = ""
    """Place where the customer goes on when somebody else leaves first. Default: the call is over then."""
    reason: Reason | None = None
    """What that place is told. Default: nothing."""


class ConnectedCallResult(Frozen):
    """How the watch ended."""

    left: str
    """Who left first; empty if another transfer took the call over, or nobody can tell."""
    customer_sent_to: str = ""
    """Place where the customer went on. Default: nowhere."""
    cause: Cause | None = None
    """``node_down`` if nobody left, but the provider's node was restarted or shut down. ``provider_error`` if it was
    out of reach for a day: nobody knows what became of the call. Default: somebody left."""
    evidence: Evidence = Evidence()
    """For a cause: the provider's words, or since when it is out of reach. Default: none."""


class CallBackInput(Frozen):
    """Input of the ``CallBack`` workflow: a promise, and all that is needed to keep it."""

    provider: str
    """Name of the provider node that makes the calls."""
    tenant: str
    """Whose policy says whether both may be rung."""
    caller: Address
    """Where the one who calls is rung, first."""
    customer: Address
    """Where the customer is rung."""
    after: Annotated[timedelta, Field(ge=timedelta(0))]
    """Time until the first attempt."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 1
    """How often it is tried. Default: once."""
    pause: Annotated[timedelta, Field(ge=timedelta(0))] = timedelta(minutes=15)
    """Time between two attempts. Default: 15 minutes."""
    ring_timeout: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(seconds=20)
    """How long each of the two phones may ring. Default: 20 seconds."""
    caller_id: str = ""
    """Number shown to both. Default: the provider's default."""
    hold_music: str = "default"
    """Class of music for somebody whom the provider finds alone. Default: ``default``."""
    headers: dict[str, str] = Field(default_factory=dict)
    """Context for the caller's phone: who is called, and why. Default: none."""
    caller_name: Word = "caller"
    """How operators call the one who calls, for example ``agent``; no name of a person. Default: ``caller``."""


class CallBackAttempt(Frozen):
    """One attempt, and who was not there."""

    began_at: datetime
    """When it began (RFC 3339, UTC)."""
    failed: CallBackParty | None = None
    """Who did not answer, hung up too early, or must not be rung. Default: nobody."""
    cause: Cause | None = None
    """Why it came to nothing; ``provider_error`` if nobody failed. Default: both were on the line."""
    evidence: Evidence = Evidence()
    """What the provider said about it. Default: nothing."""


class CallBackResult(Frozen):
    """Result of the ``CallBack`` workflow."""

    outcome: CallBackOutcome
    """``connected``: both were on the line, and a ``ConnectedCall`` has watched over them since."""
    attempts: tuple[CallBackAttempt, ...]
    """Every attempt that was begun, in order."""
