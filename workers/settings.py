"""Settings of a worker: environment variables ``HOOKFLASH_*``, documented by their own fields."""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar, get_args

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as SourceError

from activities.admission import Tenants
from activities.telephony.asterisk import AsteriskSettings, ManagerSettings
from workers.nodes import AsteriskNodes, Name
from workers.secret_files import SecretFile, is_exposed

T = TypeVar("T")

PREFIX = "HOOKFLASH_"
FILE_SUFFIX = "_FILE"
"""Added to the name of a secret: the variable then holds the path of a file with it, as secret stores provide."""

ELSEWHERE = frozenset({"HOOKFLASH_REQUIRE"})
"""Variables of our own that are no settings of a worker, so that nobody is warned of them."""
OTHER_PROCESSES = ("HOOKFLASH_CODEC_SERVER_",)
"""How variables of our other processes begin: all of them may have one environment."""


class SettingsError(Exception):
    """A setting is wrong. The message names the variable, and never repeats a value: it may be a secret."""


class AttributeMode(StrEnum):
    """What becomes of search attributes that the namespace does not have yet."""

    REGISTER = "register"
    VERIFY = "verify"


def _seconds(value: object) -> object:
    # pydantic reads durations from text as ISO 8601 only; a plain number is what people write.
    if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
        return float(value)
    return value


Duration = Annotated[timedelta, BeforeValidator(_seconds)]


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


class Settings(BaseSettings):
    """What an operator sets. Every field is one variable: its name in capitals, after ``HOOKFLASH_``."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # Compose files and Kubernetes set what was left out to an empty string.
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )

    simulator: bool = False
    """Run a simulated exchange as the provider `simulator`. It lives in the memory of one process, so it needs
    `--role all` and a single worker."""
    asterisk_url: str | None = None
    """Base of the ARI REST interface of an Asterisk node: https://pbx.example:8089/ari, or http on this machine. Unset:
    no Asterisk."""
    asterisk_ca_file: Path | None = None
    """File with the certificate of the authority, in PEM, by which the node's certificate is judged. Unset: those that
    this machine trusts."""
    asterisk_allow_plain_http: bool = False
    """Allow http to another machine, where everybody on the way can read the password and command every call."""
    asterisk_app: str | None = None
    """ARI application of this engine; its own on every node."""
    asterisk_username: str | None = None
    """ARI user."""
    asterisk_password: SecretStr | None = None
    """That user's password."""
    asterisk_trunk: str | None = None
    """PJSIP endpoint that carries tel: addresses. Unset: they are invalid destinations."""
    asterisk_manager_host: str | None = None
    """Where the node's manager interface (AMI) listens. Unset: calls that are still in the dialplan are refused."""
    asterisk_manager_port: int | None = None
    """Its port. Unset: 5038."""
    asterisk_manager_tls: bool = False
    """Reach it over TLS. Without it user, password and channel names are sent as they are."""
    asterisk_manager_allow_plain_tcp: bool = False
    """Allow another machine without TLS, where everybody on the way can read the password and redirect every call."""
    asterisk_manager_ca_file: Path | None = None
    """Certificates (PEM) by which its certificate is judged. Unset: those of the system."""
    asterisk_manager_username: str | None = None
    """Its user, with `write = call`."""
    asterisk_manager_password: SecretStr | None = None
    """That user's secret."""
    asterisk_manager_contexts: str | None = None
    """Dialplan contexts from which calls may be taken over, with commas between: both legs must be in one of them."""
    asterisk_node: Name = "asterisk"
    """Name of the node: the `provider` of transfer requests. The same in every worker that reaches this node."""
    asterisk_nodes_file: Path | None = None
    """TOML file with a table [nodes.NAME] for each of several Asterisk nodes: url, app, username, password or
    password_file, and more. Unset: no other node than that of the variables above."""
    tenants_file: Path | None = None
    """TOML file with the permissions and the directory of every tenant. Unset: every tenant has the defaults."""
    encryption_keys_file: Path | None = None
    """File with keys that encrypt what Temporal stores, one a line: id and 32 bytes in base64. Unset: all in clear."""
    search_attributes: AttributeMode = AttributeMode.REGISTER
    """What to do at start about search attributes that the namespace lacks: `register` them, or only `verify`, for
    which a missing one is an error."""
    graceful_shutdown_timeout: Annotated[Duration, Field(ge=timedelta(0))] = timedelta(seconds=30)
    """How long work that has begun may take to end after SIGTERM; a number of seconds, or ISO 8601. Must be below the
    grace period of whatever stops the worker."""
    cached_workflows: Annotated[int, Field(ge=0)] = 1000
    """Transfers kept in memory between events, about 0.2 MB each. Others are replayed at their next event."""
    activity_slots: Annotated[int, Field(ge=1)] = 200
    """Activities that run at once."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe messages to log: DEBUG, INFO, WARNING or ERROR."""

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
            settings = cls()
        except ValidationError as error:
            raise SettingsError(_explain(error, "")) from error
        except SourceError as error:  # what a source raises arrives wrapped in it
            if isinstance(error.__cause__, SettingsError):
                raise error.__cause__ from None
            raise
        if not settings.simulator and settings.asterisk_url is None and settings.asterisk_nodes_file is None:
            raise SettingsError(
                "no provider: set HOOKFLASH_SIMULATOR=true, HOOKFLASH_ASTERISK_URL or HOOKFLASH_ASTERISK_NODES_FILE"
            )
        return settings

    @model_validator(mode="after")
    def _nodes_have_names_of_their_own(self) -> Self:
        if self.simulator and self.asterisk_url is not None and self.asterisk_node == SIMULATOR:
            raise ValueError(f"{variable_of('asterisk_node')}: {SIMULATOR} is the name of the other provider")
        return self

    def asterisk(self) -> AsteriskSettings | None:
        """Return how to reach the Asterisk node, None if there is none.

        Raises:
            SettingsError: A variable is wrong or missing.
        """
        if self.asterisk_url is None:
            return None
        given = {
            "url": self.asterisk_url,
            "ca_file": self.asterisk_ca_file,
            "allow_plain_http": self.asterisk_allow_plain_http,
            "app": self.asterisk_app,
            "username": self.asterisk_username,
            "password": self.asterisk_password,
            "trunk": self.asterisk_trunk,
            "manager": self._manager(),
        }
        try:
            return AsteriskSettings.model_validate({name: it for name, it in given.items() if it is not None})
        except ValidationError as error:
            raise SettingsError(_explain(error, "asterisk_")) from error

    def asterisk_nodes(self) -> dict[str, AsteriskSettings]:
        """Return how to reach every Asterisk node, by its name.

        Raises:
            SettingsError: A variable or the file is wrong, or two nodes have one name or are one node.
        """
        nodes: dict[str, AsteriskSettings] = {}
        if (asterisk := self.asterisk()) is not None:
            nodes[self.asterisk_node] = asterisk
        variable = variable_of("asterisk_nodes_file")
        for name, node in self._nodes_of_file().nodes.items():
            if name in nodes or (self.simulator and name == SIMULATOR):
                raise SettingsError(f"{variable}: nodes.{name}: {name} is the name of another provider")
            nodes[name] = node
        applications = [(node.url, node.app) for node in nodes.values()]
        if len(set(applications)) < len(applications):
            # Its listeners would take the events from each other, for ever.
            raise SettingsError(f"{variable}: two nodes have the same url and the same app")
        return nodes

    def exposed_secrets(self) -> Iterator[str]:
        """Yield what names files with secrets that every user of this machine may read: variables, and fields of nodes.

        Raises:
            SettingsError: The file with the nodes is wrong.
        """
        for name in type(self).model_fields:
            secret = getattr(self, name)
            if isinstance(secret, SecretFile) and secret.exposed:
                yield variable_of(name) + FILE_SUFFIX
        if self.encryption_keys_file is not None and is_exposed(self.encryption_keys_file):
            yield variable_of("encryption_keys_file")
        if self.asterisk_nodes_file is None:
            return
        variable = variable_of("asterisk_nodes_file")
        for field, secret in self._nodes_of_file().secrets():
            if not isinstance(secret, SecretFile):
                if is_exposed(self.asterisk_nodes_file):
                    yield f"{variable}: {field}"
            elif secret.exposed:
                yield f"{variable}: {field}{FILE_SUFFIX.lower()}"

    def _nodes_of_file(self) -> AsteriskNodes:
        if self.asterisk_nodes_file is None:
            return AsteriskNodes(nodes={})
        return _from_file(variable_of("asterisk_nodes_file"), self.asterisk_nodes_file, AsteriskNodes.from_file)

    def _manager(self) -> ManagerSettings | None:
        contexts = self.asterisk_manager_contexts
        given = {
            "host": self.asterisk_manager_host,
            "port": self.asterisk_manager_port,
            "tls": self.asterisk_manager_tls or None,
            "allow_plain_tcp": self.asterisk_manager_allow_plain_tcp or None,
            "ca_file": self.asterisk_manager_ca_file,
            "username": self.asterisk_manager_username,
            "password": self.asterisk_manager_password,
            "contexts": tuple(it.strip() for it in contexts.split(",")) if contexts is not None else None,
        }
        given = {name: it for name, it in given.items() if it is not None}
        if not given:
            return None
        try:
            return ManagerSettings.model_validate(given)
        except ValidationError as error:
            raise SettingsError(_explain(error, "asterisk_manager_")) from error

    def tenants(self) -> Tenants:
        """Read the permissions of the tenants.

        Raises:
            SettingsError: The file cannot be read, or something in it is wrong.
        """
        if self.tenants_file is None:
            return Tenants()
        return _from_file(variable_of("tenants_file"), self.tenants_file, Tenants.from_file)


SIMULATOR = "simulator"
"""Name of the simulated node."""


class Variable(NamedTuple):
    """One environment variable, for help."""

    name: str
    default: str
    """As one would write it; empty: unset."""
    description: str


def variables() -> Iterator[Variable]:
    """Every variable of ours, from the fields."""
    for name, field in Settings.model_fields.items():
        default = field.get_default()
        told = f"{default.total_seconds():g}" if isinstance(default, timedelta) else str(default)
        if isinstance(default, bool):
            told = told.lower()
        description = " ".join((field.description or "").split())
        yield Variable(variable_of(name), "" if default is None else told, description)
        if is_secret(field):
            yield Variable(variable_of(name) + FILE_SUFFIX, "", "File that holds it, in place of the variable above.")


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return variables that look like ours and are not: a typing error would otherwise go unnoticed."""
    known = {it.name for it in variables()} | ELSEWHERE
    ours = (name for name in environ if name.startswith(PREFIX) and not name.startswith(OTHER_PROCESSES))
    return sorted(name for name in ours if name not in known)


def variable_of(field_name: str) -> str:
    """Return the environment variable of a field."""
    return PREFIX + field_name.upper()


def is_secret(field: FieldInfo) -> bool:
    """Return whether a field can also be given as a file."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _explain(error: ValidationError, field_prefix: str) -> str:
    return "\n".join(
        f"{variable_of(field_prefix + str(it['loc'][0]))}: {it['msg']}" if it["loc"] else it["msg"]
        for it in _errors(error)
    )


def _from_file(variable: str, path: Path, read: Callable[[Path], T]) -> T:
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
