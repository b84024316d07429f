"""What Mermaid itself says of our diagrams: it understands them, and draws every name as it is written."""

import random
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

import pytest
from playwright.async_api import Page, async_playwright

from hookflash import Mode, Target
from hookflash._operators.story import Moment, Note, Story
from hookflash._operators.story_diagram import mermaid
from tests.operators.operated import RING, Operated
from tests.support.requirements import TOOLS, chromium
from tests.ui.web_ui import CHROMIUM_ARGUMENTS

pytestmark = [pytest.mark.browser, pytest.mark.mermaid, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]

NAMES = (
    *(
        "Claims desk",
        "end",
        "END user",
        "the weekend; of: it",
        "x->>y",
        "as as",
        "note over P0",
        "title: x",
        "Zürich 日本 — é 🙂",
    ),
    *(
        "a<b>c & \"d\" 'e' #1 %%x #35;",
        "{curly} [sq] (r)",
        "%%{init: {}}%%",
        "a\\b|c`d~e^f",
        "-x",
        "+y",
        "()",
        "$$x^2$$",
        "<br/>",
    ),
    *(
        "participant",
        "activate P0",
        "box",
        "loop",
        "alt",
        "create",
        "accTitle: hi",
        "1. 2)",
        '@{ "type": "actor" }',
        "**b** _i_",
    ),
)
"""What people may call a desk, and Mermaid may take for something else."""


class Drawn(TypedDict):
    """One diagram."""

    kind: str
    """What Mermaid takes it for."""
    texts: list[str]
    """What is written in it."""


class Mermaid:
    """Mermaid in a browser, with the settings that it has by itself."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def draw(self, text: str) -> Drawn:
        """Parse a diagram and draw it.

        Raises:
            playwright.async_api.Error: Mermaid does not understand it.
        """
        return await self._page.evaluate(
            """async text => {
              const { diagramType } = await mermaid.parse(text);
              const { svg } = await mermaid.render('drawn', text);
              const drawn = new DOMParser().parseFromString(svg, 'text/html');
              return { kind: diagramType, texts: [...drawn.querySelectorAll('text')].map(it => it.textContent) };
            }""",
            text,
        )


@pytest.fixture(scope="module")
async def judge() -> AsyncIterator[Mermaid]:
    """Mermaid, loaded once."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        page = await browser.new_page()
        await page.add_script_tag(path=TOOLS / "mermaid" / "mermaid.min.js")
        await page.evaluate("mermaid.initialize({ startOnLoad: false })")
        yield Mermaid(page)
        await browser.close()


def told_of(name: str) -> str:
    """Return the diagram of a transfer to a target of this name."""
    at = datetime(2026, 11, 22, 12, 29, tzinfo=UTC)
    notes = (Note(about=(name,), text=f"{name} is called", called_by="agent"), Note(about=(), text=f"agent: {name}"))
    return mermaid(
        Story(
            id="transfer:a:b",
            run_id="c",
            mode="warm",
            state="ringing",
            lanes=("customer", "agent", name),
            moments=(Moment(at=at, notes=notes),),
            ui="https://ui.example/namespaces/default/workflows/transfer%3Aa%3Ab/c/history",
        )
    )


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_drawn_as_it_is_written(judge: Mermaid, name: str) -> None:
    drawn = await judge.draw(told_of(name))
    assert drawn["kind"] == "sequence"
    # Each lane has its name above and below.
    assert drawn["texts"].count(name) == 2
    assert f"12:29:00Z {name} is called" in drawn["texts"]
    assert f"12:29:00Z agent: {name}" in drawn["texts"]


async def test_no_name_is_anything_but_a_name(judge: Mermaid) -> None:
    chance = random.Random(20261122)
    pieces = [*"aZ09 ;:#%<>-+=()[]{}|\\/@&\"'`~^$*_.,!?é日", *["end", "->>", "as", "over", "P0", "%%", "link"]]
    for _ in range(60):
        name = "x".join(("", "".join(chance.choices(pieces, k=12)), ""))
        drawn = await judge.draw(told_of(name))
        plain = [" ".join(it.split()) for it in drawn["texts"]]
        assert plain.count(" ".join(name.split())) == 2, f"{name!r} in {plain}"


async def test_the_diagram_of_a_real_transfer_is_drawn(judge: Mermaid, operated: Operated) -> None:
    desk = Target(address="sim:bob?busy", name="END; of #1", ring_timeout=RING)
    transfer = await operated.start(Mode.COLD, "", targets=(desk,))
    await transfer.wait()
    ran = await operated.run("show", transfer.id, "--format", "mermaid")
    assert ran.out.splitlines()[-1] == f"    %% {operated.link(transfer)}"
    drawn = await judge.draw(ran.out)
    assert drawn["texts"].count("END; of #1") == 2
    for wanted in ("END; of #1 is called", "END; of #1: call ended (busy)", "customer and agent talk"):
        assert any(it.endswith(f"Z {wanted}") for it in drawn["texts"]), drawn["texts"]


@pytest.mark.parametrize("page", ["README.md", "docs/architecture.md", "docs/cli.md"])
async def test_the_diagrams_of_our_pages_are_drawn(judge: Mermaid, page: str) -> None:
    blocks = re.findall(r"^```mermaid\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        assert (await judge.draw(block))["kind"]


async def test_what_is_no_diagram_is_refused(judge: Mermaid) -> None:
    with pytest.raises(Exception, match="Parse error"):
        await judge.draw("sequenceDiagram\n    P0->>: nobody\n    end")
