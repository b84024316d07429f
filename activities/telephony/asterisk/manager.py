"""A small client of Asterisk's manager interface (AMI): one connection, a few actions, errors that say what is certain.

ARI cannot move a call of the dialplan, AMI can; it is used for nothing else, so a connection lives for one adoption.
It follows docs.asterisk.org, "AMI v2 Specification". There is no retry here: only who looks at the calls can repeat.
"""

import asyncio
import contextlib
import itertools
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Self

from activities.telephony.asterisk.settings import ManagerSettings
from activities.telephony.errors import OutcomeUnknown, ProtocolError, ProviderUnavailable

BANNER = "Asterisk Call Manager/"
LONGEST_LINE = 64 * 1024
MOST_LINES = 1000
REFUSAL = 1.0
"""Seconds that Asterisk waits before it refuses a login."""


class LoginRefused(ProtocolError):
    """The manager does not know the user, not with this password, or not from here. It never says which."""


class Untrusted(ProtocolError):
    """The certificate cannot be judged, or was judged and not trusted."""


@dataclass(frozen=True, slots=True)
class ManagerReply:
    """An answer to an action: done, or refused."""

    done: bool
    message: str
    """Asterisk's own words."""
    fields: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """All of the answer."""


class Manager:
    """A connection that is logged in. Use it as an async context manager."""

    def __init__(self, settings: ManagerSettings, limit: timedelta) -> None:
        """Take where to connect to, and the longest wait for one answer."""
        self._settings = settings
        self._limit = limit.total_seconds()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._numbers = itertools.count(1)

    async def __aenter__(self) -> Self:
        """Connect and log in.

        Raises:
            ProviderUnavailable: No connection, or no answer.
            ProtocolError: We may not, or it is no manager interface.
        """
        try:
            await self._connect()
            await self._log_in()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection, which logs off."""
        await self._close()

    async def act(self, action: str, **fields: str) -> ManagerReply:
        """Carry out an action once and return its answer.

        Args:
            action: Name of the action.
            fields: Its parameters. They never appear in an error.

        Raises:
            ProviderUnavailable: Not sent.
            OutcomeUnknown: Sent, and no answer came.
            ProtocolError: We may not, or the answer makes no sense.
            ValueError: A field has a line break or another control character: it could begin a field of its own.
        """
        return await self._act(self._limit, action, fields)

    async def actions(self) -> frozenset[str]:
        """Return the names of the actions that the user may carry out.

        Raises:
            OutcomeUnknown: No answer came.
            ProtocolError: The answer makes no sense.
        """
        reply = await self.act("ListCommands")
        return frozenset(name for name, text in reply.fields.items() if "(Priv:" in text)

    async def _act(self, limit: float, action: str, fields: dict[str, str]) -> ManagerReply:
        number = str(next(self._numbers))
        request = _encode({"Action": action, "ActionID": number, **fields})
        if self._streams is None:
            raise ProviderUnavailable(f"{action} was not sent: not connected")
        reader, writer = self._streams
        try:
            async with asyncio.timeout(limit):
                writer.write(request)
                await writer.drain()
                reply = await _reply_to(reader, number)
        except (OSError, EOFError, TimeoutError) as error:
            raise OutcomeUnknown(f"{action} got no answer: {type(error).__name__}") from error
        if not reply.done and "permission denied" in reply.message.lower():
            raise ProtocolError(f"the manager refused {action}: its user needs the class 'call' in write")
        return reply

    async def _connect(self) -> None:
        settings = self._settings
        try:
            context = ssl.create_default_context(cafile=settings.ca_file) if settings.tls else None
        except (OSError, ValueError) as error:
            raise Untrusted(f"the manager's ca_file cannot be read: {type(error).__name__}") from error
        try:
            async with asyncio.timeout(self._limit):
                self._streams = await asyncio.open_connection(
                    settings.host, settings.port, ssl=context, limit=LONGEST_LINE
                )
                banner = await self._streams[0].readline()
        except ssl.SSLCertVerificationError as error:
            raise Untrusted(f"the manager's certificate is not trusted: {error.verify_message}") from error
        except ValueError as error:  # a line without an end
            raise ProtocolError("the manager's port was not answered by a manager") from error
        except (OSError, TimeoutError) as error:
            raise ProviderUnavailable(f"no connection to the manager: {type(error).__name__}") from error
        if not banner:
            raise ProviderUnavailable("the manager closed the connection")
        if not banner.startswith(BANNER.encode()):
            raise ProtocolError("the manager's port was not answered by a manager")

    async def _log_in(self) -> None:
        secret = self._settings.password.get_secret_value()
        try:
            login = {"Username": self._settings.username, "Secret": secret, "Events": "off"}
            reply = await self._act(self._limit + REFUSAL, "Login", login)
        except OutcomeUnknown as error:  # nothing was asked for yet
            raise ProviderUnavailable(str(error)) from error
        if not reply.done:
            raise LoginRefused("the manager refused the login: check user, password, permit")

    async def _close(self) -> None:
        if self._streams is not None:
            writer = self._streams[1]
            self._streams = None
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._limit):
                    await writer.wait_closed()


def _encode(fields: dict[str, str]) -> bytes:
    for name, value in fields.items():
        if not value.isprintable():
            raise ValueError(f"{name}: control characters have no place in a manager action")
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode() + b"\r\n"


async def _reply_to(reader: asyncio.StreamReader, number: str) -> ManagerReply:
    """Read until the answer to an action comes; events and answers that came too late are passed over."""
    for _ in range(MOST_LINES):
        message = await _message(reader)
        if message.get("ActionID") == number and "Response" in message:
            return ManagerReply(message["Response"] in {"Success", "Goodbye"}, message.get("Message", ""), message)
    raise ProtocolError("the manager talks about everything but the action")


async def _message(reader: asyncio.StreamReader) -> dict[str, str]:
    message: dict[str, str] = {}
    for _ in range(MOST_LINES):
        try:
            line = await reader.readline()
        except ValueError as error:
            raise ProtocolError("the manager answered with a line that does not end") from error
        if not line.endswith(b"\n"):
            raise EOFError
        if not line.strip():
            return message
        name, _, value = line.decode(errors="replace").partition(":")
        message[name.strip()] = value.strip()
    raise ProtocolError("the manager answered with a message that does not end")
