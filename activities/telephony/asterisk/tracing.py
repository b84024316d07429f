"""Spans of requests to ARI. They name the route, and never what is in it: ids, numbers and names stay out of traces."""

from collections.abc import Generator
from contextlib import contextmanager

from opentelemetry import trace

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
    return "/".join(segment if not segment or segment in WORDS else "{id}" for segment in where.split("/"))


@contextmanager
def requesting(method: str, where: str) -> Generator[trace.Span]:
    """Make a span of a request; it costs next to nothing where nobody traces."""
    name = f"{method} {route(where)}"
    with trace.get_tracer("hookflash.asterisk").start_as_current_span(
        name,
        kind=trace.SpanKind.CLIENT,
        attributes={"http.request.method": method, "url.template": route(where)},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise
