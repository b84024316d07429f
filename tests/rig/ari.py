"""ARI as the tests need it: a small REST client, and a contact centre's own call control on top of it.

The engine's own ARI client is under test, so this one shares nothing with it.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

Json = dict[str, Any]
OK = (200, 201, 204)
POLL = 0.02


class AriError(Exception):
    """A request to ARI that was not answered as expected."""

    def __init__(self, status: int, what: str) -> None:
        super().__init__(f"{what}: {status}")
        self.status = status


class Ari:
    """A client of one node's ARI."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = url
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No connection is kept: one from before a restart of Asterisk would fail the first request after it.
            connector = aiohttp.TCPConnector(force_close=True)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._headers)
        return self._session

    async def close(self) -> None:
        """Close the client's connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _request(
        self, method: str, path: str, parameters: Mapping[str, str | int], body: Json | None, ok: Collection[int]
    ) -> tuple[int, str]:
        async with self._open().request(method, self._url + path, params=parameters, json=body) as response:
            text = await response.text()
            if response.status not in ok:
                raise AriError(response.status, f"{method} {path} {dict(parameters)}: {text}")
            return response.status, text

    async def call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        ok: Collection[int] = OK,
        **parameters: str | int,
    ) -> Json:
        """Make a request.

        Args:
            method: the HTTP method.
            path: below `/ari`, such as `/channels`.
            body: sent as JSON.
            ok: the statuses that are no error.
            **parameters: the query.

        Returns:
            The JSON of the answer; empty when it has none.

        Raises:
            AriError: if the status is none of `ok`.
        """
        _, text = await self._request(method, path, parameters, body, ok)
        return json.loads(text) if text else {}

    async def listing(self, path: str) -> list[Json]:
        """Return the list that a GET answers with."""
        _, text = await self._request("GET", path, {}, None, OK)
        return json.loads(text)

    async def channels(self) -> list[Json]:
        """Return all channels."""
        return await self.listing("/channels")

    async def bridges(self) -> list[Json]:
        """Return all bridges."""
        return await self.listing("/bridges")

    async def channel(self, leg: str) -> Json | None:
        """Return one channel; None when there is no such channel (any more)."""
        status, text = await self._request("GET", f"/channels/{leg}", {}, None, (200, 404))
        return json.loads(text) if status == 200 else None

    @asynccontextmanager
    async def subscribe(self, app: str, *, everything: bool = False) -> AsyncGenerator[Events]:
        """Hold the WebSocket of an app, so that legs may enter it.

        Whoever connects last has the app: a second socket, this one or the engine's, silences the first for good. So
        take the engine's app only in tests that run no engine.

        Args:
            app: the app; it needs no set-up.
            everything: also the events of everybody else's channels and bridges, for a witness beside the engine.
        """
        parameters = {"app": app, "subscribeAll": "true" if everything else "false"}
        async with self._open().ws_connect(f"{self._url}/events", params=parameters, heartbeat=10) as socket:
            events = Events()
            reader = asyncio.create_task(_read(socket, events))
            try:
                yield events
            finally:
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)


async def _read(socket: aiohttp.ClientWebSocketResponse, events: Events) -> None:
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            events.add(message.json())


class Events:
    """All events of a subscription so far, and a way to wait for the next of a kind."""

    def __init__(self) -> None:
        self.all: list[Json] = []
        self._by_channel: dict[str, list[Json]] = {}
        self._pulse = asyncio.Event()

    def add(self, event: Json) -> None:
        """Take in an event."""
        self.all.append(event)
        if "channel" in event:
            self._by_channel.setdefault(event["channel"]["id"], []).append(event)
        self._pulse.set()
        self._pulse = asyncio.Event()

    def of_channel(self, leg: str) -> list[Json]:
        """Return the events of one channel."""
        return self._by_channel.get(leg, [])

    async def first(self, kind: str, matching: Callable[[Json], bool] = lambda _: True, within: float = 5.0) -> Json:
        """Return the first event of a kind, as soon as there is one.

        Raises:
            AssertionError: if none comes in time; it lists the kinds of those that came.
        """
        try:
            async with asyncio.timeout(within):
                while True:
                    for event in self.all:
                        if event["type"] == kind and matching(event):
                            return event
                    await self._pulse.wait()
        except TimeoutError:
            seen = ", ".join(event["type"] for event in self.all) or "none"
            raise AssertionError(f"no {kind} within {within} s; events were: {seen}") from None

    async def end_of(self, leg: str, within: float = 5.0) -> tuple[int, int | None]:
        """Wait for the end of a leg; return its cause (Q.850) and technical cause (the SIP status)."""
        event = await self.first("ChannelDestroyed", lambda event: event["channel"]["id"] == leg, within)
        return event["cause"], event.get("tech_cause")


class CallControl:
    """A contact centre's own call control: it brings the customer and the agent together before a transfer."""

    def __init__(self, ari: Ari, app: str) -> None:
        self._ari = ari
        self.app = app

    async def call_phone(
        self,
        name: str,
        leg: str | None = None,
        ring_seconds: int = 30,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Ring a phone; once it answers, its leg is in the app. Return the leg's id at once."""
        leg = leg or new_id("leg")
        await self._ari.call(
            "POST",
            "/channels",
            {"variables": dict(variables or {})},
            endpoint=f"PJSIP/{name}",
            app=self.app,
            channelId=leg,
            timeout=ring_seconds,
        )
        return leg

    async def connect_phone(self, name: str, leg: str | None = None, variables: Mapping[str, str] | None = None) -> str:
        """Ring a phone and wait until it has answered and its leg is in the app."""
        leg = await self.call_phone(name, leg, variables=variables)
        await self.entered(leg)
        return leg

    async def entered(self, leg: str, within: float = 5.0) -> None:
        """Wait until a leg is up and in the app.

        It looks at Asterisk and not at events, because the app's events usually go to the engine.

        Raises:
            AssertionError: if that does not happen in time.
        """
        deadline = time.monotonic() + within
        while not await self._is_in(leg):
            if time.monotonic() > deadline:
                raise AssertionError(f"{leg} did not enter {self.app} within {within} s")
            await asyncio.sleep(POLL)

    async def _is_in(self, leg: str) -> bool:
        channel = await self._ari.channel(leg)
        return channel is not None and channel["state"] == "Up" and channel["dialplan"]["app_name"] == "Stasis"

    async def inbound(self, name: str, within: float = 5.0) -> str:
        """Wait for the leg of a call that a phone placed and that is in the app; return its id."""
        deadline = time.monotonic() + within
        while True:
            for channel in await self._ari.channels():
                if channel["name"].startswith(f"PJSIP/{name}-") and channel["dialplan"]["app_name"] == "Stasis":
                    return channel["id"]
            if time.monotonic() > deadline:
                raise AssertionError(f"no call of {name} came into {self.app} within {within} s")
            await asyncio.sleep(POLL)

    async def answer(self, leg: str) -> None:
        """Answer an inbound leg; the engine's rooms take only legs that are up."""
        await self._ari.call("POST", f"/channels/{leg}/answer")

    async def bridge(self, *legs: str, room: str | None = None, kind: str = "mixing,dtmf_events") -> str:
        """Create a bridge and move legs into it; return its id."""
        room = room or new_id("room")
        await self._ari.call("POST", f"/bridges/{room}", type=kind)
        if legs:
            await self.add(room, *legs)
        return room

    async def add(self, room: str, *legs: str) -> None:
        """Move legs into a bridge."""
        await self._ari.call("POST", f"/bridges/{room}/addChannel", channel=",".join(legs))

    async def hold(self, *legs: str, room: str | None = None) -> str:
        """Move legs into a new holding bridge with music; return its id."""
        room = await self.bridge(*legs, room=room, kind="holding")
        await self._ari.call("POST", f"/bridges/{room}/moh")
        return room

    async def record(self, leg: str, name: str) -> None:
        """Record a leg, both directions, wherever it goes: by a snoop channel, whose recording can be paused."""
        snoop = new_id("snoop")
        await self._ari.call("POST", f"/channels/{leg}/snoop/{snoop}", app=self.app, spy="both", whisper="none")
        deadline = time.monotonic() + 5
        while not await self._is_in(snoop):
            assert time.monotonic() < deadline, f"{snoop} did not enter {self.app}"
            await asyncio.sleep(POLL)
        while not await self._records(snoop, name):  # it says that it is there before it can be asked for anything
            assert time.monotonic() < deadline, f"{snoop} cannot be recorded"
            await asyncio.sleep(POLL)

    async def _records(self, snoop: str, name: str) -> bool:
        try:
            await self._ari.call("POST", f"/channels/{snoop}/record", name=name, format="wav")
        except AriError as error:
            if error.status != 409:
                raise
            return False
        return True

    async def play(self, leg: str, sound: str) -> str:
        """Play a sound such as `hookflash/accept` to a leg; return the playback's id."""
        playback = await self._ari.call("POST", f"/channels/{leg}/play", media=f"sound:{sound}")
        return playback["id"]

    async def set_variables(self, leg: str, variables: Mapping[str, str]) -> None:
        """Set variables of a leg."""
        for variable, value in variables.items():
            await self._ari.call("POST", f"/channels/{leg}/variable", variable=variable, value=value)

    async def hand_off(self, leg: str, context: str, extension: str = "s") -> None:
        """Let a leg go on in the dialplan."""
        await self._ari.call("POST", f"/channels/{leg}/continue", context=context, extension=extension, priority=1)

    async def hang_up(self, leg: str) -> None:
        """Hang up a leg; one that is gone already is fine."""
        await self._ari.call("DELETE", f"/channels/{leg}", ok=(204, 404))

    async def remove(self, room: str) -> None:
        """Delete a bridge; its legs stay up, in silence."""
        await self._ari.call("DELETE", f"/bridges/{room}", ok=(204, 404))


def new_id(kind: str) -> str:
    """Mint an id; all of one kind have one length, because Asterisk compares prefixes of channel ids."""
    return f"rig-{kind}-{uuid.uuid4().hex}"
