"""The log of this process as a worker with `HOOKFLASH_LOG_FORMAT=json` would write it."""

import io
import json
import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from workers.json_logs import JsonFormatter


class JsonLog:
    """What has been logged until now."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def lines(self, message: str = "") -> list[dict[str, Any]]:
        """Return the lines whose message has this in it."""
        found: list[dict[str, Any]] = [json.loads(it) for it in self.stream.getvalue().splitlines()]
        return [it for it in found if message in it["message"]]


@contextmanager
def json_log() -> Generator[JsonLog]:
    """Keep what the engine's activities log in this block, from DEBUG on."""
    log = JsonLog()
    handler = logging.StreamHandler(log.stream)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("activities")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
