"""Writes the JSON Schemas of the contract into `docs/schemas`; with `--check` only says whether they are current.

python scripts/schemas.py [--check]
"""

import argparse
import json
import sys
from pathlib import Path

from pydantic import BaseModel

from hookflash import (
    Accept,
    Cancel,
    Decline,
    Extend,
    Hold,
    ProviderEvent,
    Retarget,
    TransferRequest,
    TransferResult,
    TransferStatus,
    Unhold,
)

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"
COMMAND = ".venv/bin/python scripts/schemas.py"

SENT = (TransferRequest, ProviderEvent, Hold, Unhold, Cancel, Retarget, Accept, Decline, Extend)
"""What callers write: fields with a default can be left out."""
REPORTED = (TransferStatus, TransferResult)
"""What callers read: every field is there."""


def schema(model: type[BaseModel]) -> str:
    """Return the text of a model's file."""
    body = model.model_json_schema(mode="serialization" if model in REPORTED else "validation")
    body["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(body, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def wanted() -> dict[str, str]:
    """Return the name and the text of every file that belongs into the folder."""
    return {f"{model.__name__}.json": schema(model) for model in (*SENT, *REPORTED)}


def drift(folder: Path = FOLDER) -> list[str]:
    """Return the names of the files that are missing, out of date or not ours."""
    files = wanted()
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    return sorted(name for name in files.keys() | present.keys() if files.get(name) != present.get(name))


def write(folder: Path = FOLDER) -> None:
    """Make the folder hold what it should."""
    folder.mkdir(parents=True, exist_ok=True)
    files = wanted()
    for path in folder.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description="JSON Schemas of the contract, in docs/schemas")
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if something is out of date")
    arguments = parser.parse_args()
    changed = drift()
    if arguments.check and changed:
        print(f"docs/schemas is out of date ({', '.join(changed)}); run: {COMMAND}", file=sys.stderr)
        return 1
    if not arguments.check:
        write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
