"""`hookflash watch`: what is told as it happens."""

import asyncio
import json
import signal

import pytest

from hookflash import Mode, Stage
from tests.operators.operated import Operated, reaches

pytestmark = pytest.mark.timeout(300)


async def until(process: asyncio.subprocess.Process, text: str) -> list[str]:
    """Read until a line has a text; return the lines."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or text not in lines[-1]:
        line = (await process.stdout.readline()).decode()
        assert line, f"it ended before {text!r}: {lines}"
        lines.append(line.rstrip("\n"))
    return lines


async def test_a_person_follows_a_transfer_to_its_end(operated: Operated) -> None:
    transfer = await operated.start(Mode.WARM, "answer=200ms")
    await reaches(transfer, Stage.CONSULTING)
    watching = await operated.begin("watch", transfer.id, "--step", "100ms")
    begun = await until(watching, "consulting")
    assert begun[0] == transfer.id
    assert begun[1].startswith("https://ui.example/")
    assert begun[-2].endswith(" Claims desk answered")
    await transfer.complete()
    out, err = (it.decode() for it in await watching.communicate())
    assert (watching.returncode, err) == (0, "")
    assert "  customer: with target\n" in out
    told = [line.split(" ", 3)[-1] for line in out.splitlines() if line.startswith("  ") and ": complete" in line]
    assert told == ["agent: complete"], "once, and no line is told again"


async def test_a_script_gets_a_line_for_each_thing(operated: Operated) -> None:
    transfer = await operated.ringing()
    watching = await operated.begin("watch", transfer.id, "--json")
    begun = [json.loads(line) for line in await until(watching, '"stage"')]
    assert begun[0]["id"] == transfer.id
    assert begun[-1] == {"stage": "ringing"}
    await transfer.cancel()
    out, _ = await watching.communicate()
    lines = [json.loads(line) for line in out.decode().splitlines()]
    assert watching.returncode == 0
    assert {"stage": "ended"} in lines
    assert lines[-1]["result"]["outcome"] == "cancelled"
    assert lines[-1]["ui"] == begun[0]["ui"] == operated.link(transfer)
    assert next(it["journal"]["text"] for it in lines if "journal" in it) == "agent: cancel"


async def test_ctrl_c_ends_the_watching_and_not_the_transfer(operated: Operated) -> None:
    transfer = await operated.ringing()
    watching = await operated.begin("watch", transfer.id)
    await until(watching, "ringing")
    watching.send_signal(signal.SIGINT)
    _, err = await watching.communicate()
    assert (watching.returncode, err) == (130, b"")
    assert (await transfer.status()).stage is Stage.RINGING
    await transfer.cancel()


async def test_a_transfer_that_ends_without_a_result_is_an_error(operated: Operated) -> None:
    transfer = await operated.ringing()
    watching = await operated.begin("watch", transfer.id)
    await until(watching, "ringing")
    await operated.client.get_workflow_handle(transfer.id).terminate()
    _, err = await watching.communicate()
    assert (watching.returncode, err.decode()) == (1, f"hookflash: {transfer.id} was terminated\n")
