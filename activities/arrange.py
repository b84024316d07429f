"""The activities that touch a call: make an arrangement true, and tell a phone that there will be none."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import metrics
from activities.signs_of_life import signs_of_life
from activities.telephony.errors import OutcomeUnknown, ProtocolError, TelephonyError
from activities.telephony.interface import Telephony
from activities.telephony.model import Arrangement, Frozen, Observation, Phase, SeenLeg
from hookflash.names import owner_token

ARRANGE = "arrange"
"""Name of the activity."""

DECLINE = "decline"
"""Name of the activity."""

ATTEMPT_LIMIT = timedelta(seconds=3)
"""How long one attempt may take. It ends before Temporal gives it up, so that it cannot act late."""

OWN_LIMIT = ATTEMPT_LIMIT - timedelta(milliseconds=300)
"""When an attempt gives up by itself, for a provider that does not keep to its bounds."""


class ArrangeInput(Frozen):
    """Input of ``arrange``."""

    provider: str
    """Name of the provider node that carries the call."""
    arrangement: Arrangement
    """Where every leg must be."""
    queue: str = ""
    """Task queue of the workers that reach the node, for whoever asks. Default: the workflow's own."""


class DeclineInput(Frozen):
    """Input of ``decline``."""

    provider: str
    """Name of the provider node that carries the call."""
    leg: str
    """Leg of the phone that has asked for the transfer."""


class Arrange:
    """Holds the providers of a worker."""

    def __init__(self, providers: Mapping[str, Telephony]) -> None:
        self._providers = providers

    @activity.defn(name=ARRANGE)
    async def arrange(self, wanted: ArrangeInput) -> Observation:
        """Make an arrangement true and return what was seen.

        Raises:
            ApplicationError: The provider did not do its part; ``type`` is the kind of the error, one of
                ``ProviderUnavailable``, ``OutcomeUnknown``, ``ProtocolError`` and ``Unsupported``.
        """
        telephony = self._node(wanted.provider)
        began, result = time.monotonic(), "cancelled"
        behind = activity.info().started_time - datetime.now(UTC)
        try:
            observation = _not_earlier(await self._attempt(telephony, wanted), behind)
            result = "stands" if observation.stands else "surprise"
            return news(observation, wanted.arrangement)
        except ApplicationError as error:
            result = error.type or metrics.NONE
            raise
        finally:
            labels = {"provider": wanted.provider, "result": result}
            took = timedelta(seconds=time.monotonic() - began)
            metrics.measure(activity.metric_meter(), metrics.ARRANGE_DURATION, labels, took)

    async def _attempt(self, telephony: Telephony, wanted: ArrangeInput) -> Observation:
        try:
            async with signs_of_life(OWN_LIMIT):
                return await telephony.arrange(_owned(wanted.arrangement))
        except TimeoutError:
            text = f"{wanted.provider}: no answer within {OWN_LIMIT.total_seconds():g} s, or this worker stood still"
            raise ApplicationError(text, type=OutcomeUnknown.kind) from None
        except TelephonyError as error:
            raise ApplicationError(
                f"{wanted.provider}: {error}",
                type=error.kind,
                non_retryable=not error.passing,
                next_retry_delay=error.retry_after,
            ) from None  # the text says it all, and of a failure with the whole chain behind it Temporal keeps nothing

    @activity.defn(name=DECLINE)
    async def decline(self, asked: DeclineInput) -> None:
        """Tell a phone that nothing comes of the transfer it has asked for.

        Raises:
            ApplicationError: As ``arrange``.
        """
        try:
            await self._node(asked.provider).decline(asked.leg)
        except TelephonyError as error:
            raise ApplicationError(f"{asked.provider}: {error}", type=error.kind) from None

    def _node(self, provider: str) -> Telephony:
        telephony = self._providers.get(provider)
        if telephony is None:
            raise ApplicationError(
                f"this worker has no provider {provider!r}", type=ProtocolError.kind, non_retryable=False
            )
        return telephony


def _owned(arrangement: Arrangement) -> Arrangement:
    """Return an arrangement with its owner. Who asks need not write it down each time: Temporal says who that is."""
    if arrangement.owner:
        return arrangement
    info = activity.info()
    assert info.workflow_id is not None, "only workflows ask"
    assert info.workflow_run_id is not None, "only workflows ask"
    taken = arrangement.take_from
    earlier = owner_token(info.workflow_id, "")
    return arrangement.model_copy(
        update={
            "owner": owner_token(info.workflow_id, info.workflow_run_id),
            # What an earlier run of the same workflow has left may always be taken.
            "take_from": None if taken is None else (*taken, earlier),
        }
    )


def news(observation: Observation, arrangement: Arrangement) -> Observation:
    """Return what was seen that whoever asks did not know: every answer stays in a history.

    Args:
        observation: What the provider has seen, of all legs.
        arrangement: What was known of them.
    """
    known = {leg.leg: leg.known for leg in arrangement.legs}
    unknown = tuple(seen for seen in observation.legs if _is_news(seen, known.get(seen.leg, Phase.NEW)))
    since = None if observation.since == arrangement.since else observation.since
    return observation.model_copy(update={"legs": unknown, "since": since})


def _is_news(seen: SeenLeg, known: Phase) -> bool:
    # When it was dialled is known of a leg that has rung.
    dialled_at = seen.dialled_at if known <= Phase.DIALLING else None
    return seen.model_copy(update={"dialled_at": dialled_at}) != SeenLeg(leg=seen.leg, phase=known)


def _not_earlier(observation: Observation, behind: timedelta) -> Observation:
    """Return what was seen, in the time of Temporal's clock: ours may be behind it, by more than an attempt is old.

    A leg whose dialling is dated too early would ring for less than was asked. One that is dated too late does no harm:
    the workflow takes no moment for later than its own.
    """
    if behind <= timedelta():
        return observation
    legs = tuple(
        leg.model_copy(update={"dialled_at": leg.dialled_at + behind}) if leg.dialled_at else leg
        for leg in observation.legs
    )
    return observation.model_copy(update={"legs": legs})
