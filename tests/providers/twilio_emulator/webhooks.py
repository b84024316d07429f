"""Requests of an emulated account to us: signed, in order unless they are to go wrong, and with Twilio's parameters."""

import asyncio
import base64
import hashlib
import hmac
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import aiohttp

from tests.providers.twilio_emulator.faults import Faults

Form = dict[str, str]

TOTAL = 15.0
"""Seconds that Twilio gives a webhook, all tries of it together."""


@dataclass(frozen=True)
class Sent:
    """One webhook, and what it was answered."""

    url: str
    form: Form
    status: int
    body: str


def signature(auth_token: str, url: str, form: Form) -> str:
    """Return ``X-Twilio-Signature`` (twilio.com/docs/usage/security#validating-requests)."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode()


class Webhooks:
    """Calls us."""

    def __init__(self, auth_token: str, faults: Faults) -> None:
        self._auth_token = auth_token
        self._faults = faults
        self._session: aiohttp.ClientSession | None = None
        self._lines: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[object]] = set()
        self._held_back: dict[str, tuple[str, Form]] = {}
        self.sent: list[Sent] = []

    async def fetch(self, method: str, url: str, form: Form) -> str:
        """Ask for TwiML, and wait for it. A failure is silence, as with Twilio, which hangs up then."""
        sent = await self._send(method, url, form)
        return sent.body if sent is not None and sent.status < 300 else ""

    def tell(self, line: str, url: str, form: Form) -> None:
        """Tell something, after what was told before on the same line."""
        if not url or self._faults.callbacks_lost:
            return
        if self._faults.callbacks_reordered and line not in self._held_back:
            self._held_back[line] = (url, form)
            return
        told = [(url, form), *([self._held_back.pop(line)] if line in self._held_back else [])]
        for again in told * (2 if self._faults.callbacks_doubled else 1):
            self._begin(self._in_line(line, *again))

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _begin(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _in_line(self, line: str, url: str, form: Form) -> None:
        async with self._lines[line]:
            await self._send("POST", url, form)

    async def _send(self, method: str, url: str, form: Form) -> Sent | None:
        """Send it, and again as its fragment says (twilio.com/docs/usage/webhooks/webhooks-connection-overrides).

        Whether Twilio pauses between two tries is not documented. Here it does not, so all of them are soon used up.
        """
        address, _, overrides = url.partition("#")  # the fragment is for Twilio alone
        told = parse_qs(overrides)
        again = int(told.get("rc", ["1"])[0])
        answers_too = told.get("rp", ["ct"])[0] == "all"
        sent: Sent | None = None
        try:
            async with asyncio.timeout(TOTAL):
                for _ in range(1 + again):
                    sent = await self._try(method, url, address, form)
                    if sent is not None and (sent.status < 400 or not answers_too):
                        break
        except TimeoutError:
            pass
        return sent

    async def _try(self, method: str, url: str, address: str, form: Form) -> Sent | None:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        headers = {"X-Twilio-Signature": signature(self._auth_token, address, form if method == "POST" else {})}
        try:
            async with self._session.request(
                method, address, data=form if method == "POST" else None, headers=headers
            ) as response:
                sent = Sent(url, form, response.status, await response.text())
        except aiohttp.ClientError:
            return None
        self.sent.append(sent)
        return sent
