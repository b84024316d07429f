"""What workflows share with the process, and what each of them has a copy of: told by the sandbox itself."""

import ast
import dataclasses
import warnings
from pathlib import Path
from typing import Any

import pytest
from pydantic._internal._model_construction import ModelMetaclass
from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import SandboxImportNotificationPolicy

from tests.test_layers import imports, is_in
from workers.engine import PASSED_THROUGH, PURE, WORKFLOWS, sandbox

ROOT = Path(__file__).resolve().parents[2]


async def test_nothing_but_the_shell_is_imported_again_for_every_workflow() -> None:
    runner: SandboxedWorkflowRunner = sandbox(SandboxImportNotificationPolicy.WARN_ON_UNINTENTIONAL_PASSTHROUGH)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for type_ in WORKFLOWS:
            # What a worker does first. The sandbox looks for a running loop, so this test has one.
            runner.prepare_workflow(workflow._Definition.must_from_class(type_))  # pyright: ignore[reportPrivateUsage]
    again = {str(warning.message).split()[1] for warning in told}
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
