"""``python -m workers``: a worker process, all in one or one role of it."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
import textwrap
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from temporalio.runtime import Runtime
from temporalio.worker import Interceptor

from activities.telephony.asterisk import AsteriskTelephony
from activities.telephony.interface import Telephony
from activities.telephony.simulator import SimulatedExchange
from activities.telephony.twilio import TwilioTelephony
from workers import connection, doctor, encryption, logs
from workers.attributes import AttributesError, ensure_search_attributes
from workers.codec_server import main as codec_server
from workers.engine import Limits, Role, build_workers, ensure_listeners, look_after_listeners, running
from workers.health import Health, served
from workers.ingress import main as ingress
from workers.provider_settings import SIMULATOR
from workers.settings import Settings, unknown_variables, variables
from workers.telemetry import make_runtime, show_nodes, wants_traces
from workers.variables import SettingsError, Variable

T = TypeVar("T")

EXIT_FAILED = 1
EXIT_SETTINGS = 2

logger = logging.getLogger("workers")


class _StoppedError(Exception):
    """A signal came before the worker was ready."""


def main(arguments: list[str] | None = None) -> int:
    """Run a worker until SIGTERM or SIGINT, or what else was asked for, and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == ["doctor"]:
        return doctor.main(arguments[1:])
    if arguments[:1] == ["codec-server"]:
        return codec_server.main(arguments[1:])
    if arguments[:1] == ["ingress"]:
        return ingress.main(arguments[1:])
    role = Role(_parser().parse_args(arguments).role)
    try:
        settings = Settings.load()
        runtime = make_runtime(settings, logs.configure(settings.log_level, settings.log_format))
        for name in unknown_variables():
            logger.warning("no such setting, ignored: %s", name)
        for name in settings.exposed_secrets():
            logger.warning("%s: every user of this machine may read that file", name)
        asyncio.run(_serve(settings, role, runtime))
    except SettingsError as error:
        sys.stderr.write(f"settings:\n{textwrap.indent(str(error), '  ')}\n")
        return EXIT_SETTINGS
    except AttributesError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED
    except _StoppedError:
        logger.info("stopped before it was ready")
    except Exception:
        logger.exception("the worker failed")
        return EXIT_FAILED
    return 0


async def _serve(settings: Settings, role: Role, runtime: Runtime) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        # Nothing handles SIGTERM by itself, and the first process of a container even ignores it.
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    config = connection.connect_config()
    tenants = settings.tenants()
    converter = encryption.converter(settings)
    providers = _providers(settings, role)
    elsewhere = settings.elsewhere()
    if not providers and role is not Role.ENGINE:
        raise SettingsError(f"no provider: --role {role} needs HOOKFLASH_SIMULATOR or a node of Asterisk's")
    show_nodes(runtime, providers, {settings.twilio_node} & {*providers})
    nodes = {*providers, *elsewhere}
    health = Health()
    interceptors, flush = _tracing(settings)
    try:
        async with served(health, settings.health_address):
            identity = connection.identity(role)
            connecting = connection.connect(config, identity=identity, runtime=runtime, converter=converter)
            client = health.client = await _unless(stop, connecting)
            await _unless(stop, ensure_search_attributes(client, settings.search_attributes))
            beat = settings.listener_heartbeat_timeout
            limits = Limits(
                settings.graceful_shutdown_timeout, settings.cached_workflows, settings.activity_slots, beat
            )
            workers = build_workers(
                client,
                providers,
                tenants,
                role=role,
                limits=limits,
                turns=health.turns,
                interceptors=interceptors,
                deployment=settings.deployment(),
                elsewhere=elsewhere,
                sandbox=settings.sandbox,
            )
            # What was imported lives as long as the process. Looking through it for garbage stops every call for 84 ms,
            # and for 30 without it (docs/performance.md).
            gc.collect()
            gc.freeze()
            async with running(workers, limits):
                await _unless(stop, ensure_listeners(client, nodes, beat))
                health.workers = workers
                looking_after = asyncio.create_task(look_after_listeners(client, nodes, beat))
                # For whoever waits for it: scripts, tests. Everything else is logged, and goes to stderr.
                sys.stdout.write(f"hookflash worker ready: role={role} providers={','.join(sorted(providers))}\n")
                sys.stdout.flush()
                await stop.wait()
                health.stopping = True
                logger.info("stopping: what has begun may take %s", settings.graceful_shutdown_timeout)
                looking_after.cancel()
    finally:
        await asyncio.gather(*(telephony.close() for telephony in providers.values()))
        await asyncio.to_thread(flush)
    logger.info("stopped")


def _providers(settings: Settings, role: Role) -> Mapping[str, Telephony]:
    providers: dict[str, Telephony] = {}
    if settings.simulator:
        if role not in (Role.ALL, Role.PROVIDER):
            raise SettingsError(
                "HOOKFLASH_SIMULATOR: the exchange is in the memory of one process, so --role all or provider it is"
            )
        providers[SIMULATOR] = SimulatedExchange(answer_for_strangers=True)
    for name, node in settings.asterisk_nodes().items():
        if node.in_clear:
            logger.warning("%s: http to another machine sends the password in clear", name)
        if node.manager is not None and node.manager.in_clear:
            logger.warning("%s: a manager on another machine without TLS gets the password in clear", name)
        providers[name] = AsteriskTelephony(node)
    if (twilio := settings.twilio()) is not None:
        providers[settings.twilio_node] = TwilioTelephony(*twilio)
    return providers


def _tracing(settings: Settings) -> tuple[Sequence[Interceptor], Callable[[], None]]:
    """Return what traces the workers, and what sends the last spans."""
    if not wants_traces(settings):
        return (), lambda: None
    from workers.tracing import TracingInterceptor, start_tracing  # a quarter of a second that others need not wait

    provider = start_tracing(settings)
    return (TracingInterceptor(provider),), provider.shutdown


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Do something, but give up when the process is to stop."""
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise _StoppedError
        return working.result()
    finally:
        working.cancel()
        stopping.cancel()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers",
        description="Runs call transfers. Stops on SIGTERM, in good order. "
        "'python -m workers doctor' looks at Asterisk or Twilio instead, 'python -m workers codec-server' decrypts for "
        "Temporal's UI and CLI, 'python -m workers ingress' takes the webhooks of providers that call them.",
        epilog=help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    roles = [str(role) for role in Role]
    parser.add_argument("--role", choices=roles, default=str(Role.ALL), help="what this process does (default: all)")
    return parser


def help_text() -> str:
    """Return what the environment can say, a variable each."""
    return "\n\n".join(
        [
            "environment:",
            *map(_described, variables()),
            "environment, as of every Temporal tool:",
            *map(_described, connection.VARIABLES),
        ]
    )


def _described(variable: Variable) -> str:
    default = f" (default: {variable.default})" if variable.default else ""
    text = textwrap.fill(variable.description, width=100, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return f"  {variable.name}{default}\n{text}"


def _leave(code: int) -> None:
    """End the process without Python's own shutdown."""
    # The SDK's threads may abort the process in there, for which a clean stop would look like a crash:
    # https://github.com/temporalio/sdk-python/issues/300
    logging.shutdown()
    streams: Iterable[Any] = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
