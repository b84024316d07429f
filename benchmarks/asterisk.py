"""A real Asterisk with phones and an engine beside it, and what Asterisk does by itself, to compare with."""

import tempfile
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from activities.telephony.asterisk.manager import Manager
from activities.telephony.asterisk.settings import ManagerSettings
from benchmarks.server import LastingServer, lasting_server
from benchmarks.simulated import COMPILED
from tests.integration.switchboard import ENGINE_APP, Office, temporal_server, worker_variables
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.phone import PhoneRack
from tests.rig.tones import ANNOUNCEMENTS, write_wav
from tests.workers.process import WorkerProcess, temporal_at, worker_process

OWN_TARGETS = "benchmark"
"""Context of the extensions that ring a target without the engine."""

PATIENCE = 30.0
"""Seconds for what is not measured."""

OWN_DIALPLAN = """
[from-phone](+)
; Customer and agent, over the dialplan: either may transfer with Asterisk's own means.
exten => talk,1,Answer()
 same => n,Dial(PJSIP/agent,30,tT)

; Where Asterisk's own transfers go to. Not where callers come in: it has a pattern that matches the first two digits.
[benchmark]
exten => 7001,1,Dial(PJSIP/target1,30)
exten => 7002,1,Dial(PJSIP/target2,30)
"""
# Without the beep that Asterisk plays to whoever is transferred: it would be counted as its delay.
OWN_FEATURES = """
[general]
xfersound=silence/none
xferfailsound=silence/none
[featuremap]
atxfer=*2
"""


class PeerNode(AsteriskNode):
    """The rig's Asterisk, which can also transfer calls by itself."""

    def _configure(self, run_folder: Path) -> None:
        super()._configure(run_folder)
        for name, text in (("extensions", OWN_DIALPLAN), ("features", OWN_FEATURES)):
            with (self.folder / f"etc/{name}.conf").open("a", encoding="utf-8") as file:
                file.write(text)
        # "Transfer", which Asterisk says until the first digit; without the recording it gives up.
        write_wav(self.folder / "data/sounds/en/pbx-transfer.wav", ANNOUNCEMENTS["asking"][0], seconds=1)


@dataclass
class Exchange:
    """What is measured on."""

    office: Office
    folder: Path
    server: LastingServer | None = None
    """Where it is one that can be killed."""

    def worker(self, name: str, *arguments: str, **variables: str) -> AbstractAsyncContextManager[WorkerProcess]:
        """Return a worker process for the node, to be entered."""
        there = {**worker_variables(self.office.node), **temporal_at(self.office.client), **COMPILED, **variables}
        return worker_process(self.folder / f"{name}.log", *arguments, **there)

    async def clear(self) -> None:
        """Let everybody hang up, and wait until nobody is left."""
        for name in ("customer", "agent", "target1", "target2"):
            await (await self.office.phones.phone(name)).hang_up()
        await self.office.node.drained(PATIENCE)

    @asynccontextmanager
    async def manager(self) -> AsyncGenerator[Manager]:
        """Connect to AMI."""
        node = self.office.node
        settings = ManagerSettings(
            host="127.0.0.1",
            port=node.ports.manager,
            username=node.manager_user,
            password=SecretStr(node.manager_password),
            contexts=("from-phone",),
        )
        async with Manager(settings, timedelta(seconds=5)) as manager:
            yield manager


@asynccontextmanager
async def exchange(
    blocks: int = 1, *, lasting: bool = False, kind: type[PeerNode] = PeerNode
) -> AsyncGenerator[Exchange]:
    """Run an Asterisk, phones and a Temporal server; workers are the benchmark's own.

    Args:
        blocks: How many blocks of ports the node takes, see `AsteriskNode`.
        kind: What the node is.
        lasting: Whether the server can be killed. Default: it keeps everything in memory.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hookflash-benchmarks-")))
        node = await stack.enter_async_context(kind(folder / "node", blocks=blocks))
        phones = await stack.enter_async_context(PhoneRack(node.sip_address, node.phone_ports))
        server = await stack.enter_async_context(lasting_server(folder)) if lasting else None
        client = await (server.client() if server else stack.enter_async_context(temporal_server()))
        yield Exchange(Office(node, client, phones, CallControl(node.ari, ENGINE_APP)), folder, server)


async def listens(worker: WorkerProcess) -> WorkerProcess:
    """Wait until a worker is ready and hears the node."""
    await worker.ready()
    await worker.logs("listening to asterisk", within=60)
    return worker
