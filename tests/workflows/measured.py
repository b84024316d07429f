"""Measures the workers of a test apart from those of all others."""

from typing import Self

from temporalio.client import Client
from temporalio.runtime import Runtime, TelemetryConfig

from hookflash.converter import data_converter
from tests.support.ports import free_address
from tests.support.prometheus import Scrape, scrape
from workers.telemetry import prometheus


class Measured:
    """A client of its own, and what its workers have measured."""

    def __init__(self, client: Client, address: str) -> None:
        self.client = client
        self._address = address

    @classmethod
    async def connect(cls, client: Client) -> Self:
        """Measure apart from everybody else."""
        address = free_address()
        runtime = Runtime(telemetry=TelemetryConfig(metrics=prometheus(address)))
        server = client.service_client.config.target_host
        own = await Client.connect(
            server, namespace=client.namespace, data_converter=data_converter, runtime=runtime, identity="measured"
        )
        return cls(own, address)

    async def now(self) -> Scrape:
        return await scrape(self._address)
