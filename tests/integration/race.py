"""One race between an answer and the end of the ringing, on a real call, and everything that must hold after it."""

import asyncio
import math
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from hookflash import (
    Agent,
    Cause,
    Customer,
    Mode,
    Outcome,
    RunningTransfer,
    Target,
    TransferClient,
    TransferRequest,
    TransferResult,
)
from tests.integration.numbering import NumberedCalls, numbered, told
from tests.integration.switchboard import Office
from tests.rig.ari import Events, Json
from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.rig.ear import Listener, hear_exactly
from tests.rig.phone import Phone
from tests.support.polling import eventually
from workflows.ids import mint
from workflows.limits import PROVIDER_STANDS_BEHIND

RING_LIMIT = 1.0
PROVIDER_LIMIT = RING_LIMIT + PROVIDER_STANDS_BEHIND.total_seconds()
"""When the provider's own time-out runs out, which stands behind the engine's (docs/decisions/0009)."""
LATENCY = 0.05
"""What a SIP message takes between target and Asterisk. Without it an answer and a CANCEL hardly ever cross."""
PATIENCE = 20.0
"""For what is not measured; the machine may be busy."""
CUT = 0.25
"""Seconds; milliseconds where the machine is not busy. Asterisk may still take note of an answer between the engine's
last look at the leg, out of the room, and its end. The engine may then hear that it was answered, too late."""


class Moment(Enum):
    """The two moments between which a leg whose time is up rings on outside the room."""

    LIMIT = "its time was up"
    """Foretold by the clock: the engine takes it out a moment later, and may find it answered."""
    WITHDRAWAL = "it had left the room"
    """Seen as it happens, on a busy machine too: it is ended when it has been looked at for a while."""


class End(Enum):
    """How a race ended."""

    CONNECTED = "connected"
    CROSSED = "answered, but too late: its 200 OK crossed the CANCEL"
    CUT = "answered, but too late: Asterisk took note of it while the leg was ended"
    CANCELLED = "cancelled before it was answered"
    NONE = "did not ring in time"


@dataclass
class Desk:
    """The three phones, each of which takes part in any number of calls at once."""

    office: Office
    witness: Events
    """Everything that happens on the node."""
    customer: Phone
    agent: Phone
    target: Phone
    calls: NumberedCalls

    @classmethod
    async def plug_in(cls, office: Office, witness: Events) -> "Desk":
        """Plug in the phones; the target's is some way off, and the test answers it."""
        customer, agent = await office.phones.phone("customer"), await office.phones.phone("agent")
        target = await office.phones.phone("target1", Behaviour.rings())
        target.latency = LATENCY
        calls = NumberedCalls({"customer": customer, "agent": agent, "target": target})
        return cls(office, witness, customer, agent, target, calls)


@dataclass
class Race:
    """A call of its own whose target answers around the moment its ringing ends."""

    desk: Desk
    line: int
    """Its number, by which the phones tell their calls apart."""
    offset: float
    """When the answer reaches Asterisk: seconds after the moment, negative for before."""
    after: Moment
    legs: dict[str, str] = field(default_factory=dict[str, str])
    calls: dict[str, Call] = field(default_factory=dict[str, Call])

    def __str__(self) -> str:
        told = [f"race {self.line}, {self.offset * 1000:+.0f} ms after {self.after.value}"]
        for call in self.calls.values():
            requests = ", ".join(message.method for message in call.received)
            told.append(f"{call}; it was sent {requests or 'nothing'}")
        for name, leg in self.legs.items():
            told.append(f"{name} {leg}: " + "; ".join(_shown(event) for event in self._events(leg)))
        return "\n  ".join(told)

    async def run(self, turns: asyncio.Semaphore) -> End:
        """Make the call, transfer it, and see what came of it.

        Args:
            turns: Taken until the race is decided. That customer and partner stay together is seen while others race:
                it is most of a race's time, and little of its load.

        Raises:
            AssertionError: if anything does not hold.
        """
        async with AsyncExitStack() as afterwards:
            async with turns:
                room = await self._talk()
                afterwards.push_async_callback(self._clear_up, room)
                connected = await self._transfer()
            return End.NONE if connected is None else await self._end(connected=connected)

    async def _transfer(self) -> bool | None:
        """Return whether the target has the customer, as soon as it is known; None if it never rang."""
        transfer = await TransferClient(self.desk.office.client).start(self._request())
        try:
            target = self.calls["target"] = await self._call("target")
        except AssertionError:
            return self._none(await transfer.wait())
        if self.after is Moment.LIMIT:
            # The INVITE was on its way for one latency, and the answer will be for another.
            moment = target.at["invite"] + RING_LIMIT - LATENCY
        else:
            moment = await self._withdrawal(transfer)
        asyncio.get_running_loop().call_at(moment + self.offset - LATENCY, _pick_up, target)
        result = await asyncio.wait_for(transfer.wait(), RING_LIMIT + 2 * PATIENCE)
        (attempt,) = result.attempts
        self.legs["target"] = attempt.leg
        if attempt.cause is Cause.UNREACHABLE:
            self._never_joined()
            return self._none(result)
        connected = result.outcome is Outcome.CONNECTED
        await (self._connected(result) if connected else self._unanswered(result))
        return connected

    async def _end(self, *, connected: bool) -> End:
        """See that it stays as it is, and return how the race ended."""
        await self._stays("target" if connected else "agent")
        if connected:
            return End.CONNECTED
        if self._up():
            return End.CUT
        return End.CROSSED if "answered" in self.calls["target"].at else End.CANCELLED

    async def _withdrawal(self, transfer: RunningTransfer) -> float:
        """Return when the target's leg, which rings, has left the room."""
        assert transfer.run_id
        leg = mint(transfer.run_id, "target-1")

        async def left() -> bool | None:
            return any(it["type"] == "ChannelLeftBridge" for it in self._events(leg)) or None

        await eventually(left, f"{leg} did not leave the room", PATIENCE)
        return asyncio.get_running_loop().time()

    def _none(self, result: TransferResult) -> None:
        """The machine was too busy to ring anybody in time: no race, but the customer is safe."""
        assert (result.outcome, result.customer_with) == (Outcome.RETURNED_TO_AGENT, ("agent",)), result

    # --- the call

    async def _talk(self) -> str:
        """Connect customer and agent, and return their room."""
        control = self.desk.office.calls
        for party in ("customer", "agent"):
            self.legs[party] = await control.connect_phone(party, variables=numbered(self.line))
            self.calls[party] = await self._call(party)
        return await control.bridge(*self.legs.values())

    def _request(self) -> TransferRequest:
        return TransferRequest(
            mode=Mode.COLD,
            provider="asterisk",
            customer=Customer(leg=self.legs["customer"]),
            agent=Agent(leg=self.legs["agent"], address="pjsip:agent"),
            targets=(Target.model_validate({"address": "pjsip:target1", "ring_timeout": RING_LIMIT}),),
            context=told(self.line),
        )

    async def _call(self, party: str) -> Call:
        """Return the call of this race at the phone of a party, as soon as it is there."""
        return await self.desk.calls.wait(party, self.line, PATIENCE)

    async def _clear_up(self, room: str) -> None:
        """Let the customer go, then the agent; the engine lets a target go whose customer has left."""
        await self.calls["customer"].hang_up()
        target = self.calls.get("target")
        if target is not None and target.talking:
            await target.until("ended", PATIENCE)
        await self.calls["agent"].hang_up()
        await self.desk.office.calls.remove(room)

    # --- what must hold

    async def _connected(self, result: TransferResult) -> None:
        """The target was in time: it has the customer, and the agent is free."""
        target = self.calls["target"]
        assert (result.customer_with, result.attempts[0].cause) == (("target",), None), result
        assert result.attempts[0].answered_at, result
        assert self._up(), "Asterisk knows of no answer"
        await hear_exactly({self.calls["customer"]: {"target1"}, target: {"customer"}}, PATIENCE)
        await self.calls["agent"].until("ended", PATIENCE)

    async def _unanswered(self, result: TransferResult) -> None:
        """The target was not in time: it is let go at once, nobody has heard it, and the agent has the customer."""
        target, attempt = self.calls["target"], result.attempts[0]
        cut = self._up()
        assert (result.outcome, result.cause) == (Outcome.RETURNED_TO_AGENT, Cause.NO_ANSWER), result
        assert (result.customer_with, attempt.cause) == (("agent",), Cause.NO_ANSWER), result
        assert cut is not None or not attempt.answered_at, result
        assert cut is None or cut < CUT, f"it was up for {cut} s"
        ended = await target.until("ended", PATIENCE)
        over = max(target.at["invite"] + RING_LIMIT, target.at.get("answered", 0.0))
        assert (target.ended_by, ended - over < 1.0) == ("there", True), f"let go {ended - over:.3f} s late"
        await hear_exactly({self.calls["customer"]: {"agent"}, self.calls["agent"]: {"customer"}}, PATIENCE)

    def _never_joined(self) -> None:
        """Not one packet of anybody's went to the target, nor of the target's to anybody."""
        heard = [*self._voiced("customer", "target1"), *self._voiced("agent", "target1")]
        assert not heard, f"the target was heard: {heard}"
        sent = self.calls["target"].heard(0.0, asyncio.get_running_loop().time())
        assert not sent.packets, f"the target heard {sent}; the customer at {self._voiced('target', 'customer')}"

    def _voiced(self, name: str, voice: str) -> list[str]:
        """Return when packets with a voice went to a party, in seconds since the target's INVITE."""
        began = self.calls["target"].at["invite"]
        heard = self.calls[name].media.all_heard(voice, began)
        return [f"{name} heard {voice} {moment - began:+.3f} s" for moment in heard]

    async def _stays(self, party: str) -> None:
        """The customer is with this party and nobody else, and still is when all timers of the ringing have run out."""
        customer, other = self.calls["customer"], self.calls[party]
        voices: dict[Listener, set[str]] = {customer: {other.owner}, other: {"customer"}}
        until = self.calls["target"].at["invite"] + PROVIDER_LIMIT + 0.2
        while asyncio.get_running_loop().time() < until:
            await hear_exactly(voices, PATIENCE)
        if party == "agent":
            self._never_joined()
        else:
            assert not (early := self._voiced("agent", "target1")), f"the agent heard the target: {early}"
        await eventually(lambda: self._only(party), f"customer and {party} alone", PATIENCE)

    async def _only(self, party: str) -> bool | None:
        """Whether, of the three legs, just these two are left, in one bridge that is theirs."""
        node, pair = self.desk.office.node, {self.legs["customer"], self.legs[party]}
        living = {channel["id"] for channel in await node.channels()} & set(self.legs.values())
        shared = [set(bridge["channels"]) for bridge in await node.bridges() if pair & set(bridge["channels"])]
        return (living == pair and shared == [pair]) or None

    # --- the witness

    def _events(self, leg: str) -> list[Json]:
        return self.desk.witness.of_channel(leg)

    def _up(self) -> float | None:
        """How long Asterisk has had the target's leg for answered; None if it never had."""
        ups = [
            event
            for event in self._events(self.legs["target"])
            if event["type"] in {"ChannelStateChange", "ChannelDestroyed"} and event["channel"]["state"] == "Up"
        ]
        moments = [datetime.fromisoformat(event["timestamp"]).timestamp() for event in ups]
        if not moments:
            return None
        return moments[1] - moments[0] if len(moments) > 1 else math.inf


def _pick_up(call: Call) -> None:
    if not call.ended:
        call.answer()


def _shown(event: Json) -> str:
    """Show an event of Asterisk's in a few words."""
    facts = {name: event[name] for name in ("cause", "tech_cause", "soft") if name in event}
    words = [event["timestamp"][17:23], event["type"], event["channel"]["state"]]
    return " ".join([*words, *(f"{name}={value}" for name, value in facts.items())])
