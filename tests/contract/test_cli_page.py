"""The page docs/cli.md: every command and option of the program is on it, and no other."""

import re

from hookflash._operators import session
from scripts.cli_page import PAGE, commands, with_tables

ELSEWHERE = {"--role"}
"""Options on the page that are of other programs."""


def test_the_tables_are_those_of_the_program() -> None:
    assert PAGE.read_text() == with_tables(PAGE.read_text()), "python -m scripts.cli_page"


def test_every_command_and_option_is_in_the_tables() -> None:
    page = PAGE.read_text()
    known: set[str] = set()
    for name, command in commands().items():
        assert f"### `{name}`" in page
        known.update(re.findall(r"--[a-z-]+", command.format_help()))
    assert {"--since", "--format", "--yes", "--query"} <= known
    on_page = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", page))
    assert known - on_page == {"--help"}
    assert on_page - known - ELSEWHERE == set()


def test_no_choice_is_listed_twice() -> None:
    for row in (line for line in PAGE.read_text().splitlines() if line.startswith("| `")):
        assert row.count("one of ") <= 1, row


def test_every_exit_code_is_on_the_page() -> None:
    codes = {session.DONE, session.REFUSED, session.INVALID, session.UNREACHABLE, session.INTERRUPTED}
    assert {int(it) for it in re.findall(r"^\| (\d+) \| ", PAGE.read_text(), re.MULTILINE)} == codes
