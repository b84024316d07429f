"""Write the runbooks of docs/operations.md as a page that Prometheus itself serves, so that its alerts' links open.

A browser finds no heading in a file of Markdown, so each one becomes an element with the id that GitHub gives it. The
text below stays as it was written, but for its links and what is set in bold or in code.
"""

import html
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "docs" / "operations.md"
PAGE = ROOT / "deploy" / "prometheus" / "pages" / "operations.html"
SECTION = "When something is down"

_HEAD = """\
<!doctype html>
<!-- python -m scripts.runbook_page -->
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hookflash: {title}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }}
div {{ white-space: pre-wrap; }}
code, pre {{ background: #8882; }}
:target {{ background: #fd08; }}
</style>
"""


def anchor(heading: str) -> str:
    """Return what a link to a heading ends with, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def page(source: str) -> str:
    """Return the page that is made of docs/operations.md."""
    section = source.split(f"\n## {SECTION}\n")[1].split("\n## ")[0]
    about, *runbooks = section.split("\n### ")
    titles = [it.partition("\n")[0] for it in runbooks]
    here = {anchor(it) for it in titles}
    parts = [_HEAD.format(title=html.escape(SECTION)), _heading(1, SECTION), _text(about, here)]
    parts.append(
        "<ul>\n" + "".join(f'<li><a href="#{anchor(it)}">{html.escape(it)}</a>\n' for it in titles) + "</ul>\n"
    )
    for title, runbook in zip(titles, runbooks, strict=True):
        parts += [_heading(2, title), _text(runbook.partition("\n")[2], here)]
    return "".join(parts)


def _heading(level: int, title: str) -> str:
    return f'<h{level} id="{anchor(title)}">{html.escape(title)}</h{level}>\n'


def _text(markdown: str, here: set[str]) -> str:
    """Return text with its blocks of commands apart: nothing in those means anything but itself."""
    parts: list[str] = []
    for number, part in enumerate(re.split(r"^```\w*\n(.*?)^```\n?", markdown, flags=re.MULTILINE | re.DOTALL)):
        if number % 2:
            parts.append(f"<pre>{html.escape(part)}</pre>\n")
        elif part.strip():
            parts.append(f"<div>{_inline(html.escape(part.strip()), here)}</div>\n")
    return "".join(parts)


def _inline(text: str, here: set[str]) -> str:
    """Return text with code, bold, and links; those that lead to no runbook name the page that they lead to."""

    def link(found: re.Match[str]) -> str:
        name, place = found[1], found[2]
        if place.startswith("https://") or place.removeprefix("#") in here:
            return f'<a href="{place}">{name}</a>'
        of_page = place.partition("#")[0] or SOURCE.name
        return f"{name} ({of_page})"

    text = re.sub(r"\[([^\]]+)\]\(([^)]+)\)", link, text)
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])", r"<em>\1</em>", text)


def main() -> int:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(SOURCE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
