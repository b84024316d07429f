"""What the `hookflash` command shows to a person: a few lines of plain text."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from hookflash._summary import in_words
from hookflash.commands import Wait
from hookflash.result import Attempt, TransferResult
from hookflash.status import Deadline, TransferStatus

_JOURNAL_LINES = 8
_EXTENSIBLE = frozenset(Wait)


def status(id: str, found: TransferStatus, now: datetime) -> str:
    """Return what is going on with a transfer.

    Args:
        id: Its workflow id.
        found: What it says of itself.
        now: The time that the remaining seconds are counted from.
    """
    lines = [id, f"{words(found.mode)} transfer: {words(found.stage)}"]
    lines += table((it.party.value, words(it.placement), _named(it.name, it.party.value)) for it in found.legs)
    lines += [_deadline(it, now) for it in found.deadlines]
    if found.journal:
        lines.append("journal (local time)")
        entries = found.journal[-_JOURNAL_LINES:]
        lines += [f"  {it.at.astimezone():%H:%M:%S} {printable(it.text)}" for it in entries]
    if found.result is not None:
        lines += _result(found.result)
    elif found.possible:
        lines.append(f"now possible: {', '.join(it.value for it in found.possible)}")
    return "\n".join(lines)


def result(id: str, found: TransferResult) -> str:
    """Return how a transfer ended."""
    return "\n".join([id, *_result(found)])


def _deadline(deadline: Deadline, now: datetime) -> str:
    left = deadline.at - now
    seconds = timedelta(seconds=round(left.total_seconds()))
    told = f"  {printable(deadline.name)}: {f'{in_words(seconds)} left' if left > timedelta(0) else 'due'}"
    return f"{told} (extend {deadline.wait})" if deadline.wait in _EXTENSIBLE else told


def result_line(found: TransferResult) -> str:
    """Return how a transfer ended, by whom, and how long it took."""
    cause = f" ({words(found.cause)})" if found.cause else ""
    took = in_words(found.ended_at - found.started_at)
    return f"{words(found.outcome)}{cause}, by the {found.ended_by.value}, after {took}"


def _result(found: TransferResult) -> list[str]:
    lines = [f"result: {result_line(found)}"]
    lines.append(f"  customer: {_where(found.customer_with)}")
    lines += table((printable(it.target), _attempt(it)) for it in found.attempts)
    if found.fallbacks:
        tried = (f"{words(it.kind)}{' (took the customer)' if it.took_customer else ''}" for it in found.fallbacks)
        lines.append(f"  fallbacks tried: {', '.join(tried)}")
    spans = {
        "on hold": found.held,
        "ringing": found.ringing,
        "consulting": found.consulting,
        "with the agent": found.with_agent,
    }
    told = [f"{name} {in_words(span)}" for name, span in spans.items() if span]
    if told:
        lines.append(f"  {', '.join(told)}")
    return lines


def _where(customer_with: tuple[str, ...]) -> str:
    if not customer_with:
        return "gone"
    if customer_with == ("hold",):
        return "on hold"
    return f"with {' and '.join(words(it) for it in customer_with)}"


def _attempt(attempt: Attempt) -> str:
    if attempt.dialled_at is None:
        told = "never dialled"
    elif attempt.accepted_at is not None:
        told = f"joined after {in_words(attempt.accepted_at - attempt.dialled_at)}"
    else:
        told = "not reached" if attempt.answered_at is None else "answered, not joined"
    if attempt.cause is None:
        return told
    return f"{told}: {words(attempt.cause)}{_evidence(attempt)}"


def _evidence(attempt: Attempt) -> str:
    seen = attempt.evidence
    parts = [f"SIP {seen.sip_status}"] if seen.sip_status is not None else []
    parts += [f"Q.850 {seen.q850}"] if seen.q850 is not None else []
    return f" ({', '.join(parts)})" if parts else ""


def table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Return rows whose columns are aligned. What is in them is other people's text, ids too."""
    found = [tuple(map(printable, row)) for row in rows]
    if not found:
        return []
    widths = [max(len(row[column]) for row in found) for column in range(len(found[0]))]
    return [
        "  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in found
    ]


def words(word: str) -> str:
    """Return a word of the contract as a person reads it."""
    # str() of a member of a StrEnum is its value.
    return str(word).replace("_", " ")


def _named(name: str, party: str) -> str:
    return "" if name.lower() == party else printable(name)


def printable(text: str) -> str:
    """Return a text that does nothing to a terminal."""
    # Names are other people's text, and a terminal obeys control characters.
    return "".join(it if it.isprintable() else "?" for it in text)
