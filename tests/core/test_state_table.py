from pathlib import Path

import pytest

from tests.core.state_table import cells, read, table
from tests.core.walk import Space

pytestmark = pytest.mark.timeout(900)  # the walk itself is part of the first test

TABLE = Path(__file__).parents[2] / "docs" / "state-table.md"
AGAIN = "python -m tests.core.state_table > docs/state-table.md"


def test_the_printed_table_is_that_of_the_core(space: Space) -> None:
    whole = read(TABLE.read_text())
    printed = {key: cell for key, cell in whole.items() if key[2] is space.mode}
    rows = {(stage, label) for stage, label, _ in whole}
    found = {key: cell for key, cell in cells(space).items() if cell != "=" or key[:2] in rows}
    assert printed == found, AGAIN


def test_the_printed_table_is_written_as_it_would_be_now() -> None:
    text = TABLE.read_text()
    assert text == table(read(text)), AGAIN
