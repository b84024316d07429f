"""The layers of docs/architecture.md, read from the imports: they only point down.

workers -> workflows -> activities -> activities.telephony -> hookflash. Two rooms are stricter than their
layer: the decision core is pure, and below activities.telephony there is no Temporal. No workflow reads a
clock, chance or the environment.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent

# From the bottom up; the longest prefix of a module's name decides where it belongs.
LAYERS = ("hookflash", "activities.telephony", "activities", "workflows", "workers")
OUTSIDE = ("tests", "scripts", "benchmarks")

NO_TEMPORAL = ("workflows.core", "activities.telephony")
CORE = "workflows.core"
CORE_MAY_IMPORT = ("hookflash", "activities.telephony.model", CORE)
# Each provider's SDK stays in that provider's folder.
PROVIDER_SDKS = {"aiohttp": ("activities.telephony.asterisk", "activities.telephony.twilio")}
PROVIDERS_ONLY = "only activities.telephony.asterisk and activities.telephony.twilio may"
# What processes serve themselves is no provider's: health, and whatever else is asked over HTTP.
SERVER, SERVING = "aiohttp.web", "workers"

# A workflow is replayed: what it reads must be the same every time. Ruff's TID251 says so in the editor, and
# this test cannot be silenced with a noqa.
BANNED_IN_WORKFLOWS = {
    "time": "workflow.now()",
    "datetime.datetime.now": "workflow.now()",
    "datetime.datetime.utcnow": "workflow.now()",
    "datetime.datetime.today": "workflow.now()",
    "datetime.date.today": "workflow.now()",
    "random": "workflow.random()",
    "secrets": "workflow.random()",
    "uuid.uuid1": "workflow.uuid4()",
    "uuid.uuid4": "workflow.uuid4()",
    "os.environ": "a field of the workflow's input",
    "os.getenv": "a field of the workflow's input",
    "os.urandom": "workflow.random()",
    "asyncio.sleep": "workflow.sleep(..., summary=...)",
    "asyncio.wait": "workflow.wait()",
    "asyncio.as_completed": "workflow.as_completed()",
}


def is_in(name: str, package: str) -> bool:
    """Whether a dotted name is a package or something below it."""
    return name == package or name.startswith(f"{package}.")


def layer(module: str) -> str | None:
    """The layer that a module belongs to, None for what is not ours."""
    return max((known for known in LAYERS if is_in(module, known)), key=len, default=None)


class Import(NamedTuple):
    """One name that an import statement brings in."""

    line: int
    full_name: str
    bound: str
    """The name that the module now has for it."""
    meaning: str
    """What that name stands for: after `import a.b` it is `a`, and stands for `a`."""


def imports(tree: ast.Module, package: str) -> Iterator[Import]:
    """Every import, wherever in the module it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                meaning = alias.name if alias.asname else top
                yield Import(node.lineno, alias.name, alias.asname or top, meaning)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                parts = package.split(".")
                parents = ".".join(parts[: len(parts) - node.level + 1])
                origin = f"{parents}.{origin}" if origin else parents
            for alias in node.names:
                full_name = f"{origin}.{alias.name}"
                yield Import(node.lineno, full_name, alias.asname or alias.name, full_name)


def uses(tree: ast.Module, package: str) -> Iterator[tuple[int, str]]:
    """Every name that the code imports or reaches through an import: its line and full dotted name."""
    bound: dict[str, str] = {}
    for found in imports(tree, package):
        bound[found.bound] = found.meaning
        yield found.line, found.full_name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            chain: list[str] = []
            inner: ast.expr = node
            while isinstance(inner, ast.Attribute):
                chain.insert(0, inner.attr)
                inner = inner.value
            if isinstance(inner, ast.Name) and inner.id in bound:
                yield node.lineno, ".".join([bound[inner.id], *chain])


def import_problem(module: str, imported: str) -> str | None:
    """What is wrong about a module importing something, None if nothing is."""
    own, other = layer(module), layer(imported)
    if own is None:
        return "belongs to no layer"
    if imported.partition(".")[0] in OUTSIDE:
        return "the product does not import what only serves it"
    if other is not None and LAYERS.index(other) > LAYERS.index(own):
        return f"{own} must not import {other}"
    if is_in(imported, "temporalio") and any(is_in(module, pure) for pure in NO_TEMPORAL):
        return "no Temporal here"
    for sdk, homes in PROVIDER_SDKS.items():
        serves = is_in(imported, SERVER) and is_in(module, SERVING)
        if is_in(imported, sdk) and not any(is_in(module, home) for home in homes) and not serves:
            return f"only {' and '.join(homes)} may import {sdk}"
    if is_in(module, CORE):
        standard = imported.partition(".")[0] in sys.stdlib_module_names
        if not standard and not any(is_in(imported, allowed) for allowed in CORE_MAY_IMPORT):
            return "the decision core imports nothing but the standard library and the contract"
    return None


def problems(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Everything in a module's source that breaks the rules, a line each."""
    tree = ast.parse(source)
    package = module if is_package else module.rpartition(".")[0]
    found: dict[str, None] = {}  # in order, and each of them once
    for line, imported, *_ in imports(tree, package):
        if problem := import_problem(module, imported):
            found[f"{module}:{line}: imports {imported}: {problem}"] = None
    if is_in(module, "workflows"):
        for line, used in uses(tree, package):
            for banned, instead in BANNED_IN_WORKFLOWS.items():
                if is_in(used, banned):
                    found[f"{module}:{line}: uses {banned}: take {instead}"] = None
    return list(found)


def modules() -> Iterator[tuple[Path, str]]:
    """The product's files and their module names."""
    for top, base in (("src/hookflash", "src"), ("activities", "."), ("workflows", "."), ("workers", ".")):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT / base).with_suffix("").parts
            yield path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_imports_point_down_and_workflows_are_deterministic() -> None:
    found = [
        problem
        for path, module in modules()
        for problem in problems(path.read_text(), module, is_package=path.name == "__init__.py")
    ]
    assert not found, "\n" + "\n".join(found)


def test_the_files_are_found() -> None:
    assert "hookflash" in {module for _, module in modules()}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("workers.main", "from workflows.transfer import Transfer"),
        ("workflows.transfer", "from datetime import date\nfrom temporalio import workflow\nworkflow.now()"),
        ("workflows.transfer", "import asyncio\nimport uuid\nasyncio.Queue()\nuuid.UUID(int=1)"),
        ("workflows.transfer", "from workflows import core"),
        ("workflows.core.stages", "import enum\nfrom hookflash import Stage\nfrom .legs import Leg"),
        ("workflows.core", "from activities.telephony.model import Arrangement"),
        ("activities.arrange", "import time\nfrom activities.telephony import interface\ntime.time()"),
        ("workers.codec_server.server", "from aiohttp import web"),
        ("activities.telephony.asterisk.ari", "import aiohttp\nfrom aiohttp import ClientSession"),
        ("workers.health", "from aiohttp import web"),
        ("hookflash.client", "import temporalio.client\nfrom hookflash.request import TransferRequest"),
    ],
)  # fmt: skip
def test_the_checker_accepts(module: str, source: str) -> None:
    assert problems(source, module) == []


@pytest.mark.parametrize(
    ("module", "source", "said"),
    [
        ("hookflash.client", "from activities import arrange", "hookflash must not import activities"),
        ("hookflash.client", "def f():\n    import workers", "hookflash must not import workers"),
        ("hookflash", "from workflows.core import decide", "hookflash must not import workflows"),
        ("activities.arrange", "import workflows.core", "activities must not import workflows"),
        ("activities.telephony.model", "from ..arrange import arrange", "must not import activities"),
        ("activities.telephony.model", "from activities import arrange", "must not import activities"),
        ("workflows.transfer", "from workers.settings import Settings", "workflows must not import workers"),
        ("workers.main", "from tests.support import phones", "what only serves it"),
        ("stray", "import os", "belongs to no layer"),
        ("workflows.core", "from temporalio import workflow", "no Temporal here"),
        ("activities.telephony.simulator", "import temporalio.activity", "no Temporal here"),
        ("activities.arrange", "import aiohttp", PROVIDERS_ONLY),
        ("hookflash.client", "from aiohttp import web", PROVIDERS_ONLY),
        ("workers.health", "import aiohttp", PROVIDERS_ONLY),
        ("workers.health", "from aiohttp import ClientSession", PROVIDERS_ONLY),
        ("activities.arrange", "from aiohttp import web", PROVIDERS_ONLY),
        ("workflows.core.stages", "import pydantic", "nothing but the standard"),
        ("workflows.core.stages", "from activities.telephony import interface", "nothing but the standard"),
        ("workflows.core.stages", "from ..transfer import Transfer", "nothing but the standard"),
        ("workflows.transfer", "from datetime import datetime\ndatetime.now()", "uses datetime.datetime.now"),
        ("workflows.transfer", "import datetime as dt\nf = dt.datetime.now", "uses datetime.datetime.now"),
        ("workflows.core.clock", "import time", "uses time"),
        ("workflows.core.clock", "from time import monotonic", "uses time"),
        ("workflows.transfer", "from random import choice", "uses random"),
        ("workflows.transfer", "from uuid import uuid4 as fresh", "uses uuid.uuid4"),
        ("workflows.transfer", "import os.path\nos.environ['A']", "uses os.environ"),
        ("workflows.transfer", "import asyncio\nasyncio.sleep(1)", "uses asyncio.sleep"),
        ("workflows.transfer", "import asyncio as aio\naio.wait([])", "uses asyncio.wait"),
    ],
)  # fmt: skip
def test_the_checker_refuses(module: str, source: str, said: str) -> None:
    found = problems(source, module)
    assert len(found) == 1, found
    assert said in found[0]


def test_relative_imports_of_a_package_start_at_itself() -> None:
    assert problems("from . import _legs", "workflows.core", is_package=True) == []
    assert problems("from .. import workers", "workflows.core", is_package=True) != []
