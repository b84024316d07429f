"""Logs for machines: a JSON object per line, with the ids by which it is found again, and nothing else of the call."""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

from temporalio import activity, workflow

from hookflash import _about
from hookflash.names import owning_run
from workers.redaction import redacted
from workflows.tracing import trace_of_run


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON: ``time``, ``level``, ``logger``, ``message``, and the ids that are known."""

    def format(self, record: logging.LogRecord) -> str:
        """See base class."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
            # Callers choose ids of legs, and ids of transfers are made of them: somebody may choose a number.
            **{name: redacted(it) for name, it in _ids(record).items()},
        }
        if record.exc_info:
            line["error"] = redacted(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def _ids(record: logging.LogRecord) -> dict[str, str]:
    """Return whose work this is: the ids of the workflow, of the leg and of the trace, as far as there are any."""
    leg = getattr(record, "leg", None) or _about.now().leg
    ids = {"leg": leg} if isinstance(leg, str) and leg else {}
    if workflow.in_workflow():
        info = workflow.info()
        return ids | {"transfer": info.workflow_id, "run": info.run_id} | _named(trace=trace_of_run())
    info = activity.info() if activity.in_activity() else None
    doing = (info.workflow_id or "", info.workflow_run_id or "") if info else ("", "")
    transfer, run = owning_run(_about.now().owner)
    if transfer and transfer != doing[0]:
        # A listener, or the ingress, works for a transfer of which it does not know the trace: its own is another one.
        return ids | _named(transfer=transfer, run=run or "")
    return ids | _named(transfer=doing[0], run=doing[1]) | _of_the_core(record) | _trace()


def _named(**ids: str) -> dict[str, str]:
    return {name: it for name, it in ids.items() if it}


def _of_the_core(record: logging.LogRecord) -> dict[str, str]:
    """Return the ids in a line of the SDK's native part, which knows of no context but its own."""
    fields: object = getattr(getattr(record, "temporal_log", None), "fields", None)
    if not isinstance(fields, dict):
        return {}
    told = cast("Mapping[str, object]", fields)
    return _named(transfer=str(told.get("workflow_id") or ""), run=str(told.get("run_id") or ""))


def _trace() -> dict[str, str]:
    # Whoever traces has loaded it; nobody else need wait for that.
    tracing = sys.modules.get("opentelemetry.trace")
    if tracing is None:
        return {}
    context = tracing.get_current_span().get_span_context()
    return {"trace": f"{context.trace_id:032x}"} if context.is_valid else {}
