"""How to reach a Twilio account."""

import ipaddress
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator

API = "https://api.twilio.com"
SYNC = "https://sync.twilio.com"

PhoneNumber = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
"""A number in E.164."""


class TwilioSettings(BaseModel):
    """One account, and how the engine uses it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    account_sid: Annotated[str, StringConstraints(pattern=r"^AC[0-9a-fA-F]{32}$")]
    """The account that carries the calls."""
    api_key_sid: Annotated[str, StringConstraints(pattern=r"^(SK|AC)[0-9a-fA-F]{32}$")]
    """An API key of the account (or the account itself, with its auth token as the secret: not advised)."""
    api_key_secret: SecretStr
    """That key's secret."""
    base_url: str = API
    """Base of the REST interface. Default: Twilio's own; another region or edge has another one."""
    sync_url: str = SYNC
    """Base of Twilio Sync, where the engine keeps what belongs to each leg. Default: Twilio's own."""
    sync_service: Annotated[str, StringConstraints(pattern=r"^(default|IS[0-9a-fA-F]{32})$")] = "default"
    """The Sync service for that. Default: the one that every account has."""
    caller_id: PhoneNumber | None = None
    """Number that is shown where nobody names one. Default: then a target that needs one cannot be rung."""
    places_url: str | None = None
    """Where calls that are handed off go on: the TwiML of place ``x`` is fetched from ``<places_url>/x``. Default:
    nothing can be handed off."""
    request_timeout: timedelta = timedelta(seconds=1.5)
    """How long one request may take."""
    arrange_timeout: timedelta = timedelta(seconds=2.5)
    """How long all of one arrangement may take."""
    poll_interval: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(seconds=5)
    """How often the listener looks at the calls, for what no webhook has told."""
    undecided: timedelta = timedelta(seconds=10)
    """How long a leg may be missing whose dialling was never answered, before it counts as ended."""

    @field_validator("base_url", "sync_url", "places_url")
    @classmethod
    def _secured(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an https URL without query and fragment")
        if parts.scheme == "http" and not is_this_machine(parts.hostname):
            raise ValueError("must be https: what is sent to another machine commands every call of the account")
        return url.rstrip("/")


def is_this_machine(host: str) -> bool:
    """Tell whether a host is this machine, by its name or address alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
