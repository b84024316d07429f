"""What a workflow was told by signals, out of its history."""

import json
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


async def signalled_ends(handle: WorkflowHandle[Any, Any]) -> list[tuple[str, str]]:
    """Return the legs of whose end a transfer was told by a signal, with its cause."""
    told = [
        json.loads(event.workflow_execution_signaled_event_attributes.input.payloads[0].data)
        for event in (await handle.fetch_history()).events
        if event.event_type == SIGNALED
    ]
    return [(it["leg"], it["cause"]) for it in told if it["kind"] == "ended"]
