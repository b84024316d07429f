"""Stands in for the workflow `Transfer`: the same names, and just enough behaviour to test the client with."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError
from temporalio.workflow import HandlerUnfinishedPolicy

from hookflash import (
    Accept,
    Actor,
    Cancel,
    CommandName,
    Deadline,
    Decline,
    Extend,
    FallbackTried,
    Hold,
    JournalEntry,
    LegStatus,
    Outcome,
    Party,
    Retarget,
    Stage,
    TransferRequest,
    TransferResult,
    TransferStatus,
    Unhold,
    Wait,
)
from hookflash import names as known


@workflow.defn(name=known.WORKFLOW_TYPE)
class StandIn:
    """Writes every command into the journal, so that a test can count them."""

    def __init__(self) -> None:
        self._request: TransferRequest | None = None
        self._journal: list[JournalEntry] = []
        self._result: TransferResult | None = None

    @workflow.run
    async def run(self, request: TransferRequest) -> TransferResult:
        self._request = request
        await workflow.wait_condition(lambda: self._result is not None)
        assert self._result is not None
        return self._result

    @workflow.query(name=known.STATUS_QUERY)
    def status(self) -> TransferStatus:
        request = self._request
        assert request is not None
        return TransferStatus(
            mode=request.mode,
            stage=Stage.ENDED if self._result else Stage.RINGING,
            legs=(
                LegStatus(party=Party.CUSTOMER, leg=request.customer.leg, name="customer", placement="on_hold"),
                LegStatus(party=Party.TARGET, leg="leg-3", name="Claims desk", placement="ringing"),
            ),
            possible=() if self._result else (CommandName.HOLD, CommandName.CANCEL),
            deadlines=(
                Deadline(wait="ring", name="Ring Claims desk (20 s)", at=workflow.now() + timedelta(seconds=20)),
                Deadline(wait=Wait.HOLD_BUDGET, name="Hold budget (5 min)", at=workflow.now() + timedelta(minutes=5)),
            ),
            journal=tuple(self._journal),
            fingerprint=request.fingerprint(),
            result=self._result,
        )

    @workflow.update
    async def hold(self, order: Hold) -> TransferStatus:
        return await self._note(f"hold {order.party.value}")

    @workflow.update
    async def unhold(self, order: Unhold) -> TransferStatus:
        return await self._note(f"unhold {order.party.value}")

    @workflow.update
    async def swap(self) -> TransferStatus:
        raise AssertionError("the validator refuses it")

    @swap.validator
    def _refuse(self) -> None:
        raise ApplicationError("swap is not possible while ringing; possible: hold, cancel", type="CommandRejected")

    @workflow.update(unfinished_policy=HandlerUnfinishedPolicy.ABANDON)
    async def conference(self) -> TransferStatus:
        """Is accepted and never answered."""
        await self._note("conference")
        await workflow.wait_condition(lambda: False)
        raise AssertionError

    @workflow.update
    async def complete(self) -> TransferStatus:
        return await self._end(Outcome.CONNECTED, Actor.AGENT)

    @workflow.update
    async def cancel(self, order: Cancel) -> TransferStatus:
        await self._note(f"cancel by {order.by}: {order.reason}")
        return await self._end(Outcome.CANCELLED, Actor(order.by))

    @workflow.update
    async def retarget(self, order: Retarget) -> TransferStatus:
        return await self._note(f"retarget {order.target.name}")

    @workflow.update
    async def accept(self, order: Accept | None = None) -> TransferStatus:
        return await self._note(f"accept {order.leg}" if order else "accept")

    @workflow.update
    async def decline(self, order: Decline | None = None) -> TransferStatus:
        if order:
            return await self._note(f"decline {order.leg}")
        return await self._end(Outcome.FAILED, Actor.TARGET)

    @workflow.update
    async def extend(self, order: Extend) -> TransferStatus:
        return await self._note(f"extend {order.wait.value} {order.remaining.total_seconds():g}")

    async def _note(self, text: str) -> TransferStatus:
        # A command may be there before the first step of run().
        await workflow.wait_condition(lambda: self._request is not None)
        self._journal.append(JournalEntry(at=workflow.now(), text=text))
        return self.status()

    async def _end(self, outcome: Outcome, by: Actor) -> TransferStatus:
        await workflow.wait_condition(lambda: self._request is not None)
        assert self._request is not None
        self._result = TransferResult(
            outcome=outcome,
            ended_by=by,
            customer_with=("target",) if outcome is Outcome.CONNECTED else ("agent",),
            mode=self._request.mode,
            attempts=(),
            fallbacks=self._tried() if outcome is Outcome.FAILED else (),
            started_at=workflow.info().start_time,
            ended_at=workflow.now(),
            held=timedelta(seconds=12),
            ringing=timedelta(seconds=8),
            consulting=timedelta(0),
            with_agent=timedelta(0),
        )
        return self.status()

    def _tried(self) -> tuple[FallbackTried, ...]:
        kinds = {"recall": False, "call_back": True}
        return tuple(FallbackTried(kind=kind, at=workflow.now(), took_customer=took) for kind, took in kinds.items())


@workflow.defn(name=known.WORKFLOW_TYPE)
class Mute:
    """Somebody else's workflow with our name: it knows no query."""

    @workflow.run
    async def run(self, request: TransferRequest) -> None:
        await workflow.wait_condition(lambda: False)
