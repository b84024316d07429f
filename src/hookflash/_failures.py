"""Temporal's failures, told as the errors of `hookflash.errors`."""

from collections.abc import Mapping
from typing import TypeVar, cast

from pydantic import ValidationError
from pydantic_core import to_json
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError, TimeoutError
from temporalio.service import RPCError, RPCStatusCode

from hookflash._base import FromCaller
from hookflash.converter import INVALID_REQUEST, Problem, data_converter
from hookflash.errors import (
    CommandRejected,
    EngineUnreachable,
    HookflashError,
    InvalidRequest,
    TransferFailed,
)
from hookflash.vocabulary import CommandName

COMMAND_REJECTED = "CommandRejected"
"""The `type` of the error with which the workflow refuses a command."""

# The server's own: the transfer ended between accepting the command and answering it.
_ENDED_MEANWHILE = "AcceptedUpdateCompletedWorkflow"

_UNREACHABLE = (
    RPCStatusCode.UNAVAILABLE,
    # Two words for a call whose own time is up.
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    # The transfer is suspended by a fault of its workers, until they are repaired.
    RPCStatusCode.FAILED_PRECONDITION,
)

Model = TypeVar("Model", bound=FromCaller)


def read(model: type[Model], body: bytes | Mapping[str, object]) -> Model:
    """Return a model from JSON or from its fields, judged in the very words of the engine.

    Args:
        model: What it shall be.
        body: JSON text in UTF-8, or the fields.

    Raises:
        InvalidRequest: A field is wrong, missing or unknown, or the text is no JSON.
    """
    # Through the converter, and not model_validate: a caller gets the same answer here and from the engine.
    payload = Payload(metadata={"encoding": b"json/plain"}, data=body if isinstance(body, bytes) else to_json(body))
    try:
        return cast("Model", data_converter.payload_converter.from_payloads([payload], [model])[0])
    except ApplicationError as error:
        raise invalid_request(error) from None
    except ValueError as error:
        # Nesting without end and the like, which pydantic does not report as a problem with a field.
        reason = "cannot be read" if isinstance(error, ValidationError) else str(error)
        raise InvalidRequest(f"invalid {model.__name__}: {reason}") from None


def invalid_request(error: ApplicationError) -> InvalidRequest:
    """Return the error for an `ApplicationError` of type `InvalidRequest`."""
    found: object = error.details[0] if error.details else None
    items = cast("list[object]", found) if isinstance(found, list) else []
    fields = [cast("Mapping[str, object]", item) for item in items if isinstance(item, Mapping)]
    problems = [Problem(field=str(it.get("field", "")), problem=str(it.get("problem", ""))) for it in fields]
    return InvalidRequest(error.message, problems)


def command_failure(error: WorkflowUpdateFailedError, command: CommandName) -> HookflashError:
    """Return what a caller is told when a command was answered with a failure."""
    cause = error.cause
    if not isinstance(cause, ApplicationError):
        return HookflashError(f"{command.value} failed: {cause}")
    if cause.type == INVALID_REQUEST:
        return invalid_request(cause)
    if cause.type == COMMAND_REJECTED:
        return CommandRejected(cause.message, command)
    if cause.type == _ENDED_MEANWHILE:
        return CommandRejected(f"{command.value} came too late: the transfer is over", command)
    return HookflashError(f"{command.value} failed: {cause.message}")


def transfer_failure(error: WorkflowFailureError, transfer_id: str) -> HookflashError:
    """Return what a caller is told when a transfer ended without a result."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == INVALID_REQUEST:
        return invalid_request(cause)
    match cause:
        case TerminatedError():
            why = "was terminated"
        case CancelledError():
            why = "was cancelled before it had a result"
        case TimeoutError():
            why = "ran out of time"
        case _:
            why = f"failed: {cause}"
    return TransferFailed(f"{transfer_id} {why}", transfer_id)


def rpc_failure(error: RPCError, doing: str) -> HookflashError:
    """Return what a caller is told when Temporal itself did not do what was asked.

    Args:
        error: Temporal's answer, or that there was none.
        doing: What was asked for, for example `start`.
    """
    text = error.message.rstrip(".")
    # A missing namespace is a matter of configuration, and for a caller as good as no server at all.
    if error.status in _UNREACHABLE or "amespace" in text:
        return EngineUnreachable(f"{doing}: Temporal or its workers cannot be reached: {text}")
    return HookflashError(f"{doing}: Temporal refused: {text}")


def is_missing(error: RPCError) -> bool:
    """Whether it was the workflow that was not found, and not its namespace."""
    return error.status is RPCStatusCode.NOT_FOUND and "amespace" not in error.message


def is_passing(error: RPCError) -> bool:
    """Whether the same call may succeed in a moment."""
    return error.status in _UNREACHABLE
