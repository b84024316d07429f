"""The commands on docs/operations.md that are not ours: Temporal's on a real server, compose's by its own parser."""

import asyncio
import re
import shlex
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from hookflash import Mode, names
from tests.deploy.composition import CHECKERS, GROUP, ROOT, services
from tests.operators.operated import Operated, engine, environment
from tests.support.namespaces import new_namespace
from tests.support.polling import eventually
from tests.support.temporal_server import temporal_executable
from workers.provider_settings import SIMULATOR
from workflows.call_back import CallBackInput

TEXT = (ROOT / "docs/operations.md").read_text()
BY_BUILDS = "### Upgrade build by build\n"
"""What is there is run by tests/workers/test_versions.py."""
VALUED = {"--scale", "--profile"}
"""Options of compose that take a word more, of those on the page."""


def told(program: str, text: str = TEXT) -> list[str]:
    """Return every command of a program, from lines of blocks and from code within the text."""
    lines = re.findall(
        rf"^ *({program} [^\n]*)$", "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)), re.MULTILINE
    )
    inline = re.findall(rf"`({program} [^`]*)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [" ".join(it.partition(" #")[0].split()) for it in (*lines, *inline)]


def for_temporal() -> list[str]:
    """Return the commands for Temporal, but for those by builds."""
    before, _, after = TEXT.partition(BY_BUILDS)
    return told("temporal", before + after.partition("\n## ")[2])


@pytest.mark.checkers
@pytest.mark.parametrize("command", dict.fromkeys(told("docker compose")))
def test_compose_knows_what_is_asked_of_it(command: str) -> None:
    """With `--help` it reads the options, and does nothing."""
    words = shlex.split(re.split(r"[<>|;\\]", command)[0])[2:]
    at = next(n for n, word in enumerate(words) if not word.startswith("-") and words[n - 1 : n] != ["--profile"])
    arguments = [word for n, word in enumerate(words[at + 1 :], at + 1) if words[n - 1] not in VALUED]
    named = [word for word in arguments if not word.startswith("-") and word != "SERVICE"]
    # What comes after the service is a command in there.
    assert set(named[:1] if words[at] == "exec" else named) <= set(services())
    asked = [CHECKERS / "docker-compose", *words[: at + 1], "--help", *words[at + 1 :]]
    done = subprocess.run(asked, cwd=ROOT, env={"SECRETS_GROUP": GROUP}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage:  docker compose {words[at]} ")


async def test_every_command_for_temporal_is_run_here() -> None:
    assert sorted({" ".join(it.split()[1:3]) for it in for_temporal()}) == [
        "operator namespace",
        "task-queue describe",
        "workflow cancel",
        "workflow list",
        "workflow result",
        "workflow update",
    ]


@pytest.mark.timeout(180)
async def test_the_commands_for_temporal_do_what_the_page_says(client: Client, tmp_path: Path) -> None:
    own = await new_namespace(client, "operators")
    operated = Operated(own)

    async def run(beginning: str, *contained: str, **placeholders: str) -> str:
        (command,) = {it for it in for_temporal() if it.startswith(beginning) and all(part in it for part in contained)}
        for name, value in placeholders.items():
            command = command.replace(name, value)
        process = await asyncio.create_subprocess_exec(
            *(temporal_executable(), *shlex.split(command)[1:]),
            env=environment(own),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said = (await process.communicate())[0].decode()
        assert process.returncode == 0, f"{command}: {said}"
        return said

    async def until(wanted: str, beginning: str, *contained: str, **placeholders: str) -> None:
        async def so() -> bool | None:
            return True if wanted in await run(beginning, *contained, **placeholders) else None

        await eventually(so, f"{wanted} by {beginning}", within=60, every=0.5)

    await run("temporal operator namespace update", "--retention 72h", **{"--namespace default": f"-n {own.namespace}"})
    async with engine(own, tmp_path) as worker:
        await until(f"@{worker.pid}@", "temporal task-queue describe")
        # A customer who was promised a call, for much later, is called now.
        promise = CallBackInput(
            provider=SIMULATOR,
            tenant="default",
            caller="sim:anna?busy",
            customer="sim:carol",
            after=timedelta(hours=1),
            attempts=1,
        )
        promised = await own.start_workflow(
            names.CALL_BACK_TYPE, promise, id=f"callback:{SIMULATOR}:carol:1", task_queue=names.TASK_QUEUE
        )
        await until(promised.id, "temporal workflow list", "CallBack", "ExecutionStatus")
        await run("temporal workflow update execute", ID=promised.id)
        result = await run("temporal workflow result", ID=promised.id)
        assert "not_reached" in result
        await until(promised.id, "temporal workflow list", "CallBack", "CloseTime", **{"2026-01-31": "2025-01-31"})
        # Somebody who is connected is watched.
        await (await operated.start(Mode.COLD, "answer=100ms")).wait()
        await until(f"{names.WATCH}{SIMULATOR}:", "temporal workflow list", "STARTS_WITH", NAME=SIMULATOR)
        # Nobody is to listen to a node that never comes back.
        listener = own.get_workflow_handle(names.listener_id(SIMULATOR))
        ended = own.get_workflow_handle(listener.id, run_id=(await listener.describe()).run_id)
        await run("temporal workflow cancel", NAME=SIMULATOR)

        async def over() -> bool | None:
            return (await ended.describe()).status is not WorkflowExecutionStatus.RUNNING or None

        await eventually(over, "the end of who listens", within=60)
