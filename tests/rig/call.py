"""One call of a scripted phone: the SIP dialog in either direction, and when each step of it happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

from tests.rig.behaviour import Behaviour
from tests.rig.rtp import Description, Media
from tests.rig.sip import ALLOW, Dialog, Headers, Message, address_uri, parameter, renumbered, same_transaction
from tests.rig.tones import Heard
from tests.rig.transactions import Transactions

Mark = Literal["invite", "trying", "ringing", "answered", "refused", "cancelled", "ended"]
# What a phone answers to an offer of one direction (RFC 3264, section 6.1).
ANSWERED_DIRECTION = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


class Call:
    """A call of one phone, made or received."""

    def __init__(
        self,
        owner: str,
        dialog: Dialog,
        invite: Message,
        send: Callable[[Message], None],
        media: Media,
        invited_at: float | None = None,
    ) -> None:
        self.owner = owner
        self.dialog = dialog
        self.invite = invite
        self.media = media
        self.outgoing = False
        self.status = 0
        """The final status of the INVITE."""
        self.ended_by: Literal["here", "there"] | None = None
        self.received: list[Message] = []
        """Every request the far end sent in this call, repeats included."""
        self.at: dict[Mark, float] = {}
        """When each step happened first, on the event loop's clock."""
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._pulse = asyncio.Event()
        self._transactions = Transactions(send)
        self._serving: asyncio.Task[None] | None = None
        self._dead = False
        self._holds = False
        """Whether this phone's own hold key is on."""
        self._update_status = 200
        self._updates: list[Message] = []
        """The requests that have changed the call and were accepted."""
        self._mark("invite", invited_at)

    def __str__(self) -> str:
        began = self.at["invite"]
        steps = ", ".join(f"{mark} +{moment - began:.2f} s" for mark, moment in self.at.items())
        by = f", by {self.ended_by}" if self.ended_by else ""
        return f"{self.owner}'s call ({steps}{by}; status {self.status})"

    @property
    def ended(self) -> bool:
        """Whether the call is over."""
        return "ended" in self.at

    @property
    def talking(self) -> bool:
        """Whether the call is answered and not over."""
        return "answered" in self.at and not self.ended

    @property
    def partner(self) -> str:
        """The number that this phone shows: whom the far end last said that it is (RFC 3325), or who has called."""
        said = [request.get("P-Asserted-Identity") for request in (self.invite, *self._updates)]
        shown = next((identity for identity in reversed(said) if identity), self.invite.get("From"))
        return address_uri(shown).removeprefix("sip:").partition("@")[0]

    def heard(self, since: float, until: float) -> Heard:
        """Tell what arrived between two moments of the loop's clock."""
        return self.media.heard(since, until)

    async def until(self, mark: Mark, within: float = 5.0) -> float:
        """Wait for a step of the call.

        Returns:
            The moment of that step, on the event loop's clock.

        Raises:
            AssertionError: if it does not happen in time, or the call ends without it.
        """
        try:
            async with asyncio.timeout(within):
                while mark not in self.at and not self.ended:
                    await self._pulse.wait()
        except TimeoutError:
            pass
        if mark not in self.at:
            raise AssertionError(f"waited {within} s for '{mark}' of {self}")
        return self.at[mark]

    # --- calls that come in

    def serve(self, behaviour: Behaviour) -> None:
        """Do with a call that came in what the script says."""
        self._dead, self._update_status = behaviour.dead, behaviour.updated
        if not self._dead:
            self._serving = self._transactions.start(self._serve(behaviour))

    async def _serve(self, behaviour: Behaviour) -> None:
        if behaviour.provisional is not None:
            self._reply(self.invite, behaviour.provisional)
            self._mark("trying" if behaviour.provisional == 100 else "ringing")
        if behaviour.final is None:
            return
        await asyncio.sleep(behaviour.after)
        if behaviour.final >= 300:
            self._refuse(behaviour.final, list(behaviour.headers))
            return
        self.answer(list(behaviour.headers))
        if behaviour.hang_up_after is not None:
            await asyncio.sleep(behaviour.hang_up_after)
            await self.hang_up()

    def answer(self, headers: Headers | None = None) -> None:
        """Answer a call that rings here."""
        if self.outgoing or self.status or self.ended:
            raise RuntimeError(f"not ringing here: {self}")
        self.status = 200
        self._accept(self.invite, headers)
        self._mark("answered")

    def refuse(self, status: int = 603) -> None:
        """Refuse a call that rings here."""
        if self.outgoing or self.status or self.ended:
            raise RuntimeError(f"not ringing here: {self}")
        self._refuse(status)

    def _refuse(self, status: int, headers: Headers | None = None) -> None:
        self.status = status
        self._transactions.insist(self._reply(self.invite, status, headers))
        self._mark("refused")
        self._end("here")

    def _accept(self, invite: Message, headers: Headers | None = None) -> None:
        extra, body = self._answer_to(invite)
        self._transactions.insist(self._reply(invite, 200, extra + (headers or []), body))

    def _answer_to(self, request: Message) -> tuple[Headers, bytes]:
        """Take over what an offer says about media; return headers and body of the answer."""
        offer = Description.decode(request.body)
        direction = "sendonly" if self._holds else "sendrecv"
        if offer is not None:
            self.media.remote = offer.address
            direction = ANSWERED_DIRECTION.get(offer.direction, direction)
        extra: Headers = [("Contact", self.dialog.contact), ("Allow", ALLOW), ("Content-Type", "application/sdp")]
        return extra, Description(self.media.local, direction).encode()

    def _reply(self, request: Message, status: int, extra: Headers | None = None, body: bytes = b"") -> Message:
        reply = request.reply(status, parameter(self.dialog.local, "tag"), extra, body)
        self._transactions.reply(request, reply)
        return reply

    # --- calls that go out, and requests within a call

    def dial(self) -> None:
        """Send the INVITE of an outgoing call."""
        self.outgoing = True
        self._transactions.start(self._dial())

    async def _dial(self) -> None:
        final = await self._negotiate(self.invite)
        self.status = final.status if final is not None else 408
        if self.status < 300:
            self._mark("answered")
        else:
            self._mark("refused")
            self._end("there")

    async def _negotiate(self, invite: Message) -> Message | None:
        """Send an INVITE, acknowledge its final response, and take over what the answer says about media."""
        final = await self._transactions.transact(invite, self._proceed)
        if final is None:
            return None
        number = final.cseq[0]
        if final.status < 300:
            self._learn(final)
            acknowledgement = self.dialog.request("ACK")
            answer = Description.decode(final.body)
            if answer is not None:
                self.media.remote = answer.address
        else:
            # The ACK of a refusal belongs to the INVITE's own transaction (RFC 3261, section 17.1.1.3).
            acknowledgement = same_transaction(invite, "ACK", final.get("To"))
        acknowledgement = renumbered(acknowledgement, number)
        self._transactions.acknowledge(invite, acknowledgement)
        return final

    def _proceed(self, provisional: Message) -> None:
        self._learn(provisional)
        self._mark("trying" if provisional.status == 100 else "ringing")

    def _learn(self, response: Message) -> None:
        """Take the far end's tag and address from a response (RFC 3261, section 12.1.2)."""
        if parameter(response.get("To"), "tag"):
            self.dialog.remote = response.get("To")
        if response.get("Contact"):
            self.dialog.target = address_uri(response.get("Contact"))

    async def request(self, method: str, extra: Headers | None = None, body: bytes = b"") -> int:
        """Send any request within the call, such as a REFER; return its final status (408 when there is none)."""
        response = await self._transactions.transact(self.dialog.request(method, extra, body))
        return response.status if response is not None else 408

    async def hold(self, held: bool = True) -> int:
        """Press this phone's own hold key: a re-INVITE that only sends (RFC 3264, section 8.4)."""
        direction = "sendonly" if held else "sendrecv"
        self.media.talking, self._holds = not held, held
        invite = self.dialog.request("INVITE", body=Description(self.media.local, direction).encode())
        final = await self._negotiate(invite)
        return final.status if final is not None else 408

    async def transfer(self, to: str, replacing: Call | None = None) -> int:
        """Press this phone's own transfer key: a REFER (RFC 3515). What comes of it is in `told`.

        Args:
            to: the user part of whom the far end is to talk to, or a whole Refer-To.
            replacing: this phone's call with them, in which the far end takes its place (RFC 5589, section 7).

        Returns:
            The final status of the REFER itself.
        """
        host = address_uri(self.dialog.target).partition("@")[2]
        replaces = f"?Replaces={_replaces(replacing.dialog)}" if replacing is not None else ""
        refer_to = to if "<" in to else f"<sip:{to}@{host}{replaces}>"
        return await self.request(
            "REFER", [("Refer-To", refer_to), ("Referred-By", f"<{address_uri(self.dialog.local)}>")]
        )

    @property
    def told(self) -> list[int]:
        """What the far end said of the transfers that were asked for, in order, repetitions left out."""
        notices = {it.cseq[0]: it for it in self.received if it.method == "NOTIFY"}
        return [int(notices[number].body.split(b" ", 2)[1]) for number in sorted(notices)]

    async def press(self, keys: str) -> None:
        """Press keys and wait until the last one is sent."""
        self.media.press(keys)
        await self.media.keys_sent.wait()

    async def hang_up(self) -> None:
        """End the call from this end, whatever state it is in."""
        while self.outgoing and self.at.keys() == {"invite"}:
            await self._pulse.wait()  # no CANCEL before a provisional response (RFC 3261, section 9.1)
        if self.ended:
            return
        if "answered" in self.at:
            self._end("here")
            await self.request("BYE")
        elif self.outgoing:
            self._mark("cancelled")
            await self._transactions.transact(same_transaction(self.invite, "CANCEL", self.invite.get("To")))
            await self.until("ended")
        elif self._dead:
            self._end("here")
        else:
            self.refuse()

    # --- what arrives

    def handle(self, message: Message, at: float) -> None:
        """Take a message that belongs to this call, and that arrived at a moment of the event loop's clock."""
        if self._dead:
            self.received.append(message)
        elif message.status:
            self._transactions.handle_response(message)
        else:
            self.received.append(message)
            self._handle_request(message, at)

    def _handle_request(self, request: Message, at: float) -> None:
        if request.method == "ACK":
            self._transactions.acknowledged()
        elif request.method == "CANCEL":
            self._send(request.reply(200, parameter(self.dialog.local, "tag")))
            if not self.status:
                self._cancel(at)
        elif self._transactions.repeat_reply(request) or request.branch == self.invite.branch:
            return  # the INVITE again, before there was time to reply to it, is no new offer
        elif request.method in {"INVITE", "UPDATE"}:
            self._update(request)
        elif request.method == "BYE":
            self._reply(request, 200 if not self.ended else 481)
            self._end("there", at)
        else:
            self._reply(request, 202 if request.method == "REFER" else 200)

    def _update(self, request: Message) -> None:
        """Take a re-INVITE or an UPDATE (RFC 3311), which may come without a session description."""
        invited = request.method == "INVITE"
        if self._update_status >= 300:
            refusal = self._reply(request, self._update_status)
            if invited:
                self._transactions.insist(refusal)
            return
        self._updates.append(request)
        if invited:
            self._accept(request)
        else:
            extra, body = self._answer_to(request) if request.body else (None, b"")
            self._reply(request, 200, extra, body)

    def _cancel(self, at: float) -> None:
        """Give up ringing because the caller did (RFC 3261, section 9.2)."""
        if self._serving is not None:
            self._serving.cancel()
        self.status = 487
        self._mark("cancelled", at)
        self._transactions.insist(self._reply(self.invite, 487))
        self._end("there", at)

    def _mark(self, mark: Mark, at: float | None = None) -> None:
        self.at.setdefault(mark, self._loop.time() if at is None else at)
        self._pulse.set()
        self._pulse = asyncio.Event()

    def _end(self, by: Literal["here", "there"], at: float | None = None) -> None:
        if not self.ended:
            self.ended_by = by
            self.media.close()
            self._mark("ended", at)

    async def close(self) -> None:
        """Drop the call without a word: stop its timers and close its socket."""
        self._end("here")
        await self._transactions.close()


def _replaces(dialog: Dialog) -> str:
    """Return a dialog as the far end knows it (RFC 3891, section 6.1), escaped for a URI's header."""
    tags = f";to-tag={parameter(dialog.remote, 'tag')};from-tag={parameter(dialog.local, 'tag')}"
    return quote(dialog.call_id + tags, safe="")
