"""The `hookflash` command as a person and a script use it.

A process of its own is started only where the process is what is tested: its exit code, standard input, waiting. To
start an interpreter each time would be most of this module's time.
"""

import asyncio
import json
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import quote
from uuid import uuid4

import pytest
from temporalio.client import Client

from hookflash import TransferClient, TransferNotFound, TransferResult, TransferStatus, _cli_input
from hookflash.cli import run

UNREACHABLE = "127.0.0.1:1"
EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
START = ["start", "--customer", "c-1", "--agent", "a-1", "--target", "sim:bob"]


UI = "https://ui.example"


def workflow_page(id: str) -> str:
    """Where that UI shows the latest run of a transfer."""
    return f"{UI}/namespaces/default/workflows/{quote(id, safe='')}"


class Ran(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 whatever was printed
        return json.loads(self.out)


class Command(Protocol):
    """The command, in this process."""

    async def __call__(self, *arguments: str) -> Ran: ...


async def in_a_process(*arguments: str, address: str = UNREACHABLE, stdin: str = "") -> Ran:
    """Runs the command as a shell does; without an address there is no server."""
    code = "from hookflash.cli import main; main()"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TEMPORAL_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**inherited, "TEMPORAL_ADDRESS": address},
    )
    out, err = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return Ran(process.returncode, out.decode(), err.decode())


@pytest.fixture
def hookflash(client: Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("TEMPORAL_ADDRESS", client.service_client.config.target_host)
    monkeypatch.delenv("TEMPORAL_UI_URL", raising=False)

    async def call(*arguments: str) -> Ran:
        capsys.readouterr()
        try:
            code = await run(list(arguments))
        except SystemExit as stopped:  # argparse's own way
            code = cast("int", stopped.code)
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return call


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "COMMAND"),
        (["dance"], "dance"),
        (["hold"], "ID"),
        (["hold", "a:b", "--party", "everybody"], "--party"),
        ([*START, "--ring", "soon"], "--ring: 'soon' is no duration"),
        ([*START, "--mode", "hot"], "--mode"),
        ([*START, "--label", "nothing"], "--label: has to be NAME=TEXT"),
        (["start", "--customer", "a/b", "--agent", "a", "--target", "sim:b"], "customer.leg: "),
        (["start", "--customer", "a", "--target", "sim:b"], "agent: Field required"),
        (["start", "--customer", "a", "--agent", "b"], "targets: Field required"),
        (["start", "--customer", "a", "--agent", "b", "--ring", "5s"], "--ring, --accept and --together need --target"),
        (["start", "--request", str(EXAMPLES / "warm-minimal.json"), "--together"], "--together need --target"),
        ([*START, "--ring", "2h"], "targets.0.ring_timeout: "),
        ([*START, "--idempotency-key", "a b"], "idempotency_key: "),
        ([*START, "--request", "no-such-file"], "--request: cannot read no-such-file"),
        (["retarget", "a:b", "--target", "sim:"], "address: "),
        (["retarget", "a:b", "--target", "sim:a,sim:b"], "--target: one target only"),
        (["accept", "a:b", "--leg", "a/b"], "leg: "),
        (["decline", "a:b", "--leg", ""], "leg: "),
        (["cancel", "a:b", "--reason", "two\nlines"], "reason: "),
        (["extend", "a:b", "hold_budget"], "TIME"),
        (["extend", "a:b", "ring", "2m"], "WAIT: invalid choice: 'ring'"),
        (["extend", "a:b", "accept", "soon"], "TIME: 'soon' is no duration"),
        (["extend", "a:b", "accept", "2h"], "remaining: "),
    ],
    ids=str,
)
async def test_wrong_arguments_are_named_without_a_server(
    hookflash: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", UNREACHABLE)
    ran = await hookflash(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err.splitlines()[-1]


async def test_help_lists_commands_and_exit_codes(hookflash: Command) -> None:
    ran = await hookflash("--help")
    assert ran.code == 0
    assert "retarget" in ran.out
    assert "exit codes: 0 done" in ran.out


async def test_a_wrong_request_on_standard_input_is_one_line() -> None:
    ran = await in_a_process("start", "--request", "-", stdin='{"mode": "warm", "tennant": "x"}')
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    assert line.startswith("hookflash: invalid TransferRequest: customer: Field required; agent: Field required; ")


@pytest.mark.parametrize("arguments", [START, ["hold", "transfer:simulator:c-1"]], ids=["start", "hold"])
async def test_without_a_server_the_exit_code_is_3(arguments: list[str]) -> None:
    ran = await in_a_process(*arguments)
    assert (ran.code, ran.out) == (3, "")
    assert ran.err == f"hookflash: no Temporal server at {UNREACHABLE}: Connection refused\n"


async def test_a_refusal_says_where_to_look(hookflash: Command, monkeypatch: pytest.MonkeyPatch, queue: str) -> None:
    monkeypatch.setenv("TEMPORAL_UI_URL", UI)
    start = ("start", "--customer", f"c-{uuid4()}", "--agent", "a-1", "--target", "sim:a", "--task-queue", queue)
    id = (await hookflash(*start)).out.splitlines()[0]
    for refused in (await hookflash("swap", id), await hookflash(*start, "--mode", "cold")):
        assert (refused.code, refused.out) == (1, "")
        assert refused.err.splitlines()[1:] == [f"hookflash: {workflow_page(id)}"]
    await hookflash("cancel", id)


async def test_a_script_can_follow_a_transfer_from_start_to_end(
    hookflash: Command, monkeypatch: pytest.MonkeyPatch, queue: str
) -> None:
    leg = f"c-{uuid4()}"
    fields = {"request": str(EXAMPLES / "warm-minimal.json"), "customer": leg, "task-queue": queue, "label": "a=b"}
    options = [*(f"--{name}={value}" for name, value in fields.items()), "--json"]
    monkeypatch.setenv("TEMPORAL_UI_URL", UI)

    started = await hookflash("start", *options)
    assert started.code == 0, started.err
    id: str = started.json["id"]
    assert id == f"transfer:simulator:{leg}"
    again = await hookflash("start", *options)
    assert again.json == started.json, "the same request is the same transfer"

    other = await hookflash("start", *options, "--mode", "cold")
    assert (other.code, other.out) == (1, "")
    assert id in other.err

    held = await hookflash("hold", id, "--party", "target", "--json")
    assert [it.text for it in TransferStatus.model_validate_json(held.out).journal] == ["hold target"]
    assert (held.json["id"], held.json["ui"]) == (id, workflow_page(id))
    assert (await hookflash("status", id, "--json")).json["ui"] == workflow_page(id)
    retarget = ("retarget", f"simulator:{leg}", "--target", "Bob's desk=sim:bob?answer=1s", "--json")
    assert (await hookflash(*retarget)).json["journal"][-1]["text"] == "retarget Bob's desk"
    longer = await hookflash("extend", id, "hold_budget", "PT2M", "--json")
    assert longer.json["journal"][-1]["text"] == "extend hold_budget 120"
    for command in ("accept", "decline"):
        assert (await hookflash(command, id, "--leg", "leg-3", "--json")).json["journal"][-1]["text"] == (
            f"{command} leg-3"
        )
    assert (await hookflash("accept", id, "--json")).json["journal"][-1]["text"] == "accept"
    refused = await hookflash("swap", id, "--json")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err == "hookflash: swap is not possible while ringing; possible: hold, cancel\n"

    assert (await hookflash("complete", id, "--json")).json["result"]["outcome"] == "connected"
    waited = await hookflash("wait", id, "--json")
    assert waited.code == 0
    TransferResult.model_validate_json(waited.out)
    assert (waited.json["id"], waited.json["ui"]) == (id, workflow_page(id))
    late = await hookflash("hold", id, "--json")
    assert (late.code, late.out) == (1, "")
    assert "the transfer is over" in late.err


async def test_a_person_sees_who_is_where_and_what_is_possible(
    hookflash: Command, monkeypatch: pytest.MonkeyPatch, queue: str
) -> None:
    leg = f"c-{uuid4()}"
    monkeypatch.setenv("TEMPORAL_UI_URL", "https://ui.example/")
    targets = "Claims desk=sim:claims?answer=2s,night-desk"
    started = await hookflash(
        *("start", "--customer", leg, "--agent", "a-1", "--target", targets, "--ring", "15s", "--task-queue", queue)
    )
    assert started.code == 0, started.err
    id, link = started.out.splitlines()
    assert link.startswith(f"https://ui.example/namespaces/default/workflows/transfer%3Asimulator%3A{leg}/")

    held = await hookflash("hold", id, "--ui", "https://other.example")
    lines = held.out.splitlines()
    assert lines[:4] == [
        id,
        "warm transfer: ringing",
        "  customer  on hold",
        "  target    ringing  Claims desk",
    ]
    assert re.fullmatch(r"  Ring Claims desk \(20 s\): \d+ s left", lines[4])
    assert re.fullmatch(r"  Hold budget \(5 min\): (5 min|4 min \d+ s) left \(extend hold_budget\)", lines[5])
    assert lines[6] == "journal (local time)"
    assert re.fullmatch(r"  \d\d:\d\d:\d\d hold customer", lines[7])
    assert lines[8] == "now possible: hold, cancel"
    assert lines[9].startswith("https://other.example/namespaces/default/workflows/")

    declined = await hookflash("decline", id)
    assert "result: failed, by the target" in declined.out
    assert "  fallbacks tried: recall, call back (took the customer)\n" in declined.out
    assert "  on hold 12 s, ringing 8 s" in declined.out
    waited = await hookflash("wait", id)
    assert waited.code == 1, "a failed transfer is an error for a script"

    unknown = await hookflash("status", "simulator:nobody")
    assert (unknown.code, unknown.out) == (1, "")
    assert unknown.err == "hookflash: no transfer transfer:simulator:nobody in namespace default\n"


@pytest.mark.parametrize("together", [True, False])
def test_targets_ring_together_if_asked_for(together: bool) -> None:
    line = ["start", "--customer", "c-1", "--agent", "a-1", "--target", "sim:a,sim:b,desk", "--ring", "5s"]
    arguments = _cli_input.parser().parse_args([*line, *(["--together"] if together else [])])
    found = _cli_input.transfer_request(arguments).targets
    assert [it.with_previous for it in found] == [False, together, together]
    assert {it.ring_timeout.total_seconds() for it in found} == {5}


async def test_start_can_wait_for_the_end(client: Client, transfers: TransferClient, queue: str) -> None:
    leg = f"c-{uuid4()}"
    waiting = asyncio.create_task(
        in_a_process(
            *("start", "--customer", leg, "--agent", "a-1", "--target", "sim:claims", "--wait"),
            *("--task-queue", queue, "--json"),
            address=client.service_client.config.target_host,
        )
    )
    while not waiting.done():
        with suppress(TransferNotFound):
            await transfers.cancel(f"transfer:simulator:{leg}")
            break
    waited = await waiting
    assert waited.code == 0, waited.err
    assert (waited.json["outcome"], waited.json["id"]) == ("cancelled", f"transfer:simulator:{leg}")
    assert waited.json["ui"].endswith("/history")
