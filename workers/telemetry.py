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


def show_nodes(runtime: Runtime, heard: Iterable[str], calling: Iterable[str]) -> None:
    """Show of every node that nobody hears it, or takes its webhooks, until somebody who does says so.

    Without this the alerts on it would have nothing to look at once the process that did is gone, or if there was none.

    Args:
        runtime: Of the process.
        heard: Names of the nodes that a listener should hear.
        calling: Names of the nodes that call an ingress.
    """
    for metric, nodes in ((metrics.LISTENER_UP, heard), (metrics.INGRESS_UP, calling)):
        for node in nodes:
            metrics.show(runtime.metric_meter, metric, {"provider": node}, 0)


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
