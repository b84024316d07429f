"""Check of the builds: where workers have a build id, are there workers of the one that is given work."""

from collections.abc import AsyncIterator

from temporalio.api.enums.v1 import WorkerVersioningMode
from temporalio.client import Client

from hookflash import _ui, names
from hookflash._cli_render import printable
from hookflash._findings import Finding, failure, ok
from hookflash._operators.server import QUEUES, described

_VERSIONED = WorkerVersioningMode.WORKER_VERSIONING_MODE_VERSIONED
_KINDS = {name: kind for name, kind, _, _ in QUEUES}


async def builds(client: Client) -> AsyncIterator[Finding]:
    """Check that workers of the current build run. Says nothing where no worker has a build id.

    Raises:
        RPCError: The server does not say.
    """
    for queue in (names.TASK_QUEUE, names.LISTENER_TASK_QUEUE):
        told = await described(client, queue, _KINDS[queue])
        options = [it.deployment_options for it in told.pollers]
        there = [(it.deployment_name, it.build_id) for it in options if it.worker_versioning_mode == _VERSIONED]
        if not there:
            continue
        current = told.versioning_info.current_deployment_version
        name = printable(current.build_id)
        if workers := there.count((current.deployment_name, current.build_id)):
            text = f"{workers} {'worker is' if workers == 1 else 'workers are'} of it"
            yield ok(
                "builds", f"the current build is {name}, and {text} ({queue})", _ui.deployment(current.deployment_name)
            )
        elif current.build_id or len(there) == len(options):
            deployment, build = map(printable, max(there))
            page = _ui.deployment(max(there)[0])
            others = ", ".join(sorted({printable(it) for _, it in there}))
            text = f"build {name} is current" if name else "no build is current"
            remedy = (
                "start workers of it, or make another build the current one: temporal worker deployment "
                f"set-current-version --deployment-name {deployment} --build-id {build}"
            )
            yield failure("builds", f"{text}, and all workers are of {others} ({queue})", remedy, page)
