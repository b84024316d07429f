"""Fixtures of the tests that need a real Asterisk: one node for the run, phones for each test, nothing left over."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from tests.integration.lines import Lines
from tests.integration.switchboard import ENGINE_APP, Office, TalkingCall, temporal_server, worker_on
from tests.providers.asterisk_world import AsteriskWorld, asterisk_world
from tests.providers.contract import Transfer
from tests.rig.ari import CallControl, Events
from tests.rig.asterisk_node import AsteriskNode, why_unavailable
from tests.rig.phone import PhoneRack

TENANTS = """
[tenants.bold]
blind = true

[tenants.outgoing]
blind = true
places = ["from-phone,dial-*"]

[tenants.musical]
hold_music = "harp"

[tenants.desk]
deny = ["pjsip:target3"]
[tenants.desk.directory.7001]
address = "pjsip:target2"

[tenants.locked.transfer_key]
allowed = false
"""


@pytest.fixture(scope="session")
def asterisk() -> None:
    """Skip, or fail, where there is no Asterisk."""
    reason = why_unavailable()
    if reason is not None:
        if os.environ.get("HOOKFLASH_REQUIRE") == "all":
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="session")
async def asterisk_node(asterisk: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskNode]:
    """Give the run's Asterisk."""
    async with AsteriskNode(tmp_path_factory.mktemp("asterisk")) as node:
        yield node


@pytest.fixture(scope="module")
async def patient(asterisk: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskNode]:
    """Give a node to break, for a module of its own."""
    async with AsteriskNode(tmp_path_factory.mktemp("patient")) as node:
        yield node


@pytest.fixture
async def nothing_left_over(asterisk_node: AsteriskNode) -> AsyncIterator[None]:
    """See that a test leaves no channel and no bridge; every fixture by which a test makes calls depends on it."""
    if not asterisk_node.running:  # an earlier test killed it and failed
        await asterisk_node.start()
    await asterisk_node.sweep()
    yield
    if asterisk_node.running:
        await asterisk_node.drained()


@pytest.fixture
async def phones(asterisk_node: AsteriskNode, nothing_left_over: None) -> AsyncIterator[PhoneRack]:
    """Give a rack of phones for the node's endpoints; they hang up at the end of the test."""
    async with PhoneRack(asterisk_node.sip_address, asterisk_node.phone_ports) as rack:
        yield rack


@pytest.fixture
def contact_centre(asterisk_node: AsteriskNode, nothing_left_over: None) -> CallControl:
    """Give the call control that brings customer and agent together before a transfer."""
    return CallControl(asterisk_node.ari, asterisk_node.app)


@pytest.fixture
async def app_socket(asterisk_node: AsteriskNode, nothing_left_over: None) -> AsyncIterator[Events]:
    """Hold the app's WebSocket in the place of the engine: never together with one."""
    async with asterisk_node.ari.subscribe(asterisk_node.app) as events:
        yield events


@pytest.fixture(scope="module")
async def engine(asterisk_node: AsteriskNode, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    """Run a server and a worker for the tests of a module: some modules kill theirs, and only one can be on a node."""
    folder = tmp_path_factory.mktemp("engine")
    tenants = folder / "tenants.toml"
    tenants.write_text(TENANTS)
    async with (
        temporal_server() as client,
        worker_on(asterisk_node, client, folder / "worker.log", HOOKFLASH_TENANTS_FILE=str(tenants)),
    ):
        yield client


@pytest.fixture
async def call(engine: Client, asterisk_node: AsteriskNode, phones: PhoneRack) -> AsyncIterator[TalkingCall]:
    """Give a customer and an agent who talk. Afterwards nothing may be left on the node."""
    office = Office(asterisk_node, engine, phones, CallControl(asterisk_node.ari, ENGINE_APP))
    call = await office.call()
    yield call
    await call.hang_up()


@pytest.fixture
async def office(asterisk_node: AsteriskNode, phones: PhoneRack) -> AsyncIterator[Office]:
    """Give an office whose engine the test starts, and kills, by itself."""
    async with temporal_server() as client:
        yield Office(asterisk_node, client, phones, CallControl(asterisk_node.ari, ENGINE_APP))


@pytest.fixture
async def large_office(asterisk: None, tmp_path: Path) -> AsyncIterator[Office]:
    """Give an office without an engine on a node of its own, which has ports for three hundred legs."""
    async with (
        AsteriskNode(tmp_path / "node", blocks=2) as node,
        PhoneRack(node.sip_address, node.phone_ports) as phones,
        temporal_server() as client,
    ):
        yield Office(node, client, phones, CallControl(node.ari, ENGINE_APP))


@pytest.fixture
async def lines(engine: Client, asterisk_node: AsteriskNode, phones: PhoneRack) -> Lines:
    """Give three phones for many calls at the same time. Afterwards nothing may be left on the node."""
    return await Lines.plug_in(Office(asterisk_node, engine, phones, CallControl(asterisk_node.ari, ENGINE_APP)))


@pytest.fixture
async def world(asterisk_node: AsteriskNode) -> AsyncIterator[AsteriskWorld]:
    """Give the provider alone, without an engine, and phones."""
    async with asterisk_world(asterisk_node) as world:
        yield world


@pytest.fixture
async def transfer(world: AsteriskWorld) -> Transfer:
    """Give a customer and an agent who talk, and whom the provider is to arrange."""
    return await Transfer.of_a_new_call(world)
