"""Many calls at the same time at the same three phones, and what must hold once somebody has hung up."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hookflash import (
    AcceptGate,
    Actor,
    Agent,
    Customer,
    HandOff,
    Mode,
    Outcome,
    Policy,
    RunningTransfer,
    Stage,
    TransferClient,
    TransferRequest,
    TransferResult,
)
from tests.integration.numbering import NumberedCalls, numbered, told
from tests.integration.switchboard import Office, reaches, story, to_phone
from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.rig.ear import Expectation, hear_exactly

PATIENCE = 20.0
"""Seconds for what is not measured; the machine may be busy."""
AT_ONCE = 2.0
"""Seconds in which a phone stops, or a voice comes, on a busy machine; on an idle one it takes a tenth of a second."""
VOICES = {"customer": "customer", "agent": "agent", "target": "target1"}
"""Each party, and its voice."""
QUEUE = HandOff(kind="queue", place="hookflash-queue")
VOICEMAIL = HandOff(kind="voicemail", place="hookflash-voicemail")


async def at_the_same_time(*runs: Coroutine[None, None, None]) -> None:
    """Run them all to their end, and report every fault."""
    ends = await asyncio.gather(*runs, return_exceptions=True)
    faults = [it for it in ends if isinstance(it, Exception)]
    if faults:
        raise ExceptionGroup(f"{len(faults)} of {len(runs)} lines", faults)


@dataclass
class Lines:
    """A customer's, an agent's and a target's phone, each of which takes part in any number of calls at once."""

    office: Office
    calls: NumberedCalls
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    async def plug_in(cls, office: Office) -> "Lines":
        """Plug in the phones; the target's rings until the test answers it."""
        scripts = {"target": Behaviour.rings()}
        phones = {it: await office.phones.phone(voice, scripts.get(it)) for it, voice in VOICES.items()}
        return cls(office, NumberedCalls(phones))

    @asynccontextmanager
    async def talk(self) -> AsyncGenerator["Line"]:
        """Connect customer and agent on a line of their own; at its end the last of them hang up."""
        line = Line(self, next(self.numbers))
        for party in ("customer", "agent"):
            line.legs[party] = await self.office.calls.connect_phone(party, variables=numbered(line.number))
            line.calls[party] = await self.calls.wait(party, line.number, PATIENCE)
        room = await self.office.calls.bridge(*line.legs.values())
        try:
            yield line
        finally:
            await asyncio.gather(*(line.calls[it].hang_up() for it in ("customer", "agent")))
            await self.office.calls.remove(room)


@dataclass(repr=False)
class Line:
    """One call of customer and agent, and its transfer."""

    lines: Lines
    number: int
    legs: dict[str, str] = field(default_factory=dict[str, str])
    calls: dict[str, Call] = field(default_factory=dict[str, Call])
    left: list[str] = field(default_factory=list[str])
    """Who has hung up, in that order."""
    talked: float = 0.0
    """When the transfer began, on the loop's clock."""

    def __repr__(self) -> str:
        return "\n  ".join([f"line {self.number}, left: {', '.join(self.left)}", *map(str, self.calls.values())])

    # --- getting there

    async def transfer(self, mode: Mode, *, accept: AcceptGate | None = None, ring: float = 30.0) -> RunningTransfer:
        """Start a transfer whose customer, if nobody is left, goes to a queue, and after it to the voicemail."""
        request = TransferRequest(
            mode=mode,
            provider="asterisk",
            tenant="bold" if mode is Mode.BLIND else "default",
            customer=Customer(leg=self.legs["customer"]),
            agent=Agent(leg=self.legs["agent"]),
            targets=(to_phone(VOICES["target"], ring, accept=accept),),
            context=told(self.number),
            policy=Policy(fallbacks=(QUEUE,), when_target_leaves=VOICEMAIL),
        )
        self.talked = asyncio.get_running_loop().time()
        transfer = await TransferClient(self.lines.office.client).start(request)
        target = self.calls["target"] = await self.lines.calls.wait("target", self.number, PATIENCE)
        await target.until("ringing")
        return transfer

    async def comes_to(self, stage: Stage, mode: Mode = Mode.WARM) -> RunningTransfer:
        """Start a transfer and bring it to a stage; ``ENDED`` is the connected call after it."""
        asked = AcceptGate() if stage is Stage.SCREENING else None
        transfer = await self.transfer(mode, accept=asked)
        try:
            await self._come_to(transfer, stage, mode)
        except AssertionError as error:
            error.add_note(f"line {self.number}\n{await story(transfer)}")
            raise
        return transfer

    async def _come_to(self, transfer: RunningTransfer, stage: Stage, mode: Mode) -> None:
        if mode in (Mode.COLD, Mode.BLIND):
            await self.hear(customer={"ringback"}, **({"agent": {"music"}} if mode is Mode.COLD else {}))
        else:
            await self.hear(customer={"music"}, agent={"ringback"})
        if stage is Stage.RINGING:
            return
        self.calls["target"].answer()
        if stage is Stage.SCREENING:
            waiting: dict[str, Expectation] = {"agent": {"music"}} if mode is not Mode.BLIND else {}
            await self.hear(target={"accept"}, customer={"music"}, **waiting)
            return
        if mode in (Mode.WARM, Mode.CONSULT):
            await reaches(transfer, Stage.CONSULTING)
            await self.hear(customer={"music"}, agent={"target1"}, target={"agent"})
        if stage is Stage.THREE_WAY:
            await transfer.conference()
            await self.all_talk("customer", "agent", "target")
        if stage is Stage.ENDED:
            if mode in (Mode.WARM, Mode.CONSULT):
                await transfer.complete()
            assert (await transfer.wait()).outcome is Outcome.CONNECTED
            await self.all_talk("customer", "target")

    async def hang_up(self, *parties: str) -> None:
        """Let those of these parties who are still there hang up at the same moment, in this order."""
        parties = tuple(it for it in parties if not self.calls[it].ended)
        self.left += parties
        await asyncio.gather(*(self.calls[party].hang_up() for party in parties))

    async def goes_on_without_the_agent(self, stage: Stage) -> None:
        """See that the customer waits for the target alone, and let that one take the call."""
        if stage is Stage.RINGING:
            await self.hear(customer={"ringback"})
            self.calls["target"].answer()
        else:
            await self.hear(customer={"music"}, target={"accept"})
            await self.calls["target"].press("1")

    # --- what must hold

    async def hear(self, **expected: Expectation) -> None:
        """See that these parties hear exactly this, all of them at the same time."""
        await hear_exactly({self.calls[party]: sounds for party, sounds in expected.items()}, PATIENCE)

    async def all_talk(self, *parties: str) -> None:
        """See that each of these parties hears all the others of them, and nothing else."""
        await self.hear(**{one: {VOICES[other] for other in parties if other != one} for one in parties})

    def ever_heard(self, party: str) -> frozenset[str]:
        """Return every sound that was there for a tenth of a second or more in this party's call."""
        return self.calls[party].media.ever_heard(self.talked, asyncio.get_running_loop().time())

    async def settles(self, result: TransferResult, since: float) -> None:
        """See that the phones hear what the result says, and that nobody is left behind, or alone, or in silence.

        Args:
            result: Of the transfer of this line.
            since: When the first one hung up, on the loop's clock.
        """
        try:
            await self._settles(result, since)
        except AssertionError as error:
            raise AssertionError(f"{error}\n  {self}\n  {result}") from None

    async def _settles(self, result: TransferResult, since: float) -> None:
        where = _CUSTOMER_WITH[result.outcome]
        assert result.customer_with == ((where,) if where else ())
        stay = await self._who_stays(result)
        for party in self.calls.keys() - stay:
            await self.calls[party].until("ended", PATIENCE)
            assert self.calls[party].ended_by == ("here" if party in self.left else "there"), party
        if len(stay) == 2:
            await self.all_talk(*stay)
        elif stay:
            await self.hear(customer={"queue" if result.outcome is Outcome.SENT_TO_QUEUE else "voicemail"})
        if "customer" not in self.left:
            customer = self.calls["customer"]
            until = customer.at.get("ended", asyncio.get_running_loop().time())
            assert customer.media.longest_silence(since, until) < AT_ONCE
        await self.finish()

    async def _who_stays(self, result: TransferResult) -> set[str]:
        """Return who is still connected in the end: two who talk, a customer who went on to somewhere, or nobody."""
        left = set(self.left)
        if result.outcome is Outcome.CUSTOMER_LEFT:
            assert ("customer" in left, result.ended_by) == (True, Actor.CUSTOMER)
            pair = {"agent", "target"}
            return pair if not left & pair and result.attempts[0].cause is None else set()
        if result.outcome is Outcome.SENT_TO_QUEUE:
            return {"customer"}
        other = _CUSTOMER_WITH[result.outcome]
        if not left & {"customer", other}:
            return {"customer", other}
        # One of the two hung up when the transfer was over: a target's goodbye sends the customer on.
        return {"customer"} if other == "target" and "customer" not in left else set()

    async def finish(self) -> None:
        """Let one of those who are still there hang up: the engine releases the other."""
        last = next((it for it in ("customer", "agent") if not self.calls[it].ended), None)
        if last is not None:
            await self.calls[last].hang_up()
        for call in self.calls.values():
            await call.until("ended", PATIENCE)


_CUSTOMER_WITH = {
    Outcome.CUSTOMER_LEFT: "",
    Outcome.CONNECTED: "target",
    Outcome.RETURNED_TO_AGENT: "agent",
    Outcome.CANCELLED: "agent",
    Outcome.CONSULTED: "agent",
    Outcome.SENT_TO_QUEUE: "queue",
}
