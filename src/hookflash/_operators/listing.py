"""`hookflash list`: open and closed transfers."""

import argparse
from datetime import timedelta

from hookflash._cli_render import table, words
from hookflash._operators.arguments import Add, add_filters, conditions, positive
from hookflash._operators.finding import PAGE, Found, find
from hookflash._operators.session import DONE, Session, note, write, write_json
from hookflash._summary import in_words

LIMIT = 50
HEADINGS = ("ID", "MODE", "STATE", "CAUSE", "BEGUN", "LENGTH", "UI")


def add(add_parser: Add) -> None:
    """Add the command."""
    text = "list open and closed transfers, the open ones first"
    about = f"{text[0].upper()}{text[1:]}. Temporal's list is a moment behind; one request tells of {PAGE} transfers."
    command = add_parser("list", help=text, description=about)
    add_filters(command, ended=True)
    state = command.add_mutually_exclusive_group()
    state.add_argument("--open", action="store_true", help="only those that run")
    state.add_argument("--closed", action="store_true", help="only those that are over")
    command.add_argument("--limit", metavar="NUMBER", type=positive, default=LIMIT, help="default: %(default)s")
    command.set_defaults(prepare=_conditions, run=_run)


def _conditions(arguments: argparse.Namespace) -> None:
    arguments.conditions = conditions(arguments)
    if arguments.open or arguments.closed:
        arguments.conditions.append(f"ExecutionStatus {'=' if arguments.open else '!='} 'Running'")


async def _run(session: Session) -> int:
    arguments = session.arguments
    limit: int = arguments.limit
    found: list[Found] = []
    # One more than is shown, to know whether there are more.
    async for it in find(session, arguments.conditions, page=min(PAGE, limit + 1)):
        found.append(it)
        if len(found) > limit:
            break
    shown = found[:limit]
    if arguments.json:
        write_json([it.model_dump(mode="json") for it in shown])
    elif shown:
        write("\n".join(line.removeprefix("  ") for line in table([HEADINGS, *map(_row, shown)])))
    if len(found) > limit:
        note("there are more; --limit shows them")
    elif not found:
        note("there is no such transfer")
    return DONE


def _row(found: Found) -> tuple[str, ...]:
    return (
        found.id,
        words(found.mode or "-"),
        words(found.state),
        words(found.cause or "-"),
        f"{found.begun.astimezone():%Y-%m-%d %H:%M:%S}",
        in_words(timedelta(seconds=round(found.length.total_seconds()))),
        found.ui or "-",
    )
