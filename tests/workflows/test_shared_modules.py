"""All workflows of a worker share the modules of `workflows`, with no sandbox between them: what these may then hold.

The sandbox would stop some of this, and only where it is run; here all of the code is read. `tests/test_layers.py` says
what workflows take in place of clocks and chance.
"""

import ast
import asyncio
import sys
from collections.abc import Iterator

import pytest
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from hookflash.converter import data_converter
from tests.replay.recording import HISTORIES, RECORDINGS, read
from tests.test_layers import ROOT, imports, uses
from workers.engine import WORKFLOWS
from workflows.guard import GuardInterceptor

MAY_IMPORT = {
    *("abc", "asyncio", "collections", "contextlib", "dataclasses", "datetime", "enum", "hashlib", "inspect", "re"),
    *("typing", "uuid"),
    *("pydantic", "temporalio", "hookflash", "activities", "workflows"),
}
"""All that there is to import, at the top of a module or within a function."""
OF_ASYNCIO = {"create_task", "shield", "Task", "CancelledError", "TimeoutError"}
"""Of the rest, much would wait for something that the workflow's own loop does not know."""
NO_BUILTINS = {
    *("open", "input", "print", "breakpoint", "exec", "eval", "compile", "__import__"),
    *("globals", "setattr", "delattr"),
    *("id", "hash"),  # another one in every process
}
CHANGES = {
    *("add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem", "popleft"),
    *("remove", "reverse", "rotate", "setdefault", "sort", "update"),
}
"""Methods that change a list, set, dict or deque."""
CONSTRUCTORS = {"list", "dict", "set", "bytearray", "deque", "defaultdict", "Counter", "OrderedDict", "count", "cycle"}


def root_of(node: ast.expr) -> str | None:
    """The name at the beginning of `name.attribute[item]`."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def is_mutable(value: ast.expr | None) -> bool:
    """Whether an expression makes something that can be changed."""
    if isinstance(value, ast.Call):
        made = value.func
        name = made.id if isinstance(made, ast.Name) else made.attr if isinstance(made, ast.Attribute) else ""
        return name in CONSTRUCTORS
    return isinstance(
        value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp | ast.GeneratorExp
    )


def names_of_the_module(tree: ast.Module) -> set[str]:
    """Whatever is bound outside of functions and classes, also by an import."""
    bound = {found.bound for found in imports(tree, "workflows")}
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            bound.add(node.name)
        for target in targets(node):
            bound |= {it.id for it in ast.walk(target) if isinstance(it, ast.Name)}
    return bound


def targets(node: ast.AST) -> list[ast.expr]:
    """What a statement assigns to or deletes."""
    if isinstance(node, ast.Assign | ast.Delete):
        return list(node.targets)
    return [node.target] if isinstance(node, ast.AnnAssign | ast.AugAssign) else []


def problems(source: str) -> list[str]:
    """Everything in a module that one workflow could change for others, or get from elsewhere; a line each."""
    tree = ast.parse(source)
    return [f"{line}: {problem}" for line, problem in sorted({*_imports(tree), *_state(tree), *_changes(tree)})]


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for found in imports(tree, "workflows"):
        if found.full_name.partition(".")[0] not in MAY_IMPORT:
            yield found.line, f"imports {found.full_name}"
    for line, used in uses(tree, "workflows"):
        origin, _, name = used.partition(".")
        if origin == "asyncio" and name and name not in OF_ASYNCIO:
            yield line, f"uses {used}"


def _state(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield node.lineno, "global"
        if isinstance(node, ast.arguments):
            defaults = (*node.defaults, *node.kw_defaults)
            yield from ((it.lineno, "a default that can be changed") for it in defaults if it and is_mutable(it))
        if isinstance(node, ast.ClassDef):
            for it in node.body:
                if isinstance(it, ast.Assign | ast.AnnAssign) and is_mutable(it.value):
                    yield it.lineno, "an attribute of a class that can be changed"


def _changes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    shared = names_of_the_module(tree)
    for node in ast.walk(tree):
        for target in targets(node):
            if isinstance(target, ast.Attribute | ast.Subscript) and root_of(target) in {*shared, "cls"}:
                yield target.lineno, f"changes {ast.unparse(target)}"
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in NO_BUILTINS:
                yield node.lineno, f"calls {called.id}"
            if isinstance(called, ast.Attribute) and called.attr in CHANGES and root_of(called) in {*shared, "cls"}:
                if ast.unparse(called) == "workflow.update":
                    continue  # Temporal's word for a command
                yield node.lineno, f"changes {ast.unparse(called.value)}"


def test_no_workflow_leaves_anything_to_another() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{problem}"
        for path in sorted((ROOT / "workflows").rglob("*.py"))
        for problem in problems(path.read_text())
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os", "imports os"),
        ("def f():\n    import socket", "imports socket"),
        ("from functools import cache", "imports functools.cache"),
        ("import logging", "imports logging"),
        ("import aiohttp", "imports aiohttp"),
        ("import asyncio\nasync def f():\n    await asyncio.to_thread(f)", "uses asyncio.to_thread"),
        ("from asyncio import open_connection", "uses asyncio.open_connection"),
        ("_SEEN = None\ndef f():\n    global _SEEN", "global"),
        ("_SEEN = {}\ndef f(run):\n    _SEEN[run] = True", "changes _SEEN[run]"),
        ("_SEEN = {}\ndef f(run):\n    del _SEEN[run]", "changes _SEEN[run]"),
        ("_SEEN: list[str] = []\ndef f(run):\n    _SEEN.append(run)", "changes _SEEN"),
        ("_A, _B = set(), set()\ndef f(run):\n    _B.add(run)", "changes _B"),
        ("from workflows.aim import Aim\ndef f(run):\n    Aim.last = run", "changes Aim.last"),
        ("from workflows import aim\ndef f(run):\n    aim.runs.last += 1", "changes aim.runs.last"),
        ("class Run:\n    def f(self):\n        Run.count += 1", "changes Run.count"),
        ("class Run:\n    @classmethod\n    def f(cls):\n        cls.last = 1", "changes cls.last"),
        ("class Run:\n    seen = []", "an attribute of a class that can be changed"),
        ("class Run:\n    seen: dict[str, str] = dict()", "an attribute of a class that can be changed"),
        ("def f(seen=[]):\n    return seen", "a default that can be changed"),
        ("def f(*, seen=set()):\n    return seen", "a default that can be changed"),
        ("def f():\n    return open('/etc/passwd')", "calls open"),
        ("def f():\n    return hash('a')", "calls hash"),
    ],
)  # fmt: skip
def test_the_reader_refuses(source: str, said: str) -> None:
    found = problems(source)
    assert [it.partition(": ")[2] for it in found] == [said]


@pytest.mark.parametrize(
    "source",
    [
        "_MEANING = {'a': 1}\ndef f(it):\n    return _MEANING[it]",
        "from dataclasses import dataclass, field\n@dataclass\nclass A:\n    b: list = field(default_factory=list)",
        "def f():\n    seen = []\n    seen.append(1)\n    return seen",
        "class Run:\n    def f(self):\n        self.seen = []\n        self.seen.append(1)",
        "from temporalio import workflow\nclass Run:\n    @workflow.update(name='hold')\n    def f(self): ...",
    ],
)
def test_the_reader_accepts(source: str) -> None:
    assert problems(source) == []


def constants() -> dict[str, str]:
    """What the modules of workflows and their classes hold, in words."""
    held: dict[str, str] = {}
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] == "workflows":
            for key, value in vars(module).items():
                if key.startswith("__"):
                    continue
                held[f"{name}.{key}"] = f"{id(value)} {value!r}"
                if isinstance(value, type) and value.__module__ == name:
                    held |= {
                        f"{name}.{key}.{it}": f"{id(of)} {of!r}" for it, of in vars(value).items() if it[:1] != "_"
                    }
    return held


async def test_recorded_transfers_that_run_at_the_same_time_decide_as_before_and_leave_no_trace() -> None:
    histories = [read(HISTORIES / f"{name}.json") for name in RECORDINGS]
    once = Replayer(
        workflows=WORKFLOWS,
        data_converter=data_converter,
        interceptors=[GuardInterceptor()],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    before = constants()
    assert "workflows.transfer.Transfer.run" in before
    await asyncio.gather(*(once.replay_workflow(history) for history in histories * 2))
    assert constants() == before
