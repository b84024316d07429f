"""Namespaces of tests that must not share one: the engine's task queues have fixed names."""

from datetime import timedelta
from uuid import uuid4

from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from hookflash.converter import data_converter


async def new_namespace(client: Client, whose: str) -> Client:
    """Make a namespace, and return a client of it.

    Args:
        client: Of the server.
        whose: What its name begins with.
    """
    namespace = f"{whose}-{uuid4()}"
    await register(client, namespace)
    address = client.service_client.config.target_host
    return await Client.connect(address, namespace=namespace, data_converter=data_converter)


async def register(client: Client, namespace: str) -> None:
    """Make a namespace of that name."""
    request = RegisterNamespaceRequest(namespace=namespace)
    request.workflow_execution_retention_period.FromTimedelta(timedelta(days=1))
    await client.workflow_service.register_namespace(request, retry=True)
