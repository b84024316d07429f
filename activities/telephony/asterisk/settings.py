"""How to reach an Asterisk node."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""Name of an application, a user or an endpoint. It ends up in URLs and dial strings."""


class AsteriskSettings(BaseModel):
    """One node. Nothing here has to be known to Asterisk but the user, the application's name needs no set-up."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@]+(/[^\s?#]*)?$")]
    """Base of the REST interface, ``http://127.0.0.1:8088/ari``. Credentials do not belong into it."""
    app: Name
    """ARI application. One listener at a time has it, so every node and every engine needs its own."""
    username: Name
    """User of ``ari.conf``; must not be ``read_only``."""
    password: SecretStr
    """That user's password."""
    trunk: Name | None = None
    """PJSIP endpoint that carries ``tel:`` addresses. Default: none, such addresses are invalid destinations."""
    request_timeout: timedelta = timedelta(seconds=1)
    """Longest wait for one answer. Default: 1 second; measured answers take milliseconds."""
    arrange_timeout: timedelta = timedelta(seconds=2)
    """Longest time for one arrangement, retries included. Default: 2 seconds; a person is waiting."""
    hold_backstop: timedelta = timedelta(minutes=10)
    """How long after the end of its hold budget a waiting leg leaves for extension ``T`` of its dialplan context,
    because the engine must be dead. Zero: never. Default: 10 minutes."""
    heartbeat: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(seconds=4)
    """How often the event socket is pinged, so that a half-open one is noticed. Default: 4 seconds."""

    @model_validator(mode="after")
    def _timeouts(self) -> Self:
        if not timedelta(0) < self.request_timeout <= self.arrange_timeout:
            raise ValueError("request_timeout must be positive and not longer than arrange_timeout")
        return self
