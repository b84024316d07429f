"""The connection to Temporal, set up by Temporal's own environment variables and profiles."""

import asyncio
import logging
import os
import socket
from datetime import timedelta
from pathlib import Path

from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.runtime import Runtime

from hookflash.converter import data_converter
from hookflash.names import COMPRESSION
from workers.variables import SettingsError, Variable

VARIABLES = (
    Variable("TEMPORAL_ADDRESS", "localhost:7233", "Host and port of the Temporal service."),
    Variable("TEMPORAL_NAMESPACE", "default", "Namespace of the transfers."),
    Variable("TEMPORAL_API_KEY", "", "API key; turns TLS on."),
    Variable("TEMPORAL_TLS", "", "true turns TLS on, false off."),
    Variable("TEMPORAL_TLS_SERVER_CA_CERT_PATH", "", "File with the certificate authority; also ..._DATA."),
    Variable("TEMPORAL_TLS_CLIENT_CERT_PATH", "", "File with the client certificate; also ..._DATA."),
    Variable("TEMPORAL_TLS_CLIENT_KEY_PATH", "", "File with its key; also ..._DATA."),
    Variable("TEMPORAL_TLS_SERVER_NAME", "", "Name to expect in the server's certificate."),
    Variable("TEMPORAL_GRPC_META_*", "", "A header of every request; the rest of the name is its name."),
    Variable("TEMPORAL_CONFIG_FILE", "", "TOML file with profiles, where it is not where the temporal CLI has it."),
    Variable("TEMPORAL_PROFILE", "default", "Profile of that file. Variables win over it."),
)
"""What the SDK reads: https://docs.temporal.io/develop/environment-configuration"""

FIRST_PAUSE = timedelta(milliseconds=200)
LONGEST_PAUSE = timedelta(seconds=30)

logger = logging.getLogger(__name__)


def connect_config() -> ClientConnectConfig:
    """Return what the environment says about the connection.

    Raises:
        SettingsError: A file is missing, or a profile is.
    """
    file = os.environ.get("TEMPORAL_CONFIG_FILE")
    if file and not Path(file).is_file():
        # The SDK takes a missing file for an empty one, and would connect to localhost.
        raise SettingsError(f"TEMPORAL_CONFIG_FILE: there is no file {file}")
    try:
        config = ClientConfig.load_client_connect_config()
    except OSError as error:
        raise SettingsError(f"TEMPORAL_TLS_*: {error.strerror}: {error.filename}") from error
    except Exception as error:  # its ConfigError is a RuntimeError without a public name
        raise SettingsError(f"TEMPORAL_*: {error}") from error
    config.setdefault("target_host", "localhost:7233")
    config.setdefault("namespace", "default")
    return config


def identity(role: str) -> str:
    """Return how this process appears in the Temporal UI."""
    return f"{role}@{os.getpid()}@{socket.gethostname()}"


async def connect(
    config: ClientConnectConfig,
    *,
    identity: str,
    runtime: Runtime | None = None,
    converter: DataConverter = data_converter,
) -> Client:
    """Connect, for as long as it takes: a worker may be started before the server.

    Args:
        config: As `connect_config` returns it.
        identity: How this process appears in the Temporal UI.
        runtime: The SDK's runtime. Default: the process's default one.
        converter: What makes the payloads. Default: the contract's, without encryption.
    """
    where = f"address={config.get('target_host')} namespace={config.get('namespace')}"
    pause = FIRST_PAUSE
    while True:
        try:
            client = await Client.connect(
                **config, data_converter=converter, identity=identity, runtime=runtime, grpc_compression=COMPRESSION
            )
        except RuntimeError as error:
            # Every failure to connect is one, and the SDK does not try again by itself.
            logger.warning("no connection to Temporal yet: %s retry_in=%gs: %s", where, pause.total_seconds(), error)
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            logger.info("connected to Temporal: %s", where)
            return client
