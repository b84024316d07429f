"""Whether the ingress is where Twilio is told that it is, refuses what nobody has signed, and takes what Twilio signs.

Asked from here, which is not from where Twilio asks: a firewall in between is not seen.
"""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp

from activities.telephony.twilio.callbacks import RETRIES, CallbackUrls
from activities.telephony.twilio.endpoint import TONE
from activities.telephony.twilio.settings import is_this_machine
from activities.telephony.twilio.signatures import SIGNATURE, signature
from activities.telephony.twilio.tone import tone
from hookflash._findings import Finding, failure, ok, warning

PATIENCE = aiohttp.ClientTimeout(total=5)
"""Twilio itself waits for 15 seconds in all, over all tries."""
FORM = [("CallSid", "CA" + "0" * 32), ("CallStatus", "ringing")]
"""Says something of a call that nobody has."""
URL = "HOOKFLASH_TWILIO_CALLBACK_URL"
INGRESS = f"run `python -m workers ingress` behind {URL}, with the same URL and HOOKFLASH_TWILIO_NODE"


class _Answer(NamedTuple):
    status: int
    body: bytes


class _NoAnswerError(Exception):
    """Nobody answered; the message says why."""


async def webhooks(urls: CallbackUrls, auth_token: str) -> AsyncIterator[Finding]:
    """Call the ingress as Twilio would, and as somebody who only pretends to be. Nobody is told anything by it.

    Args:
        urls: What Twilio is given.
        auth_token: By which Twilio signs. Empty: unknown here, so that only refusals are looked at.
    """
    yield _transport(urls.base_url)
    async with aiohttp.ClientSession(timeout=PATIENCE) as session:
        try:
            found = await _ask(session, "GET", urls.called(urls.prefix + TONE))
            reached = _is_ours(found)
            if reached is not None:
                yield reached
                return
            yield ok("ingress", "answers for this node")
            yield await _refuses(session, urls)
            yield await _takes(session, urls, auth_token)
        except _NoAnswerError as error:
            yield failure("ingress", f"does not answer at {URL}: {error}", INGRESS)


def _transport(base_url: str) -> Finding:
    parts = urlsplit(base_url)
    if parts.scheme == "https":
        return ok("callback url", "https")
    if is_this_machine(parts.hostname or ""):
        return warning(
            "callback url", f"{URL}: Twilio does not reach this machine by that name", f"{URL}: https, public"
        )
    return warning(
        "callback url",
        f"{URL}: http: everybody on the way can read what people press and whom they talk to",
        f"{URL}: https, with a proxy in front of the ingress that speaks TLS",
    )


def _is_ours(answer: _Answer) -> Finding | None:
    """Return what is wrong with what answers, None if it is the ingress, and knows this node."""
    if answer.status == 200 and answer.body == tone():
        return None
    if answer.status == 200:
        return failure("ingress", f"somebody else answers at {URL}", INGRESS)
    told = "no ingress of this node" if answer.status == 404 else "something in front of the ingress"
    return failure(
        "ingress",
        f"at {URL} a request was answered {answer.status}, by {told}",
        f"{INGRESS}; the proxy has to pass on every path below /twilio/ as it is, and may not ask who calls",
    )


async def _refuses(session: aiohttp.ClientSession, urls: CallbackUrls) -> Finding:
    url = urls.leg("doctor", "doctor")
    unsigned = await _ask(session, "POST", url)
    pretended = await _ask(session, "POST", url, signed=signature("not the auth token", _bare(url), FORM))
    if (unsigned.status, pretended.status) == (401, 403):
        return ok("signatures", "are asked for: what is not signed by Twilio is refused")
    if unsigned.status < 300 or pretended.status < 300:
        text = "a webhook was taken that Twilio has not signed: anybody can say what becomes of calls"
    else:
        text = f"webhooks without a right signature were answered {unsigned.status} and {pretended.status}"
    return failure("signatures", text, f"{INGRESS}; the proxy has to pass on the header {SIGNATURE}")


async def _takes(session: aiohttp.ClientSession, urls: CallbackUrls, auth_token: str) -> Finding:
    if not auth_token:
        return ok("auth token", "is not known here, so nothing was signed by it (HOOKFLASH_TWILIO_AUTH_TOKEN)")
    url = urls.hold("default")
    answer = await _ask(session, "GET", url, signed=signature(auth_token, _bare(url), ()))
    if answer.status == 200 and b"<Response>" in answer.body:
        return ok("auth token", "what it signs is taken, and the callback key is the ingress's")
    return failure(
        "auth token",
        f"music that Twilio would ask for was refused ({answer.status})",
        f"{URL}, HOOKFLASH_TWILIO_CALLBACK_KEY and HOOKFLASH_TWILIO_AUTH_TOKEN: the same here and at the ingress, "
        "whose log names what was wrong; the proxy may change neither path nor query",
    )


async def _ask(session: aiohttp.ClientSession, method: str, url: str, signed: str = "") -> _Answer:
    form: Sequence[tuple[str, str]] | None = FORM if method == "POST" else None
    headers = {SIGNATURE: signed} if signed else {}
    try:
        async with session.request(method, _bare(url), data=form, headers=headers, allow_redirects=False) as response:
            return _Answer(response.status, await response.read())
    except aiohttp.ClientConnectorCertificateError as error:
        raise _NoAnswerError("its certificate is none that this machine trusts") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise _NoAnswerError(type(error).__name__) from error


def _bare(url: str) -> str:
    """Return a URL without its fragment, which is for Twilio alone."""
    return url.removesuffix(f"#{RETRIES}")
