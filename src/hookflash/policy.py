"""The limits of a transfer, what is heard meanwhile, and what happens when it does not work out."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from hookflash._base import FromCaller
from hookflash.fallbacks import FALLBACK_PLACE, AnotherTarget, Fallback, HandOff, Recall
from hookflash.feature_codes import FeatureCodes
from hookflash.values import Duration, Word


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
    return (Recall(), HandOff(kind="flow", place=FALLBACK_PLACE))


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
