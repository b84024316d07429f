"""The process of the codec server."""

import argparse
import asyncio
import ipaddress
import logging
import os
import signal
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from workers import logs
from workers.codec_server.server import application
from workers.codec_server.settings import (
    ADDRESS,
    KEYS_FILE_VARIABLE,
    TOKENS_FILE,
    VARIABLES,
    CodecServerSettings,
    load,
)
from workers.secret_files import is_exposed
from workers.variables import SettingsError

EXIT_FAILED, EXIT_SETTINGS = 1, 2

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str]) -> int:
    """Serve until SIGTERM or SIGINT, and return the exit code.

    Args:
        arguments: The command line after ``codec-server``.

    Raises:
        SystemExit: The arguments are wrong (code 2), or help was asked for (code 0).
    """
    _parser().parse_args(arguments)
    try:
        settings = load()
    except SettingsError as error:
        sys.stderr.write(f"settings:\n{textwrap.indent(str(error), '  ')}\n")
        return EXIT_SETTINGS
    logs.configure("INFO")
    for variable in (KEYS_FILE_VARIABLE, TOKENS_FILE):
        if is_exposed(Path(os.environ[variable])):
            logger.warning("%s: every user of this machine may read that file", variable)
    if not _is_loopback(settings.host):
        logger.warning("%s: other machines can ask; put TLS in front, or tokens and calls travel in clear", ADDRESS)
    try:
        asyncio.run(_serve(settings))
    except OSError as error:
        sys.stderr.write(f"{ADDRESS}: cannot listen there: {error.strerror}\n")
        return EXIT_FAILED
    return 0


async def _serve(settings: CodecServerSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # No access log: it would be one line for each look at a page, and `server` says who has read.
    runner = web.AppRunner(application(settings), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        (host, port), *_ = [address[:2] for address in runner.addresses]
        # For whoever waits for it: scripts, tests. With the port that was found, if none was named.
        sys.stdout.write(f"hookflash codec server ready: http://{host}:{port}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()
    logger.info("stopped")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parser() -> argparse.ArgumentParser:
    described = (
        f"  {it.name}{f' (default: {it.default})' if it.default else ''}\n      {it.description}" for it in VARIABLES
    )
    return argparse.ArgumentParser(
        prog="python -m workers codec-server",
        description="Decrypts for Temporal's UI and CLI, for those who have a token. Stops on SIGTERM.",
        epilog="\n".join(["environment:", *described]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
