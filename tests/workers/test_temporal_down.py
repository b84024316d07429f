"""What a worker measures when Temporal is killed: the alert HookflashTemporalDown goes by it."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.deploy.composition import ROOT, documents
from tests.support.polling import eventually
from tests.support.ports import free_address
from tests.support.prometheus import scrape
from tests.support.server_process import server_process
from tests.workers.process import worker_process

pytestmark = pytest.mark.timeout(180)

WINDOW = 300
"""Seconds that the alert looks back."""
QUIET = 3.0
"""Seconds without a failure, in which a Temporal that is away brings several."""


def alert() -> tuple[str, float]:
    """Return the counter that the alert is about, and how many in a second are too many."""
    (whole,) = documents(ROOT / "deploy/prometheus/alerts.yaml")
    (rule,) = (it for group in whole["groups"] for it in group["rules"] if it["alert"] == "HookflashTemporalDown")
    found = re.fullmatch(r"sum\(rate\((\w+)\[5m\]\)\) > ([\d.]+)", rule["expr"])
    assert found is not None
    return found[1], float(found[2])


async def test_polls_fail_often_enough_for_the_alert_and_no_more_when_temporal_is_back(tmp_path: Path) -> None:
    counter, limit = alert()
    metrics = free_address()
    async with server_process(tmp_path) as server:
        variables = server.environment() | {"HOOKFLASH_METRICS_ADDRESS": metrics}
        async with worker_process(tmp_path / "worker.log", **variables) as worker:
            await worker.ready()
            await worker.logs("listening to simulator")
            assert (await scrape(metrics)).total(counter) == 0

            await server.kill()

            async def often() -> bool | None:
                return (await scrape(metrics)).total(counter) > limit * WINDOW or None

            await eventually(often, "as many failures as the alert wants of five minutes", within=60)

            await server.start()
            await worker.logs("listening to simulator")

            loop = asyncio.get_running_loop()
            seen, since = 0.0, loop.time()

            async def quiet() -> bool | None:
                nonlocal seen, since
                if (total := (await scrape(metrics)).total(counter)) != seen:
                    seen, since = total, loop.time()
                return loop.time() - since >= QUIET or None

            await eventually(quiet, "polls that do not fail any more", within=60)
