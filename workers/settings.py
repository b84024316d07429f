"""Settings of a worker: environment variables ``HOOKFLASH_*``, documented by their own fields."""

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from activities.admission import Tenants
from hookflash.references import KEYS_FILE_VARIABLE as REFERENCE_KEYS_FILE
from workers.deployment_settings import DeploymentSettings
from workers.ingress.settings import IngressSettings
from workers.listener_settings import ListenerSettings
from workers.provider_settings import ProviderSettings
from workers.sandbox import SandboxSettings
from workers.secret_files import SecretFile, is_exposed
from workers.telemetry_settings import TelemetrySettings
from workers.variables import (
    FILE_SUFFIX,
    PREFIX,
    Duration,
    Variable,
    from_file,
    variable_of,
    variables_of,
)

ELSEWHERE = frozenset(
    {
        "HOOKFLASH_REQUIRE",
        REFERENCE_KEYS_FILE,
        *(f"HOOKFLASH_TWILIO_{it}{file}" for it in ("AUTH_TOKEN", "SHARED_KEYS") for file in ("", FILE_SUFFIX)),
    }
)
"""Variables of our own that are no settings of a worker, so that nobody is warned of them."""
OTHER_PROCESSES = ("HOOKFLASH_CODEC_SERVER_",)
"""How variables of our other processes begin: all of them may have one environment."""


class AttributeMode(StrEnum):
    """What becomes of search attributes that the namespace does not have yet."""

    REGISTER = "register"
    VERIFY = "verify"


class Settings(TelemetrySettings, DeploymentSettings, ListenerSettings, SandboxSettings, ProviderSettings):
    """What an operator sets."""

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
    """Activities that run at once, at most. A busy machine takes 24."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severe messages to log: DEBUG, INFO, WARNING or ERROR."""

    def tenants(self) -> Tenants:
        """Read the permissions of the tenants.

        Raises:
            SettingsError: The file cannot be read, or something in it is wrong.
        """
        if self.tenants_file is None:
            return Tenants()
        return from_file(variable_of("tenants_file"), self.tenants_file, Tenants.from_file)

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
        yield from self.exposed_secrets_of_nodes()


def variables() -> Iterator[Variable]:
    """Every variable of ours, from the fields."""
    return variables_of(Settings)


def unknown_variables(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return variables that look like ours and are not: a typing error would otherwise go unnoticed."""
    known = {it.name for it in (*variables(), *variables_of(IngressSettings))} | ELSEWHERE
    ours = (name for name in environ if name.startswith(PREFIX) and not name.startswith(OTHER_PROCESSES))
    return sorted(name for name in ours if name not in known)
