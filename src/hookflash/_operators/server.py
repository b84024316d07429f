"""Checks of the server: namespace, clock, search attributes, and whether workers ask for work."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from temporalio.api.enums.v1 import NamespaceState, TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    GetSystemInfoRequest,
    PollWorkflowTaskQueueRequest,
)
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType

from hookflash import _ui, names
from hookflash._attribute_types import TYPE_NAMES
from hookflash._findings import Finding, failure, ok, warning
from hookflash._summary import in_words

RPC_TIMEOUT = timedelta(seconds=5)
CLOCKS_AGREE = timedelta(seconds=1)
"""Difference of clocks that nobody notices."""

_WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
QUEUES = (
    (names.TASK_QUEUE, _WORKFLOWS, "workflows", "engine"),
    (names.TASK_QUEUE, _ACTIVITIES, "activities", "engine"),
    (names.LISTENER_TASK_QUEUE, _ACTIVITIES, "listeners", "listener"),
)


async def namespace(client: Client) -> AsyncIterator[Finding]:
    """Check that the namespace can be used.

    Raises:
        RPCError: It cannot be looked at, most likely because there is none.
    """
    system = await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=True, timeout=RPC_TIMEOUT)
    place = client.service_client.config.target_host
    yield ok("temporal", f"{place} answers, version {system.server_version}")
    found = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), retry=True, timeout=RPC_TIMEOUT
    )
    kept = found.config.workflow_execution_retention_ttl.ToTimedelta()
    if found.namespace_info.state == NamespaceState.NAMESPACE_STATE_REGISTERED:
        yield ok("namespace", f"{client.namespace}; what is over is kept for {in_words(kept)}", _ui.NAMESPACE)
    else:
        state = NamespaceState.Name(found.namespace_info.state).removeprefix("NAMESPACE_STATE_").lower()
        remedy = "set TEMPORAL_NAMESPACE to one that is in use"
        yield failure("namespace", f"{client.namespace} is {state}", remedy, _ui.NAMESPACE)


async def clock(client: Client) -> AsyncIterator[Finding]:
    """Compare this machine's clock with the server's.

    Raises:
        RPCError: The server does not answer.
    """
    difference = await _difference(client)
    if difference is None:
        remedy = "compare it by hand, for example with: date -u"
        yield warning("clock", "the server did not say what time it has", remedy)
        return
    apart, ahead = abs(difference), difference > timedelta(0)
    if apart <= CLOCKS_AGREE:
        yield ok("clock", "the server's and this machine's agree within a second")
        return
    seconds = in_words(timedelta(seconds=round(apart.total_seconds())))
    text = f"this machine is {seconds} {'ahead of' if ahead else 'behind'} the server"
    remedy = "what commands take as '24h' or show as left is off by this; keep both by NTP (timedatectl, chronyc)"
    yield warning("clock", text, remedy)


async def _difference(client: Client) -> timedelta | None:
    """Return how far this machine's clock is ahead of the server's.

    No request asks a server for its time. But it remembers when somebody last asked a task queue for work, so we ask
    one that nobody else has; the queue is forgotten after a few minutes.
    """
    queue = TaskQueue(name=f"hookflash-doctor-{uuid4()}")
    request = PollWorkflowTaskQueueRequest(namespace=client.namespace, task_queue=queue, identity="hookflash doctor")
    before = datetime.now(UTC)
    polling = asyncio.create_task(client.workflow_service.poll_workflow_task_queue(request, timeout=RPC_TIMEOUT))
    try:
        while not polling.done():
            pollers = (await described(client, queue.name, _WORKFLOWS)).pollers
            after = datetime.now(UTC)
            for poller in pollers:
                there = poller.last_access_time.ToDatetime(UTC)
                # The server's moment lies between ours; only what is outside is a difference.
                return before - there if there < before else min(after - there, timedelta())
            await asyncio.sleep(0.05)
        return None
    finally:
        polling.cancel()
        await asyncio.gather(polling, return_exceptions=True)


async def attributes(client: Client) -> AsyncIterator[Finding]:
    """Check that the search attributes are registered, with their types.

    Raises:
        RPCError: They cannot be listed.
    """
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), retry=True, timeout=RPC_TIMEOUT
    )
    known = {**answer.system_attributes, **answer.custom_attributes}
    missing = [key for key in names.SEARCH_ATTRIBUTES if key.name not in known]
    clashing = [it for it in names.SEARCH_ATTRIBUTES if it.name in known and known[it.name] != it.indexed_value_type]
    for key in clashing:
        has = TYPE_NAMES.get(SearchAttributeIndexedValueType(known[key.name]), "another type")
        text = f"{key.name} is {has}, must be {TYPE_NAMES[key.indexed_value_type]}"
        yield failure("attributes", text, "use another namespace: a type cannot be changed", _ui.NAMESPACE)
    if missing:
        options = " ".join(f"--name {it.name} --type {TYPE_NAMES[it.indexed_value_type]}" for it in missing)
        command = f"temporal operator search-attribute create --namespace {client.namespace} {options}"
        text = f"not registered: {', '.join(it.name for it in missing)}"
        yield failure("attributes", text, f"start a worker, which registers them, or: {command}", _ui.NAMESPACE)
    if not missing and not clashing:
        yield ok("attributes", f"all {len(names.SEARCH_ATTRIBUTES)} search attributes are registered", _ui.NAMESPACE)


async def queues(client: Client) -> AsyncIterator[Finding]:
    """Check that workers ask for work.

    Raises:
        RPCError: The server does not say.
    """
    for name, kind, what, role in QUEUES:
        pollers = (await described(client, name, kind)).pollers
        workers, page = len({it.identity for it in pollers}), _ui.task_queue(name)
        if workers:
            asks = "worker asks" if workers == 1 else "workers ask"
            yield ok("workers", f"{what}: {workers} {asks} for work ({name})", page)
        else:
            remedy = f"start workers of the engine: python -m workers --role {role} (or all)"
            yield failure("workers", f"{what}: nobody asks for work ({name})", remedy, page)


async def described(client: Client, queue: str, kind: TaskQueueType.ValueType) -> DescribeTaskQueueResponse:
    """Return what the server knows of a task queue: who asks for work, and which build is given it."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
    )
    return await client.workflow_service.describe_task_queue(request, retry=True, timeout=RPC_TIMEOUT)
