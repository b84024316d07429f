"""What the product asks Temporal by its bare services is tried again when the server closes the connection just then.

A server closes each connection when it is five minutes old (`frontend.keepAliveMaxConnectionAge`). What is asked in
that moment fails with CANCELLED before the server has seen it. With `retry=True` the SDK tries such a call again: the
methods of its client say so by themselves, those of its services have to be told.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("src/hookflash", "activities", "workflows", "workers")
SERVICES = ("workflow_service", "operator_service", "cloud_service", "test_service", "health_service", "service_client")

TRIED_AGAIN_BY_THEMSELVES = {
    # The SDK would ask on for ever; whoever asks looks at the clock.
    ("src/hookflash/_operators/server.py", "poll_workflow_task_queue"),
    # The SDK would try for ten seconds, and no probe waits that long.
    ("workers/health.py", "check_health"),
}


def bare_calls(source: str) -> list[tuple[str, bool]]:
    """Every call of a service: its name, and whether it is tried again."""
    found: list[tuple[str, bool]] = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(attr=name, value=ast.Attribute(attr=service))) if service in SERVICES:
                again = any(it.arg == "retry" and getattr(it.value, "value", None) is True for it in node.keywords)
                found.append((name, again))
            case _:
                pass
    return found


def test_every_call_is_tried_again() -> None:
    seen: set[tuple[str, str, bool]] = set()
    for top in PRODUCT:
        for path in (ROOT / top).rglob("*.py"):
            name = str(path.relative_to(ROOT))
            seen |= {(name, call, again) for call, again in bare_calls(path.read_text())}
    assert {(name, call) for name, call, again in seen if not again} == TRIED_AGAIN_BY_THEMSELVES
    assert {call for _, call, again in seen if again} > {"signal_workflow_execution", "describe_task_queue"}


def test_a_call_that_is_not_tried_again_is_found() -> None:
    source = "await client.workflow_service.a(request)\nawait c.operator_service.b(request, retry=True, timeout=x)\n"
    source += "c.workflow_service.c(request, retry=False)\nc.service_client.config.target_host\n"
    assert sorted(bare_calls(source)) == [("a", False), ("b", True), ("c", False)]
