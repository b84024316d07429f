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
from tests.integration.numbering import NumberedCalls, line_of, numbered, told
from tests.integration.switchboard import Office
from tests.rig.call import Call
from tests.rig.phone import WINDOW, Phone
from tests.rig.tones import SOUNDS
from tests.support.polling import eventually

PATIENCE = 90.0
"""Seconds for whatever is not measured: three hundred legs take their time on a busy machine."""

_KNOWN = {frequency for sound in SOUNDS.values() for frequency in sound}
TONES = [tone for tone in range(1000, 3900, 50) if all(abs(tone - known) > 20 for known in _KNOWN)]
TALKERS = len(TONES) // 3
"""Lines that can talk at the same time, each party in a tone of its own."""


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
    """Return the tone of a party, 0 for none: the first so many lines talk. Tones come again after `TALKERS` lines."""
    return TONES[3 * (line % TALKERS) + ("customer", "agent", "target").index(party)] if line < talking else 0


class Desk(NumberedCalls):
    """The three phones of all lines."""

    def __init__(self, phones: Mapping[str, Phone], talking: int) -> None:
        """Take the phones by their party, and how many lines talk: the first ones."""
        super().__init__(phones)
        for party, phone in phones.items():
            phone.voice_of = lambda invite, party=party: tone_of(line_of(invite), party, talking)


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
        return await self.desk.wait(party, self.number, PATIENCE)

    async def connect(self) -> None:
        """Bring customer and agent together."""
        for party in ("customer", "agent"):
            leg = await self.office.calls.call_phone(party, variables=numbered(self.number))
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
            context=told(self.number),
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
                    try:
                        status = await transfer.status()
                    except EngineUnreachable:
                        return None  # no answer in time, on a busy machine
                    return (status.stage is Stage.CONSULTING) or None

                # Not all the time: there are others who ask too.
                await eventually(consulting, f"the consultation of line {self.number}", PATIENCE, every=0.5)
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

        began = asyncio.get_running_loop().time()

        async def heard() -> bool | None:
            now = asyncio.get_running_loop().time()
            if now - WINDOW < began:
                return None  # what was heard before does not count
            for listener, speaker in pairs.items():
                window = calls[listener].heard(now - WINDOW, now)
                only = window.strange == (tone_of(self.number, speaker, self.talking),) and not window.sounds
                if not (window.steady and only):
                    return None
            return True

        await eventually(heard, f"line {self.number}: {' and '.join(pairs)} hear each other alone", PATIENCE)

    async def hang_up(self) -> None:
        """Let the customer go; the engine releases whoever is left."""
        await (await self.call("customer")).hang_up()
        for party in ("agent", "target"):
            await (await self.call(party)).until("ended", PATIENCE)
