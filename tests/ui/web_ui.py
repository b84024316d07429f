"""The Temporal Web UI as an operator uses it: opens its pages in Chromium, reads them and takes pictures."""

import os
from pathlib import Path
from urllib.parse import quote

from playwright.async_api import FloatRect, Locator, Page, expect

SHOWN_WITHIN_MS = 20_000
"""A page is there in one or two seconds; on a busy machine it takes its time."""

expect.set_options(timeout=SHOWN_WITHIN_MS)

CHROMIUM_ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Chromium refuses to run its sandbox as root, and only there is it given up.
    *(("--no-sandbox",) if os.geteuid() == 0 else ()),
)


def pictures() -> Path:
    """Return the folder for pictures; what a run leaves for people to look at is kept by CI."""
    folder = Path(os.environ.get("HOOKFLASH_ARTIFACTS", ".artifacts")) / "ui"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class WebUI:
    """One browser tab."""

    def __init__(self, page: Page, address: str) -> None:
        """Use a tab.

        Args:
            page: The tab.
            address: Where the UI listens.
        """
        self.page = page
        self._workflows = f"{address}/namespaces/default/workflows"

    async def open(self, workflow_id: str, run_id: str) -> None:
        """Open a workflow's page, which begins with its timeline."""
        await self.page.goto(
            f"{self._workflows}/{quote(workflow_id, safe='')}/{run_id}/timeline", wait_until="domcontentloaded"
        )

    async def find(self, query: str) -> None:
        """Open the list of workflows with a filter, as a bookmark or a link in a runbook does."""
        await self.page.goto(f"{self._workflows}?query={quote(query)}", wait_until="domcontentloaded")

    async def turn_to(self, tab: str) -> None:
        """Turn to one of the tabs of the workflow's page."""
        await self.page.get_by_role("tab", name=tab).or_(self.page.get_by_role("link", name=tab)).first.click()

    @property
    def static_details(self) -> Locator:
        """What the caller's client said at the start, at length."""
        return self._markdown(1)

    @property
    def current_details(self) -> Locator:
        """What the workflow says now."""
        return self._markdown(2)

    def _markdown(self, number: int) -> Locator:
        """Return the document of one of the tab's frames: the UI renders Markdown outside its own page."""
        return self.page.frame_locator("iframe").nth(number).locator("main")

    async def shows(self, *texts: str) -> None:
        """Wait until all of these are to be read on the page."""
        for text in texts:
            await expect(self.page.locator("main")).to_contain_text(text)

    async def text(self) -> str:
        """Return what is to be read on the page, frames included."""
        return "\n".join([await frame.locator("body").inner_text() for frame in self.page.frames])

    async def picture(self, name: str, height: int, clip: FloatRect | None = None) -> Path:
        """Take a picture of the tab.

        Args:
            name: Name of the file, without its ending.
            height: Height of the window: the UI scrolls inside its page, so that a full page is what fits in it.
            clip: The part that is wanted. Default: everything.
        """
        await self.page.set_viewport_size({"width": 1400, "height": height})
        path = pictures() / f"{name}.png"
        await self.page.screenshot(path=path, clip=clip, animations="disabled")
        return path
