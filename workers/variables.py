"""How fields become environment variables ``HOOKFLASH_*``: their names, secrets from files, errors that name them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self, TypeVar, get_args

from pydantic import BeforeValidator, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from workers.secret_files import SecretFile

T = TypeVar("T")

PREFIX = "HOOKFLASH_"
FILE_SUFFIX = "_FILE"
"""Added to the name of a secret: the variable then holds the path of a file with it, as secret stores provide."""


class SettingsError(Exception):
    """A setting is wrong. The message names the variable, and never repeats a value: it may be a secret."""


class Variable(NamedTuple):
    """One environment variable, for help."""

    name: str
    default: str
    """As one would write it; empty: unset."""
    description: str


def _seconds(value: object) -> object:
    # pydantic reads durations from text as ISO 8601 only; a plain number is what people write.
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
        return float(value)
    return value


Duration = Annotated[timedelta, BeforeValidator(_seconds)]


class FromEnvironment(BaseSettings):
    """Settings of which every field is one variable: its name in capitals, after ``HOOKFLASH_``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # Compose files and Kubernetes set what was left out to an empty string.
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """See base class."""
        return init_settings, _Environment(settings_cls)

    @classmethod
    def load(cls) -> Self:
        """Read the environment.

        Raises:
            SettingsError: Something is wrong; every wrong variable is named.
        """
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(explain(error, "")) from error
        except SourceError as error:  # what a source raises arrives wrapped in it
            if isinstance(error.__cause__, SettingsError):
                raise error.__cause__ from None
            raise


class _Environment(EnvSettingsSource):
    """The environment, with secrets from files."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """See base class."""
        value, key, is_complex = super().get_field_value(field, field_name)
        if not is_secret(field):
            return value, key, is_complex
        variable = variable_of(field_name) + FILE_SUFFIX
        path = self.env_vars.get(variable.lower())
        if path is None:
            return value, key, is_complex
        if value is not None:
            raise SettingsError(f"{variable_of(field_name)} and {variable} are both set; one of them must go")
        try:
            return SecretFile(Path(path)), key, is_complex
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{variable}: the file cannot be read: {_why(error)}") from error


def variables_of(settings: type[BaseSettings]) -> Iterator[Variable]:
    """Every variable of some settings, from their fields."""
    for name, field in settings.model_fields.items():
        default = field.get_default()
        told = f"{default.total_seconds():g}" if isinstance(default, timedelta) else str(default)
        if isinstance(default, bool):
            told = told.lower()
        description = " ".join((field.description or "").split())
        yield Variable(variable_of(name), "" if default is None else told, description)
        if is_secret(field):
            yield Variable(variable_of(name) + FILE_SUFFIX, "", "File that holds it, in place of the variable above.")


def variable_of(field_name: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + field_name.upper()


def is_secret(field: FieldInfo) -> bool:
    """Return whether a field can also be given as a file."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def explain(error: ValidationError, field_prefix: str) -> str:
    """Say what is wrong, a line for every variable and without its value.

    Args:
        error: What the fields were refused for.
        field_prefix: What the names of these fields have before them in the settings.
    """
    return "\n".join(
        f"{variable_of(field_prefix + str(it['loc'][0]))}: {it['msg']}" if it["loc"] else it["msg"]
        for it in _errors(error)
    )


def from_file(variable: str, path: Path, read: Callable[[Path], T]) -> T:
    """Read a file that a variable names.

    Raises:
        SettingsError: It cannot be read, or something in it is wrong.
    """
    try:
        return read(path)
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, it['loc']))}: {it['msg']}" for it in _errors(error))
        raise SettingsError("\n".join(f"{variable}: {it}" for it in problems)) from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{variable}: {_why(error)}") from error


def _errors(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_input=False)


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
