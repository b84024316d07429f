"""A proxy in front of ARI that counts what is changed and can lose requests and answers on their way."""

import asyncio
from types import TracebackType

import aiohttp
from aiohttp import web

from tests.providers.world import Feature

HOP_BY_HOP = {"transfer-encoding", "connection", "content-encoding", "content-length", "keep-alive"}


class AriProxy:
    """Forwards everything to a node, the event socket too, and goes wrong when it is told to."""

    def __init__(self, ari_url: str) -> None:
        self._target = ari_url.removesuffix("/ari")
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._sockets: set[web.WebSocketResponse] = set()
        self._wrong: Feature | None = None
        self._steps = 0
        self._silent = False
        self.url = ""
        self.changes = 0
        """Requests that were answered as executed, and not as 'it is so already'."""
        self.requests: list[str] = []
        """Method and path of every request."""
        self.recordings_fail = False
        """Whether recordings can be neither paused nor resumed."""
        self.listens = True
        """Whether the event socket may be opened."""

    async def __aenter__(self) -> "AriProxy":
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/ari"
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut()
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def go_wrong(self, feature: Feature, steps: int = 0) -> None:
        """Lose what is on its way until ``heal``.

        Args:
            feature: ``unavailable``: everything. ``answer_lost``: every answer from the dial's on. ``half``: every
                change after some.
            steps: How many changes still come through.
        """
        self._wrong = feature
        self._steps = steps

    def heal(self) -> bool:
        """Forward everything again; return whether something was to go wrong."""
        wrong, self._wrong, self._silent = self._wrong, None, False
        return wrong is not None

    async def cut(self) -> None:
        """Close every event socket."""
        for socket in list(self._sockets):
            await socket.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if self._session is None:
            raise web.HTTPServiceUnavailable
        self.requests.append(f"{request.method} {request.path}")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._forward_events(request, self._session)
        changing = request.method != "GET"
        if self._wrong is Feature.UNAVAILABLE:
            _drop(request)
        if self._wrong is Feature.HALF and changing:
            if self._steps == 0:
                _drop(request)
            self._steps -= 1
        if self.recordings_fail and changing and request.path.endswith("/pause"):
            return web.json_response({"message": "Internal error"}, status=500)
        async with self._session.request(
            request.method,
            self._target + request.path_qs,
            headers={name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP},
            data=await request.read(),
        ) as answer:
            body = await answer.read()
        self.changes += changing and answer.status < 300
        self._silent |= self._wrong is Feature.ANSWER_LOST and request.path.endswith("/dial")
        if self._silent:
            _drop(request)
        return web.Response(status=answer.status, body=body, content_type=answer.content_type)

    async def _forward_events(self, request: web.Request, session: aiohttp.ClientSession) -> web.StreamResponse:
        if not self.listens:
            raise web.HTTPServiceUnavailable
        authorization = {"Authorization": request.headers["Authorization"]}
        async with session.ws_connect(self._target + request.path_qs, headers=authorization) as upstream:
            downstream = web.WebSocketResponse()
            await downstream.prepare(request)
            self._sockets.add(downstream)
            reader = asyncio.create_task(_drain(downstream, upstream))
            try:
                async for message in upstream:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        await downstream.send_str(message.data)
            except ConnectionError:
                pass  # the listener has gone first
            finally:
                self._sockets.discard(downstream)
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)
        await downstream.close()
        return downstream


async def _drain(downstream: web.WebSocketResponse, upstream: aiohttp.ClientWebSocketResponse) -> None:
    """Answer the listener's pings, and hang up on Asterisk when the listener does."""
    async for _ in downstream:
        pass
    await upstream.close()


def _drop(request: web.Request) -> None:
    """Close a connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError
