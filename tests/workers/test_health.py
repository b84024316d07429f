"""What a worker answers when it is asked whether it lives and is ready."""

import asyncio
import json
import signal
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.turns import MEMORY, Turns
from tests.support.polling import eventually
from tests.support.ports import free_address
from tests.workers.process import temporal_at, worker_process
from workers.health import Health

pytestmark = pytest.mark.timeout(90)

NOBODY = "127.0.0.1:1"
"""tcpmux, which nobody runs."""


async def ask(address: str, path: str) -> tuple[int, dict[str, Any]]:
    """Return status and body."""

    def get() -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return await asyncio.to_thread(get)


async def until(address: str, expected: tuple[int, dict[str, Any]]) -> None:
    """Ask `/readyz` until it answers so."""

    async def as_expected() -> bool | None:
        try:
            return True if await ask(address, "/readyz") == expected else None
        except urllib.error.URLError:
            return None  # it does not listen yet

    await eventually(as_expected, f"{expected} of /readyz", within=30)


def unready(*reasons: str) -> tuple[int, dict[str, Any]]:
    return 503, {"ready": False, "reasons": list(reasons)}


READY: tuple[int, dict[str, Any]] = (200, {"ready": True, "reasons": []})


async def test_a_worker_that_says_it_is_ready_is(own_namespace: Client, tmp_path: Path) -> None:
    address = free_address()
    variables = temporal_at(own_namespace) | {"HOOKFLASH_HEALTH_ADDRESS": address}
    async with worker_process(tmp_path / "log", **variables) as process:
        await process.ready()
        await until(address, READY)
        assert await ask(address, "/livez") == (200, {"alive": True})


async def test_a_connection_that_temporal_closes_just_then_is_no_reason(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = [RPCError("operation was canceled", RPCStatusCode.CANCELLED, b"")]
    check = client.service_client.check_health

    async def closed_in_that_moment(**limits: timedelta) -> bool:
        if lost:
            raise lost.pop()
        return await check(timeout=limits["timeout"])

    monkeypatch.setattr(client.service_client, "check_health", closed_in_that_moment)
    health = Health()
    health.client = client
    assert await health.reasons() == ["not all workers run"]
    lost += [RPCError("operation was canceled", RPCStatusCode.CANCELLED, b"")] * 2
    assert await health.reasons() == ["Temporal does not answer: CANCELLED", "not all workers run"]


async def test_without_temporal_it_lives_and_is_not_ready(tmp_path: Path) -> None:
    address = free_address()
    variables = {"TEMPORAL_ADDRESS": NOBODY, "HOOKFLASH_HEALTH_ADDRESS": address}
    async with worker_process(tmp_path / "log", **variables):
        await until(address, unready("not connected to Temporal"))
        assert await ask(address, "/livez") == (200, {"alive": True})


async def test_without_its_node_it_says_which_one(own_namespace: Client, tmp_path: Path) -> None:
    address = free_address()
    asterisk = {"URL": f"http://{NOBODY}/ari", "APP": "hookflash", "USERNAME": "hookflash", "PASSWORD": "x"}
    variables = {f"HOOKFLASH_ASTERISK_{name}": value for name, value in asterisk.items()}
    variables |= temporal_at(own_namespace) | {"HOOKFLASH_HEALTH_ADDRESS": address, "HOOKFLASH_SIMULATOR": "false"}
    async with worker_process(tmp_path / "log", **variables) as process:
        await process.ready()
        await until(address, unready("not connected to asterisk"))


async def test_what_is_stopping_is_not_ready_while_it_finishes(own_namespace: Client, tmp_path: Path) -> None:
    address = free_address()
    variables = temporal_at(own_namespace) | {"HOOKFLASH_HEALTH_ADDRESS": address}
    async with worker_process(tmp_path / "log", **variables) as process:
        await process.ready()
        await until(address, READY)
        seen: list[tuple[int, dict[str, Any]]] = []
        process.send(signal.SIGTERM)
        ending = asyncio.create_task(process.end())
        while not ending.done():
            try:
                seen.append(await ask(address, "/readyz"))
            except (urllib.error.URLError, OSError):
                break  # it has ended
        assert await ending == 0
    assert unready("stopping") in seen
    assert READY not in seen[seen.index(unready("stopping")) :]


async def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    variables = {"TEMPORAL_ADDRESS": NOBODY, "HOOKFLASH_HEALTH_ADDRESS": free_address()}
    async with worker_process(tmp_path / "1", **variables):
        await until(variables["HOOKFLASH_HEALTH_ADDRESS"], unready("not connected to Temporal"))
        async with worker_process(tmp_path / "2", **variables) as second:
            assert await second.end() == 2
            assert "HOOKFLASH_HEALTH_ADDRESS: " in second.log


def test_a_node_that_somebody_else_listens_to_is_forgotten() -> None:
    now = 100.0
    turns = Turns(lambda: now)
    assert turns.unheard() == []
    turns.lost("north")
    turns.lost("east")
    assert turns.unheard() == ["east", "north"]
    turns.fine("north")
    assert turns.unheard() == ["east"]
    now += MEMORY.total_seconds() + 1
    assert turns.unheard() == []
