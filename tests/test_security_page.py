"""The page docs/security.md: every threat has what stops it, and the test that proves it."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "security.md"
HEADING = "## Who might attack, and what stops them"
ROW = re.compile(r"^\| \*\*(.+?)\*\*.*? \| (.+) \| (.*) \|$", re.MULTILINE)
NAMED = ("Toll fraud", "Forged", "Spoofed webhooks", "Tenant crossing", "Injection", "AI agent")
"""What has to be thought of at least. That the tests exist is for tests/test_behaviour_page.py to say."""


def test_every_threat_has_its_proof() -> None:
    section = PAGE.read_text().partition(f"{HEADING}\n")[2]
    rows = ROW.findall(section)
    assert len(rows) == sum(line.startswith("| **") for line in section.splitlines()), (
        "a row is not read as it is written"
    )
    assert [threat for threat, stops, proof in rows if not stops or "`tests/" not in proof] == []
    assert [it for it in NAMED if not any(it in threat for threat, _, _ in rows)] == []
