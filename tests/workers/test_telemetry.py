"""What a worker tells about itself, asked of a process of its own."""

from pathlib import Path

import pytest
from temporalio.client import Client

from activities.listener_session import COUNT
from hookflash import Agent, Customer, Mode, Outcome, Target, TransferClient, TransferRequest
from hookflash.names import TASK_QUEUE
from tests.support.polling import eventually
from tests.support.ports import free_address
from tests.support.prometheus import Scrape, scrape
from tests.workers.environ import TWILIO
from tests.workers.process import temporal_at, worker_process
from workers.provider_settings import SIMULATOR
from workers.settings import Settings
from workers.variables import SettingsError

pytestmark = pytest.mark.timeout(60)


async def transfer(client: Client, tenant: str = "default") -> None:
    """Transfer a call, and wait for the end."""
    request = TransferRequest(
        mode=Mode.COLD,
        tenant=tenant,
        provider=SIMULATOR,
        customer=Customer(leg="sim:leg-1"),
        agent=Agent(leg="sim:leg-2", id="a-17", address="sim:anna"),
        targets=(Target(address="sim:bob?answer=100ms", name="Claims desk"),),
    )
    transfer = await TransferClient(client).start(request)
    assert (await transfer.wait()).outcome is Outcome.CONNECTED


async def test_one_endpoint_has_the_slots_of_the_worker_and_the_transfers(
    own_namespace: Client, tmp_path: Path
) -> None:
    address = free_address()
    variables = temporal_at(own_namespace) | {"HOOKFLASH_METRICS_ADDRESS": address}
    async with worker_process(tmp_path / "log", **variables) as process:
        await process.ready()

        async def listening() -> Scrape | None:
            seen = await scrape(address)
            return seen if seen.total("hookflash_listener_up", provider=SIMULATOR) == 1 else None

        await eventually(listening, "a listener that is up")
        await transfer(own_namespace)
        seen = await scrape(address)
        assert seen.total("hookflash_legs_open", provider=SIMULATOR) == 0  # as counted when the listening began

        async def counted() -> bool | None:
            return (await scrape(address)).total("hookflash_legs_open", provider=SIMULATOR) == 2 or None

        await eventually(counted, "the legs of customer and target", within=2 * COUNT.total_seconds())
    assert seen.total("hookflash_transfers_finished_total", mode="cold", outcome="connected") == 1
    assert seen.total("hookflash_events_heard_total", provider=SIMULATOR, kind="answered") == 1
    assert f'temporal_worker_task_slots_used{{namespace="{own_namespace.namespace}"' in seen.text
    assert seen.total("temporal_worker_task_slots_available", worker_type="ActivityWorker") > 0
    assert seen.total("temporal_worker_task_slots_available", task_queue=TASK_QUEUE, worker_type="WorkflowWorker") > 0
    assert "tenant=" not in seen.text


async def test_an_engine_shows_that_it_does_not_hear_the_nodes_of_its_settings(
    own_namespace: Client, tmp_path: Path
) -> None:
    """Else nothing is to be seen of a node once the listener that heard it is gone."""
    address = free_address()
    file = tmp_path / "nodes.toml"
    node = 'url = "http://127.0.0.1:1/ari"\nusername = "engine"\npassword = "x"\n'
    file.write_text("".join(f'[nodes.{name}]\napp = "{name}"\n{node}' for name in ("north", "south")))
    variables = temporal_at(own_namespace) | {
        "HOOKFLASH_SIMULATOR": "false",
        "HOOKFLASH_ASTERISK_NODES_FILE": str(file),
        "HOOKFLASH_METRICS_ADDRESS": address,
    }
    async with worker_process(tmp_path / "log", "--role", "engine", **variables) as process:
        await process.ready()
        shown = (await scrape(address)).series("hookflash_listener_up")
    assert sorted((labels["provider"], value) for labels, value in shown) == [("north", 0.0), ("south", 0.0)]


async def test_a_worker_shows_that_it_takes_no_webhooks_of_the_account_in_its_settings(
    own_namespace: Client, tmp_path: Path
) -> None:
    """Else nothing is to be seen of it where no ingress was ever started."""
    address = free_address()
    account = TWILIO | {
        "HOOKFLASH_SIMULATOR": "false",
        "HOOKFLASH_TWILIO_NODE": "main",
        "HOOKFLASH_TWILIO_BASE_URL": "http://127.0.0.1:1",
        "HOOKFLASH_TWILIO_SYNC_URL": "http://127.0.0.1:1",
        "HOOKFLASH_METRICS_ADDRESS": address,
    }
    async with worker_process(tmp_path / "log", "--role", "engine", **temporal_at(own_namespace), **account) as process:
        await process.ready()
        shown = (await scrape(address)).series("hookflash_ingress_up")
    assert [(labels["provider"], value) for labels, value in shown] == [("main", 0.0)]


async def test_a_tenant_is_a_label_where_that_is_asked_for(own_namespace: Client, tmp_path: Path) -> None:
    address = free_address()
    variables = temporal_at(own_namespace) | {"HOOKFLASH_METRICS_ADDRESS": address, "HOOKFLASH_METRICS_TENANT": "true"}
    async with worker_process(tmp_path / "log", **variables) as process:
        await process.ready()
        await transfer(own_namespace, tenant="north")
        seen = await scrape(address)
    assert seen.total("hookflash_transfers_finished_total", tenant="north") == 1


@pytest.mark.parametrize("address", ["9464", "localhost:9464", "127.0.0.1:", "127.0.0.1:70000"])
def test_an_address_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HOOKFLASH_SIMULATOR", "true")
    monkeypatch.setenv("HOOKFLASH_METRICS_ADDRESS", address)
    with pytest.raises(SettingsError, match="HOOKFLASH_METRICS_ADDRESS: Value error, must be an IP address and a port"):
        Settings.load()


async def test_an_address_that_is_taken_is_named(own_namespace: Client, tmp_path: Path) -> None:
    variables = temporal_at(own_namespace) | {"HOOKFLASH_METRICS_ADDRESS": free_address()}
    async with worker_process(tmp_path / "1", **variables) as first:
        await first.ready()
        async with worker_process(tmp_path / "2", **variables) as second:
            assert await second.end() == 2
            assert "HOOKFLASH_METRICS_ADDRESS: " in second.log
            assert "in use" in second.log
