"""The Temporal runtime of a process, which is also where everything is measured."""

import os
from collections.abc import Iterable

from temporalio.runtime import LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig

from activities import metrics
from workers.telemetry_settings import TelemetrySettings
from workers.variables import SettingsError, variable_of

OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
"""OpenTelemetry's own variables for where spans go."""


def make_runtime(settings: TelemetrySettings, logging: LoggingConfig) -> Runtime:
    """Return the runtime that the settings ask for; it serves ``/metrics`` if they do, from a thread of its own.

    Args:
        settings: What is measured, and where it can be read.
        logging: Where the runtime's own log lines go.

    Raises:
        SettingsError: Nobody can listen at that address.
    """
    address = settings.metrics_address
    if settings.metrics_tenant:
        metrics.label_tenants()
    try:
        return Runtime(telemetry=TelemetryConfig(logging=logging, metrics=prometheus(address) if address else None))
    except ValueError as error:
        raise SettingsError(f"{variable_of('metrics_address')}: {error}") from error


def show_nodes(runtime: Runtime, nodes: Iterable[str]) -> None:
    """Show of every node that it is not heard until a listener says so: of one that nobody ever heard, too.

    Without this the alert on it would have nothing to look at once the process that heard it is gone.

    Args:
        runtime: Of the process.
        nodes: Names of the nodes in the settings.
    """
    for node in nodes:
        metrics.show(runtime.metric_meter, metrics.LISTENER_UP, {"provider": node}, 0)


def wants_traces(settings: TelemetrySettings) -> bool:
    """Return whether spans are to be exported: otherwise what that takes is not even loaded."""
    return bool(settings.otlp_endpoint) or any(os.environ.get(name) for name in OTLP_ENDPOINTS)


def prometheus(address: str) -> PrometheusConfig:
    """Return how metrics are served: with units in their names, and buckets that fit what is measured."""
    return PrometheusConfig(
        bind_address=address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides={it.name: it.buckets for it in metrics.METRICS if it.buckets},
    )
