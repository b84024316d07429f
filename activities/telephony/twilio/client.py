"""A small client of Twilio's REST interface: one attempt per request, and errors that say what is certain.

It follows twilio.com/docs/usage/requests-to-twilio. Twilio's own SDK is not used: it repeats requests by itself, which
would ring people twice, ignores time limits, and loses ``Retry-After``. There is no retry here, and none may be added.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TypeVar, cast
from urllib.parse import quote

import aiohttp

from activities.telephony.errors import OutcomeUnknown, ProtocolError, ProviderUnavailable
from activities.telephony.spans import requesting, template
from activities.telephony.twilio.settings import TwilioSettings

CONNECTIONS = 64

WORDS = frozenset({"2010-04-01", "v1", "Accounts", "Calls", "Conferences", "Participants", "Services", "Documents"})
"""Segments of Twilio's paths. Whatever else stands there is an id."""

Form = Sequence[tuple[str, str]]
"""Fields of a form; one that has several values is repeated."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """What Twilio answered to a request that it has carried out."""

    status: int
    data: object
    """Body, read from JSON."""


class RefusedError(Exception):
    """Twilio has refused a request and done nothing. What it means depends on what was asked."""

    def __init__(self, what: str, status: int, code: int) -> None:
        super().__init__(f"{what} was answered {status}, error {code}")
        self.status = status
        self.code = code
        """See twilio.com/docs/api/errors; 0 where none was given."""


class NotAllowedError(ProtocolError):
    """The account, the key, or what the key may do, is not as it has to be; nothing was executed."""


class RateLimited(ProviderUnavailable):
    """Too many requests; nothing was executed."""

    def __init__(self, what: str, retry_after: timedelta | None) -> None:
        wait = f", to be repeated after {retry_after.total_seconds():g} s" if retry_after else ""
        super().__init__(f"{what} was answered 429: too many requests{wait}")
        self.retry_after = retry_after


def path(*segments: str) -> str:
    """Join segments to a path, so that no id can reach into another resource."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


class TwilioClient:
    """Requests in the name of one account."""

    def __init__(self, settings: TwilioSettings) -> None:
        self._settings = settings
        self.account = f"{settings.base_url}{path('2010-04-01', 'Accounts', settings.account_sid)}"
        """URL below which everything of the account is."""
        self.documents = f"{settings.sync_url}{path('v1', 'Services', settings.sync_service, 'Documents')}"
        """URL below which the records of legs are."""
        self.base_url = settings.base_url
        """What the relative URLs of answers are relative to."""
        self.said_at: datetime | None = None
        """When Twilio last answered, by its own clock."""
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    async def close(self) -> None:
        """Close all connections, for good."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, url: str, read: Callable[[object], T], query: Form = ()) -> T | None:
        """Return what is there, None for nothing.

        Args:
            url: Absolute, without a query.
            read: Makes something typed of the JSON, or raises a ``ValueError``.
            query: Parameters.

        Raises:
            ProviderUnavailable: No answer; reading changes nothing, so nothing was executed.
            ProtocolError: We may not, or the answer makes no sense.
        """
        try:
            reply = await self._send("GET", url, query=query)
        except OutcomeUnknown as error:
            raise ProviderUnavailable(str(error)) from error
        except RefusedError as error:
            if error.status == 404:
                return None
            raise ProtocolError(str(error)) from error
        try:
            return read(reply.data)
        except ValueError as error:
            raise ProtocolError(f"GET {_told(url)} was not answered by Twilio") from error

    async def post(self, url: str, form: Form, headers: dict[str, str] | None = None) -> Reply:
        """Change something, once.

        Raises:
            ProviderUnavailable: Surely not executed.
            RateLimited: Likewise.
            OutcomeUnknown: Sent, and no answer came that says what became of it.
            RefusedError: Not executed; the code says why.
            ProtocolError: We may not.
        """
        return await self._send("POST", url, form=form, headers=headers)

    async def delete(self, url: str) -> None:
        """Delete something, once.

        Raises:
            TelephonyError: As ``post``.
            RefusedError: Likewise.
        """
        await self._send("DELETE", url)

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            # Whoever is still at it would leave a connection behind that nobody closes.
            raise ProviderUnavailable("the connections to this account are closed")
        # Made on first use, because it belongs to the loop that is running then.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=self._settings.request_timeout.total_seconds()),
            )
        return self._session

    async def _send(
        self, method: str, url: str, *, query: Form = (), form: Form = (), headers: dict[str, str] | None = None
    ) -> Reply:
        what = f"{method} {_told(url)}"
        secret = self._settings.api_key_secret.get_secret_value()  # asked for each time: it may be replaced
        credentials = {"Authorization": aiohttp.encode_basic_auth(self._settings.api_key_sid, secret)}
        try:
            with requesting("twilio", method, template(_told(url), WORDS)) as span:
                async with self._open().request(
                    method,
                    url,
                    params=list(query),
                    data=list(form) if method == "POST" else None,
                    headers=credentials | (headers or {}),
                    allow_redirects=False,
                ) as response:
                    status, given, text = response.status, response.headers, await response.text()
                span.set_attribute("http.response.status_code", status)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ProviderUnavailable(f"{what} was not sent: {type(error).__name__}") from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            raise OutcomeUnknown(f"{what} got no answer: {type(error).__name__}") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise ProtocolError(f"{what} was not answered by HTTP: {type(error).__name__}") from error
        if status >= 500:
            raise OutcomeUnknown(f"{what} was answered {status}")
        if status == 429:
            raise RateLimited(what, _retry_after(given.get("Retry-After")))
        data = _json(text)
        if status >= 300:
            code = data.get("code") if isinstance(data, dict) else None
            said = f"{what} was answered {status}, error {code}"
            if status in (401, 403):
                raise NotAllowedError(f"{said}: check the account, the API key and what it may do")
            if not isinstance(code, int) and status != 412:
                # Whoever says this is not Twilio; above all it is no 404 of a leg that has ended.
                raise ProviderUnavailable(f"{what} was answered {status}, and not by Twilio")
            raise RefusedError(what, status, code if isinstance(code, int) else 0)
        self.said_at = _moment(given.get("Date")) or self.said_at
        return Reply(status, data)


def _told(url: str) -> str:
    """Return how a URL is named in errors: ids, but neither host nor query."""
    return re.sub(r"^https?://[^/]*", "", url).partition("?")[0]


def _json(text: str) -> "dict[str, object] | None":
    try:
        read = json.loads(text) if text else None
    except ValueError:
        return None
    return cast("dict[str, object]", read) if isinstance(read, dict) else None


def _retry_after(said: str | None) -> timedelta | None:
    return timedelta(seconds=int(said)) if said is not None and said.isdecimal() else None


def _moment(said: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(said) if said else None
    except ValueError:
        return None
