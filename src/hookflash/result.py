"""What a transfer reports when it is over."""

from datetime import timedelta

from pydantic import AwareDatetime

from hookflash._base import Reported
from hookflash.events import Evidence
from hookflash.vocabulary import Actor, Cause, Mode, Outcome


class Attempt(Reported):
    """One target that was tried, or that the policy did not allow to be tried."""

    target: str
    """How operators call the target."""
    leg: str = ""
    """The provider's id of its leg. Default: none, it was never dialled."""
    dialled_at: AwareDatetime | None = None
    """When it was dialled. Default: never."""
    rang_at: AwareDatetime | None = None
    """When it began to ring. Default: never."""
    answered_at: AwareDatetime | None = None
    """When it was answered. Default: never."""
    accepted_at: AwareDatetime | None = None
    """When the target was let in: at the answer, or when it accepted where it was asked to. Default: never."""
    ended_at: AwareDatetime | None = None
    """When its leg ended. Default: still up at the end of the transfer."""
    cause: Cause | None = None
    """Why it ended. Default: it has not."""
    evidence: Evidence = Evidence()
    """What the provider said about it. Default: nothing."""


class FallbackTried(Reported):
    """One entry of the fallback list that was tried."""

    kind: str
    """``recall``, ``target``, ``voicemail``, ``queue``, ``flow``, ``call_back`` or ``hang_up``."""
    at: AwareDatetime
    """When it was begun (RFC 3339, UTC)."""
    took_customer: bool
    """Whether the customer ended up with it. At most one entry says so, the last."""


class TransferResult(Reported):
    """Result of the ``Transfer`` workflow. Business outcomes are results, never failures."""

    outcome: Outcome
    """How it ended."""
    cause: Cause | None = None
    """Why. Default: none, as for ``connected``."""
    evidence: Evidence = Evidence()
    """What the provider said about the leg that decided it. Default: nothing."""
    ended_by: Actor
    """Who brought it about."""
    customer_with: tuple[str, ...]
    """Where the customer was left: ``agent`` and ``target`` who share the room, ``voicemail``, ``queue``, ``flow``,
    ``hold`` (waiting under the provider's own time-out), or empty if the customer is gone."""
    mode: Mode
    """The mode that was asked for."""
    attempts: tuple[Attempt, ...]
    """Every target, in the order they were tried."""
    fallbacks: tuple[FallbackTried, ...] = ()
    """Every fallback, in the order they were tried; an agent who was rung several times has several entries.
    Default: none was needed."""
    started_at: AwareDatetime
    """When the transfer began (RFC 3339, UTC)."""
    ended_at: AwareDatetime
    """When the outcome stood (RFC 3339, UTC)."""
    held: timedelta
    """How long the customer waited without a person, in all."""
    ringing: timedelta
    """How long targets rang, in all."""
    consulting: timedelta
    """How long agent and target talked in private, in all."""
    with_agent: timedelta
    """How long the customer and the agent shared the room during the transfer."""
