"""What a provider's webhook is to us: a request that is judged before anything is done, and answered within a second.

A provider that calls webhooks offers one ``WebhookEndpoint`` for each of its nodes. It is pure: whoever serves it over
HTTP reads the request, delivers the events, and sends the answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from activities.telephony.model import LegEvent

LARGEST_BODY = 64 * 1024
"""Bytes. Forty parameters of a few dozen characters each are what providers send."""


@dataclass(frozen=True)
class WebhookRequest:
    """A request as it has come in, none of which is to be believed yet."""

    method: str
    target: str
    """Path and query as they were sent, not decoded: that is what is signed."""
    headers: Mapping[str, str]
    """Names are looked up in any case."""
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Return a header, None if there is none."""
        return next((value for it, value in self.headers.items() if it.lower() == name.lower()), None)


@dataclass(frozen=True)
class WebhookAnswer:
    """What is sent back."""

    status: int = 204
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Received:
    """A request that is the provider's own, read."""

    kind: str
    """What it is about, one of a few words: a label of a metric."""
    digest: str
    """Identifies what was signed: the same request again has the same digest."""
    events: tuple[LegEvent, ...] = ()
    """What it tells of legs. They have to be delivered before the answer."""
    answer: WebhookAnswer = WebhookAnswer()
    if_undelivered: WebhookAnswer | None = None
    """The answer if the events could not be delivered, where somebody on the phone must not pay for it. Default: the
    provider is told to try again."""


class Refused(Exception):
    """A request that is not taken. Nothing was done."""

    def __init__(self, status: int, reason: str, said: str, headers: Mapping[str, str] | None = None) -> None:
        """Refuse.

        Args:
            status: Of the answer.
            reason: One of a few words: a label of a metric.
            said: What is wrong, naming the field, and never a value: it may be a number.
            headers: Of the answer. Default: none.
        """
        super().__init__(said)
        self.reason = reason
        self.answer = WebhookAnswer(status, f"{said}\n".encode(), "text/plain", headers or {})


class WebhookEndpoint(Protocol):
    """Where one node of a provider calls."""

    @property
    def prefix(self) -> str:
        """How the paths of this node begin, and no others."""
        ...

    def receive(self, request: WebhookRequest) -> Received:
        """Judge a request, and read it.

        Raises:
            Refused: It is not the provider's, or makes no sense.
        """
        ...
