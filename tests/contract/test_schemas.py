"""The committed JSON Schemas and examples agree with the models, and every field is documented."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import hookflash
from hookflash import TransferRequest
from scripts import schemas

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.json"))

MODELS = [
    found
    for found in (getattr(hookflash, name) for name in hookflash.__all__)
    if isinstance(found, type) and issubclass(found, BaseModel)
]


def fields() -> Iterator[tuple[str, FieldInfo]]:
    for model in MODELS:
        for name, field in model.model_fields.items():
            yield f"{model.__name__}.{name}", field


def test_the_committed_schemas_are_current() -> None:
    assert not schemas.drift(), f"run: {schemas.COMMAND}"


def test_drift_is_seen_reported_and_repaired(tmp_path: Path) -> None:
    schemas.write(tmp_path)
    assert schemas.drift(tmp_path) == []
    (tmp_path / "Hold.json").write_text("{}")
    (tmp_path / "Cancel.json").unlink()
    (tmp_path / "Gone.json").write_text("{}")
    assert schemas.drift(tmp_path) == ["Cancel.json", "Gone.json", "Hold.json"]
    schemas.write(tmp_path)
    assert schemas.drift(tmp_path) == []


def test_the_check_changes_nothing_and_names_the_command_that_repairs() -> None:
    code = (
        "import pathlib, sys; from scripts import schemas; "
        "schemas.drift.__defaults__ = (pathlib.Path('nowhere'),); sys.argv = ['schemas.py', '--check']; "
        "sys.exit(schemas.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "TransferRequest.json" in done.stderr
    assert f"run: {schemas.COMMAND}" in done.stderr
    assert not (ROOT / "nowhere").exists()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_valid(example: Path) -> None:
    TransferRequest.model_validate_json(example.read_bytes())


def test_there_are_examples() -> None:
    assert {path.name for path in EXAMPLES} >= {"warm-minimal.json", "cold-full.json"}


def test_the_minimal_example_is_minimal() -> None:
    request = TransferRequest.model_validate_json((ROOT / "docs" / "examples" / "warm-minimal.json").read_bytes())
    assert request.model_fields_set == {
        name for name, field in TransferRequest.model_fields.items() if field.is_required()
    }


def test_every_field_is_described() -> None:
    assert not [name for name, field in fields() if not field.description]


def test_every_optional_field_names_its_default() -> None:
    optional = [(name, field.description or "") for name, field in fields() if not field.is_required()]
    assert not [name for name, description in optional if "Default" not in description]
