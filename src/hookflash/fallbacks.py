"""What becomes of a customer whom nobody takes: the entries of ``policy.fallbacks``."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, StringConstraints, model_serializer, model_validator

from hookflash._base import FromCaller
from hookflash.parties import Target
from hookflash.values import Address, Duration, Word

FALLBACK_PLACE = "hookflash-fallback"
"""The operator's own place for whoever has nowhere else to go. No policy denies it."""


class _Entry(FromCaller):
    """Base of an entry: it says its kind also where defaults are left out, or nobody could tell which entry it is."""

    @model_serializer(mode="wrap")
    def _with_its_kind(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"kind": getattr(self, "kind", ""), **fields(self)}


class Recall(_Entry):
    """Ring the agent who has left."""

    kind: Literal["recall"] = "recall"
    """Which kind of fallback this is. Default: ``recall``, nothing else fits."""
    ring_timeout: Duration = timedelta(seconds=20)
    """How long the agent's phone may ring. Default: 20 seconds."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 1
    """How often the agent is rung. Default: once."""
    pause: Duration = timedelta(seconds=10)
    """Time between two attempts; the customer hears music. Default: 10 seconds."""


class AnotherTarget(_Entry):
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
    """Where, in the provider's terms, if the tenant may send customers there; by default only to what has no comma.
    Asterisk: ``context[,extension[,priority]]`` of the dialplan."""


class CallBack(_Entry):
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


class HangUp(_Entry):
    """Let the customer go. Only ever done as the explicit last entry."""

    kind: Literal["hang_up"] = "hang_up"
    """Which kind of fallback this is. Default: ``hang_up``, nothing else fits."""
    apology: Word | None = None
    """Name of an announcement the customer hears first. Default: none."""


Fallback = Annotated[Recall | AnotherTarget | HandOff | CallBack | HangUp, Field(discriminator="kind")]
