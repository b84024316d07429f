"""What a caller asks for: the input of the ``Transfer`` workflow."""

import hashlib
import json
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from hookflash._base import FromCaller
from hookflash.vocabulary import Mode

LegId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:~+@-]{0,127}$")]
"""A provider's own id of a leg. No ``/`` (Temporal's HTTP API answers 404 for ids with one)."""

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""An identifier: letters, digits, dot, underscore and hyphen."""

HeaderWord = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")]
"""The last part of a header's name: letters, digits and hyphen."""

Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text. Control characters are refused: they would be header injection in SIP."""

Address = Annotated[str, StringConstraints(min_length=3, max_length=200, pattern=r"^[a-z]+:[!-~]+$")]
"""``scheme:rest`` in visible ASCII, as the provider documents it: ``pjsip:claims``, ``sim:bob?answer=2s``."""

Duration = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(hours=1))]


class Customer(FromCaller):
    """The person who must never be lost (RFC 5589: transferee)."""

    leg: LegId
    """The provider's id of the customer's leg. It must be up."""


class Agent(FromCaller):
    """The person or voice agent who hands the customer over (RFC 5589: transferor)."""

    leg: LegId
    """The provider's id of the agent's leg. It must be up."""
    id: Word | None = None
    """Opaque id of the agent for search and reports; never a name. Default: none."""
    address: Address | None = None
    """Where the agent is called back when the customer needs a person again. Default: cannot be recalled."""


class AcceptGate(FromCaller):
    """The target has to press 1 before the customer is joined; 2 declines."""

    timeout: Duration = timedelta(seconds=15)
    """How long an answered target may take to accept. Default: 15 seconds."""
    prompt: Word = "hookflash-accept"
    """Name of the announcement the target hears. Default: ``hookflash-accept``."""


class Target(FromCaller):
    """One third party to try (RFC 5589: transfer target). Exactly one of address and directory."""

    address: Address | None = None
    """Where to ring. Default: none, the directory says it."""
    directory: Word | None = None
    """Entry of the tenant's directory that says where to ring. Default: none."""
    name: Text = ""
    """How operators call this target, for example ``Claims desk``. Default: its directory entry or ``target``."""
    ring_timeout: Duration = timedelta(seconds=20)
    """How long it may ring. Default: 20 seconds."""
    accept: AcceptGate | None = None
    """Ask the target to accept before it is joined. Default: whoever answers is joined."""

    @model_validator(mode="after")
    def _one_destination(self) -> Self:
        if (self.address is None) == (self.directory is None):
            raise ValueError("give either address or directory")
        return self


class Context(FromCaller):
    """What the target should know. Sent along with the call to targets inside the company only."""

    customer_name: Text = ""
    """The customer's name. Default: not said."""
    reason: Text = ""
    """Why the customer is transferred. Default: not said."""
    issue: Text = ""
    """Reference of the ticket or case. Default: none."""
    steps_tried: tuple[Text, ...] = Field(default=(), max_length=20)
    """What has been tried already. Default: nothing."""
    data: dict[HeaderWord, Text] = Field(default_factory=dict, max_length=20)
    """Free data, sent as one header each. Default: none."""


class Recall(FromCaller):
    """Ring the agent who has left."""

    kind: Literal["recall"] = "recall"
    """Which kind of fallback this is. Default: ``recall``, nothing else fits."""
    ring_timeout: Duration = timedelta(seconds=20)
    """How long the agent's phone may ring. Default: 20 seconds."""


class HandOff(FromCaller):
    """Give the customer to a voicemail box, a queue or a call flow of the provider."""

    kind: Literal["voicemail", "queue", "flow"]
    """What stands there; decides the outcome that is reported."""
    place: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}(,[A-Za-z0-9_+*#-]{1,80}(,[0-9]{1,4})?)?$")]
    """Where, in the provider's terms. Asterisk: ``context[,extension[,priority]]`` of the dialplan."""


class HangUp(FromCaller):
    """Let the customer go. Only ever done as the explicit last entry."""

    kind: Literal["hang_up"] = "hang_up"
    """Which kind of fallback this is. Default: ``hang_up``, nothing else fits."""


Fallback = Annotated[Recall | HandOff | HangUp, Field(discriminator="kind")]


class WhenUnanswered(StrEnum):
    """What happens in a warm transfer when no target takes over while the agent is still there."""

    RETURN = "return"
    """The customer is back with the agent at once and the transfer is over."""
    WAIT = "wait"
    """The customer stays on hold and the agent decides: retarget, unhold or cancel."""


def _default_fallbacks() -> tuple[Fallback, ...]:
    return (Recall(), HandOff(kind="flow", place="hookflash-fallback"))


class Policy(FromCaller):
    """Limits of this transfer and what happens when it does not work out."""

    hold_budget: Duration = timedelta(minutes=5)
    """Longest time the customer waits without a person, in one go. Default: 5 minutes."""
    consult_limit: Duration = timedelta(minutes=5)
    """Longest private talk of agent and target. Default: 5 minutes."""
    when_unanswered: WhenUnanswered = WhenUnanswered.RETURN
    """Warm and consult: give the customer back at once, or let the agent decide. Default: ``return``."""
    fallbacks: tuple[Fallback, ...] = Field(default_factory=_default_fallbacks, min_length=1, max_length=10)
    """Who takes the customer when nobody is left, tried in order. The last must not be a recall, which can fail.
    Default: recall the agent, then the dialplan place ``hookflash-fallback``."""
    caller_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+-]{1,64}$")] | None = None
    """Number shown to the target. Default: the provider's own default."""
    hold_music: Word = "default"
    """Class of music a waiting party hears. Default: ``default``."""

    @model_validator(mode="after")
    def _ends_somewhere(self) -> Self:
        if isinstance(self.fallbacks[-1], Recall):
            raise ValueError("the last of fallbacks must be voicemail, queue, flow or hang_up: a recall can fail")
        return self


class TransferRequest(FromCaller):
    """Input of the ``Transfer`` workflow."""

    mode: Mode
    """``warm``, ``cold``, ``blind`` (needs the tenant's permission) or ``consult``."""
    provider: Word
    """Name of the provider node that carries the call, as the workers know it."""
    customer: Customer
    """Who is transferred."""
    agent: Agent
    """Who transfers."""
    targets: tuple[Target, ...] = Field(min_length=1, max_length=10)
    """Whom to ring, one after another."""
    context: Context = Field(default_factory=Context)
    """What the target should know. Default: nothing."""
    policy: Policy = Field(default_factory=Policy)
    """Limits and fallbacks. Default: see there."""
    tenant: Word = "default"
    """Whose permissions and directory apply. Default: ``default``."""
    idempotency_key: Word | None = None
    """Repeating a start with the same key never transfers twice. Default: only the running transfer is compared."""
    labels: dict[Word, Text] = Field(default_factory=dict, max_length=20)
    """Free labels, shown to operators in the transfer's static details. Default: none."""

    @model_validator(mode="after")
    def _three_different_legs(self) -> Self:
        if self.customer.leg == self.agent.leg:
            raise ValueError("customer.leg and agent.leg are the same leg")
        return self

    def fingerprint(self) -> str:
        """Return a digest that is equal for equal requests (SHA-256, hexadecimal)."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()
