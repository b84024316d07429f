"""The process of the ingress."""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
import textwrap
from collections.abc import Mapping, Sequence

from aiohttp import web
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConnectConfig
from temporalio.runtime import Runtime

from activities.telephony.webhook import WebhookEndpoint
from workers import connection, encryption, logs
from workers.health import Health, served
from workers.ingress.receiving import Receiver
from workers.ingress.server import application
from workers.ingress.settings import IngressSettings
from workers.telemetry import make_runtime
from workers.variables import SettingsError, variable_of, variables_of

EXIT_SETTINGS = 2
LAST_SECONDS = 5.0
"""How long what is in hand may take to end after SIGTERM. It has its own, shorter, limits."""

logger = logging.getLogger(__name__)


class _Health(Health):
    """Ready as soon as Temporal was reached. That it is away is no reason: music and prompts need it not."""

    async def reasons(self) -> list[str]:
        if self.stopping:
            return ["stopping"]
        return [] if self.client else ["not connected to Temporal"]


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit code.

    Args:
        arguments: The command line after ``ingress``.

    Raises:
        SystemExit: The arguments are wrong (code 2), or help was asked for (code 0).
    """
    _parser().parse_args(arguments)
    try:
        settings = IngressSettings.load()
        endpoints = settings.endpoints()
        runtime = make_runtime(settings, logs.configure(settings.log_level, settings.log_format))
        for name in settings.exposed_secrets():
            logger.warning("%s: every user of this machine may read that file", name)
        if not settings.is_loopback:
            variable = variable_of("ingress_address")
            logger.warning("%s: other machines can call; put TLS in front, or calls travel in clear", variable)
        converter = encryption.converter_with(settings.encryption_keys_file, warn=True)
        asyncio.run(_serve(settings, endpoints, connection.connect_config(), converter, runtime))
    except SettingsError as error:
        sys.stderr.write(f"settings:\n{textwrap.indent(str(error), '  ')}\n")
        return EXIT_SETTINGS
    return 0


async def _serve(
    settings: IngressSettings,
    endpoints: Mapping[str, WebhookEndpoint],
    config: ClientConnectConfig,
    converter: DataConverter,
    runtime: Runtime,
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    receiver = Receiver(
        endpoints, runtime.metric_meter, at_once=settings.ingress_at_once, patience=settings.ingress_patience
    )
    health = _Health()

    async def connect() -> None:
        identity = connection.identity("ingress")
        found = await connection.connect(config, identity=identity, runtime=runtime, converter=converter)
        receiver.client = health.client = found

    # No access log: it would have the paths in it, which are as good as a key for who can sign.
    runner = web.AppRunner(application(receiver), access_log=None, shutdown_timeout=LAST_SECONDS)
    await runner.setup()
    connecting = asyncio.create_task(connect())
    try:
        async with served(health, settings.health_address):
            # From here on: music and prompts do not wait for Temporal.
            host, port = await _listen(runner, settings.ingress_address)
            receiver.show(up=True)
            # For whoever waits for it: scripts, tests. With the port that was found, if none was named.
            sys.stdout.write(f"hookflash ingress ready: http://{host}:{port} nodes={','.join(sorted(endpoints))}\n")
            sys.stdout.flush()
            await stop.wait()
            health.stopping = True
            receiver.show(up=False)
            await runner.cleanup()
    finally:
        await runner.cleanup()
        connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await connecting
    logger.info("stopped")


async def _listen(runner: web.AppRunner, address: str) -> tuple[str, int]:
    """Listen, and return where.

    Raises:
        SettingsError: Nobody can listen there.
    """
    host, _, port = address.rpartition(":")
    try:
        await web.TCPSite(runner, host.strip("[]"), int(port)).start()
    except OSError as error:
        raise SettingsError(f"{variable_of('ingress_address')}: {error.strerror}") from error
    found, *_ = [it[:2] for it in runner.addresses]
    return found


def _parser() -> argparse.ArgumentParser:
    described = (
        f"  {it.name}{f' (default: {it.default})' if it.default else ''}\n"
        + textwrap.fill(it.description, width=100, initial_indent=" " * 6, subsequent_indent=" " * 6)
        for it in (*variables_of(IngressSettings), *connection.VARIABLES)
    )
    return argparse.ArgumentParser(
        prog="python -m workers ingress",
        description="Takes the webhooks of Twilio, and signals the transfers that they are about. Stops on SIGTERM.",
        epilog="\n".join(["environment:", *described]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
