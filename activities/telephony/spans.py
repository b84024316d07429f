"""Spans of requests to providers. They name the route, and never what is in it: ids, numbers and names stay out."""

from collections.abc import Generator, Set
from contextlib import contextmanager

from opentelemetry import trace


def template(where: str, words: Set[str]) -> str:
    """Return a path with its ids left out: whatever is not one of the words that its provider's paths have."""
    return "/".join(_segment(it, words) for it in where.split("/"))


def _segment(segment: str, words: Set[str]) -> str:
    name, dot, form = segment.rpartition(".")
    if not segment or segment in words:
        return segment
    if form == "json":
        return (name if name in words else "{id}") + dot + form
    return "{id}"


@contextmanager
def requesting(provider: str, method: str, route: str) -> Generator[trace.Span]:
    """Make a span of a request; it costs next to nothing where nobody traces.

    Args:
        provider: Kind of the provider.
        method: Of HTTP.
        route: See `template`.
    """
    with trace.get_tracer(f"hookflash.{provider}").start_as_current_span(
        f"{method} {route}",
        kind=trace.SpanKind.CLIENT,
        attributes={"http.request.method": method, "url.template": route},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise
