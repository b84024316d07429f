"""The addresses that `hookflash doctor` gives are pages of the real Temporal Web UI, and show what it speaks of."""

import json

import pytest
from playwright.async_api import expect

from hookflash import Mode, TransferClient, names
from hookflash.cli import run
from tests.support.polling import eventually
from tests.ui.web_ui import WebUI
from tests.workers import builds
from tests.workflows.engine import Engine

pytestmark = pytest.mark.browser

SHOWS = {
    "namespace": ("Namespace Details", "Retention Period"),
    "attributes": ("TransferOutcome", "KeywordList"),
    "workers": ("Task Queue", "transfers"),
    "builds": ("hookflash", "Deployments"),
    "listeners": ("listener:simulator", "Pending Activities"),
    "payloads": ("transfer:simulator:", "Event History"),
    "transfers": ("TemporalReportedProblems", "Workflows"),
}
"""What is to be read on the page of each check."""


async def test_every_address_is_a_page_that_shows_it(
    engine_with_ui: Engine, web_ui: WebUI, ui_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    client = engine_with_ui.client
    request = engine_with_ui.request(Mode.COLD, "sim:bob?busy")
    await (await TransferClient(client, engine_with_ui.queue).start(request)).wait()

    async def listed() -> bool | None:
        return bool((await client.count_workflows(f"WorkflowType = '{names.WORKFLOW_TYPE}'")).count) or None

    await eventually(listed, "the transfer in the server's list")
    base = f"http://127.0.0.1:{ui_port}"
    async with builds.Engine(client).build("one"):
        capsys.readouterr()
        await run(["doctor", "--address", client.service_client.config.target_host, "--ui", base, "--json"])
        pages = {it["check"]: it["ui"] for it in json.loads(capsys.readouterr().out)["findings"] if it["ui"]}
        assert set(pages) == set(SHOWS)
        main = web_ui.page.locator("body")
        for check, address in pages.items():
            await web_ui.page.goto(address, wait_until="domcontentloaded")
            for text in SHOWS[check]:
                await expect(main, check).to_contain_text(text)
            await expect(main, check).not_to_contain_text("Not Found")
    # The look would have seen an address that is none.
    await web_ui.page.goto(f"{base}/namespaces/default/nonsense", wait_until="domcontentloaded")
    await expect(main).to_contain_text("Not Found")
