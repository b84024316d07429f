"""Write the tables of docs/cli.md: every command with its options, as the program itself has them."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from hookflash._cli_input import ALIASES, parser

PAGE = Path(__file__).resolve().parents[1] / "docs" / "cli.md"
BEGIN, END = "<!-- python -m scripts.cli_page -->\n", "<!-- until here -->\n"


def commands() -> dict[str, argparse.ArgumentParser]:
    """Return the parser of every command, by name, in the order of the help."""
    # argparse has no public way to its own parts; the choices of all others are lists.
    for action in parser()._actions:  # pyright: ignore[reportPrivateUsage]
        choices: object = action.choices
        if isinstance(choices, dict):
            found = cast("dict[str, argparse.ArgumentParser]", choices)
            return {name: command for name, command in found.items() if name not in ALIASES}
    raise AssertionError("there are no commands")


def tables() -> str:
    """Return a table of options for each command; those that all commands have stand first, once."""
    rows = {name: list(_rows(command)) for name, command in commands().items()}
    shared = [row for row in rows["status"] if all(row in of_it for of_it in rows.values())]
    blocks = [_table("Every command", "", shared)]
    for name, command in commands().items():
        own = [row for row in rows[name] if row not in shared]
        blocks.append(_table(f"`{name}`", command.description or "", own))
    return "\n".join(blocks)


def with_tables(page: str) -> str:
    """Return the page with the tables as they must be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}\n{END}{after}"


def _table(title: str, text: str, rows: list[tuple[str, str]]) -> str:
    lines = [f"### {title}", ""]
    lines += [text[0].upper() + text[1:].rstrip(".") + ".", ""] if text else []
    lines += ["| option | what |", "|---|---|", *(f"| `{name}` | {what} |" for name, what in rows)] if rows else []
    return "\n".join([*lines, ""])


def _rows(command: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in command._actions:  # pyright: ignore[reportPrivateUsage]
        if action.dest == "help":
            continue
        words = [str(it) for it in action.choices or ()]
        value = action.metavar or action.dest.upper()
        name = action.option_strings[-1] if action.option_strings else ""
        if not name or action.nargs != 0:
            name = f"{name} {value}".strip()
        # Some helps list the choices themselves, where the program would not: on the page they have one form.
        what = (
            (action.help or "")
            .replace(f"one of {', '.join(words)}", "")
            .replace("%(default)s", str(action.default))
            .replace("|", "\\|")
        )
        listed = f"one of {', '.join(f'`{it}`' for it in words)}" if words else ""
        yield name, "; ".join(filter(None, (what, listed)))


def main() -> int:
    """Write the tables into the page."""
    PAGE.write_text(with_tables(PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
