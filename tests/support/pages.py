"""Pages in Markdown, as a test reads them."""

import re
from pathlib import Path


def anchors(page: Path) -> set[str]:
    """Return what a link to each heading of a page ends with, as GitHub makes it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", it.lower()).replace(" ", "-") for it in headings}
