"""What an operator reads in the real Temporal Web UI of a transfer whose history is encrypted, by the codec server."""

import base64
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import async_playwright, expect

from hookflash import Agent, Context, Customer, Mode, Stage, Target, TransferRequest
from hookflash.client import TransferClient
from hookflash.converter import data_converter
from hookflash.encryption import encrypted
from tests.support.polling import eventually
from tests.support.requirements import chromium
from tests.support.temporal_server import start_server
from tests.ui.web_ui import CHROMIUM_ARGUMENTS, SHOWN_WITHIN_MS, WebUI
from tests.workflows.engine import Engine, running_engine
from workers.codec_server.server import application
from workers.codec_server.settings import load

pytestmark = pytest.mark.browser

CUSTOMER = "Zebulon Quux"
TOKEN = base64.urlsafe_b64encode(os.urandom(24)).decode()


@dataclass
class Encrypted:
    """A UI on encrypted transfers, and where the codec server is."""

    engine: Engine
    ui: WebUI
    codec: str


@pytest.fixture
async def encrypted_ui(tmp_path: Path, ui_port: int) -> AsyncIterator[Encrypted]:
    """A server, an engine with keys, a codec server and a browser that is set to ask it."""
    (tmp_path / "keys").write_text(f"2026-11 {base64.b64encode(os.urandom(32)).decode()}\n")
    (tmp_path / "tokens").write_text(f"olga {TOKEN}\n")
    ui = f"http://127.0.0.1:{ui_port}"
    variables = {
        "HOOKFLASH_ENCRYPTION_KEYS_FILE": str(tmp_path / "keys"),
        "HOOKFLASH_CODEC_SERVER_TOKENS_FILE": str(tmp_path / "tokens"),
        "HOOKFLASH_CODEC_SERVER_UI_ORIGINS": ui,
    }
    codec = web.AppRunner(application(load(variables)))
    await codec.setup()
    await web.TCPSite(codec, "127.0.0.1", 0).start()
    codec_url = f"http://127.0.0.1:{codec.addresses[0][1]}"
    async with (
        await start_server(converter=encrypted(data_converter, tmp_path / "keys"), ui_port=ui_port) as environment,
        running_engine(environment.client) as engine,
        async_playwright() as playwright,
    ):
        browser = await playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGUMENTS)
        context = await browser.new_context(viewport={"width": 1400, "height": 1000}, locale="en-GB")
        context.set_default_timeout(SHOWN_WITHIN_MS)
        # As the UI's dialog "Codec Server" keeps it: this endpoint, and "Include cross-origin credentials".
        chosen = {"endpoint": codec_url, "includeCredentials": True, "overrideRemoteCodecConfiguration": True}
        kept = "; ".join(
            f"localStorage.setItem({json.dumps(it)}, {json.dumps(json.dumps(chosen[it]))})" for it in chosen
        )
        await context.add_init_script(f"if (location.origin === {json.dumps(ui)}) {{ {kept} }}")
        yield Encrypted(engine, WebUI(await context.new_page(), ui), codec_url)
        await browser.close()
    await codec.cleanup()


async def test_an_operator_who_has_signed_in_reads_what_nobody_else_does(encrypted_ui: Encrypted) -> None:
    engine, ui = encrypted_ui.engine, encrypted_ui.ui
    customer, agent = Customer(leg="sim:carol"), Agent(leg="sim:anna", id="a-17", address="sim:anna?answer=100ms")
    engine.exchange.place_call(customer=customer.leg, agent=agent.leg)
    target = Target(address="sim:claims?answer=1s", name="Claims desk", ring_timeout=timedelta(seconds=20))
    transfer = await TransferClient(engine.client, engine.queue).start(
        TransferRequest(
            mode=Mode.WARM,
            provider="simulator",
            customer=customer,
            agent=agent,
            targets=(target,),
            context=Context(customer_name=CUSTOMER),
        )
    )
    assert transfer.run_id is not None

    async def consulting() -> bool | None:
        return True if (await transfer.status()).stage is Stage.CONSULTING else None

    await eventually(consulting, "the consultation")
    await ui.open(transfer.id, transfer.run_id)
    await ui.shows("Running", "arrange")
    assert CUSTOMER not in await ui.text()
    assert "Claims desk" not in await ui.text()

    await ui.page.goto(encrypted_ui.codec)
    await ui.page.get_by_label("Token").fill(TOKEN)
    await ui.page.get_by_role("button", name="Sign in").click()
    await expect(ui.page.locator("body")).to_contain_text("Signed in.")

    await ui.open(transfer.id, transfer.run_id)
    await ui.shows("Running", CUSTOMER)  # in the input
    # Summaries of timers and activities.
    await ui.shows("hold budget (5 min", "ring Claims desk (20 s)")
    await ui.turn_to("User Metadata")
    await expect(ui.static_details).to_contain_text("Claims desk")
    await expect(ui.current_details).to_contain_text("agent and target talk in private")
    await ui.picture("encrypted", 1240)
    await transfer.cancel()
    await transfer.wait()
