"""Logs of a process: one line per event on stderr, the Temporal SDK's own lines among them."""

import logging
from typing import Literal

from temporalio.runtime import LogForwardingConfig, LoggingConfig, TelemetryFilter

from workers.json_logs import JsonFormatter
from workers.redaction import RedactingFormatter

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure(level: str, form: Literal["text", "json"] = "text") -> LoggingConfig:
    """Set up logging, and return what makes the SDK's runtime take part in it.

    Args:
        level: Least severe messages to log.
        form: How a line is written: for people, or one JSON object each.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if form == "json" else RedactingFormatter(FORMAT))
    logging.basicConfig(level=level, handlers=[handler])
    # At DEBUG the SDK logs what travels: numbers and names.
    temporal = logging.getLogger("temporalio")
    temporal.setLevel(max(logging.INFO, logging.getLogger().level))
    # Its native part writes to stderr by itself, in another form and in colour, unless it is told otherwise.
    forwarding = LogForwardingConfig(logger=logging.getLogger("temporalio.core"))
    warnings = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return LoggingConfig(filter=warnings, forwarding=forwarding)
