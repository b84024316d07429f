"""An emulated account, served over HTTP on this machine."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.providers.twilio_emulator.account import Account
from tests.providers.twilio_emulator.exchange import Exchange
from tests.providers.twilio_emulator.faults import Fault, Faults
from tests.providers.twilio_emulator.model import EmulatedCall, Phone
from tests.providers.twilio_emulator.playing import Player
from tests.providers.twilio_emulator.rendering import error
from tests.providers.twilio_emulator.rest import Rest
from tests.providers.twilio_emulator.webhooks import Webhooks

ACCOUNT = "AC" + "a" * 32
KEY = "SK" + "b" * 32
SECRET = "emulated"
AUTH_TOKEN = "emulated-auth-token"


@dataclass(frozen=True)
class Exchanged:
    """A request and its answer, as a judge sees them."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    body: bytes
    status: int
    answer: bytes


class TwilioEmulator:
    """One account.

    Args:
        pace: How much faster than Twilio's phones ring out.
    """

    def __init__(self, pace: float = 3.0) -> None:
        self.faults = Faults()
        self.account = Account(ACCOUNT)
        self.webhooks = Webhooks(AUTH_TOKEN, self.faults)
        self.exchange = Exchange(ACCOUNT, self.webhooks, self.faults, pace)
        self.player = Player(self.exchange)
        self.rest = Rest(self.exchange, self.player)
        self.exchanged: list[Exchanged] = []
        self.changes = 0
        """Requests that changed something."""
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        @web.middleware
        async def watched(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            return await self._watched(request, handler)

        application = web.Application(middlewares=[watched])
        application.add_routes([*self.account.routes(), *self.rest.routes()])
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = self.rest.base_url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.exchange.close()
        await self.webhooks.close()
        if self._runner is not None:
            await self._runner.cleanup()

    # --- people

    def phone(self, address: str) -> Phone:
        """Return the phone of an address; there is one from now on."""
        return self.exchange.phones.setdefault(address, Phone())

    def calls_to(self, address: str) -> list[EmulatedCall]:
        """Return the calls to a phone, the last one first."""
        return [call for call in reversed(self.exchange.calls.values()) if call.to == address]

    def hears(self, sid: str) -> set[str]:
        """Return what somebody hears: sids of calls, URLs of sounds, ``ringback`` or ``silence``."""
        call = self.exchange.calls.get(sid)
        if call is None or not call.up:
            return set()
        room, me = self.exchange.place(call)
        if room is None or me is None:
            return {call.playing or "silence"}
        if me.announcing:
            return {me.announcing}
        if me.hold:
            return {me.hold_sound or "silence"}
        heard = {it.call.sid for it in room.members if it is not me and not it.hold and not it.muted}
        if any(it.early_media and it.call.status == "ringing" for it in room.participants.values()):
            heard.add("ringback")
        return heard or {"silence"}

    # --- requests

    async def _watched(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        body = await request.read()
        await asyncio.sleep(self.faults.latency)
        fault = self.faults.take(request.method, request.path)
        match fault:
            case Fault.CUT | Fault.UNAVAILABLE:
                return self._cut(request)
            case Fault.REFUSED:
                return web.json_response(error(503, 20503, "Service unavailable"), status=503)
            case Fault.TOO_MANY:
                headers = {"Retry-After": f"{self.faults.seconds:.0f}"}
                return web.json_response(error(429, 20429, "Too many requests"), status=429, headers=headers)
            case Fault.SLOW:
                await asyncio.sleep(self.faults.seconds)
            case _:
                pass
        if request.headers.get("Authorization") != _credentials() or not self.account.may(request.path):
            return web.json_response(error(401, 20003, "Authenticate"), status=401)
        response = await handler(request)
        assert isinstance(response, web.Response)
        response.headers["Date"] = format_datetime(datetime.now(UTC) + self.account.clock_ahead, usegmt=True)
        answer = response.body if isinstance(response.body, bytes) else b""
        query = tuple((str(name), str(value)) for name, value in request.query.items())
        self.exchanged.append(
            Exchanged(request.method, request.path, query, dict(request.headers), body, response.status, answer)
        )
        if request.method != "GET" and response.status < 300:
            self.changes += 1
        return self._cut(request) if fault is Fault.ANSWER_LOST else response

    def _cut(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)


def _credentials() -> str:
    return "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
