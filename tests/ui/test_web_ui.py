"""What an operator reads in the real Temporal Web UI, while a warm transfer runs and when it is over.

The pictures go to `.artifacts/ui` (or `$HOOKFLASH_ARTIFACTS/ui`). The one in the README is made anew by:

    .venv/bin/pytest tests/ui && cp .artifacts/ui/temporal-ui.png docs/images/
"""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from playwright.async_api import expect

from hookflash import Agent, Context, Customer, Mode, Stage, Target, TransferRequest
from hookflash.client import TransferClient
from tests.support.polling import eventually
from tests.ui.web_ui import WebUI
from tests.workflows.engine import Engine

pytestmark = pytest.mark.browser

CUSTOMER = "Zebulon Quux"
NUMBER = "15550123"
TARGET = Target(address=f"sim:{NUMBER}?answer=1s", name="Claims desk", ring_timeout=timedelta(seconds=20))


@dataclass
class Seen:
    """What was to be read, by page. The transfer is followed once, and judged by several tests."""

    workflow_id: str
    pages: dict[str, str] = field(default_factory=dict[str, str])

    def __getitem__(self, page: str) -> str:
        return self.pages[page]


@pytest.fixture(scope="module")
async def seen(engine_with_ui: Engine, web_ui: WebUI) -> Seen:
    """Follow a warm transfer from its consultation to its end, as an operator does, and keep what was on the pages."""
    client = TransferClient(engine_with_ui.client, engine_with_ui.queue)
    # Plain names, for the picture in the README: the server is this test's own.
    customer, agent = Customer(leg="sim:carol"), Agent(leg="sim:anna", id="a-17", address="sim:anna?answer=100ms")
    engine_with_ui.exchange.place_call(customer=customer.leg, agent=agent.leg)
    context = Context(customer_name=CUSTOMER, reason="Damaged parcel")
    transfer = await client.start(
        TransferRequest(
            mode=Mode.WARM, provider="simulator", customer=customer, agent=agent, targets=(TARGET,), context=context
        )
    )
    assert transfer.run_id is not None
    seen = Seen(transfer.id)

    async def consulting() -> bool | None:
        return True if (await transfer.status()).stage is Stage.CONSULTING else None

    await eventually(consulting, "the consultation")
    await web_ui.open(transfer.id, transfer.run_id)
    await web_ui.shows("Running", "hold budget (5 min", "ring Claims desk (20 s)")
    await _keep(seen, web_ui, "running timeline", height=1240)
    await _keep_metadata(seen, web_ui, "running", "Claims desk answered")

    await transfer.conference()
    query = 'TransferStage = "three_way" AND TransferHeld = false'

    async def can_be_found() -> bool | None:
        return True if (await client.temporal.count_workflows(query)).count else None

    # Temporal's search lags behind, and the list does not look again by itself.
    await eventually(can_be_found, "the transfer in the server's search")
    await web_ui.find(query)
    await web_ui.shows("1 Workflow", transfer.id)
    await _keep(seen, web_ui, "list of three-way calls", height=1000)

    await transfer.complete()
    await transfer.wait()
    await web_ui.page.get_by_role("link", name=transfer.id).first.click()
    await web_ui.shows("Completed", "Watch customer and Claims desk", '"outcome": "connected"')
    await _keep(seen, web_ui, "finished timeline", height=1300)
    # Without the UI's own menu, from the title down to the last line of the timeline.
    await web_ui.picture("temporal-ui", 1300, clip={"x": 256, "y": 100, "width": 1144, "height": 1100})
    await _keep_metadata(seen, web_ui, "finished", "call ended (released)")
    return seen


async def _keep_metadata(seen: Seen, web_ui: WebUI, when: str, last_line: str) -> None:
    await web_ui.turn_to("User Metadata")
    await expect(web_ui.current_details).to_contain_text(last_line)
    await expect(web_ui.static_details).to_contain_text("Claims desk")
    await _keep(seen, web_ui, f"{when} details", height=1240)
    await web_ui.turn_to("Search Attributes")
    await web_ui.shows("TransferTenant")
    await _keep(seen, web_ui, f"{when} attributes", height=1000)


async def _keep(seen: Seen, web_ui: WebUI, page: str, *, height: int) -> None:
    seen.pages[page] = await web_ui.text()
    await web_ui.picture(page.replace(" ", "-"), height)


def _in_this_order(text: str, *expected: str) -> None:
    """Check that a page has all of this, in this order."""
    rest = text
    for piece in expected:
        assert piece in rest, f"{piece!r} is not there, or not in its place, in:\n{text}"
        rest = rest.partition(piece)[2]


def test_the_timeline_names_every_party_and_limit(seen: Seen) -> None:
    story = (
        "May tenant default ring Claims desk?",
        "Customer on hold, agent in the room, ring Claims desk (20 s)",
        "Ring Claims desk (20 s)",
        "Customer waits, hold budget (5 min, 4 min 5",  # 59 seconds; fewer, where it took longer until it rang
        "Customer on hold, agent and Claims desk together",
    )
    for step in story:
        assert step in seen["running timeline"]
        assert step in seen["finished timeline"]
    ending = (
        "conference",
        "Whole transfer, overall limit (1 h, 59 min ",
        "Customer, agent and Claims desk together",
        "complete",
        "Customer and Claims desk together, release agent",
        "Watch customer and Claims desk",
    )
    for step in ending:
        assert step in seen["finished timeline"]
    for later in ("consult limit", "reminder", "overall limit"):
        assert later not in seen["running timeline"], "only the wait that ends first is a timer"


def test_the_result_is_next_to_the_timeline(seen: Seen) -> None:
    assert "Results will appear upon completion." in seen["running timeline"]
    assert '"outcome": "connected"' in seen["finished timeline"]
    assert '"ended_by": "agent"' in seen["finished timeline"]


def test_the_details_of_a_running_transfer_say_who_is_where_and_what_can_be_done(seen: Seen) -> None:
    _in_this_order(seen["running details"], "Warm transfer to Claims desk", "may ring", "20 s", "consulting")
    _in_this_order(
        seen["running details"],
        "agent and target talk in private, the customer hears music",
        "customer\u00a0\u00a0\u00a0\ton hold",  # a tab is how the browser reads a table's next column
        "agent\u00a0\u00a0\u00a0\tin the room",
        "Claims desk (target)\u00a0\u00a0\u00a0\tin the room",
        "Ends by itself",
        "Customer waits, hold budget (5 min)",
        "Agent and Claims desk talk, consult limit (5 min)",
        "Whole transfer, overall limit (1 h)",
        "Possible now",
        *("hold", "unhold", "swap", "conference", "complete", "cancel", "retarget"),
        "Journal",
        "Claims desk answered",
    )
    # In one moment: which of them is heard of first is chance.
    before_the_answer = seen["running details"].partition("Journal")[2].partition("Claims desk answered")[0]
    for line in ("customer is on the line", "agent is on the line", "Claims desk rings"):
        assert line in before_the_answer


def test_the_details_of_a_finished_transfer_begin_with_its_outcome(seen: Seen) -> None:
    _in_this_order(
        seen["finished details"],
        "connected, customer with Claims desk",
        "ended by agent · customer waited",
        "Claims desk (target)\u00a0\u00a0\u00a0\tin the room",
        "Journal",
        "Claims desk answered",
        "agent: conference",
        "agent: complete",
        "agent: call ended (released)",
    )
    assert "Possible now" not in seen["finished details"]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("running attributes", {"TransferStage": '"consulting"', "TransferHeld": "true"}),
        (
            "finished attributes",
            {"TransferStage": '"ended"', "TransferHeld": "false", "TransferOutcome": '"connected"'},
        ),
    ],
)
def test_the_search_attributes_are_shown(seen: Seen, page: str, expected: dict[str, str]) -> None:
    fixed = {"TransferMode": '"warm"', "TransferProvider": '"simulator"', "TransferAgent": '"a-17"'}
    for name, value in {**fixed, **expected}.items():
        assert f'"{name}": {value}' in seen[page]


def test_a_link_with_a_filter_leads_to_the_transfers_in_a_stage(seen: Seen) -> None:
    assert seen.workflow_id in seen["list of three-way calls"]
    assert "1 Workflow" in " ".join(seen["list of three-way calls"].split())


def test_neither_the_customers_name_nor_a_number_is_on_a_page_that_does_not_show_the_input(seen: Seen) -> None:
    assert CUSTOMER in seen["running timeline"]  # in the input, where it is looked for in vain below
    for page, text in seen.pages.items():
        if "timeline" not in page:
            assert CUSTOMER not in text, page
            assert NUMBER not in text, page
