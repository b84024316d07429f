"""What spans of requests to ARI are called."""

from contextlib import AbstractContextManager

from opentelemetry.trace import Span

from activities.telephony import spans

WORDS = frozenset(
    [
        "addChannel",
        "answer",
        "applications",
        "asterisk",
        "bridges",
        "channels",
        "continue",
        "dial",
        "endpoints",
        "hold",
        "info",
        "live",
        "moh",
        "move",
        "mute",
        "pause",
        "play",
        "playbacks",
        "record",
        "recordings",
        "removeChannel",
        "ring",
        "silence",
        "snoop",
        "stop",
        "stored",
        "subscription",
        "transfer_progress",
        "unhold",
        "unmute",
        "unpause",
        "variable",
        "variables",
    ]
)
"""Segments of ARI's paths. Whatever else stands there is an id."""


def route(where: str) -> str:
    """Return a path with its ids left out."""
    return spans.template(where, WORDS)


def requesting(method: str, where: str) -> AbstractContextManager[Span]:
    """Make a span of a request."""
    return spans.requesting("asterisk", method, route(where))
