"""Logs of a process: one line per event on stderr, the Temporal SDK's own lines among them."""

import logging

from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from workers.redaction import RedactingFormatter

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure(level: str) -> Runtime:
    """Set up logging, and return the SDK's runtime that takes part in it.

    Args:
        level: Least severe messages to log.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(FORMAT))
    logging.basicConfig(level=level, handlers=[handler])
    # At DEBUG the SDK logs what travels: numbers and names.
    temporal = logging.getLogger("temporalio")
    temporal.setLevel(max(logging.INFO, logging.getLogger().level))
    # Its native part writes to stderr by itself, in another form and in colour, unless it is told otherwise.
    forwarding = LogForwardingConfig(logger=logging.getLogger("temporalio.core"))
    warnings = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=warnings, forwarding=forwarding)))
