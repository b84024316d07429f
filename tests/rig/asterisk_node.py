"""A real Asterisk as a test's telephony node: start it, look into it, kill it, start it again."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.rig.ari import Ari, Json
from tests.rig.asterisk_config import (
    APP,
    ARI_PASSWORD,
    ARI_USER,
    MANAGER_PASSWORD,
    MANAGER_USER,
    write_configuration,
)
from tests.rig.installed import INSTALLED, command
from tests.rig.ports import PortBlock
from tests.rig.rtp import Address
from tests.rig.tones import VOICES

UNREACHABLE = "nobody"
"""An endpoint whose contact is a port where no phone is ever plugged in."""
BOOT_SECONDS = 20.0
STOP_SECONDS = 5.0
LOG_TAIL = 40


class AsteriskError(Exception):
    """Asterisk did not start, or died."""


def why_unavailable() -> str | None:
    """Return why no Asterisk is installed for the tests; None when one is."""
    if (INSTALLED / "usr/sbin/asterisk").is_file():
        return None
    try:
        return INSTALLED.with_name("asterisk.unavailable").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return "Asterisk is not installed: run scripts/install_asterisk.py"


class AsteriskNode:
    """One Asterisk on loopback, with an endpoint `PJSIP/<name>` for every phone.

    Use it as an async context manager. Its ports and its configuration stay the same over `kill` and `restart`.
    """

    app = APP
    ari_user = ARI_USER
    ari_password = ARI_PASSWORD
    manager_user = MANAGER_USER
    manager_password = MANAGER_PASSWORD

    def __init__(
        self,
        folder: Path,
        phones: Collection[str] = tuple(VOICES),
        installed: Path = INSTALLED,
        *,
        blocks: int = 1,
    ) -> None:
        """Prepare a node.

        Args:
            folder: for configuration, sounds and logs; they are left there.
            phones: names of the endpoints.
            installed: root of the unpacked Asterisk.
            blocks: how many blocks of ports it takes; each is enough for two hundred legs more.
        """
        self.folder = folder
        """Ids of bridges that outlive a test on purpose, such as a shared bridge for holding; they must be empty."""
        self._names = tuple(phones)
        self._installed = installed
        self._blocks = blocks
        self._ports: PortBlock | None = None
        self._run_folder: tempfile.TemporaryDirectory[str] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._ari: Ari | None = None

    async def __aenter__(self) -> Self:
        self._ports = PortBlock.reserve(self._blocks)
        try:
            # A unix socket's path is short by law (108 bytes), a test's folder may be long.
            self._run_folder = tempfile.TemporaryDirectory(prefix="hookflash-")
            self._configure(Path(self._run_folder.name))
            self._ari = Ari(self.ari_url, self.ari_user, self.ari_password)
            await self.start()
        except BaseException:
            await self.close()
            raise
        return self

    def _configure(self, run_folder: Path) -> None:
        """Write what Asterisk reads."""
        phones = {**self.phone_ports, UNREACHABLE: self.ports.dead}
        write_configuration(self.folder, run_folder, self._installed, self.ports, phones)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop Asterisk and give back its ports; its folder stays."""
        await self.stop()
        if self._ari is not None:
            await self._ari.close()
        if self._run_folder is not None:
            self._run_folder.cleanup()
        if self._ports is not None:
            self._ports.close()

    # --- where it is

    @property
    def ports(self) -> PortBlock:
        """The block of ports this node lives on."""
        if self._ports is None:
            raise RuntimeError("the node was not entered")
        return self._ports

    @property
    def phone_ports(self) -> dict[str, int]:
        """The SIP port at which each endpoint's phone is expected."""
        return {name: self.ports.phone(number) for number, name in enumerate(self._names)}

    @property
    def sip_address(self) -> Address:
        """Where Asterisk's SIP is."""
        return "127.0.0.1", self.ports.sip

    @property
    def ari_url(self) -> str:
        """The base of all ARI paths, without a slash at its end."""
        return f"http://127.0.0.1:{self.ports.http}/ari"

    @property
    def ari(self) -> Ari:
        """A client of this node's ARI that lives as long as the node."""
        if self._ari is None:
            raise RuntimeError("the node was not entered")
        return self._ari

    # --- the process

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process's id."""
        if self._process is None:
            raise AsteriskError("Asterisk was not started")
        return self._process.pid

    def _command(self, *arguments: str) -> list[str]:
        return [*self.executable, "-C", str(self.folder / "etc/asterisk.conf"), *arguments]

    @property
    def executable(self) -> list[str]:
        """What starts the unpacked Asterisk."""
        return command("usr/sbin/asterisk", installed=self._installed)

    async def start(self) -> None:
        """Start Asterisk and wait until all of its modules are up.

        Raises:
            AsteriskError: if that fails; it carries the end of the logs.
        """
        if self.running:
            raise RuntimeError("Asterisk is running already")
        with (self.folder / "log/console").open("ab") as console:
            self._process = await asyncio.create_subprocess_exec(
                *self._command("-f"), stdin=asyncio.subprocess.DEVNULL, stdout=console, stderr=console
            )
        deadline = time.monotonic() + BOOT_SECONDS
        # Its HTTP server answers before the modules are up, so ARI is no sign of being ready.
        while "fully booted" not in await self._ask("core waitfullybooted", deadline):
            if not self.running:
                raise AsteriskError(f"Asterisk ended with {self._process.returncode} while booting\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise AsteriskError(f"Asterisk was not up after {BOOT_SECONDS} s\n{self.log_tail()}")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Stop Asterisk in an orderly way."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Kill Asterisk: no BYE, no closing of anything."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Start Asterisk again, after a `kill` or a `stop`, or stop it first."""
        await self.stop()
        await self.start()

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _ask(self, command: str, deadline: float) -> str:
        process = await asyncio.create_subprocess_exec(
            *self._command("-rx", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), max(0.1, deadline - time.monotonic()))
        except TimeoutError:
            process.kill()
            await process.wait()
            return ""
        return output.decode(errors="replace").strip()

    async def cli(self, command: str) -> str:
        """Run a command of Asterisk's console; return what it prints."""
        return await self._ask(command, time.monotonic() + STOP_SECONDS)

    def log_tail(self) -> str:
        """Return the last lines of Asterisk's logs."""
        parts: list[str] = []
        for name in ("console", "full"):
            path = self.folder / "log" / name
            if path.is_file():
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL:]
                parts += [f"--- {path}", *lines]
        return "\n".join(parts)

    # --- what is in it

    async def channels(self) -> list[Json]:
        """Return all channels as ARI sees them."""
        return await self.ari.channels()

    async def bridges(self) -> list[Json]:
        """Return all bridges as ARI sees them."""
        return await self.ari.bridges()

    async def drained(self, within: float = 3.0) -> None:
        """Wait until no channel and no bridge is left, but for empty standing ones.

        Raises:
            AssertionError: if some stay; it lists them.
        """
        deadline = time.monotonic() + within
        while True:
            channels = await self.channels()
            bridges = [bridge for bridge in await self.bridges() if not self._is_standing(bridge)]
            if not channels and not bridges:
                return
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"left over after {within} s:\n"
                    + "\n".join(json.dumps(item, sort_keys=True) for item in [*channels, *bridges])
                )
            await asyncio.sleep(0.05)

    def _is_standing(self, bridge: Json) -> bool:
        # The engine keeps one holding bridge per class of music for the life of the node.
        return bridge["id"].startswith("hookflash-hold-") and not bridge["channels"]

    async def sweep(self) -> None:
        """Hang up every channel and delete every bridge, so that one test's leftovers fail no other."""
        for channel in await self.channels():
            await self.ari.call("DELETE", f"/channels/{channel['id']}", ok=(204, 404))
        for bridge in await self.bridges():
            if not self._is_standing(bridge):
                # 409: a bridge of the dialplan, which ends with its channels.
                await self.ari.call("DELETE", f"/bridges/{bridge['id']}", ok=(204, 404, 409))
