"""How Temporal is told that a listener's turn is over, and how soon somebody is to listen again.

Every error of a listener says that itself. What says nothing is a worker that died, and that is made up for at once
(`workflows/listener.py`): pauses that grow would let a node wait for a listener because of what happened before.
"""

import asyncio
from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.telephony.errors import ProtocolError, ProviderUnavailable, TelephonyError

SOON = timedelta(milliseconds=50)
PAUSE = timedelta(milliseconds=500)
FAULT_PAUSE = timedelta(seconds=2)
"""After a fault of our own code. Whoever listens next has all transfers look, so it must not be all the time."""
LONG_PAUSE = timedelta(seconds=5)


def worker_leaves(said: str) -> ApplicationError:
    """Return what has another worker listen at once."""
    return ApplicationError(
        said, type="WorkerShutdown", next_retry_delay=SOON, category=ApplicationErrorCategory.BENIGN
    )


def connection_lost(provider: str, error: BaseException | None, connect: timedelta) -> ApplicationError:
    """Return how Temporal is told that the connection is gone.

    Args:
        provider: Name of the node.
        error: What the provider's events ended with; None if they just ended.
        connect: How long was waited for the connection, if it is a time-out.

    Raises:
        BaseException: It is a bug of ours; Temporal retries that too.
    """
    match error:
        case None | StopAsyncIteration():
            kind, said, pause = ProviderUnavailable.kind, "the provider ended the events", PAUSE
        case TimeoutError():
            kind, said, pause = ProviderUnavailable.kind, f"no connection within {connect.total_seconds():g} s", PAUSE
        case ProtocolError():
            kind, said, pause = error.kind, str(error), LONG_PAUSE
        case TelephonyError():
            kind, said, pause = error.kind, str(error), PAUSE
        case _:
            raise error
    told = ApplicationError(f"{provider}: {said}", type=kind, next_retry_delay=pause)
    told.__cause__ = error
    return told


def with_pause(error: BaseException) -> BaseException:
    """Return the error with the time until the next try, if it does not have one."""
    match error:
        case ApplicationError(next_retry_delay=None):
            pause, kind, said = PAUSE, error.type, error.message
        case ApplicationError() | asyncio.CancelledError():
            return error
        case Exception():
            pause, kind, said = FAULT_PAUSE, type(error).__name__, str(error)
        case _:
            return error
    paused = ApplicationError(said, type=kind, next_retry_delay=pause)
    paused.__cause__ = error
    return paused
