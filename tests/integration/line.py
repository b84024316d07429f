"""One of many transfers at once on a node: its parties share their phones with all the others.

A wrong partner is noticed in two ways: every leg's SIP call is compared with the call that its phone has under this
line's number, and the parties of some lines talk, each in a tone that nobody else has.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from hookflash import (
    Agent,
    Context,
    Customer,
    EngineUnreachable,
    Mode,
    Outcome,
    RunningTransfer,
    Stage,
    Target,
    TransferClient,
    TransferRequest,
    TransferResult,
)
from tests.integration.switchboard import Office
from tests.rig.call import Call
from tests.rig.phone import WINDOW, Phone
from tests.rig.sip import Message
from tests.rig.tones import SOUNDS
from tests.support.polling import eventually

LINE = "X-Line"
TARGET_LINE = "X-Transfer-Data-Line"
PATIENCE = 90.0
"""Seconds for whatever is not measured: three hundred legs take their time on a busy machine."""

_KNOWN = {frequency for sound in SOUNDS.values() for frequency in sound}
TONES = [tone for tone in range(1000, 3900, 50) if all(abs(tone - known) > 20 for known in _KNOWN)]


class Kind(Enum):
    """What becomes of a transfer."""

    COMPLETED = Mode.WARM, 600, Outcome.CONNECTED, "target"
    ANSWERED = Mode.COLD, 600, Outcome.CONNECTED, "target"
    UNANSWERED = Mode.COLD, 25, Outcome.RETURNED_TO_AGENT, "agent"
    CANCELLED = Mode.WARM, 600, Outcome.CANCELLED, "agent"
    DESERTED = Mode.COLD, 600, Outcome.CUSTOMER_LEFT, None

    def __init__(self, mode: Mode, ring_timeout: int, outcome: Outcome, partner: str | None) -> None:
        self.mode = mode
        self.ring_timeout = ring_timeout
        self.outcome = outcome
        self.partner = partner
        """Who has the customer in the end."""


def tone_of(line: int, party: str, talking: int) -> int:
    """Return the tone of a party, 0 for none: the first so many lines talk."""
    return TONES[3 * line + ("customer", "agent", "target").index(party)] if line < talking else 0


class Desk:
    """The three phones of all lines."""

    def __init__(self, phones: Mapping[str, Phone], talking: int) -> None:
        """Take the phones by their party, and how many lines talk: the first ones."""
        self._phones = phones
        self._by_line: dict[str, dict[int, Call]] = {party: {} for party in phones}
        self._seen = dict.fromkeys(phones, 0)
        for party, phone in phones.items():
            phone.voice_of = lambda invite, party=party: tone_of(line_of(invite), party, talking)

    def call(self, party: str, line: int) -> Call | None:
        """Return the call of a line at the phone of a party, if it is there."""
        calls, by_line = self._phones[party].calls, self._by_line[party]
        for call in calls[self._seen[party] :]:
            again = line_of(call.invite)
            assert again not in by_line, f"line {again} was called twice at the {party}"
            by_line[again] = call
        self._seen[party] = len(calls)
        return by_line.get(line)


@dataclass
class Line:
    """One call and its transfer."""

    office: Office
    number: int
    talking: int
    """How many lines talk, the first ones."""
    desk: Desk
    legs: dict[str, str] = field(default_factory=dict[str, str])
    room: str = ""

    @property
    def kind(self) -> Kind:
        """What becomes of it."""
        return list(Kind)[self.number % len(Kind)]

    @property
    def talks(self) -> bool:
        """Whether somebody says something."""
        return self.number < self.talking

    async def call(self, party: str) -> Call:
        """Wait for this line's call at the phone of a party."""

        async def there() -> Call | None:
            return self.desk.call(party, self.number)

        return await eventually(there, f"the call of line {self.number} at the {party}", PATIENCE)

    async def connect(self) -> None:
        """Bring customer and agent together."""
        header = {f"PJSIP_HEADER(add,{LINE})": str(self.number)}
        for party in ("customer", "agent"):
            leg = await self.office.calls.call_phone(party, variables=header)
            await self.office.calls.entered(leg, PATIENCE)
            self.legs[party] = leg
        self.room = await self.office.calls.bridge(*self.legs.values())

    async def transfer(self) -> RunningTransfer:
        """Start the transfer, and wait until the target rings."""
        target = {"address": "pjsip:target1", "ring_timeout": self.kind.ring_timeout}
        request = TransferRequest(
            mode=self.kind.mode,
            provider=self.office.provider,
            customer=Customer(leg=self.legs["customer"]),
            agent=Agent(leg=self.legs["agent"], id=f"a-{self.number}"),
            targets=(Target.model_validate(target),),
            context=Context(data={"Line": str(self.number)}),
        )
        transfer = await TransferClient(self.office.client).start(request)
        try:
            target = await self.call("target")
        except AssertionError as error:
            raise AssertionError(f"{error}; its transfer: {await transfer.status()}") from None
        await target.until("ringing", PATIENCE)
        return transfer

    async def play_out(self, transfer: RunningTransfer) -> TransferResult:
        """Let happen what makes it one of its kind, and return the result."""
        target, customer = await self.call("target"), await self.call("customer")
        match self.kind:
            case Kind.COMPLETED:
                target.answer()

                async def consulting() -> bool | None:
                    await asyncio.sleep(0.5)  # there are others who ask too
                    try:
                        status = await transfer.status()
                    except EngineUnreachable:
                        return None  # no answer in time, on a busy machine
                    return (status.stage is Stage.CONSULTING) or None

                await eventually(consulting, f"the consultation of line {self.number}", PATIENCE)
                await transfer.complete()
            case Kind.ANSWERED:
                target.answer()
            case Kind.CANCELLED:
                await transfer.cancel()
            case Kind.DESERTED:
                await customer.hang_up()
            case Kind.UNANSWERED:
                pass  # Asterisk ends the ringing
        result = await asyncio.wait_for(transfer.wait(), PATIENCE)
        self.legs["target"] = result.attempts[0].leg
        return result

    @property
    def stay(self) -> dict[str, str]:
        """The legs that are to be there in the end, and in one room: the customer and one more, or nobody."""
        partner = self.kind.partner
        return {party: self.legs[party] for party in ("customer", partner)} if partner else {}

    async def assert_sip_calls(self) -> None:
        """See that behind each leg is the call that the party's phone has under this line's number."""
        for party, leg in self.stay.items():
            call = await self.call(party)
            assert call.talking, f"line {self.number}: {call}"
            seen = await self.office.node.ari.call(
                "GET", f"/channels/{leg}/variable", variable="CHANNEL(pjsip,call-id)"
            )
            assert seen["value"] == call.dialog.call_id, f"line {self.number}: the {party}'s leg is another call"

    async def assert_heard(self) -> None:
        """See that the two who are together hear each other and nobody else."""
        parties = list(self.stay)
        pairs = {parties[0]: parties[1], parties[1]: parties[0]} if parties else {}
        calls = {listener: await self.call(listener) for listener in pairs}

        async def heard() -> bool | None:
            now = asyncio.get_running_loop().time()
            for listener, speaker in pairs.items():
                window = calls[listener].heard(now - WINDOW, now)
                only = window.strange == (tone_of(self.number, speaker, self.talking),) and not window.sounds
                if not (window.steady and only):
                    return None
            return True

        await asyncio.sleep(WINDOW)
        await eventually(heard, f"line {self.number}: {' and '.join(pairs)} hear each other alone", PATIENCE)

    async def hang_up(self) -> None:
        """Let the customer go; the engine releases whoever is left."""
        await (await self.call("customer")).hang_up()
        for party in ("agent", "target"):
            await (await self.call(party)).until("ended", PATIENCE)


def line_of(invite: Message) -> int:
    """Return the line that an INVITE belongs to."""
    return int(invite.get(LINE) or invite.get(TARGET_LINE))
