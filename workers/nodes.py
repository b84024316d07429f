"""The file that names several Asterisk nodes: every worker of an engine reaches all of them."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from activities.telephony.asterisk import AsteriskSettings
from workers.secret_files import SecretFile

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""Name of a node. It is a part of workflow ids."""


class AsteriskNode(AsteriskSettings):
    """One node of the file: the settings of a node, with ``password_file`` in place of a ``password`` if need be."""

    @model_validator(mode="before")
    @classmethod
    def _passwords_from_files(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        fields = cast("dict[str, Any]", given)
        if isinstance(manager := fields.get("manager"), dict):
            fields = {**fields, "manager": _with_password(cast("dict[str, Any]", manager), "manager.")}
        return _with_password(fields, "")


def _with_password(fields: dict[str, Any], place: str) -> dict[str, Any]:
    """Replace the name of a file by the secret that it holds.

    Raises:
        ValueError: It cannot be read, or the secret is there twice.
    """
    if "password_file" not in fields:
        return fields
    if "password" in fields:
        raise ValueError(f"{place}password and {place}password_file are both set; one of them must go")
    try:
        password = SecretFile(Path(fields["password_file"]))
    except (OSError, UnicodeDecodeError, TypeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ValueError(f"{place}password_file cannot be read: {why}") from None
    others = {name: value for name, value in fields.items() if name != "password_file"}
    return {**others, "password": password}


class AsteriskNodes(BaseModel):
    """Every node of the file, by its name: the ``provider`` of transfer requests."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    nodes: dict[Name, AsteriskNode]

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a TOML file with one table ``[nodes.NAME]`` per node.

        Raises:
            ValueError: The file is not TOML, or a field is wrong; the message names it.
            OSError: The file, or the file of a password, cannot be read.
        """
        return cls.model_validate(tomllib.loads(path.read_text()))

    def secrets(self) -> Iterator[tuple[str, SecretStr]]:
        """Yield every password, by the name of the field that would hold it."""
        for name, node in self.nodes.items():
            yield f"nodes.{name}.password", node.password
            if node.manager is not None:
                yield f"nodes.{name}.manager.password", node.manager.password
