"""Keeps watch over a call after its transfer is over: the last one left is never alone in silence."""

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from activities.arrange import ARRANGE, ATTEMPT_LIMIT, ArrangeInput
from activities.signs_of_life import SILENCE
from activities.telephony.errors import Unsupported
from activities.telephony.model import Arrangement, Observation, Phase, Placement
from hookflash import Cause, Evidence, ProviderEvent
from hookflash._summary import in_words
from hookflash.names import PROVIDER_EVENT_SIGNAL, SUPERVISION_TYPE
from workflows.children import TAKEN_OVER_SIGNAL
from workflows.limits import AWAY_LIMIT
from workflows.payloads import ConnectedCallResult, WatchedCall

TOTAL_LIMIT = timedelta(seconds=30)
_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(minutes=30)
"""Between two rounds of attempts, doubled each time: the history must not fill up while the provider is away. When it
is back its listener says so, and when somebody leaves it is tried at once."""

LOOK_AFTER = timedelta(hours=1)
"""When to look at a call again of which nothing was heard: nobody reports from a node that is not there any more."""

_RETRY = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5))


class _ProviderAway(Exception):
    """The provider was out of reach for too long."""


@workflow.defn(name=SUPERVISION_TYPE)
class ConnectedCall:
    """Watches the legs a transfer left together, and releases the last one within a moment.

    Cancelling it only ends the watch; the call goes on.
    """

    def __init__(self) -> None:
        """Start with nothing heard."""
        self._ended: list[str] = []
        self._look_again = True
        self._mark = ""
        """What stands for the call, as long as it is as it was last seen."""
        self._taken_over = False
        self._lost: Evidence | None = None

    @workflow.run
    async def run(self, call: WatchedCall) -> ConnectedCallResult:
        """Watch a call until it is over.

        Args:
            call: Where its legs are now; the workflow makes itself their owner.
        """
        names = {leg.leg: leg.name for leg in call.arrangement.legs}
        try:
            return await self._watch(call, names)
        except _ProviderAway as away:
            workflow.set_current_details(f"### Given up\nNobody knows what became of the call: {away}.")
            first = next((names[leg] for leg in self._gone(names)), "")
            return ConnectedCallResult(left=first, cause=Cause.PROVIDER_ERROR, evidence=Evidence(text=str(away)))

    async def _watch(self, call: WatchedCall, names: dict[str, str]) -> ConnectedCallResult:
        enough = min(2, len(names))
        workflow.set_current_details(f"### {' and '.join(names.values())} are connected\nReleased when one leaves.")
        while not self._taken_over and len(names) - len(self._gone(names)) >= enough:
            if self._look_again:
                self._look_again, self._mark = False, ""
                observation = await self._arrange(call, call.arrangement, f"Watch {' and '.join(names.values())}")
                for seen in observation.legs if observation else ():
                    if seen.phase is Phase.ENDED:
                        self._note_end(seen.leg, seen.cause, seen.evidence)
                self._mark = observation.mark if observation else ""
            elif workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(call)
            else:
                try:
                    await workflow.wait_condition(
                        lambda: bool(self._gone(names) or self._look_again or self._taken_over),
                        timeout=LOOK_AFTER,
                        timeout_summary=f"Look whether they still talk ({in_words(LOOK_AFTER)})",
                    )
                except TimeoutError:
                    self._look_again = True
        return await (self._leave_to_the_other(call) if self._taken_over else self._release(call, names))

    def _note_end(self, leg: str, cause: Cause | None, evidence: Evidence) -> None:
        self._ended.append(leg)
        if cause is Cause.NODE_DOWN:
            self._lost = self._lost or evidence

    async def _release(self, call: WatchedCall, names: dict[str, str]) -> ConnectedCallResult:
        if self._lost is not None:
            workflow.set_current_details(f"### Lost\nNobody left: {self._lost.text}.")
            return ConnectedCallResult(left="", cause=Cause.NODE_DOWN, evidence=self._lost)
        first, customer = names[self._gone(names)[0]], call.arrangement.protected
        if call.onward and customer not in self._gone(names):
            place: dict[str, object] = {"place": call.onward, "reason": call.reason}
            onward = _afterwards(call, {customer: {"placement": Placement.HANDED_OFF, **place}})
            seen = await self._arrange(call, onward, f"Customer goes on: {first} left")
            # Not there any more, or the provider does not know the place: then the call is over as any other.
            if seen is not None and seen.stands:
                workflow.set_current_details(f"### Over\n{first} left first, the customer went on to {call.onward}.")
                return ConnectedCallResult(left=first, customer_sent_to=call.onward)
        await self._arrange(call, _afterwards(call, {}), f"Release the others: {first} left")
        workflow.set_current_details(f"### Over\n{first} left first.")
        return ConnectedCallResult(left=first)

    async def _leave_to_the_other(self, call: WatchedCall) -> ConnectedCallResult:
        """Remove our room. The other transfer has moved everybody who stays into its own."""
        self._taken_over = False
        nobody = call.arrangement.model_copy(update={"legs": (), "keep_room": False})
        await self._arrange(call, nobody, "Leave the call to the next transfer")
        workflow.set_current_details("### Taken over\nAnother transfer watches this call now.")
        return ConnectedCallResult(left="")

    def _gone(self, names: dict[str, str]) -> list[str]:
        return [leg for leg in self._ended if leg in names]

    async def _arrange(self, call: WatchedCall, arrangement: Arrangement, summary: str) -> Observation | None:
        """Arrange, and only while these legs are ours. None: the provider can never do it.

        Raises:
            _ProviderAway: It could not be reached for longer than anybody talks.
        """
        owned = arrangement.model_copy(update={"owner": "", "take_from": (call.arrangement.owner,)})
        wanted = ArrangeInput(provider=call.provider, arrangement=owned, queue=call.queue)
        began_at, pause = workflow.now(), _PAUSE
        while not self._taken_over:
            heard = len(self._ended)
            try:
                observation = await workflow.execute_activity(
                    ARRANGE,
                    wanted,
                    task_queue=wanted.queue or None,
                    result_type=Observation,
                    start_to_close_timeout=ATTEMPT_LIMIT,
                    heartbeat_timeout=SILENCE,
                    schedule_to_close_timeout=TOTAL_LIMIT,
                    retry_policy=_RETRY,
                    summary=summary,
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                if isinstance(error.cause, ApplicationError) and error.cause.type == Unsupported.kind:
                    return None
                if workflow.now() - began_at >= AWAY_LIMIT:
                    text = f"the provider is out of reach since {began_at:%Y-%m-%d %H:%M:%S} UTC"
                    raise _ProviderAway(text) from error
                # The provider will be back, and somebody has to be there then.
                self._look_again = False
                with contextlib.suppress(asyncio.TimeoutError):
                    text = f"Try the provider again ({in_words(pause)})"
                    await workflow.wait_condition(
                        lambda before=heard: self._taken_over or self._look_again or len(self._ended) > before,
                        timeout=pause,
                        timeout_summary=text,
                    )
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self._taken_over = self._taken_over or observation.refused
                return observation
        return Observation(legs=(), stands=False)

    @workflow.signal(name=PROVIDER_EVENT_SIGNAL, description="What the provider reports of a leg. Sent by listeners.")
    def provider_event(self, event: ProviderEvent) -> None:
        """Hear that a leg ended, or that the real state must be looked at again."""
        if event.kind == "ended":
            cause = Cause.NODE_DOWN if event.cause == Cause.NODE_DOWN.value else None
            self._note_end(event.leg, cause, event.evidence)
        elif event.kind == "reconcile" and (not event.mark or event.mark != self._mark):
            self._look_again = True

    @workflow.signal(name=TAKEN_OVER_SIGNAL, description="Another transfer of this call has begun.")
    def taken_over(self) -> None:
        """Hear that another transfer watches these legs now."""
        self._taken_over = True


def _afterwards(call: WatchedCall, changes: dict[str, dict[str, object]]) -> Arrangement:
    """Return the arrangement in which every leg is gone but for these."""
    gone: dict[str, object] = {"placement": Placement.GONE}
    legs = tuple(leg.model_copy(update=changes.get(leg.leg, gone)) for leg in call.arrangement.legs)
    return call.arrangement.model_copy(update={"legs": legs, "keep_room": False})
