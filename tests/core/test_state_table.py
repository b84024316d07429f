from pathlib import Path

import pytest

from tests.core.state_table import table
from tests.core.walk import Space

pytestmark = pytest.mark.timeout(900)  # the walk itself is part of the first test

TABLE = Path(__file__).parents[2] / "docs" / "state-table.md"


def test_the_printed_table_is_that_of_the_core(space: Space) -> None:
    assert TABLE.read_text() == table(space), "python -m tests.core.state_table > docs/state-table.md"
