"""The ingress over HTTP: reads a request within limits, has it handled, and sends the answer."""

import asyncio

from aiohttp import web

from activities.telephony.webhook import LARGEST_BODY, Refused, WebhookAnswer, WebhookRequest
from workers.ingress.receiving import Receiver

BODY_SECONDS = 5.0
"""How long a body may take to come in."""


def application(receiver: Receiver) -> web.Application:
    """Return the server, to be run by aiohttp."""

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            body = await _body(request)
        except Refused as refused:
            receiver.note_refused("", refused)
            return _sent(refused.answer)
        # As it was sent: what is decoded and encoded again may not be what was signed.
        asked = WebhookRequest(request.method, request.raw_path, request.headers, body)
        return _sent(await receiver.handle(asked))

    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", handle)
    return app


async def _body(request: web.Request) -> bytes:
    """Return the body.

    Raises:
        Refused: It is too large, or does not come.
    """
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise Refused(413, "too_large", f"body: has to have {LARGEST_BODY} bytes at most") from error
    except TimeoutError as error:
        raise Refused(408, "too_slow", f"body: has to be here within {BODY_SECONDS:g} s") from error


def _sent(answer: WebhookAnswer) -> web.Response:
    headers = {**answer.headers, **({"Content-Type": answer.content_type} if answer.content_type else {})}
    return web.Response(status=answer.status, body=answer.body or None, headers=headers)
