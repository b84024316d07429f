"""Arguments that several commands take: times, ids, and which transfers are meant."""

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import TypeAdapter, ValidationError

from hookflash import names
from hookflash._operators.referring import of_number
from hookflash.errors import InvalidRequest
from hookflash.references import KEYS_FILE_VARIABLE
from hookflash.vocabulary import Cause, Mode, Outcome, Stage

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}

_FIELDS: tuple[tuple[str, str, type[StrEnum] | None, str], ...] = (
    ("mode", names.TRANSFER_MODE.name, Mode, "how the customer is handed over"),
    ("stage", names.TRANSFER_STAGE.name, Stage, "what is going on"),
    ("provider", names.TRANSFER_PROVIDER.name, None, "the node that carries the call"),
    ("tenant", names.TRANSFER_TENANT.name, None, "whose permissions apply"),
    ("agent", names.TRANSFER_AGENT.name, None, "opaque id of the agent"),
)
_FIELDS_OF_ENDED: tuple[tuple[str, str, type[StrEnum] | None, str], ...] = (
    ("outcome", names.TRANSFER_OUTCOME.name, Outcome, "how it ended"),
    ("cause", names.TRANSFER_CAUSE.name, Cause, "why it ended so"),
)


def duration(text: str) -> timedelta:
    """Return `20`, `20s`, `1.5m`, `PT20S` as a duration. Whether it is a sensible one is the contract's to say.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    number = re.fullmatch(r"(\d+(?:\.\d+)?) ?([a-z]*)", text)
    try:
        if number:
            return timedelta(seconds=float(number[1]) * _UNITS[number[2]])
        return TypeAdapter(timedelta).validate_python(text)
    except (KeyError, OverflowError, ValidationError):
        raise argparse.ArgumentTypeError(f"'{text}' is no duration such as 20s, 2m or PT20S") from None


def moment(text: str) -> datetime:
    """Return `24h` or `30m` as that long ago, anything else as ISO 8601; without an offset it is local time.

    Raises:
        argparse.ArgumentTypeError: It is neither.
    """
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    try:
        if text.isdigit():
            raise argparse.ArgumentTypeError("seconds, minutes, or a year?")
        return datetime.now(UTC) - duration(text)
    except (argparse.ArgumentTypeError, OverflowError):
        problem = f"'{text}' is no time such as 24h, 30m or 2026-03-01T12:00+01:00"
        raise argparse.ArgumentTypeError(problem) from None


def transfer_id(text: str) -> str:
    """Return the id of a transfer, from its whole id or from the part that differs."""
    return text if text.startswith("transfer:") else f"transfer:{text}"


def positive(text: str) -> int:
    """Return a number of things, one at least.

    Raises:
        argparse.ArgumentTypeError: It is no such number.
    """
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"'{text}' is no number of 1 or more")
    return int(text)


def add_filters(command: argparse.ArgumentParser, *, ended: bool) -> None:
    """Add the options that say which transfers are meant. All that are given must hold.

    Args:
        command: Where to.
        ended: Whether transfers that are over can be meant.
    """
    group = command.add_argument_group("which transfers (all that are given must hold)")
    for name, _, words, text in (*_FIELDS, *(_FIELDS_OF_ENDED if ended else ())):
        if words is None:
            group.add_argument(f"--{name}", metavar="WORD", type=_word, help=text)
        else:
            group.add_argument(f"--{name}", metavar="WORD", choices=[it.value for it in words], help=text)
    group.add_argument(
        "--reference-of",
        metavar="NUMBER",
        help=f"started with the reference of this telephone number, - for standard input; needs {KEYS_FILE_VARIABLE}",
    )
    group.add_argument("--held", action="store_true", help="the customer is on hold")
    when = "24h, 30m (ago), or ISO 8601; without an offset it is local time"
    group.add_argument("--since", metavar="TIME", type=moment, help=f"begun then or later: {when}")
    group.add_argument("--until", metavar="TIME", type=moment, help="begun before then")
    group.add_argument(
        "--query",
        metavar="TEXT",
        help="in Temporal's words, such as: TransferProvider = 'pbx1' AND TransferHeld = true",
    )


def conditions(arguments: argparse.Namespace) -> list[str]:
    """Return what the filter options say, in Temporal's words.

    Raises:
        InvalidRequest: They contradict each other, or a reference cannot be made.
        EncryptionError: The keys of references cannot be used.
    """
    given = vars(arguments)
    found = [
        f"{attribute} = '{given[name]}'"
        for name, attribute, _, _ in (*_FIELDS, *_FIELDS_OF_ENDED)
        if given.get(name) is not None
    ]
    if arguments.reference_of is not None:
        known = ", ".join(f"'{it}'" for it in of_number(arguments.reference_of).found)
        found.append(f"{names.TRANSFER_LEGS.name} IN ({known})")
    if arguments.held:
        found.append(f"{names.TRANSFER_HELD.name} = true")
    since: datetime | None = arguments.since
    until: datetime | None = arguments.until
    if since is not None and until is not None and since >= until:
        raise InvalidRequest("--until: has to be later than --since")
    found += [f"StartTime >= '{since.isoformat()}'"] if since is not None else []
    found += [f"StartTime < '{until.isoformat()}'"] if until is not None else []
    if arguments.query is not None:
        if not arguments.query.strip():
            raise InvalidRequest("--query: is empty")
        found.append(f"({arguments.query})")
    return found


def _word(text: str) -> str:
    if not text or not text.isprintable() or any(quote in text for quote in "'\"`\\"):
        raise argparse.ArgumentTypeError("has to be a word without quotation marks")
    return text


Add = Callable[..., argparse.ArgumentParser]
"""`add_parser` of the command line, with the options that all commands share."""
