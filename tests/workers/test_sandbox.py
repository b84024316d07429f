"""What workflow code runs in, and what it shares with the process in the sandbox: told by the sandbox itself."""

import ast
import dataclasses
import gc
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from pydantic._internal._model_construction import ModelMetaclass
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.admission import Tenants
from activities.telephony.simulator import SimulatedExchange
from tests.replay.recording import HISTORIES, read
from tests.support.polling import eventually
from tests.support.sandbox import proven_sandbox
from tests.test_layers import imports, is_in
from tests.workers.environ import Environ, refusal
from tests.workflows.replaying import replayer
from workers.engine import WORKFLOWS, Role, build_workers
from workers.provider_settings import SIMULATOR
from workers.sandbox import PASSED_THROUGH, PURE, Sandbox, sandbox
from workers.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


async def test_nothing_but_the_shell_is_imported_again_for_every_workflow() -> None:
    runner: SandboxedWorkflowRunner = sandbox(SandboxImportNotificationPolicy.WARN_ON_UNINTENTIONAL_PASSTHROUGH)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for type_ in WORKFLOWS:
            # What a worker does first. The sandbox looks for a running loop, so this test has one.
            runner.prepare_workflow(workflow._Definition.must_from_class(type_))  # pyright: ignore[reportPrivateUsage]
    # Not whatever else is warned of meanwhile: garbage of earlier tests is collected too.
    again = {str(it.message).split()[1] for it in told if str(it.message).startswith("Module ")}
    assert "workflows.arranger" in again, "the sandbox does not say any more what it imports"
    assert {name for name in again if name.partition(".")[0] != "workflows"} == set()
    assert not any(name.startswith("workflows.core") for name in again)


def test_the_shell_is_protected() -> None:
    assert "workflows" not in PASSED_THROUGH


@pytest.mark.parametrize("name", PURE)
def test_what_is_shared_knows_neither_temporal_nor_anything_that_does(name: str) -> None:
    tree = ast.parse((ROOT / f"workflows/{name}.py").read_text())
    imported = {found.full_name for found in imports(tree, "workflows")}
    shared = tuple(it for it in PASSED_THROUGH if is_in(it, "workflows"))
    assert not {it for it in imported if is_in(it, "temporalio")}
    assert not {it for it in imported if is_in(it, "workflows") and not any(is_in(it, other) for other in shared)}


async def test_a_transfer_makes_no_model_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make = ModelMetaclass.__new__

    def noted(kind: type[ModelMetaclass], name: str, *more: Any, **options: Any) -> type:  # noqa: ANN401 pydantic's own
        made.append(name)
        return make(kind, name, *more, **options)

    monkeypatch.setattr(ModelMetaclass, "__new__", noted)
    for type_ in WORKFLOWS:
        sandbox().prepare_workflow(workflow._Definition.must_from_class(type_))  # pyright: ignore[reportPrivateUsage]
    assert made == []


async def test_nor_a_dataclass(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make: Any = dataclasses.dataclass

    def noted(kind: type | None = None, /, **options: Any) -> Any:  # noqa: ANN401 the library's own
        made.append(kind.__name__ if kind else "with options")
        return make(kind, **options)

    monkeypatch.setattr(dataclasses, "dataclass", noted)
    for type_ in WORKFLOWS:
        sandbox().prepare_workflow(workflow._Definition.must_from_class(type_))  # pyright: ignore[reportPrivateUsage]
    assert made == []


def copies_of_run(module: str) -> set[FunctionType]:
    """All of a workflow's `run` that are in memory; each holds whatever else there is in its copy of the module."""
    gc.unfreeze()  # what was there before this module is among them too
    gc.collect()
    # Not by `isinstance`: it asks the sandbox's proxies, which other tests have left too, for their class.
    found = (it for it in gc.get_objects() if type(it) is FunctionType)
    return {it for it in found if it.__module__ == module and it.__name__ == "run"}


@pytest.mark.parametrize(
    ("name", "module"),
    [
        ("warm_completed", "workflows.transfer"),
        ("connected_call", "workflows.connected_call"),
        ("call_back", "workflows.call_back"),
        ("listener_next_turn", "workflows.listener"),
    ],
)
async def test_a_workflow_that_is_over_leaves_nothing_behind(name: str, module: str) -> None:
    history, once = read(HISTORIES / f"{name}.json"), replayer()
    await once.replay_workflow(history)
    before = copies_of_run(module)  # earlier tests may have left some, which are kept by this
    assert before
    for _ in range(3):
        await once.replay_workflow(history)

    async def gone() -> bool | None:
        return copies_of_run(module) <= before or None

    await eventually(gone, f"the end of each copy of {module}", every=0.2)


def test_what_the_tests_run_and_replay_workflows_in_is_the_full_sandbox() -> None:
    tests = proven_sandbox()
    assert isinstance(tests, SandboxedWorkflowRunner)
    assert tests.restrictions == sandbox().restrictions
    assert replayer().config().get("workflow_runner") == tests


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, UnsandboxedWorkflowRunner), ({"sandbox": Sandbox.FULL}, SandboxedWorkflowRunner)],
)
async def test_workers_have_no_sandbox_but_where_an_operator_wants_it(
    own_namespace: Client, options: Mapping[str, Any], expected: type[WorkflowRunner]
) -> None:
    exchange = SimulatedExchange()
    worker, *none = build_workers(own_namespace, {SIMULATOR: exchange}, Tenants(), role=Role.ENGINE, **options)
    assert not none
    # The SDK leaves types of other keys open.
    assert type(worker.config().get("workflow_runner")) is expected  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(("said", "meant"), [("", Sandbox.NONE), ("none", Sandbox.NONE), ("full", Sandbox.FULL)])
def test_the_setting(environ: Environ, said: str, meant: Sandbox) -> None:
    environ.set(HOOKFLASH_SIMULATOR="true", HOOKFLASH_SANDBOX=said)
    assert Settings.load().sandbox is meant


def test_a_wrong_setting_is_named(environ: Environ) -> None:
    environ.set(HOOKFLASH_SIMULATOR="true", HOOKFLASH_SANDBOX="strict")
    assert "HOOKFLASH_SANDBOX: " in refusal()
