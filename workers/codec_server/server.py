"""The codec server: ``POST /decode`` and ``/encode`` as Temporal's UI and CLI ask, for those who may.

What they send and get is described at https://docs.temporal.io/codec-server. Nothing of it is logged but who asked for
how much.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

from hookflash.encryption import EncryptingCodec
from hookflash.errors import EncryptionError
from workers.codec_server.access import name_of, sign_in, who_asks
from workers.codec_server.settings import CodecServerSettings

LARGEST = 8 * 1024 * 1024
"""Bytes of a question. Temporal's own limit for a payload is 2 MB, and JSON makes a third more of it."""

_SIGN_IN_PAGE = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Hookflash codec server</title>
<h1>Hookflash codec server</h1>
<p>{said}</p>
<form method="post"><label>Token <input type="password" name="token" autocomplete="off" autofocus></label>
<button>Sign in</button></form>
</html>
"""
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

logger = logging.getLogger(__name__)


def application(settings: CodecServerSettings) -> web.Application:
    """Return the server, to be run by aiohttp."""
    server = _Server(settings)
    app = web.Application(client_max_size=LARGEST, middlewares=[server.cross_origin, _say_what_is_wrong])
    app.add_routes(
        [
            web.post("/decode", server.decode),
            web.post("/encode", server.encode),
            web.get("/", _show_sign_in),
            web.post("/", server.sign_in),
            web.get("/livez", _live),
        ]
    )
    return app


class _Server:
    def __init__(self, settings: CodecServerSettings) -> None:
        self._settings = settings
        self._codec = EncryptingCodec(settings.keys)

    async def decode(self, request: web.Request) -> web.StreamResponse:
        """Decrypt. What cannot be is left as it is: of the rest something is to be read."""
        name, payloads = await self._asked(request)
        decoded = [await self._decoded(payload) for payload in payloads]
        logger.info("%s has read %d payloads", name, len(decoded))
        return _answer(decoded)

    async def encode(self, request: web.Request) -> web.StreamResponse:
        """Encrypt, for what people send by the CLI."""
        name, payloads = await self._asked(request)
        logger.info("%s has encrypted %d payloads", name, len(payloads))
        return _answer(await self._codec.encode(payloads))

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """Let a browser in whose user knows a token: the UI sends none by itself."""
        token = str((await request.post()).get("token", "")).strip()
        name = name_of(token, self._settings.tokens)
        if name is None:
            logger.warning("somebody could not sign in")
            return _page("There is no such token.", 401)
        logger.info("%s has signed in", name)
        answer = _page("Signed in. Temporal's UI can read now, with “Include cross-origin credentials”.")
        sign_in(answer, token, secure=request.headers.get("X-Forwarded-Proto", request.scheme) == "https")
        return answer

    @web.middleware
    async def cross_origin(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer what a browser asks on behalf of a page: only the pages of our UIs may read the answers."""
        origin = request.headers.get("Origin")
        allowed = origin in self._settings.ui_origins
        if request.method == "OPTIONS" and request.path in {"/decode", "/encode"}:
            answer: web.StreamResponse = web.Response(status=204 if allowed else 403)
        else:
            answer = await handler(request)
        answer.headers["Vary"] = "Origin"
        if origin is not None and allowed:
            answer.headers.update(
                {
                    "Access-Control-Allow-Origin": origin,
                    "Access-Control-Allow-Credentials": "true",
                    "Access-Control-Allow-Methods": "POST",
                    "Access-Control-Allow-Headers": "Content-Type, X-Namespace, Authorization, Authorization-Extras",
                    "Access-Control-Max-Age": "600",
                }
            )
        return answer

    async def _asked(self, request: web.Request) -> tuple[str, list[Payload]]:
        """Return who asks, and about what.

        Raises:
            web.HTTPException: Nobody who may, or nothing that makes sense.
        """
        name = who_asks(request, self._settings.tokens)
        if name is None:
            raise web.HTTPUnauthorized(
                reason="a token is needed: Authorization: Bearer TOKEN", headers={"WWW-Authenticate": "Bearer"}
            )
        try:
            asked = json_format.Parse(_object(await request.text()), Payloads(), ignore_unknown_fields=True)
        except (json_format.ParseError, ValueError, LookupError, RecursionError):
            # Without the reason, which quotes what was sent.
            raise web.HTTPBadRequest(reason="the body has to be JSON with a list of payloads") from None
        return name, list(asked.payloads)

    async def _decoded(self, payload: Payload) -> Payload:
        try:
            return (await self._codec.decode([payload]))[0]
        except EncryptionError as error:
            logger.warning("a payload stays as it is: %s", error)
            return payload


def _object(text: str) -> str:
    """Return JSON that is an object: the parser takes an empty list for an empty message.

    Raises:
        ValueError: It is none.
    """
    if not text.lstrip().startswith("{"):
        raise ValueError("no object")
    return text


def _answer(payloads: list[Payload]) -> web.Response:
    return web.json_response(
        text=json_format.MessageToJson(Payloads(payloads=payloads)), headers={"Cache-Control": "no-store"}
    )


def _page(said: str, status: int = 200) -> web.Response:
    return web.Response(
        text=_SIGN_IN_PAGE.format(said=said), status=status, content_type="text/html", headers=_PAGE_HEADERS
    )


async def _show_sign_in(_: web.Request) -> web.StreamResponse:
    return _page("Sign in to read in Temporal's UI what is encrypted.")


async def _live(_: web.Request) -> web.StreamResponse:
    return web.Response(text="ok\n")


@web.middleware
async def _say_what_is_wrong(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors as JSON, as whoever asks expects."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        headers: Mapping[str, str] = {
            name: error.headers[name] for name in ("WWW-Authenticate", "Allow") if name in error.headers
        }
        return web.json_response({"error": error.reason}, status=error.status, headers=headers)
