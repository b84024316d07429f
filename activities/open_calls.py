"""Which workflows have a call on a provider node, by Temporal's own account."""

from datetime import timedelta

from temporalio.client import Client

from hookflash import names

RPC_TIMEOUT = timedelta(seconds=5)
"""Longest wait for one page of the answer."""


async def running_on(client: Client, provider: str) -> frozenset[str]:
    """Return the owners of all calls of a node, whether any of their legs is alive or not.

    Temporal's list is a moment behind, a second or so: who began just now may be missing. One request tells of a
    thousand calls.

    Args:
        client: A client of the engine's namespace.
        provider: Name of the node. Names of nodes hold no quotation marks.

    Raises:
        RPCError: The list cannot be had.
    """
    kinds = (
        (names.WORKFLOW_TYPE, f"transfer:{provider}:", ""),
        (names.SUPERVISION_TYPE, f"connected:{provider}:", ""),
        # A promise that is not due yet has no call, and may wait for days.
        (names.CALL_BACK_TYPE, f"callback:{provider}:", f" AND {names.TRANSFER_STAGE.name} != 'scheduled'"),
    )
    either = " OR ".join(
        f"(WorkflowType = '{kind}' AND WorkflowId STARTS_WITH '{prefix}'{more})" for kind, prefix, more in kinds
    )
    return frozenset(
        [
            names.owner_token(found.id, found.run_id)
            async for found in client.list_workflows(
                f"ExecutionStatus = 'Running' AND ({either})", page_size=1000, rpc_timeout=RPC_TIMEOUT
            )
        ]
    )
