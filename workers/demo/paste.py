"""Commands to paste into a second terminal while the demo is left running."""

import json
import os
from collections.abc import Mapping
from typing import NamedTuple

from hookflash import names
from workers.demo.scenes import PROVIDER
from workers.demo.screen import Screen, Style
from workers.demo.server import HOST, PORT, Server

_HOOKFLASH, _TEMPORAL = ".venv/bin/hookflash", ".venv/bin/temporal"


class Recipe(NamedTuple):
    """Commands that belong together."""

    title: str
    commands: tuple[str, ...]


def recipes() -> tuple[Recipe, ...]:
    """Return the commands, in an order in which they work."""
    kim, lee, max_ = "simulator:sim:kim", names.transfer_id(PROVIDER, "sim:lee"), "simulator:sim:max"
    return (
        Recipe(
            "A warm transfer: the claims desk answers after 2 s; then try one command after the other.",
            (
                f"{_HOOKFLASH} start --mode warm --customer sim:kim --agent sim:anna-kim \\\n"
                "    --target 'Claims desk=sim:bob?answer=2s'",
                f"{_HOOKFLASH} status {kim}",
                f"{_HOOKFLASH} unhold {kim}",
                f"{_HOOKFLASH} hold {kim}",
                f"{_HOOKFLASH} complete {kim}",
            ),
        ),
        Recipe(
            "The same from any language or none: plain Temporal, plain JSON.",
            (
                f"{_TEMPORAL} workflow start --type {names.WORKFLOW_TYPE} --task-queue {names.TASK_QUEUE} \\\n"
                f"    --workflow-id {lee} --input '{_request()}'",
                f"{_TEMPORAL} workflow query --workflow-id {lee} --type {names.STATUS_QUERY}",
                f"{_TEMPORAL} workflow signal --workflow-id {lee} --name unhold",
                f"{_TEMPORAL} workflow signal --workflow-id {lee} --name hold \\\n"
                """    --input '{"party": "customer"}'""",
                f"{_TEMPORAL} workflow update execute --workflow-id {lee} --name complete",
            ),
        ),
        Recipe(
            "Nobody answers, and the agent has seen enough.",
            (
                f"{_HOOKFLASH} start --mode cold --customer sim:max --agent sim:anna-max \\\n"
                "    --target 'Claims desk=sim:bob?ring'",
                f"{_HOOKFLASH} cancel {max_} --by agent",
            ),
        ),
    )


def _request() -> str:
    """Return a request in JSON, broken so that no line is too long."""
    target = {"address": "sim:bob?answer=2s&hangup=1m", "name": "Claims desk"}
    lines = (
        f'"mode": "warm", "provider": "{PROVIDER}",',
        '"customer": {"leg": "sim:lee"}, "agent": {"leg": "sim:anna-lee"},',
        f'"targets": [{json.dumps(target)}]',
    )
    return "{\n      " + "\n      ".join(lines) + "\n    }"


def invite(screen: Screen, server: Server, environment: Mapping[str, str] = os.environ) -> None:
    """Write what can be done while everything is left running."""
    bold = Style.BOLD
    screen.line()
    screen.line(screen.paint("──" + " It goes on running " + "─" * (screen.width - 22), bold))
    screen.line(f"  Temporal UI  {screen.paint(server.ui, Style.CYAN)}")
    screen.line("  Paste these into another terminal, in this folder, and watch the calls here. Ctrl-C stops it all.")
    elsewhere = export(server, environment)
    if elsewhere:
        screen.line()
        screen.line(screen.paint("# First of all, say where the server is.", bold))
        screen.line(elsewhere)
    for recipe in recipes():
        screen.line()
        screen.line(screen.paint(f"# {recipe.title}", bold))
        for command in recipe.commands:
            for line in command.split("\n"):
                screen.line(line)
    screen.line()
    for line in _notes():
        screen.line(f"  {line}")


def export(server: Server, environment: Mapping[str, str]) -> str:
    """Return the command that makes the others find the server; empty if they find it anyway."""
    default = f"{HOST}:{PORT}"
    found = environment.get("TEMPORAL_ADDRESS", default)
    namespace = environment.get("TEMPORAL_NAMESPACE", "default")
    if found == server.address and namespace == "default":
        return ""
    return f"export TEMPORAL_ADDRESS={server.address} TEMPORAL_NAMESPACE=default"


def _notes() -> tuple[str, ...]:
    return (
        "Legs      Any id sim:NAME that was not used before stands for a phone that is up and in a call.",
        "          A call that went back to its agent can be transferred again, with the same ids.",
        "Targets   sim:NAME?SCRIPT, with one of: answer=2s  ring (for ever)  busy  decline=1s  silent",
        "          unreachable  invalid; and: &hangup=5s after the answer, &press=1 for start --accept.",
        "More      .venv/bin/hookflash --help   .venv/bin/temporal workflow list",
    )
