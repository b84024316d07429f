"""The password of ARI is changed while transfers run: first in Asterisk, a good while later in the worker's file."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hookflash import Mode, Outcome, RunningTransfer, Stage
from tests.integration.switchboard import ENGINE_APP, Office, TalkingCall, reaches, temporal_server, worker_on
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.ear import Expectation, Listener, hear_exactly
from tests.rig.phone import PhoneRack
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

Heard = dict[Listener, Expectation]

USER = "rotated"
"""User of the worker alone: the rig goes on as its own."""
TRIES = 4
"""So often is the provider refused in each window, at least: once more than a transfer bears failures."""
PATIENCE = 30.0


@dataclass
class Password:
    """A password that Asterisk has, and that the worker reads from a file."""

    node: AsteriskNode
    file: Path
    configuration: str
    """What the node's file said before."""

    async def change(self, password: str) -> None:
        """Change it in Asterisk, as docs/providers.md says. The worker has the old one."""
        user = f"\n[{USER}]\ntype=user\nread_only=no\npassword={password}\n"
        await self._configure(self.configuration + user)

    async def restore(self) -> None:
        """Leave nothing of it in Asterisk."""
        await self._configure(self.configuration)

    async def _configure(self, text: str) -> None:
        configuration_file(self.node).write_text(text)
        await self.node.cli("module reload res_ari.so")


def configuration_file(node: AsteriskNode) -> Path:
    """Return the file that has the users of ARI."""
    return node.folder / "etc/ari.conf"


@pytest.fixture
async def password(asterisk_node: AsteriskNode, tmp_path: Path) -> AsyncIterator[Password]:
    """Give the worker's user a password."""
    password = Password(asterisk_node, tmp_path / "password", configuration_file(asterisk_node).read_text())
    password.file.write_text("the-first-password")
    await password.change("the-first-password")
    yield password
    await password.restore()


@pytest.fixture
async def call(
    asterisk_node: AsteriskNode, phones: PhoneRack, password: Password, tmp_path: Path
) -> AsyncIterator[TalkingCall]:
    """Give a customer and an agent who talk, and an engine whose password is in that file."""
    credentials = {
        "HOOKFLASH_ASTERISK_USERNAME": USER,
        "HOOKFLASH_ASTERISK_PASSWORD": "",
        "HOOKFLASH_ASTERISK_PASSWORD_FILE": str(password.file),
    }
    async with (
        temporal_server() as client,
        worker_on(asterisk_node, client, tmp_path / "worker.log", **credentials),
    ):
        call = await Office(asterisk_node, client, phones, CallControl(asterisk_node.ari, ENGINE_APP)).call()
        yield call
        await call.hang_up()
        await asterisk_node.drained(PATIENCE)


async def test_what_is_refused_for_the_old_password_is_done_once_when_the_new_one_is_there(
    call: TalkingCall, password: Password, tmp_path: Path
) -> None:
    target = await call.target(Behaviour.answers())
    talking: Heard = {call.customer: {"agent"}, call.agent: {"customer"}}
    # A transfer that is asked for in between: nobody is moved, and nobody rings.
    await password.change("the-second-password")
    transfer = await call.transfer(Mode.WARM, "target1")
    await refused(call, transfer)
    await hear_exactly(talking)
    assert target.calls == []
    password.file.write_text("the-second-password")
    await reaches(transfer, Stage.CONSULTING)
    consulting: Heard = {call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}}
    await hear_exactly(consulting, PATIENCE)
    # A transfer that runs: everybody stays where they are.
    await password.change("the-third-password")
    await transfer.conference()
    await refused(call, transfer)
    await hear_exactly(consulting)
    password.file.write_text("the-third-password")
    all_three: Heard = {
        call.customer: {"agent", "target1"},
        call.agent: {"customer", "target1"},
        target: {"customer", "agent"},
    }
    await hear_exactly(all_three, PATIENCE)
    await transfer.complete()
    result = await transfer.wait()
    assert result.outcome is Outcome.CONNECTED
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    assert len(target.calls) == len(result.attempts) == 1, "it was rung once"
    assert [entry.text for entry in (await transfer.status()).journal if "provider" in entry.text] == []
    for secret in ("the-first-password", "the-second-password", "the-third-password"):
        assert secret not in (tmp_path / "worker.log").read_text()


async def refused(call: TalkingCall, transfer: RunningTransfer) -> None:
    """Wait until the provider has refused the transfer's activity several times."""
    handle = call.office.client.get_workflow_handle(transfer.id)

    async def tried() -> bool | None:
        pending = (await handle.describe()).raw_description.pending_activities
        return any(it.attempt > TRIES and "401" in it.last_failure.message for it in pending) or None

    await eventually(tried, f"{TRIES} refusals", PATIENCE)
