"""What a caller asks for: the input of the ``Transfer`` workflow."""

import hashlib
import json
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from hookflash._base import FromCaller
from hookflash.feature_codes import FeatureCodes
from hookflash.vocabulary import Mode

LegId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:~+@-]{0,127}$")]
"""A provider's own id of a leg. No ``/`` (Temporal's HTTP API answers 404 for ids with one)."""

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""An identifier: letters, digits, dot, underscore and hyphen."""

HeaderWord = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,40}$")]
"""The last part of a header's name: letters, digits and hyphen."""

Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text. Control characters are refused: they would be header injection in SIP."""

UserToUser = Annotated[
    str, StringConstraints(pattern=r"^([0-9A-Fa-f]{2}){1,128}(;(purpose|content|encoding)=[A-Za-z0-9.-]{1,40}){0,3}$")
]
"""User-to-User information as RFC 7433 writes it, in hexadecimal: ``56a390f3d2b7310023a2;encoding=hex``."""

Address = Annotated[str, StringConstraints(min_length=3, max_length=200, pattern=r"^[a-z]+:[!-~]+$")]
"""``scheme:rest`` in visible ASCII, as the provider documents it: ``pjsip:claims``, ``sim:bob?answer=2s``."""

RecordingName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(/[A-Za-z0-9][A-Za-z0-9._-]{0,63}){0,5}$")
]
"""A live recording, as the provider knows it: words separated by ``/``."""

Duration = Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(hours=1))]


class Customer(FromCaller):
    """The person who must never be lost (RFC 5589: transferee)."""

    leg: LegId
    """The provider's id of the customer's leg. It must be up."""
    address: Address | None = None
    """Where the customer is called back, for the fallback ``call_back``. Default: cannot be called back."""
    recording: RecordingName | None = None
    """Live recording that runs on this leg, to be paused as the policy says. Default: none that is ours to pause."""


class Agent(FromCaller):
    """The person or voice agent who hands the customer over (RFC 5589: transferor)."""

    leg: LegId
    """The provider's id of the agent's leg. It must be up."""
    id: Word | None = None
    """Opaque id of the agent for search and reports; never a name. Default: none."""
    address: Address | None = None
    """Where the agent is called back when the customer needs a person again. Default: cannot be recalled."""
    consulting_leg: LegId | None = None
    """The agent's own leg in another call, with a target that is there already: it is released with the agent.
    Default: the agent has no other call that would have to end."""
    asked_by_phone: bool = False
    """The agent's phone has asked for this transfer itself (SIP REFER) and is told what comes of it. Default: no."""
    recording: RecordingName | None = None
    """Live recording that runs on this leg, to be paused as the policy says. Default: none that is ours to pause."""


class AcceptGate(FromCaller):
    """The target has to press 1 before the customer is joined; 2 declines."""

    timeout: Duration = timedelta(seconds=15)
    """How long an answered target may take to accept. Default: 15 seconds."""
    prompt: Word = "hookflash-accept"
    """Name of the announcement the target hears. Default: ``hookflash-accept``."""
    detect_machine: bool = False
    """Let a voicemail box or another machine fail with cause ``machine``, where the provider can tell; elsewhere it
    fails with ``accept_timeout``. Default: the provider does not listen for machines."""


class Target(FromCaller):
    """One third party to try (RFC 5589: transfer target). Exactly one of address, directory and leg."""

    address: Address | None = None
    """Where to ring. Default: none, the directory says it."""
    directory: Word | None = None
    """Entry of the tenant's directory that says where to ring. Default: none."""
    leg: LegId | None = None
    """The provider's id of a leg that is up already, for example with somebody whom the agent has called by other
    means. Nobody is rung; it counts as answered. Default: none, the target is rung."""
    name: Text = ""
    """How operators call this target, for example ``Claims desk``. Default: its directory entry or ``target``."""
    ring_timeout: Duration = timedelta(seconds=20)
    """How long it may ring. Default: 20 seconds."""
    accept: AcceptGate | None = None
    """Ask the target to accept before it is joined. Default: whoever answers is joined."""
    with_previous: bool = False
    """Ring at the same time as the target before it in the list; the first to take the call gets it. Default: ring
    when the one before it has not taken over."""
    on_join: Word | None = None
    """Name of an announcement or beep that only the target hears when it joins. Default: nothing."""
    data: dict[HeaderWord, Text] = Field(default_factory=dict, max_length=20)
    """Free data for this target, sent as one header each; overrules the context's. Default: none."""

    @model_validator(mode="after")
    def _one_destination(self) -> Self:
        given = [it for it in (self.address, self.directory, self.leg) if it is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of address, directory and leg")
        return self

    @model_validator(mode="after")
    def _rings_or_is_there(self) -> Self:
        if self.leg is not None and (self.accept is not None or self.with_previous):
            raise ValueError("leg: a target that is there already neither rings with others nor is asked to accept")
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
    customer_consent: bool | None = None
    """Whether the customer has agreed to be transferred. Default: not said."""
    user_to_user: UserToUser | None = None
    """Sent as the header ``User-to-User``, for applications that read it. Default: not sent."""
    data: dict[HeaderWord, Text] = Field(default_factory=dict, max_length=20)
    """Free data, sent as one header each. Default: none."""


class Recall(FromCaller):
    """Ring the agent who has left."""

    kind: Literal["recall"] = "recall"
    """Which kind of fallback this is. Default: ``recall``, nothing else fits."""
    ring_timeout: Duration = timedelta(seconds=20)
    """How long the agent's phone may ring. Default: 20 seconds."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 1
    """How often the agent is rung. Default: once."""
    pause: Duration = timedelta(seconds=10)
    """Time between two attempts; the customer hears music. Default: 10 seconds."""


class AnotherTarget(FromCaller):
    """Ring one more target, for example a supervisor. Nobody is introduced."""

    kind: Literal["target"] = "target"
    """Which kind of fallback this is. Default: ``target``, nothing else fits."""
    target: Target
    """Whom to ring."""

    @model_validator(mode="after")
    def _by_itself(self) -> Self:
        if self.target.with_previous:
            raise ValueError("target.with_previous: a target among the fallbacks rings by itself")
        if self.target.leg is not None:
            raise ValueError("target.leg: a target among the fallbacks is rung")
        return self


class HandOff(FromCaller):
    """Give the customer to a voicemail box, a queue or a call flow of the provider."""

    kind: Literal["voicemail", "queue", "flow"]
    """What stands there; decides the outcome that is reported."""
    place: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}(,[A-Za-z0-9_+*#-]{1,80}(,[0-9]{1,4})?)?$")]
    """Where, in the provider's terms. Asterisk: ``context[,extension[,priority]]`` of the dialplan."""


class CallBack(FromCaller):
    """Promise the customer a call, let them go, and call back: first the agent's side, then the customer."""

    kind: Literal["call_back"] = "call_back"
    """Which kind of fallback this is. Default: ``call_back``, nothing else fits."""
    after: Annotated[timedelta, Field(ge=timedelta(0), le=timedelta(days=7))] = timedelta(minutes=15)
    """How long after the end of this transfer. Default: 15 minutes."""
    announcement: Word = "hookflash-call-back"
    """Name of the announcement the customer hears before the line is released. Default: ``hookflash-call-back``."""
    caller: Address | None = None
    """Who calls the customer. Default: the agent's address."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """How often it is tried to bring the two together. Default: 3 times."""
    pause: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=1))] = timedelta(minutes=15)
    """Time between two attempts. Default: 15 minutes."""


class HangUp(FromCaller):
    """Let the customer go. Only ever done as the explicit last entry."""

    kind: Literal["hang_up"] = "hang_up"
    """Which kind of fallback this is. Default: ``hang_up``, nothing else fits."""
    apology: Word | None = None
    """Name of an announcement the customer hears first. Default: none."""


Fallback = Annotated[Recall | AnotherTarget | HandOff | CallBack | HangUp, Field(discriminator="kind")]


class Reminder(FromCaller):
    """Tell a waiting customer again and again that they are not forgotten."""

    announcement: Word
    """Name of the announcement."""
    every: Annotated[timedelta, Field(ge=timedelta(seconds=5), le=timedelta(hours=1))] = timedelta(seconds=30)
    """How often. Default: every 30 seconds."""


class ConsultWarning(FromCaller):
    """Tell the agent that the consultation is about to be over."""

    announcement: Word
    """Name of the announcement or beep; only the agent hears it."""
    before: Duration = timedelta(seconds=30)
    """How long before the consult limit. Default: 30 seconds."""


class CustomerAudio(StrEnum):
    """What a customer hears who waits for somebody to answer."""

    RINGBACK = "ringback"
    """The target's phone ringing, as on a call of their own."""
    MUSIC = "music"
    """Hold music; the target hears the customer a moment after it has answered, once the engine has been told."""


class RecordingOnHold(StrEnum):
    """What becomes of a recording while its leg, or the customer, is on hold."""

    PAUSE = "pause"
    """The customer's is paused while the customer is on hold, the agent's whenever the two are not together."""
    CONTINUE = "continue"
    """It goes on: the customer's with the music, the agent's with what is said in private."""


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
    hold_reminder: Reminder | None = None
    """Announcement to a customer who waits, repeated. Default: none."""
    consult_limit: Duration = timedelta(minutes=5)
    """Longest private talk of agent and target. Default: 5 minutes."""
    consult_warning: ConsultWarning | None = None
    """Warning to the agent before the consult limit. Default: none."""
    linger: Duration | None = None
    """Warm: how long the agent stays when all three have come together, unless told otherwise. Default: until the
    agent leaves."""
    overall_limit: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(hours=24))] = timedelta(hours=1)
    """Longest time from the start until customer and target, or customer and agent, are left to themselves; after it
    the fallbacks begin. Default: 1 hour."""
    when_unanswered: WhenUnanswered = WhenUnanswered.RETURN
    """Warm and consult: give the customer back at once, or let the agent decide. Default: ``return``."""
    fallbacks: tuple[Fallback, ...] = Field(default_factory=_default_fallbacks, min_length=1, max_length=10)
    """Who takes the customer when nobody is left, tried in order. The last must not be a recall or a target, which
    can fail. Default: recall the agent, then the dialplan place ``hookflash-fallback``."""
    when_target_leaves: HandOff | None = None
    """Where the customer goes on when the target hangs up first, after the transfer. Default: the call is over."""
    caller_id_of: Literal["customer", "agent"] | None = None
    """Whose number the target is shown, where the provider knows it; ``caller_id`` otherwise. Default: nobody's."""
    caller_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+-]{1,64}$")] | None = None
    """Number shown to the target. Default: the provider's own default."""
    show_customer: bool = True
    """Show the target the customer's number once they are connected, where the provider can. Default: yes."""
    caller_id_fallback: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+-]{1,64}$")] | None = None
    """Number shown when the carrier refuses the one above; the target is rung once more with it, at most once.
    Default: the attempt has failed then."""
    customer_audio: CustomerAudio = CustomerAudio.RINGBACK
    """What a customer hears who waits for somebody to answer. Default: ``ringback``."""
    recording_on_hold: RecordingOnHold = RecordingOnHold.PAUSE
    """Whether recordings are paused while somebody is on hold. Default: ``pause``."""
    hold_announcement: Word | None = None
    """Name of an announcement that the customer hears when the wait begins. Default: none."""
    hold_music: Word | None = None
    """Class of music a waiting party hears. Default: the tenant's, or ``default`` if it has none."""
    feature_codes: FeatureCodes | None = None
    """Keys by which the agent gives commands. Default: none, the agent's keys mean nothing."""

    @model_validator(mode="after")
    def _ends_somewhere(self) -> Self:
        if isinstance(self.fallbacks[-1], Recall | AnotherTarget):
            allowed = "voicemail, queue, flow, call_back or hang_up"
            raise ValueError(f"the last of fallbacks must be {allowed}: a {self.fallbacks[-1].kind} can fail")
        return self

    @model_validator(mode="after")
    def _warns_in_time(self) -> Self:
        if self.consult_warning is not None and self.consult_warning.before >= self.consult_limit:
            raise ValueError("consult_warning.before must be shorter than consult_limit")
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
    """Whom to ring: one after another, or together where a target says so."""
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
        others = [it.leg for it in self.targets if it.leg is not None]
        others += [self.agent.consulting_leg] if self.agent.consulting_leg is not None else []
        if len({self.customer.leg, self.agent.leg, *others}) < 2 + len(others):
            raise ValueError("targets.leg and agent.consulting_leg must be legs of their own")
        return self

    @model_validator(mode="after")
    def _somebody_to_ring_first(self) -> Self:
        if self.targets[0].with_previous:
            raise ValueError("targets.0.with_previous: there is no target before the first")
        return self

    @model_validator(mode="after")
    def _can_call_back(self) -> Self:
        for number, fallback in enumerate(self.policy.fallbacks):
            if isinstance(fallback, CallBack):
                if self.customer.address is None:
                    raise ValueError(f"customer.address: policy.fallbacks.{number} needs it to call_back")
                if fallback.caller is None and self.agent.address is None:
                    raise ValueError(f"policy.fallbacks.{number}.caller or agent.address is needed to call_back")
        return self

    def fingerprint(self) -> str:
        """Return a digest that is equal for equal requests (SHA-256, hexadecimal)."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()
