"""Reads what a Prometheus endpoint says."""

import asyncio
import re
import urllib.request
from dataclasses import dataclass

SERIES = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Scrape:
    """One look at an endpoint."""

    text: str

    def series(self, name: str) -> list[tuple[dict[str, str], float]]:
        """Return every series of a name: its labels and its value."""
        return [
            (dict(LABEL.findall(found["labels"] or "")), float(found["value"]))
            for found in SERIES.finditer(self.text)
            if found["name"] == name
        ]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum over every series with these labels; nothing counted is 0."""
        return sum(value for has, value in self.series(name) if labels.items() <= has.items())


async def scrape(address: str) -> Scrape:
    """Ask an endpoint, as Prometheus does."""

    def ask() -> str:
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
            return answer.read().decode()

    return Scrape(await asyncio.to_thread(ask))
