"""A request to ARI with what its refusals mean, and the one that every step may need: to remember something."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from activities.telephony.asterisk.client import path

NONE: frozenset[int] = frozenset()
GONE: frozenset[int] = frozenset({404})
"""Refusal of a thing that is not there any more, which is as good as having ended it."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to ARI and what its refusals mean."""

    method: str
    where: str
    query: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    fine: frozenset[int] = NONE
    """Refusals that say: it is so already."""
    not_yet: frozenset[int] = NONE
    """Refusals that go away by themselves within milliseconds."""
    no_listener: frozenset[int] = NONE
    """Refusals that say: nobody has the application's event socket."""


def variable(leg: str, name: str, value: str) -> Request:
    """Return the request that sets a reported variable of a leg."""
    query = {"variable": name, "value": value, "report_events": "true"}
    return Request("POST", path("channels", leg, "variable"), query)


@dataclass(frozen=True, slots=True)
class Note:
    """Set variables of a leg in one request."""

    leg: str
    reported: tuple[tuple[str, str], ...]
    """Ours, which we read again with every look."""
    functions: tuple[tuple[str, str], ...] = ()
    """Asterisk's own, such as ``TIMEOUT(absolute)``."""

    def requests(self) -> tuple[Request, ...]:
        """Return what it takes."""
        variables: dict[str, Any] = dict(self.functions)
        variables |= {name: {"value": value, "report_events": True} for name, value in self.reported}
        return (Request("POST", path("channels", self.leg, "variables"), body={"variables": variables}),)
