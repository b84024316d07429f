"""docs/behaviour.md has every requirement and every complaint, and no page names a test that does not exist."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "behaviour.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

REQUIREMENTS = [f"R{number:02}" for number in range(1, 50)]
COMPLAINTS = [str(number) for number in range(1, 26)]

MENTION = re.compile(r"tests/[\w./:-]*\w")
ROW = re.compile(r"^\| (R\d+|\d+) \| (.*) \|$", re.MULTILINE)
WITHOUT_PROOF = ("**not yet**", "**out of scope**")


@functools.cache
def names_in(file: Path) -> frozenset[str]:
    """Every test function of a file, read from its source."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = (node.name for node in ast.parse(file.read_text()).body if isinstance(node, functions))
    return frozenset(name for name in found if name.startswith("test_"))


def missing(text: str) -> list[str]:
    """Every test, file or folder below `tests` that a text mentions and that does not exist."""
    found: list[str] = []
    for mention in MENTION.findall(text):
        path, _, name = mention.partition("::")
        there = (ROOT / path).exists()
        if not there or (name and name not in names_in(ROOT / path)):
            found.append(mention)
    return found


def unproven(text: str) -> list[str]:
    """Every row that neither names a test nor says that there is nothing to prove."""
    return [
        number
        for number, rest in ROW.findall(text)
        if ".py::" not in rest and not any(it in rest for it in WITHOUT_PROOF)
    ]


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text()


def test_every_requirement_and_every_complaint_has_its_row(page: str) -> None:
    assert [number for number, _ in ROW.findall(page)] == REQUIREMENTS + COMPLAINTS


@pytest.mark.parametrize("any_page", PAGES, ids=lambda it: str(it.relative_to(ROOT)))
def test_every_test_that_is_named_exists(any_page: Path) -> None:
    assert missing(any_page.read_text()) == [], f"{any_page.name} names what does not exist"


def test_the_page_is_read_as_it_is_written(page: str) -> None:
    assert len(MENTION.findall(page)) > len(REQUIREMENTS), "the page is not read as it is written"


def test_every_row_names_a_test_or_says_that_there_is_none(page: str) -> None:
    assert unproven(page) == []


def test_a_wrong_page_is_noticed() -> None:
    here = "tests/test_behaviour_page.py"
    right = f"`{here}::test_a_wrong_page_is_noticed`, `{here}` and `tests/core`"
    assert missing(right) == []
    wrong = [
        f"{here}::test_gone",
        f"{here}::missing",
        f"{here}::test_a_wrong_page",
        "tests/gone.py",
        "tests/gone.py::test_a",
    ]
    assert missing("<br>".join(f"`{it}`" for it in wrong)) == wrong
    assert unproven(
        f"| R01 | a | b | `{here}::test_a` |\n| R02 | a | b | none |\n| 3 | a | **not yet**: b | none |"
    ) == ["R02"]
