"""A Temporal server with its Web UI, an engine on it, and a browser."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import async_playwright

from tests.support.ports import free_port
from tests.support.requirements import chromium
from tests.support.temporal_server import start_server
from tests.ui.web_ui import CHROMIUM_ARGUMENTS, SHOWN_WITHIN_MS, WebUI
from tests.workflows.engine import Engine, running_engine


@pytest.fixture(scope="module")
def ui_port() -> int:
    """Where the Web UI listens."""
    return free_port()


@pytest.fixture(scope="module")
async def engine_with_ui(ui_port: int) -> AsyncIterator[Engine]:
    """An engine on a server of its own: the one that all tests share has no UI, because it takes a second to start."""
    async with await start_server(ui_port=ui_port) as environment, running_engine(environment.client) as engine:
        yield engine


@pytest.fixture(scope="module")
async def web_ui(ui_port: int, engine_with_ui: Engine) -> AsyncIterator[WebUI]:
    """A browser tab, the same everywhere: light, in English, in UTC."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        context = await browser.new_context(
            viewport={"width": 1400, "height": 1000},
            color_scheme="light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
        )
        context.set_default_timeout(SHOWN_WITHIN_MS)
        yield WebUI(await context.new_page(), f"http://127.0.0.1:{ui_port}")
        await browser.close()
