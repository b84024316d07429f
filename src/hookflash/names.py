"""Names that callers, workers and operators share. All of them are public API."""

from collections.abc import Iterator
from datetime import timedelta

from temporalio.common import SearchAttributeKey
from temporalio.service import GrpcCompression

WORKFLOW_TYPE = "Transfer"
"""Workflow type of a transfer."""

SUPERVISION_TYPE = "ConnectedCall"
"""Workflow type that keeps watch over a call once its transfer is over."""

CALL_BACK_TYPE = "CallBack"
"""Workflow type that calls a customer back who was promised a call."""

LISTENER_TYPE = "Listener"
"""Workflow type that keeps one listener per provider node alive."""

TASK_QUEUE = "transfers"
"""Task queue of the workflows and of their short activities (one queue, so that activities start eagerly)."""

LISTENER_TASK_QUEUE = "transfers-listeners"
"""Task queue of the long-running listeners, so that they never starve a hang-up of its slot."""

TASK_TIMEOUT = timedelta(milliseconds=1900)
"""How long a dead worker may keep a live call waiting, for whoever starts a workflow. Temporal's default is 10 seconds;
with 1.5, a busy machine loses tasks."""

COMPRESSION = GrpcCompression.NONE
"""Of what Temporal is told and tells, for whoever connects. By default the SDK packs everything with gzip. The messages
are small, and that takes longer than to send them as they are."""

STATUS_QUERY = "status"
PROVIDER_EVENT_SIGNAL = "provider_event"

TRANSFER_MODE = SearchAttributeKey.for_keyword("TransferMode")
TRANSFER_STAGE = SearchAttributeKey.for_keyword("TransferStage")
TRANSFER_OUTCOME = SearchAttributeKey.for_keyword("TransferOutcome")
TRANSFER_CAUSE = SearchAttributeKey.for_keyword("TransferCause")
TRANSFER_PROVIDER = SearchAttributeKey.for_keyword("TransferProvider")
TRANSFER_TENANT = SearchAttributeKey.for_keyword("TransferTenant")
TRANSFER_AGENT = SearchAttributeKey.for_keyword("TransferAgent")
TRANSFER_HELD = SearchAttributeKey.for_bool("TransferHeld")
TRANSFER_LEGS = SearchAttributeKey.for_keyword_list("TransferLegs")

SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[str] | SearchAttributeKey[bool] | SearchAttributeKey[list[str]], ...] = (
    TRANSFER_MODE,
    TRANSFER_STAGE,
    TRANSFER_OUTCOME,
    TRANSFER_CAUSE,
    TRANSFER_PROVIDER,
    TRANSFER_TENANT,
    TRANSFER_AGENT,
    TRANSFER_HELD,
    TRANSFER_LEGS,
)
"""Every search attribute the engine writes. None may ever hold a phone number or a person's name."""

FINGERPRINT_MEMO = "hookflash.fingerprint"
"""Memo key with a digest of the request: tells a repeated start from a different one."""

IDEMPOTENCY_MEMO = "hookflash.idempotency_key"
"""Memo key with the caller's idempotency key, so that a late repetition finds the run that has ended."""


def transfer_id(provider: str, customer_leg: str) -> str:
    """Return the workflow id of the (only) running transfer of a call.

    Args:
        provider: Name of the provider that carries the call.
        customer_leg: The provider's id of the customer's leg.
    """
    return f"transfer:{provider}:{customer_leg}"


WATCH = "connected:"
"""How the workflow ids of watches begin: a transfer may take their legs over, and no others."""


def supervision_id(transfer: str, run_id: str) -> str:
    """Return the workflow id of the watch over the call that a transfer left behind.

    Args:
        transfer: Workflow id of the transfer.
        run_id: Run id of that transfer; a call can be transferred more than once.
    """
    return f"{WATCH}{transfer.removeprefix('transfer:')}:{run_id}"


CALL_BACK = "callback:"
"""How the workflow ids of call-backs begin."""


def call_back_id(transfer: str, run_id: str) -> str:
    """Return the workflow id of the call-back that a transfer has promised. No watch: its legs cannot be taken over.

    Args:
        transfer: Workflow id of the transfer.
        run_id: Run id of that transfer; each of them can promise a call.
    """
    return f"{CALL_BACK}{transfer.removeprefix('transfer:')}:{run_id}"


def owner_token(workflow: str, run_id: str) -> str:
    """Return what is written on a leg: the run that watches it. Two transfers of one call share the workflow id.

    Args:
        workflow: Workflow id of who watches it.
        run_id: Run id of the same. Empty: whichever runs.
    """
    return f"{workflow}/{run_id}"


def owning_run(token: str) -> tuple[str, str | None]:
    """Return the workflow id and the run id of an owner; no run id if the token names none."""
    # From the end: whoever starts a transfer by Temporal's own means may give it an id with a slash.
    workflow, slash, run_id = token.rpartition("/")
    return (workflow, run_id or None) if slash else (token, None)


def heirs(owner: str) -> Iterator[str]:
    """Yield who may own a leg by now, of which only is known who owned it once: itself first.

    When a transfer is over, the watch over its call owns the legs that it left; and when the call is transferred again,
    the next transfer does, which has the same workflow id.

    Args:
        owner: See `owner_token`.
    """
    yield owner
    workflow, run_id = owning_run(owner)
    if run_id is None:
        return
    if workflow.startswith(WATCH):
        yield owner_token(workflow, "")  # a watch that goes on for very long has several runs
        call = workflow.removeprefix(WATCH).rpartition(":")[0]
        yield owner_token(f"transfer:{call}", "")
        return
    yield owner_token(supervision_id(workflow, run_id), "")
    yield owner_token(workflow, "")


def customer_leg(owner: str, provider: str) -> str:
    """Return the customer's leg of the transfer or the watch that an owner is; empty if it is neither.

    Args:
        owner: See `owner_token`.
        provider: Name of the provider that carries the call.
    """
    workflow, _ = owning_run(owner)
    transfer, watch = transfer_id(provider, ""), f"{WATCH}{provider}:"
    if workflow.startswith(transfer):
        return workflow.removeprefix(transfer)
    return workflow.removeprefix(watch).rpartition(":")[0] if workflow.startswith(watch) else ""


def listener_id(provider: str) -> str:
    """Return the workflow id of the listener of a provider node."""
    return f"listener:{provider}"


def provider_task_queue(provider: str) -> str:
    """Return the task queue of what touches the calls of a node that only workers of its own reach.

    Args:
        provider: Name of the node.
    """
    return f"{TASK_QUEUE}:{provider}"
