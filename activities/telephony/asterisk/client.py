"""A small client of Asterisk's REST interface: one attempt per request, and errors that say what is certain.

It follows docs.asterisk.org, "Asterisk REST Interface (ARI)". There is no retry here, and none may be added: only
who knows the whole arrangement knows what is safe to repeat. The one exception is a request that was refused for its
password, after the password has changed: nothing was done.
"""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast
from urllib.parse import quote

import aiohttp

from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.asterisk.tracing import requesting
from activities.telephony.errors import OutcomeUnknown, ProtocolError, ProviderUnavailable

# Asterisk closes an idle connection after 15 s (http.conf, session_keep_alive). A request on a connection that closes
# in that moment has an unknown outcome, so ours are closed long before.
KEEP_ALIVE = 5.0
CONNECTIONS = 64
NO_RESOURCE = "Resource not found"
"""What ARI says of a path that none of its modules knows, where it would name what it did not find."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a request: done, or refused with a status below 500."""

    status: int
    data: object = None
    """Body, read from JSON."""

    @property
    def done(self) -> bool:
        """Whether Asterisk did it."""
        return self.status < 300

    @property
    def message(self) -> str:
        """Asterisk's own words for a refusal."""
        said = self.data
        if not isinstance(said, dict):
            return ""
        said = cast("dict[str, object]", said)
        return str(said.get("message") or said.get("error") or "")


class CredentialsRefused(ProtocolError):
    """Asterisk does not know the user, or not with this password. It has done nothing.

    Passing: the password may be about to be changed, and then Asterisk has the new one a moment before we have.
    """

    passing = True


class InternalError(Exception):
    """Asterisk answered with a status of 500 or more, which sometimes has a known meaning."""


def path(*segments: str) -> str:
    """Join segments to a path, so that no id can reach into another resource."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def _read(status: int, text: str) -> Reply | None:
    """Return the reply that ARI gave, None if it was given by somebody else."""
    if not text:
        return Reply(status) if status < 300 else None
    try:
        return Reply(status, json.loads(text))
    except ValueError:
        # A server error stays one, whoever reports it: the request may have been executed.
        return Reply(status) if status >= 500 else None


class AriClient:
    """Requests to one node."""

    def __init__(self, settings: AsteriskSettings) -> None:
        self._settings = settings
        self._url = settings.url.rstrip("/")
        self._tls = settings.tls()
        self._session: aiohttp.ClientSession | None = None
        self._headers: dict[str, str] = {}
        self._closed = False

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            # Whoever is still at it would leave a connection behind that nobody closes.
            raise ProviderUnavailable("the connections to this node are closed")
        # Made on first use, because it belongs to the loop that is running then.
        if self._session is None or self._session.closed:
            connector = aiohttp.TCPConnector(
                limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE, ssl=self._tls if self._tls is not None else True
            )
            timeout = aiohttp.ClientTimeout(total=self._settings.request_timeout.total_seconds())
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self._session

    def _credentials(self) -> dict[str, str]:
        secret = self._settings.password.get_secret_value()
        return {"Authorization": aiohttp.encode_basic_auth(self._settings.username, secret)}

    async def _authorized(self, attempt: Callable[[dict[str, str]], Awaitable[T]]) -> T:
        """Make an attempt, and another one if the password has been changed since. The refused one did nothing."""
        used = self._headers = self._headers or self._credentials()
        try:
            return await attempt(used)
        except CredentialsRefused:
            self._headers = self._credentials()
            if self._headers == used:
                raise
            return await attempt(self._headers)

    async def close(self) -> None:
        """Close all connections, for good."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get(self, where: str, read: Callable[[object], T]) -> T | None:
        """Return what is there, None for nothing.

        Args:
            where: Path below the base, made by ``path``.
            read: Makes something typed of the JSON, or raises a ``ValueError``.

        Raises:
            ProviderUnavailable: No answer; reading changes nothing, so nothing was executed.
            ProtocolError: We may not, or the answer makes no sense.
        """
        try:
            reply = await self.send("GET", where)
        except (OutcomeUnknown, InternalError) as error:
            raise ProviderUnavailable(str(error)) from error
        if reply.status == 404:
            return None
        if reply.done:
            try:
                return read(reply.data)
            except ValueError as error:
                raise ProtocolError(f"GET {where} was not answered by ARI") from error
        raise ProtocolError(f"GET {where} was answered {reply.status} {reply.message}")

    async def send(
        self,
        method: str,
        where: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Make a request once.

        Args:
            method: HTTP method.
            where: Path below the base, made by ``path``.
            query: Parameters. They may hold numbers and never appear in an error.
            body: Sent as JSON.

        Raises:
            ProviderUnavailable: Not sent.
            OutcomeUnknown: Sent, and no answer came.
            InternalError: Answered with 500 or more.
            ProtocolError: We may not, or the answer makes no sense.
        """
        return await self._authorized(lambda headers: self._send(method, where, query, body, headers))

    async def _send(
        self,
        method: str,
        where: str,
        query: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str],
    ) -> Reply:
        what, url = f"{method} {where}", self._url + where
        try:
            with requesting(method, where) as span:
                async with self._open().request(method, url, params=query, json=body, headers=headers) as response:
                    status, text = response.status, await response.text()
                span.set_attribute("http.response.status_code", status)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ProviderUnavailable(f"{what} was not sent: {_why(error)}") from error
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            raise OutcomeUnknown(f"{what} got no answer: {type(error).__name__}") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise ProtocolError(f"{what} was not answered by HTTP: {type(error).__name__}") from error
        reply = _read(status, text)
        if status == 401:
            raise CredentialsRefused(f"{what} was answered 401: check user and password")
        if status == 403:
            raise ProtocolError(f"{what} was answered 403 {reply.message if reply else ''}: check read_only and acl")
        if reply is None or (status == 404 and reply.message == NO_RESOURCE):
            # A gateway's words, or those of an Asterisk that is still loading its modules. Above all this is no 404
            # of a leg: nobody may take a leg for ended because of it.
            raise ProviderUnavailable(f"{what} was answered {status}, and not by ARI")
        if status >= 500:
            raise InternalError(f"{what} was answered {status} {reply.message}")
        return reply

    async def download(self, where: str) -> bytes:
        """Return a file, empty if there is none.

        Raises:
            ProviderUnavailable: No answer.
        """
        try:
            async with self._open().get(self._url + where, headers=self._headers) as response:
                return await response.read() if response.status < 300 else b""
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProviderUnavailable(f"GET {where} got no answer: {_why(error)}") from error

    async def listen(self, app: str, heartbeat: timedelta) -> aiohttp.ClientWebSocketResponse:
        """Open the event socket of an application; whoever had it before is told ApplicationReplaced.

        Raises:
            ProviderUnavailable: No connection.
            ProtocolError: We may not.
        """
        return await self._authorized(lambda headers: self._listen(app, heartbeat, headers))

    async def _listen(
        self, app: str, heartbeat: timedelta, headers: Mapping[str, str]
    ) -> aiohttp.ClientWebSocketResponse:
        limit = self._settings.request_timeout.total_seconds()
        try:
            async with asyncio.timeout(limit):
                return await self._open().ws_connect(
                    f"{self._url}/events", params={"app": app}, heartbeat=heartbeat.total_seconds(), headers=headers
                )
        except aiohttp.WSServerHandshakeError as error:
            if error.status >= 500:
                raise ProviderUnavailable(f"the event socket was answered {error.status}") from error
            if error.status == 401:
                raise CredentialsRefused("the event socket was answered 401: check user and password") from error
            raise ProtocolError(f"the event socket was answered {error.status}: check user, acl and url") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ProviderUnavailable(f"no event socket: {_why(error)}") from error


def _why(error: Exception) -> str:
    """Say what went wrong with a connection; of a certificate, what is wrong with it."""
    name = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        judged = error.certificate_error
        return f"{name}: {judged.verify_message if isinstance(judged, ssl.SSLCertVerificationError) else judged}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{name}: {error.os_error.strerror or error.os_error}"
    return name
