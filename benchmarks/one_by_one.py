"""What `cost` compares with: transfers as one writes them straight away, one activity for each request to Asterisk.

The requests, in their order. Before them the policy is asked, which is an activity too.

- *Hold*, not blind: move the customer (cold: the agent) into the holding bridge; start its music, which ends for good
  with its last listener. The bridge is the application's own, for all of its calls.
- *Ring*: create the target's leg; create the room; move the target and whoever waits for it into the room; dial. In a
  room before it rings, because Asterisk then lets the other one hear that, and joins the two when it is answered. To
  let it ring first (`originate`), have that heard (`ring`) and join the two then (`addChannel`) are as many. The room
  is new: like the engine it is told of legs, and the bridge in which these have met belongs to somebody else.
- *Release the agent*: blind at once, cold when the target answers, warm at `complete`.
- *Conference*, warm: move the customer into the room. *Complete*, consult: hang up the target, and the same.

No phone is told whom to show: Asterisk does that by itself wherever two are left with each other. (The engine forbids
it and tells them itself, so that no customer is shown the number of an agent or a target.)

Nor is there a look at what Asterisk has, a mark on a leg, a way to find a leg again after a lost answer, a limit of
Asterisk's own behind any wait, or a fallback: what goes wrong leads to `_give_back`. Histories have no names to read.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError

APP = QUEUE = "one-by-one"
HOLD = "hookflash-hold-1"
"""The holding bridge. The rig takes a bridge with such a name for one that stays."""

LIMIT = timedelta(seconds=3)
RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=5)
HOLD_BUDGET, CONSULT_LIMIT, OVERALL_LIMIT = 300, 300, 3600

STAGE = SearchAttributeKey.for_keyword("TransferStage")
HELD = SearchAttributeKey.for_bool("TransferHeld")
OUTCOME = SearchAttributeKey.for_keyword("TransferOutcome")


@dataclass
class Asked:
    """Who is transferred, and how."""

    mode: str
    tenant: str
    customer: str
    """The leg, as the agent's."""
    agent: str
    target: str
    """Asterisk's dial string."""
    ring_timeout: int


@dataclass
class Question:
    """What the policy is asked."""

    tenant: str
    mode: str
    target: str


@dataclass
class Request:
    """A request to ARI."""

    method: str
    path: str
    """With its query."""


@dataclass
class News:
    """What has happened to a leg."""

    leg: str
    kind: str
    """``ringing``, ``answered`` or ``ended``."""


@dataclass
class Status:
    """What a command has led to."""

    stage: str
    held: str
    """Who is on hold. Empty: nobody."""


@dataclass
class Result:
    """What has come of a transfer."""

    outcome: str
    rang: bool
    """Whether the target's phone has rung: if not, nobody was reached."""


@dataclass
class Talk:
    """What is left when a transfer is over."""

    room: str
    legs: list[str]


class Lost(Exception):
    """Somebody has left who is needed, or time is up."""


class _Caller:
    """Asks Asterisk, and hears of legs."""

    def __init__(self) -> None:
        self.heard = defaultdict[str, list[str]](list)

    @workflow.signal
    def happened(self, news: News) -> None:
        """Hear what happened to a leg."""
        self.heard[news.leg].append(news.kind)

    def gone(self, leg: str) -> bool:
        """Return whether a leg has ended."""
        return "ended" in self.heard[leg]

    async def ask(self, method: str, path: str) -> str:
        """Make a request; return the id of what it has made, if it has."""
        request = Request(method, path)
        made: str | None = await workflow.execute_activity(
            "request", request, result_type=str, start_to_close_timeout=LIMIT, retry_policy=RETRIES
        )
        return made or ""

    async def move(self, room: str, *legs: str) -> None:
        """Move legs into a bridge, out of wherever they are."""
        await self.ask("POST", f"/bridges/{room}/addChannel?channel={','.join(legs)}")

    async def hang_up(self, leg: str) -> None:
        """End a leg."""
        await self.ask("DELETE", f"/channels/{leg}")
        self.heard[leg].append("ended")


@workflow.defn
class OneByOne(_Caller):
    """A transfer."""

    def __init__(self) -> None:
        """Begin with nobody."""
        super().__init__()
        self._stage = self._held = self._room = self._target = self._waits = ""
        self._commands: list[str] = []
        self._late = False

    @workflow.update
    async def conference(self) -> Status:
        """Let all three talk."""
        return await self._command("conference")

    @workflow.update
    async def complete(self) -> Status:
        """Leave the customer to the target; in `consult`, return to the customer."""
        return await self._command("complete")

    async def _command(self, name: str) -> Status:
        before = self._stage
        self._commands.append(name)
        await workflow.wait_condition(lambda: self._stage != before)
        return Status(self._stage, self._held)

    @workflow.run
    async def run(self, asked: Asked) -> Result:
        """Transfer a call."""
        outcome, left = "rejected", list[str]()
        question = Question(asked.tenant, asked.mode, asked.target)
        if await workflow.execute_activity("admit", question, result_type=bool, start_to_close_timeout=LIMIT):
            # They end with the workflow, unless they are cancelled before.
            self._overall = asyncio.create_task(self._limit(OVERALL_LIMIT))
            self._budget = asyncio.create_task(self._limit(HOLD_BUDGET))
            try:
                outcome, left = await self._transfer(asked)
            except (Lost, ActivityError):
                outcome, left = await self._give_back(asked)
        held = False if self._held == "customer" else None
        self._held = ""
        self._show("ended", held, outcome)
        if left:
            await workflow.start_child_workflow(
                OneByOneWatch.run,
                Talk(self._room, left),
                id=f"watch-{workflow.info().run_id}",
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            )
        await workflow.wait_condition(workflow.all_handlers_finished)
        return Result(outcome, "ringing" in self.heard[self._target])

    async def _transfer(self, asked: Asked) -> tuple[str, list[str]]:
        private = asked.mode in ("warm", "consult")
        self._waits, held = (asked.agent, asked.customer) if private else (asked.customer, asked.agent)
        self._held = {"blind": "", "cold": "agent"}.get(asked.mode, "customer")
        self._show("ringing", private)
        if asked.mode != "blind":
            await self.move(HOLD, held)
            await self.ask("POST", f"/bridges/{HOLD}/moh")
        self._target = await self.ask("POST", f"/channels/create?endpoint={asked.target}&app={APP}")
        self._room = await self.ask("POST", "/bridges?type=mixing")
        await self.move(self._room, self._waits, self._target)
        await self.ask("POST", f"/channels/{self._target}/dial")
        if asked.mode == "blind":
            await self.hang_up(asked.agent)
        await self._until(asked, lambda: "answered" in self.heard[self._target], asked.ring_timeout)
        if private:
            self._show("consulting")
            enough = {"complete"} if asked.mode == "consult" else {"conference", "complete"}
            await self._until(asked, lambda: self._told(enough, asked.agent), CONSULT_LIMIT)
        if asked.mode == "consult":
            await self.hang_up(self._target)
            await self.move(self._room, asked.customer)
            return "consulted", [asked.agent, asked.customer]
        if asked.mode == "warm":
            await self._introduce(asked)
        if not self.gone(asked.agent):
            await self.hang_up(asked.agent)
        return "connected", [asked.customer, self._target]

    async def _introduce(self, asked: Asked) -> None:
        await self.move(self._room, asked.customer)
        self._budget.cancel()
        if not self._told({"complete"}, asked.agent):
            self._held = ""
            self._show("three_way", held=False)
            await self._until(asked, lambda: self._told({"complete"}, asked.agent))

    def _told(self, commands: set[str], agent: str) -> bool:
        return not commands.isdisjoint(self._commands) or self.gone(agent)

    async def _limit(self, seconds: int) -> None:
        await workflow.sleep(seconds)
        self._late = True

    async def _until(self, asked: Asked, met: Callable[[], bool], seconds: int | None = None) -> None:
        def lost() -> bool:
            return self._late or self.gone(asked.customer) or self.gone(self._target)

        try:
            await workflow.wait_condition(lambda: met() or lost(), timeout=seconds)
        except TimeoutError as error:
            raise Lost from error
        if lost():
            raise Lost

    async def _give_back(self, asked: Asked) -> tuple[str, list[str]]:
        """Bring customer and agent together again; whoever is left alone is hung up."""
        if self._target:
            await self.hang_up(self._target)
        legs = [leg for leg in (asked.agent, asked.customer) if not self.gone(leg)]
        if len(legs) > 1 and await self._reunited(legs):
            return "returned_to_agent", legs
        outcome = "customer_left" if self.gone(asked.customer) else "failed"
        for leg in legs:
            await self.hang_up(leg)
        if self._room:
            await self.ask("DELETE", f"/bridges/{self._room}")
        return outcome, []

    async def _reunited(self, legs: list[str]) -> bool:
        try:
            self._room = self._room or await self.ask("POST", "/bridges?type=mixing")
            await self.ask("DELETE", f"/channels/{self._waits}/ring")  # it goes on when nobody rings any more
            await self.move(self._room, *legs)
        except ActivityError:
            return False
        return True

    def _show(self, stage: str, held: bool | None = None, outcome: str = "") -> None:
        self._stage = stage
        more = [] if held is None else [HELD.value_set(held)]
        ending = [OUTCOME.value_set(outcome)] if outcome else []
        # The SDK leaves a type open.
        workflow.upsert_search_attributes([STAGE.value_set(stage), *more, *ending])  # pyright: ignore[reportUnknownMemberType]


@workflow.defn
class OneByOneWatch(_Caller):
    """The watch over a call: whoever is left is hung up when the other leaves."""

    @workflow.run
    async def run(self, talk: Talk) -> None:
        """Watch. Who asks last of a leg hears of it from then on, and who left before that is not there."""
        for leg in talk.legs:
            if not await self.ask("GET", f"/channels/{leg}"):
                self.heard[leg].append("ended")
        await workflow.wait_condition(lambda: any(self.gone(leg) for leg in talk.legs))
        for leg in talk.legs:
            await self.hang_up(leg)
        await self.ask("DELETE", f"/bridges/{talk.room}")
