"""Keeps a promise: calls a customer back, first the caller's side, then the customer, until the two are together."""

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import Literal

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from activities.admission import ADMIT, ANSWER_LIMIT, AdmissionInput, Verdict
from activities.telephony.model import Dial
from hookflash import Cause, Evidence, Mode, ProviderEvent, Target, names
from hookflash._summary import in_words
from hookflash.converter import Unreadable
from workflows.call_back_attempt import CUSTOMER, Attempt, MadeBy
from workflows.call_back_measuring import measure_call_back
from workflows.call_back_ringing import bring_together, unless
from workflows.children import watch_over
from workflows.payloads import CallBackAttempt, CallBackInput, CallBackOutcome, CallBackParty, CallBackResult

CALL_NOW = "call_now"
"""Name of the update."""

COMMAND_REJECTED = "CommandRejected"
"""Type of the error that it ends with when there is nothing to wait for."""

_Stage = Literal["scheduled", "calling", "ended"]


@workflow.defn(name=names.CALL_BACK_TYPE)
class CallBack:
    """Calls a customer back.

    Cancelling it before the two are together calls the promise off: whoever rings or is on the line is released, and
    the result says ``cancelled``.
    """

    def __init__(self) -> None:
        """Start with nothing heard: handlers can run before ``run`` does."""
        self._stage: _Stage = "scheduled"
        self._now = False
        self._cancelled = False
        self._attempt: Attempt | None = None
        self._tried: list[CallBackAttempt] = []

    @workflow.run
    async def run(self, promise: CallBackInput | Unreadable) -> CallBackResult:
        """Keep a promise. What comes of it is a result, never a failure.

        Args:
            promise: Who calls whom, when, and how often it is tried.
        """
        assert not isinstance(promise, Unreadable)  # the guard has refused it
        work = asyncio.create_task(self._keep(promise))
        while True:
            try:
                return await asyncio.shield(work)
            except asyncio.CancelledError:
                # A cancel comes once. Anything else that cancels is the worker evicting the workflow.
                if self._cancelled or workflow.cancellation_reason() is None:
                    raise
                self._cancelled = True
                if self._attempt is not None:
                    self._attempt.stop()

    async def _keep(self, promise: CallBackInput) -> CallBackResult:
        outcome: CallBackOutcome | None = None
        for number in range(1, promise.attempts + 1):
            await self._wait(promise, number)
            outcome = "cancelled" if self._cancelled else await self._try(promise, number)
            if outcome is not None:
                break
        result = CallBackResult(outcome=outcome or "not_reached", attempts=tuple(self._tried))
        measure_call_back(
            {"provider": promise.provider, "tenant": promise.tenant},
            result.outcome,
            [(it.failed, it.cause) for it in result.attempts],
            workflow.info().start_time + promise.after,
            kept=result.outcome == "connected",
        )
        self._post(promise, "ended", f"Over: {result.outcome.replace('_', ' ')}")
        return result

    async def _wait(self, promise: CallBackInput, number: int) -> None:
        duration = promise.after if number == 1 else promise.pause
        which = f"attempt {number} of {promise.attempts}"
        at = f"{workflow.now() + duration:%Y-%m-%d %H:%M:%S} UTC"
        self._post(
            promise,
            "scheduled",
            f"The customer is called back at {at}",
            f"That is {which}: first {promise.caller_name} is rung, then the customer.",
            f"Update `{CALL_NOW}`: do not wait. Cancel this workflow: nobody is called.",
        )
        if duration:
            with contextlib.suppress(asyncio.TimeoutError):
                await workflow.wait_condition(
                    lambda: self._now or self._cancelled,
                    timeout=duration,
                    timeout_summary=f"Call the customer back, {which} ({in_words(duration)})",
                )
        self._now = False

    async def _try(self, promise: CallBackInput, number: int) -> CallBackOutcome | None:
        """Make an attempt. Returns the outcome, None if there may be another attempt."""
        self._post(
            promise,
            "calling",
            f"Calling, attempt {number} of {promise.attempts}",
            f"{promise.caller_name} is rung, then the customer; each for {in_words(promise.ring_timeout)} at most.",
            "Cancel this workflow: whoever rings or is on the line is released.",
        )
        began_at = workflow.now()
        verdict = await self._admit(promise)
        if self._cancelled:
            return "cancelled"
        if verdict is None:
            self._tried.append(CallBackAttempt(began_at=began_at, cause=Cause.PROVIDER_ERROR))
            return None
        caller, customer = verdict.targets
        if denied := caller.denied or customer.denied:
            who: CallBackParty = "caller" if caller.denied else "customer"
            self._tried.append(CallBackAttempt(began_at=began_at, failed=who, cause=denied))
            return "denied"

        attempt = self._attempt = _attempt(promise, number, verdict)
        connected = await bring_together(attempt)
        self._tried.append(_record(began_at, attempt, connected=connected))
        if connected:
            # Whatever comes from now on, a cancel too, finds the two together.
            await watch_over(attempt.arrangement(attempt.aim))
            return "connected"
        return "cancelled" if self._cancelled else None

    async def _admit(self, promise: CallBackInput) -> Verdict | None:
        """Return what the tenant's policy says today; None if nobody can be asked, and then nothing is dialled."""
        caller = Target(address=promise.caller, name=promise.caller_name)
        customer = Target(address=promise.customer, name=CUSTOMER)
        question = workflow.start_activity(
            ADMIT,
            AdmissionInput(
                tenant=promise.tenant,
                mode=Mode.COLD,
                provider=promise.provider,
                targets=(caller, customer),
                caller_ids=(promise.caller_id,) if promise.caller_id else (),
            ),
            result_type=Verdict,
            start_to_close_timeout=ANSWER_LIMIT,
            schedule_to_close_timeout=timedelta(seconds=15),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200)),
            summary=f"May the tenant ring {promise.caller_name} and customer?",
        )
        try:
            return await unless(lambda: self._cancelled, question)
        except ActivityError:
            return None

    def _post(self, promise: CallBackInput, stage: _Stage, heading: str, *lines: str) -> None:
        """Post where operators look. Nothing here may ever hold a phone number."""
        self._stage = stage
        # The SDK leaves the element type of the sequence open, for which the whole signature counts as unknown.
        workflow.upsert_search_attributes(  # pyright: ignore[reportUnknownMemberType]
            [
                names.TRANSFER_STAGE.value_set(stage),
                names.TRANSFER_PROVIDER.value_set(promise.provider),
                names.TRANSFER_TENANT.value_set(promise.tenant),
            ]
        )
        tried = "\n".join(f"- {it.began_at:%Y-%m-%d %H:%M:%S} UTC: {_in_words(it)}" for it in self._tried)
        workflow.set_current_details("\n\n".join(filter(None, (f"### {heading}", *lines, tried))))

    @workflow.update(name=CALL_NOW, description="Do not wait any longer, make the next attempt now. No body.")
    def call_now(self) -> None:
        """Make the next attempt now."""
        self._now = True

    @call_now.validator
    def _check_call_now(self) -> None:
        if self._stage != "scheduled":
            text = f"cannot {CALL_NOW} in stage {self._stage}: no attempt is waited for"
            raise ApplicationError(text, type=COMMAND_REJECTED, non_retryable=True)

    @workflow.signal(
        name=names.PROVIDER_EVENT_SIGNAL, description="What the provider reports of a leg. Sent by listeners."
    )
    def provider_event(self, event: ProviderEvent) -> None:
        """Hear what happened to a leg, or that the real state must be looked at again."""
        if self._attempt is not None:
            self._attempt.heard(event)


def _attempt(promise: CallBackInput, number: int, verdict: Verdict) -> Attempt:
    shown = "" if promise.caller_id in verdict.denied_caller_ids else promise.caller_id

    def dial(address: str, headers: dict[str, str]) -> Dial:
        return Dial(address=address, ring_timeout=promise.ring_timeout, caller_id=shown, headers=headers)

    info = workflow.info()
    owner = names.owner_token(info.workflow_id, info.run_id)
    made_by = MadeBy(info.run_id, owner, promise.provider, promise.hold_music, promise.tenant, verdict.queue)
    caller, customer = (it.address for it in verdict.targets)
    return Attempt(number, made_by, promise.caller_name, dial(caller, promise.headers), dial(customer, {}))


def _record(began_at: datetime, attempt: Attempt, *, connected: bool) -> CallBackAttempt:
    if connected:
        return CallBackAttempt(began_at=began_at)
    if attempt.away_since is not None:
        text = f"the provider is out of reach since {attempt.away_since:%Y-%m-%d %H:%M:%S} UTC"
        return CallBackAttempt(began_at=began_at, cause=Cause.PROVIDER_ERROR, evidence=Evidence(text=text))
    if (failed := attempt.failed) is None:
        return CallBackAttempt(began_at=began_at, cause=Cause.OPERATOR_CANCELLED)
    who: CallBackParty = "customer" if failed is attempt.customer else "caller"
    cause = failed.cause or Cause.PROVIDER_ERROR
    return CallBackAttempt(began_at=began_at, failed=who, cause=cause, evidence=failed.evidence)


def _in_words(attempt: CallBackAttempt) -> str:
    cause = attempt.cause.value.replace("_", " ") if attempt.cause else "both were on the line"
    return f"{attempt.failed}: {cause}" if attempt.failed else cause
