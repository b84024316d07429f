"""Two real Asterisk nodes under one engine, whose worker processes each reach both of them."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client

from hookflash import names
from tests.integration.switchboard import ENGINE_APP, Office
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.phone import PhoneRack
from tests.support.polling import eventually
from tests.workers.process import WorkerProcess, temporal_at, worker_process

PATIENCE = 60.0
"""Seconds for whatever is not measured. It comes within a few, where the machine is not busy."""


@dataclass
class TwoNodes:
    """An engine with two workers, and an office at each of two nodes."""

    client: Client
    north: Office
    south: Office
    workers: tuple[WorkerProcess, ...]

    async def listener(self, office: Office, *among: WorkerProcess) -> WorkerProcess:
        """Wait until one of these workers listens to a node, and return it. Default: any worker."""
        handle = self.client.get_workflow_handle(names.listener_id(office.provider))

        async def look() -> WorkerProcess | None:
            for pending in (await handle.describe()).raw_description.pending_activities:
                if pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
                    for worker in among or self.workers:
                        if pending.last_worker_identity.startswith(f"all@{worker.pid}@"):
                            return worker
            return None

        return await eventually(look, f"a listener of {office.provider}", PATIENCE)

    def others(self, worker: WorkerProcess) -> tuple[WorkerProcess, ...]:
        """Return all workers but one."""
        return tuple(it for it in self.workers if it is not worker)


def nodes_file(path: Path, nodes: Mapping[str, str], **more: str) -> Path:
    """Write the file that names the nodes.

    Args:
        path: Where to.
        nodes: ARI's URL by the node's name.
        **more: Further settings, for every node.
    """
    ours = {"app": ENGINE_APP, "username": AsteriskNode.ari_user, "password": AsteriskNode.ari_password}
    tables = [
        f"[nodes.{name}]\n" + "".join(f'{key} = "{value}"\n' for key, value in {"url": url, **ours, **more}.items())
        for name, url in nodes.items()
    ]
    path.write_text("\n".join(tables))
    return path


@asynccontextmanager
async def two_nodes(
    client: Client, north: AsteriskNode, south: AsteriskNode, folder: Path, *, workers: int = 2, south_url: str = ""
) -> AsyncGenerator[TwoNodes]:
    """Run workers for two nodes, with phones at both.

    Args:
        client: Of a server of its own.
        north: A node.
        south: Another node.
        folder: For logs and the file of nodes.
        workers: How many worker processes.
        south_url: Another way to the ARI of the second node. Default: its own address.
    """
    file = nodes_file(folder / "nodes.toml", {"north": north.ari_url, "south": south_url or south.ari_url})
    variables = {
        "HOOKFLASH_SIMULATOR": "false",
        "HOOKFLASH_ASTERISK_NODES_FILE": str(file),
        **temporal_at(client),
    }
    async with AsyncExitStack() as stack:
        racks = [
            await stack.enter_async_context(PhoneRack(node.sip_address, node.phone_ports)) for node in (north, south)
        ]
        running = tuple(
            [
                await stack.enter_async_context(worker_process(folder / f"worker-{number}.log", **variables))
                for number in range(workers)
            ]
        )
        for worker in running:
            await worker.ready()
        first, second = (
            Office(node, client, rack, CallControl(node.ari, ENGINE_APP), name)
            for node, rack, name in zip((north, south), racks, ("north", "south"), strict=True)
        )
        both = TwoNodes(client, first, second, running)
        for office in (first, second):
            # Only a node that is listened to takes legs into the engine's application.
            worker = await both.listener(office)
            await worker.logs(f"listening to {office.provider}")
        yield both
        for node in (north, south):
            await node.drained(PATIENCE)  # the workers have cleared up, before they are stopped
