"""Settings of what a worker tells whoever runs it: metrics, health, traces, logs."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict


def _socket_address(value: str) -> str:
    host, _, port = value.rpartition(":")
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        fits = 0 <= int(port) <= 65535
    except ValueError:
        fits = False
    if not fits:
        raise ValueError("must be an IP address and a port, such as 127.0.0.1:9464 or [::1]:9464")
    return value


SocketAddress = Annotated[str, AfterValidator(_socket_address)]
"""Where to listen: names are not looked up, so that nobody listens where it was not meant."""


class TelemetrySettings(BaseModel):
    """A part of the worker's settings. Everything that opens a port is off until it is given one."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    metrics_address: SocketAddress | None = None
    """Where `/metrics` is served for Prometheus, such as 127.0.0.1:9464. Unset: nothing is measured. Off by default, as
    several workers on a machine would want the same port."""
    metrics_tenant: bool = False
    """Give metrics of transfers the label `tenant`. Leave it off if there are many of them."""
    health_address: SocketAddress | None = None
    """Where `/livez` and `/readyz` are served, such as 127.0.0.1:8090. Unset: nowhere, for the same reason."""
    otlp_endpoint: str | None = None
    """Base of an OpenTelemetry collector that takes OTLP over HTTP, such as http://127.0.0.1:4318. Unset: that of
    OTEL_EXPORTER_OTLP_ENDPOINT; without either there are no traces."""
    log_format: Literal["text", "json"] = "text"
    """How a line of the log is written: `text` or `json`."""
