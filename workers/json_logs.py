"""Logs for machines: a JSON object per line, with the ids by which it is found again, and nothing else of the call."""

import json
import logging
import sys
from datetime import UTC, datetime

from temporalio import activity, workflow

from workers.redaction import redacted


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON: ``time``, ``level``, ``logger``, ``message``, and the ids that are known."""

    def format(self, record: logging.LogRecord) -> str:
        """See base class."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
            **_ids(),
        }
        leg = getattr(record, "leg", None)
        if isinstance(leg, str):
            line["leg"] = leg
        if record.exc_info:
            line["error"] = redacted(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def _ids() -> dict[str, str]:
    """Return whose work this is: the ids of the workflow and of the trace, as far as there are any."""
    ids: dict[str, str] = {}
    if workflow.in_workflow():
        info = workflow.info()
        ids |= {"transfer": info.workflow_id, "run": info.run_id}
    elif activity.in_activity():
        info = activity.info()
        ids |= {"transfer": info.workflow_id or "", "run": info.workflow_run_id or ""}
    return ids | _trace()


def _trace() -> dict[str, str]:
    # Whoever traces has loaded it; nobody else need wait for that.
    tracing = sys.modules.get("opentelemetry.trace")
    if tracing is None:
        return {}
    context = tracing.get_current_span().get_span_context()
    return {"trace": f"{context.trace_id:032x}"} if context.is_valid else {}
