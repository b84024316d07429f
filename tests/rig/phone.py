"""Scripted SIP phones: each talks in a tone of its own, does with calls what its script says, and has an ear.

A phone's ear works on windows of time; for assertions use `hear_exactly` of module `ear`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from types import TracebackType

from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.rig.datagrams import Address, Datagrams
from tests.rig.rtp import PACKET_SECONDS, Description, Media
from tests.rig.sip import Dialog, Headers, MalformedError, Message, incoming_dialog, new_tag, parameter
from tests.rig.tones import VOICES, Heard

WINDOW = 0.4
SETTLE = 0.15


class Phone:
    """One phone: a SIP socket, a script for calls that come in, and the calls so far."""

    def __init__(self, name: str, server: Address, frequency: int, behaviour: Behaviour) -> None:
        self.name = name
        self.frequency = frequency
        self.behaviour = behaviour
        """The script for the next call that comes in; may be changed at any time."""
        self.unplugged = False
        """Drops everything, as after a power cut: nothing is sent and nothing is read."""
        self.latency = 0.0
        """Seconds that a SIP message takes in either direction; media takes none. Set it before the first call."""
        self.voice_of: Callable[[Message], int] = lambda _: frequency
        """The tone (Hz) of a call that comes in, by its INVITE: for a phone with many calls. 0: it says nothing."""
        self.calls: list[Call] = []
        """All calls, oldest first."""
        self._server = server
        self._arrivals: asyncio.Queue[Call] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._socket: Datagrams | None = None

    def __repr__(self) -> str:
        return f"<Phone {self.name}>"

    def open(self, port: int) -> None:
        """Bind the SIP socket."""
        self._socket = Datagrams(self._hear, port)

    # --- calls

    @property
    def call(self) -> Call | None:
        """The latest call that is not over, or else the latest one."""
        return next((call for call in reversed(self.calls) if not call.ended), self.calls[-1] if self.calls else None)

    @property
    def active_call(self) -> Call:
        """The call in progress; an AssertionError when there is none."""
        call = self.call
        assert call is not None, f"{self.name} has no call"
        assert not call.ended, f"it is over: {call}"
        return call

    async def incoming(self, within: float = 5.0) -> Call:
        """Wait for the next call that comes in (each is returned once)."""
        try:
            async with asyncio.timeout(within):
                return await self._arrivals.get()
        except TimeoutError:
            raise AssertionError(f"{self.name} got no call within {within} s") from None

    async def place(self, extension: str, headers: Headers | None = None) -> Call:
        """Call an extension of the Asterisk; wait for what happens with `Call.until`."""
        host, port = self._server
        dialog = Dialog(
            call_id=secrets.token_hex(12),
            local=f'"{self.name}" <sip:{self.name}@{host}>;tag={new_tag()}',
            remote=f"<sip:{extension}@{host}:{port}>",
            target=f"sip:{extension}@{host}:{port}",
            contact=self._contact,
        )
        media = Media(self.frequency)
        invite = dialog.request("INVITE", headers, Description(media.local).encode())
        call = Call(self.name, dialog, invite, self._send, media)
        self.calls.append(call)
        call.dial()
        return call

    async def hang_up(self) -> None:
        """End every call of this phone."""
        await asyncio.gather(*(call.hang_up() for call in self.calls))

    async def press(self, keys: str) -> None:
        """Press keys in the call in progress."""
        await self.active_call.press(keys)

    @property
    def keys(self) -> str:
        """The keys the far end has pressed so far in the present or latest call."""
        return self.call.media.keys if self.call is not None else ""

    # --- the ear

    def heard(self, since: float, until: float) -> Heard:
        """Tell what arrived between two moments of the loop's clock, in the present or latest call."""
        if self.call is None:
            return Heard(frozenset(), 0, round((until - since) / PACKET_SECONDS))
        return self.call.media.heard(since, until)

    def ever_heard(self, since: float = 0.0, until: float | None = None) -> frozenset[str]:
        """Return every sound that was there for a tenth of a second or more, in any call: for 'never hears'."""
        end = until if until is not None else self._loop.time()
        return frozenset[str]().union(*(call.media.ever_heard(since, end) for call in self.calls))

    def longest_silence(self, since: float, until: float | None = None) -> float:
        """Return the longest time (s) without an audible packet, in the present or latest call."""
        end = until if until is not None else self._loop.time()
        return self.call.media.longest_silence(since, end) if self.call is not None else end - since

    def first_heard(self, sound: str, since: float) -> float | None:
        """Return when a sound was first heard after a moment, in the present or latest call; None if never."""
        return self.call.media.first_heard(sound, since) if self.call is not None else None

    async def listen(self, seconds: float = WINDOW, settle: float = SETTLE) -> frozenset[str] | None:
        """Listen for a while.

        Args:
            seconds: how long.
            settle: how long to wait first, for packets already on their way.

        Returns:
            The names of the sounds that went on all the time; None when no packet arrived at all.
        """
        await asyncio.sleep(settle)
        since = self._loop.time()
        await asyncio.sleep(seconds)
        heard = self.heard(since, self._loop.time())
        return None if heard.no_media else heard.sounds

    # --- the wire

    @property
    def _contact(self) -> str:
        if self._socket is None:
            raise RuntimeError(f"{self.name} is not open")
        host, port = self._socket.local
        return f"<sip:{self.name}@{host}:{port}>"

    def _send(self, message: Message) -> None:
        data = message.encode()  # as it is now: it is sent later where there is latency
        if self.latency:
            self._loop.call_later(self.latency, self._transmit, data)
        else:
            self._transmit(data)

    def _transmit(self, data: bytes) -> None:
        if self._socket is not None and not self.unplugged:
            self._socket.send(data, self._server)

    def _hear(self, data: bytes, at: float) -> None:
        if self.latency:
            self._loop.call_at(at + self.latency, self._take, data, at + self.latency)
        else:
            self._take(data, at)

    def _take(self, data: bytes, at: float) -> None:
        if self._socket is None or self.unplugged:
            return
        try:
            message = Message.decode(data)
        except MalformedError:
            return
        call_id = message.get("Call-ID")
        call = next((call for call in reversed(self.calls) if call.dialog.call_id == call_id), None)
        if call is not None:
            call.handle(message, at)
        elif message.method == "INVITE" and not message.status and not parameter(message.get("To"), "tag"):
            self._receive(message, at)
        elif message.method == "OPTIONS":
            self._send(message.reply(200, new_tag()))
        elif message.method != "ACK" and not message.status:
            self._send(message.reply(481, new_tag()))

    def _receive(self, invite: Message, at: float) -> None:
        frequency = self.voice_of(invite)
        media = Media(frequency)
        media.talking = frequency > 0
        call = Call(self.name, incoming_dialog(invite, self._contact), invite, self._send, media, at)
        self.calls.append(call)
        call.serve(self.behaviour)
        self._arrivals.put_nowait(call)

    def tick(self) -> None:
        """Send this moment's voice in every call."""
        if not self.unplugged:
            for call in self.calls:
                call.media.tick()

    async def close(self) -> None:
        """Hang up politely where that is possible, then close every socket."""
        try:
            if not self.unplugged:
                await self._say_goodbye()
            for call in self.calls:
                await call.close()
        finally:
            if self._socket is not None:
                self._socket.close()
                self._socket = None

    async def _say_goodbye(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self.hang_up()
        except (TimeoutError, AssertionError):
            pass  # the far end is gone, which is what some tests are about


class PhoneRack:
    """The phones of a test, with the one clock that makes all of them talk.

    Use it as an async context manager; leaving it hangs up and closes every phone.
    """

    def __init__(self, server: Address, ports: Mapping[str, int]) -> None:
        """Take the Asterisk's SIP address and the port of every endpoint it knows, by name."""
        self._server = server
        self._ports = ports
        self._phones: dict[str, Phone] = {}
        self._ticker: asyncio.Task[None] | None = None

    async def __aenter__(self) -> PhoneRack:
        self._ticker = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        closed = await asyncio.gather(*(phone.close() for phone in self._phones.values()), return_exceptions=True)
        if self._ticker is not None:
            self._ticker.cancel()
            await asyncio.gather(self._ticker, return_exceptions=True)
        for outcome in closed:
            if isinstance(outcome, BaseException):
                raise outcome
        await asyncio.sleep(0)  # a transport closes its socket on the loop's next turn

    async def phone(self, name: str, behaviour: Behaviour | None = None) -> Phone:
        """Plug in the phone of an endpoint, or give the plugged-in one another script."""
        phone = self._phones.get(name)
        if phone is None:
            phone = Phone(name, self._server, VOICES[name], behaviour or Behaviour.answers())
            phone.open(self._ports[name])
            self._phones[name] = phone
        elif behaviour is not None:
            phone.behaviour = behaviour
        return phone

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            for phone in self._phones.values():
                phone.tick()
            # Catch up after a late turn of the loop, but not after a long stop.
            due = max(due + PACKET_SECONDS, loop.time() - 5 * PACKET_SECONDS)
            await asyncio.sleep(max(0.0, due - loop.time()))
