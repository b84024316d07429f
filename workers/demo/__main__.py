"""``python -m workers.demo``: an embedded Temporal server, the workers, a simulated exchange, and five transfers."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from activities.admission import Tenants
from hookflash import TransferClient
from workers.demo.director import Director, Played
from workers.demo.paste import invite
from workers.demo.report import announce, summarize, tell_outcome
from workers.demo.scenes import PROVIDER, SCENES
from workers.demo.screen import Screen, Style
from workers.demo.server import NoServerError, Server, embedded_server
from workers.engine import Limits, build_workers, ensure_listeners, running

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

logger = logging.getLogger("workers.demo")


def main(arguments: list[str] | None = None) -> int:
    """Run the demo and return its exit code."""
    options = _parser().parse_args(arguments)
    # Whatever has to be logged would be a surprise, and must not be missed.
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        return asyncio.run(_Demo(Screen.of(sys.stdout), options.speed, keep=options.keep).run())
    except NoServerError as error:
        sys.stderr.write(f"demo: {error}\n")
        return EXIT_FAILED
    except Exception:
        logger.exception("the demo failed")
        return EXIT_FAILED


class _Demo:
    """One run."""

    def __init__(self, screen: Screen, speed: float, *, keep: bool) -> None:
        self._screen = screen
        self._keep = keep
        self._speed = speed
        self._director = Director(screen, speed)
        self._stop = asyncio.Event()

    async def run(self) -> int:
        """Set everything up, play, and take it down again; return the exit code."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        self._screen.when_deserted = self._stop.set
        self._screen.line(self._screen.paint("Hookflash", Style.BOLD) + ": call transfers that never lose the customer")
        self._screen.line("  starting a Temporal server, a worker and a simulated telephone exchange ...")
        exchange = self._director.exchange
        providers = {PROVIDER: exchange}
        limits = Limits(graceful_shutdown_timeout=timedelta(seconds=2))
        async with (
            embedded_server() as server,
            running(build_workers(server.client, providers, Tenants(), limits=limits)),
        ):
            await ensure_listeners(server.client, providers)
            # A transfer before that would not miss anything for good, but would see it late.
            while not exchange.requests["events"]:  # noqa: ASYNC110 nothing tells
                await asyncio.sleep(0.02)
            return await self._show(server)

    async def _show(self, server: Server) -> int:
        self._introduce(server)
        playing = asyncio.create_task(self._play(server))
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not playing.done():
            playing.cancel()
            self._screen.line("\n  stopped")
            return 0 if self._screen.deserted else EXIT_INTERRUPTED
        played = playing.result()
        summarize(self._screen, played)
        failed = [it for it in played if it.problems]
        self._conclude(failed, len(played))
        if self._keep:
            invite(self._screen, server)
            await self._stop.wait()
            self._screen.line("\n  stopping")
        return EXIT_FAILED if failed else 0

    async def _play(self, server: Server) -> list[Played]:
        client = TransferClient(server.client)
        all_played: list[Played] = []
        for number, scene in enumerate(SCENES, 1):
            announce(self._screen, number, len(SCENES), scene)
            played = await self._director.play(number, scene, client, server.ui)
            all_played.append(played)
            tell_outcome(self._screen, played)
            await self._director.clear(played)
        return all_played

    def _introduce(self, server: Server) -> None:
        line, paint = self._screen.line, self._screen.paint
        line(f"  Temporal   {server.address}" + ("   (7233 or 8233 is taken)" if server.elsewhere else ""))
        line(f"  Web UI     {paint(server.ui, Style.CYAN)}")
        line(
            f"  Legend     {paint('●━━━●', Style.GREEN)} talk    {paint('●┄┄┄☎', Style.CYAN)} ringing    "
            f"{paint('♫', Style.YELLOW)} on hold, hears music    {paint('·', Style.DIM)} not in the call"
        )

    def _conclude(self, failed: Sequence[Played], total: int) -> None:
        line, paint = self._screen.line, self._screen.paint
        line()
        if failed:
            line(paint(f"  ✗ {len(failed)} of {total} transfers did not go as they must", Style.RED, Style.BOLD))
            for played in failed:
                line(f"    {played.scene.title}: {'; '.join(played.problems)}")
            return
        line(
            paint(f"  ✓ All {total} went as they must.", Style.GREEN, Style.BOLD)
            + " Nobody was overheard, no phone rang on, no leg was left behind."
        )
        silence = self._director.longest_silence()
        line(f"  Longest silence a customer heard: {silence:.2f} s, between one phone giving up and what came next.")
        if not self._keep:
            line("  The links end with the demo. To follow them, and to transfer calls yourself: make demo KEEP=1")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description="Runs five scripted transfers to be watched.")
    parser.add_argument("--keep", action="store_true", help="leave everything running afterwards (make demo KEEP=1)")
    parser.add_argument("--speed", type=_speed, default=1.0, metavar="N", help="so many times faster (default: 1)")
    return parser


def _speed(text: str) -> float:
    speed = float(text)
    if not 0.1 <= speed <= 10:
        raise argparse.ArgumentTypeError("must be between 0.1 and 10")
    return speed


def _leave(code: int) -> None:
    """End the process without Python's own shutdown."""
    # The SDK's threads may abort the process in there: https://github.com/temporalio/sdk-python/issues/300
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
