"""HTTP as a script does it."""

import asyncio
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import Request, urlopen


@dataclass(frozen=True)
class Answer:
    """What came back; names of headers in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(url: str, body: bytes | None = None, *, method: str | None = None, **headers: str) -> Answer:
    """Ask, and return the answer whatever its status."""
    return await asyncio.to_thread(_ask, Request(url, body, headers, method=method))


def _ask(request: Request) -> Answer:
    try:
        with urlopen(request, timeout=30) as answer:
            return Answer(answer.status, {name.lower(): it for name, it in answer.headers.items()}, answer.read())
    except HTTPError as error:
        return Answer(error.code, {name.lower(): it for name, it in error.headers.items()}, error.read())
