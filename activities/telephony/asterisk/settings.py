"""How to reach an Asterisk node."""

import ipaddress
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""Name of an application, a user or an endpoint. It ends up in URLs and dial strings."""

ContextName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,79}$")]
"""Name of a dialplan context."""


class ManagerSettings(BaseModel):
    """The manager interface (AMI) of a node: it is needed to take calls over that are still in the dialplan."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,253}$")]
    """Where it listens."""
    port: Annotated[int, Field(ge=1, le=65535)] = 5038
    """Its port. Default: 5038, or what ``manager.conf`` says; with TLS that is another one, 5039 as a rule."""
    tls: bool = False
    """Whether it is reached over TLS. Default: no, and then user, password and channel names are sent as they are."""
    allow_plain_tcp: bool = Field(default=False, validate_default=True)
    """Allow another machine without TLS, where everybody on the way can read the password and redirect every call."""
    ca_file: Path | None = None
    """Certificates (PEM) by which the node's is judged. Default: those of the system."""
    username: Name
    """User of ``manager.conf``; it needs ``write = call`` and nothing else."""
    password: SecretStr
    """That user's ``secret``."""
    contexts: Annotated[tuple[ContextName, ...], Field(min_length=1)]
    """Dialplan contexts from which calls may be taken: both legs must be in one of them. A leg that was called is in
    the context of its endpoint."""

    @property
    def in_clear(self) -> bool:
        """Whether what is sent leaves this machine as anybody can read it."""
        return not self.tls and not _is_this_machine(self.host)

    @field_validator("allow_plain_tcp")
    @classmethod
    def _plain(cls, allowed: bool, info: ValidationInfo) -> bool:
        # A field that is wrong itself is not in the data: one error is enough.
        if not allowed and info.data.get("tls") is False and not _is_this_machine(info.data.get("host", "localhost")):
            raise ValueError(
                "host is another machine, to which the password would be sent in clear: set tls, or allow it"
            )
        return allowed

    @field_validator("password")
    @classmethod
    def _is_one_line(cls, password: SecretStr) -> SecretStr:
        if not password.get_secret_value().isprintable():
            raise ValueError("control characters cannot be sent to a manager")
        return password

    @field_validator("ca_file")
    @classmethod
    def _is_for_tls(cls, ca_file: Path | None, seen: ValidationInfo) -> Path | None:
        if ca_file is not None and not seen.data.get("tls"):
            raise ValueError("certificates are for TLS, which is off")
        return ca_file


class AsteriskSettings(BaseModel):
    """One node. Nothing here has to be known to Asterisk but the user, the application's name needs no set-up."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+(/[^\s?#]*)?$")]
    """Base of the REST interface, ``https://pbx.example:8089/ari``, or ``http`` on the same machine. Credentials do not
    belong into it. The node's certificate is always judged, and has to be for the host that stands here."""
    ca_file: Path | None = None
    """The only authorities that the node's certificate may be from, in PEM. Default: those that the machine trusts."""
    allow_plain_http: bool = Field(default=False, validate_default=True)
    """Allow ``http`` to another machine, where everybody on the way can read the password and command every call."""
    app: Name
    """ARI application. One listener at a time has it, so every node and every engine needs its own."""
    username: Name
    """User of ``ari.conf``; must not be ``read_only``."""
    password: SecretStr
    """That user's password. Asked for again when Asterisk refuses it, so it may be one that changes."""
    trunk: Name | None = None
    """PJSIP endpoint that carries ``tel:`` addresses. Default: none, such addresses are invalid destinations."""
    manager: ManagerSettings | None = None
    """How calls are taken over that are still in the dialplan. Default: they are not."""
    request_timeout: timedelta = timedelta(seconds=1)
    """Longest wait for one answer. Default: 1 second; measured answers take milliseconds."""
    arrange_timeout: timedelta = timedelta(seconds=2)
    """Longest time for one arrangement, retries included. Default: 2 seconds; a person is waiting."""
    hold_backstop: timedelta = timedelta(minutes=10)
    """How long after the end of its hold budget a waiting leg leaves for extension ``T`` of its dialplan context,
    because the engine must be dead; a leg that we call ends after it. Zero: never. Default: 10 minutes."""
    heartbeat: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(seconds=4)
    """How often the event socket is pinged, so that a half-open one is noticed. Default: 4 seconds."""

    @property
    def in_clear(self) -> bool:
        """Whether what is sent leaves this machine as anybody can read it."""
        return _in_clear(self.url)

    def tls(self) -> ssl.SSLContext | None:
        """Return how to judge the node's certificate; None for ``http``.

        Raises:
            OSError: The file with the authorities cannot be read, or holds none.
        """
        return ssl.create_default_context(cafile=self.ca_file) if self.url.startswith("https:") else None

    @field_validator("ca_file")
    @classmethod
    def _authorities(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        if file is None or "url" not in info.data:
            return file
        if not info.data["url"].startswith("https:"):
            raise ValueError("judges no certificate as long as url begins with http:")
        try:
            ssl.create_default_context(cafile=file)
        except ssl.SSLError as error:
            raise ValueError("holds no certificate in PEM") from error
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror}") from error
        return file

    @field_validator("allow_plain_http")
    @classmethod
    def _plain(cls, allowed: bool, info: ValidationInfo) -> bool:
        if not allowed and "url" in info.data and _in_clear(info.data["url"]):
            raise ValueError(
                "url would send the password in clear to another machine: let it begin with https:, or allow it"
            )
        return allowed

    @model_validator(mode="after")
    def _timeouts(self) -> Self:
        if not timedelta(0) < self.request_timeout <= self.arrange_timeout:
            raise ValueError("request_timeout must be positive and not longer than arrange_timeout")
        return self


def _in_clear(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme != "https" and not _is_this_machine(parts.hostname or "")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
