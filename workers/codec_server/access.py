"""Who may ask the codec server: a token in the header, or a browser that has been shown one."""

import hashlib
import hmac

from aiohttp import web

from workers.codec_server.settings import Tokens

COOKIE = "hookflash-codec"
SESSION_SECONDS = 12 * 3600


def who_asks(request: web.Request, tokens: Tokens) -> str | None:
    """Return the name that goes with the token of a request, None if it has no good one."""
    scheme, _, told = request.headers.get("Authorization", "").partition(" ")
    if told:
        return name_of(told.strip(), tokens) if scheme.lower() == "bearer" else None
    session = request.cookies.get(COOKIE, "")
    return next((name for name, token in tokens.all() if _same(session, session_of(token))), None)


def name_of(told: str, tokens: Tokens) -> str | None:
    """Return the name that goes with a token, None if there is no such token."""
    return next((name for name, token in tokens.all() if _same(told, token)), None)


def session_of(token: str) -> str:
    """Return what a browser keeps in place of the token: good for as long as the token is."""
    return hmac.new(token.encode(), b"hookflash codec server", hashlib.sha256).hexdigest()


def sign_in(answer: web.Response, token: str, *, secure: bool) -> None:
    """Let the browser be known from now on, to requests of pages of the same site only."""
    answer.set_cookie(
        COOKIE,
        session_of(token),
        max_age=SESSION_SECONDS,
        httponly=True,
        samesite="Strict",
        secure=secure,
    )


def _same(told: str, expected: str) -> bool:
    # A header may hold bytes that are no text.
    return hmac.compare_digest(told.encode(errors="surrogateescape"), expected.encode())
