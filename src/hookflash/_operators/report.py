"""`hookflash report`: outcomes, causes and lengths over a time range."""

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import AwareDatetime, BaseModel

from hookflash._cli_render import table, words
from hookflash._operators.arguments import Add, add_filters, conditions
from hookflash._operators.finding import PAGE, Found, find, query_of
from hookflash._operators.session import DONE, Session, note, write
from hookflash._summary import in_words
from hookflash.errors import EngineUnreachable, HookflashError
from hookflash.result import TransferResult

DEFAULT_RANGE = timedelta(hours=24)
AT_ONCE = 20
"""Results that are read at the same time."""

PERCENTILES = (50, 90, 99)


class Spread(BaseModel):
    """How long something took, as percentiles (nearest rank) of those to which it applies."""

    number: int
    p50: timedelta
    p90: timedelta
    p99: timedelta
    longest: timedelta


class Report(BaseModel):
    """What became of the transfers that began in a time range."""

    since: AwareDatetime
    until: AwareDatetime
    transfers: int
    open: int
    outcomes: dict[str, int]
    """Of those that are over, by outcome, or by Temporal's own word where there is none, as for ``terminated``."""
    causes: dict[str, int]
    modes: dict[str, int]
    providers: dict[str, int]
    length: dict[str, Spread]
    """From begin to end, by outcome; ``all`` is all of them."""
    spent: dict[str, Spread] | None = None
    """With ``--results``: time of ``held``, ``ringing``, ``consulting`` and ``with_agent``, where there was any."""
    unread: int = 0
    """Results that could not be read."""
    ui: str | None = None
    """Where the Temporal UI lists them, if that is known and there are any."""


def add(add_parser: Add) -> None:
    """Add the command."""
    text = "outcomes, causes and lengths over a time range"
    about = (
        f"Outcomes, causes, and percentiles of lengths, of the transfers that began in a time range. "
        f"Costs Temporal one request per {PAGE} transfers in the range (it cannot group by outcome), and one more for "
        f"each that is over with --results."
    )
    command = add_parser("report", help=text, description=about)
    add_filters(command, ended=True)
    command.add_argument(
        "--results", action="store_true", help="read each result too: time on hold, ringing, consulting, with the agent"
    )
    command.set_defaults(prepare=_prepare, run=_run)


def _prepare(arguments: argparse.Namespace) -> None:
    arguments.until = arguments.until or datetime.now(UTC)
    arguments.since = arguments.since or arguments.until - DEFAULT_RANGE
    arguments.conditions = conditions(arguments)


async def _run(session: Session) -> int:
    arguments = session.arguments
    found = [it async for it in find(session, arguments.conditions)]
    report = summed_up(arguments.since, arguments.until, found)
    if found:
        report = report.model_copy(update={"ui": session.list_link(query_of(arguments.conditions))})
    if arguments.results:
        over = [it for it in found if it.outcome is not None and not it.open]
        results = await _results(session, over)
        report = report.model_copy(update={"spent": _spent(results), "unread": len(over) - len(results)})
        if report.unread:
            note(f"{report.unread} results could not be read")
    write(report.model_dump_json(indent=2) if arguments.json else "\n".join(_lines(report)))
    return DONE


def summed_up(since: datetime, until: datetime, found: Sequence[Found]) -> Report:
    """Return the report on transfers."""
    over = [it for it in found if not it.open]
    by_outcome: dict[str, list[timedelta]] = {"all": [it.length for it in over]}
    for it in over:
        by_outcome.setdefault(it.state, []).append(it.length)
    return Report(
        since=since,
        until=until,
        transfers=len(found),
        open=len(found) - len(over),
        outcomes=_counted(it.state for it in over),
        causes=_counted(it.cause for it in over),
        modes=_counted(it.mode for it in found),
        providers=_counted(it.provider for it in found),
        length={name: spread(lengths) for name, lengths in by_outcome.items() if lengths},
    )


def spread(times: Sequence[timedelta]) -> Spread:
    """Return the percentiles of one or more times, by nearest rank: each is a time that there was."""
    ordered = sorted(times)
    p50, p90, p99 = (ordered[-(-it * len(ordered) // 100) - 1] for it in PERCENTILES)
    return Spread(number=len(ordered), p50=p50, p90=p90, p99=p99, longest=ordered[-1])


async def _results(session: Session, over: Sequence[Found]) -> list[TransferResult]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def read(it: Found) -> TransferResult | None:
        async with turns:
            try:
                return await session.client.transfer(it.id, it.run_id).wait()
            except EngineUnreachable:
                raise
            except HookflashError:
                return None  # Temporal has forgotten it in the meantime

    return [it for it in await asyncio.gather(*map(read, over)) if it is not None]


def _spent(results: Sequence[TransferResult]) -> dict[str, Spread]:
    times = {
        "held": [it.held for it in results],
        "ringing": [it.ringing for it in results],
        "consulting": [it.consulting for it in results],
        "with_agent": [it.with_agent for it in results],
    }
    there = {name: [it for it in spans if it] for name, spans in times.items()}
    return {name: spread(spans) for name, spans in there.items() if spans}


def _counted(values: Iterable[str | None]) -> dict[str, int]:
    return dict(Counter(it for it in values if it is not None).most_common())


def _lines(report: Report) -> list[str]:
    begin, end = (f"{it.astimezone():%Y-%m-%d %H:%M:%S}" for it in (report.since, report.until))
    over = report.transfers - report.open
    lines = [f"transfers begun from {begin} to {end} (local time): {over} over, {report.open} open"]
    lines += _shares("outcome", report.outcomes, over)
    lines += _shares("cause", report.causes, over)
    lines += _shares("mode", report.modes, report.transfers)
    lines += _shares("provider", report.providers, report.transfers)
    lines += _spreads("length", report.length)
    lines += _spreads("time spent", report.spent or {})
    return [*lines, "", report.ui] if report.ui else lines


def _shares(title: str, counts: Mapping[str, int], of: int) -> list[str]:
    rows = [(words(name), str(count), f"{100 * count / of:.1f} %") for name, count in counts.items()]
    return ["", *table([(title.upper(), "NUMBER", "SHARE"), *rows])] if rows else []


def _spreads(title: str, spreads: Mapping[str, Spread]) -> list[str]:
    heading = (title.upper(), "NUMBER", *(f"{it} %" for it in PERCENTILES), "LONGEST")
    rows = [
        (words(name), str(it.number), *(in_words(_short(time)) for time in (it.p50, it.p90, it.p99, it.longest)))
        for name, it in spreads.items()
    ]
    return ["", *table([heading, *rows])] if rows else []


def _short(time: timedelta) -> timedelta:
    return timedelta(seconds=round(time.total_seconds(), 1))
