"""An OpenTelemetry collector that keeps what it is sent: OTLP over HTTP, as protobuf."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Kept:
    """A span."""

    name: str
    trace: str
    id: str
    above: str
    """Id of its parent; empty: none."""
    began: int
    ended: int
    text: str
    """All of it, attributes, events and status included."""


@dataclass
class Collector:
    """What has been sent until now."""

    endpoint: str = ""
    spans: list[Kept] = field(default_factory=list[Kept])

    def of(self, trace: str) -> list[Kept]:
        """Return the spans of a trace."""
        return [it for it in self.spans if it.trace == trace]

    def named(self, name: str) -> list[Kept]:
        """Return the spans of a name."""
        return [it for it in self.spans if it.name == name]

    def take(self, body: bytes) -> None:
        """Keep what a request brings."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for it in scope.spans:
                    ids = it.trace_id.hex(), it.span_id.hex(), it.parent_span_id.hex()
                    self.spans.append(Kept(it.name, *ids, it.start_time_unix_nano, it.end_time_unix_nano, str(it)))


@asynccontextmanager
async def collector() -> AsyncGenerator[Collector]:
    """Run a collector for the length of the block."""
    kept = Collector()

    async def traces(request: web.Request) -> web.Response:
        kept.take(await request.read())
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )

    application = web.Application()
    application.router.add_post("/v1/traces", traces)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        kept.endpoint = f"http://{host}:{port}"
        yield kept
    finally:
        await runner.cleanup()
