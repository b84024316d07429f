"""How soon it is noticed that the worker which listens to a node is dead."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from workers.variables import Duration, FromEnvironment
from workflows.listener import HEARTBEAT_TIMEOUT


class ListenerSettings(FromEnvironment):
    """A part of the worker's settings."""

    listener_heartbeat_timeout: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=1))] = (
        HEARTBEAT_TIMEOUT
    )
    """How long a dead listener goes unnoticed; a number of seconds, or ISO 8601, from 1 s to a minute. There are four
    heartbeats in it for each node, which Temporal Cloud bills. What runs takes it up within the hour."""
