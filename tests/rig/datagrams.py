"""A UDP socket that knows when each datagram arrived, however late this process comes to read it.

Phones measure how late others are. A process that collects garbage, or shares its core, reads late itself; so moments
are taken from the kernel, which notes them as packets arrive (socket(7) and the kernel's timestamping.rst).
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from typing import cast

Address = tuple[str, int]

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python has no name for it
_TIMESPEC = struct.Struct("@qq")
_LARGEST = 65536
_AT_ONCE = 64
"""Datagrams that are read before others get their turn."""


class Datagrams:
    """A socket of its own on loopback."""

    def __init__(self, received: Callable[[bytes, float], None], port: int = 0) -> None:
        """Bind it, and read from now on.

        Args:
            received: Is given each datagram, and when it arrived by the event loop's clock (s).
            port: Where. Default: anywhere.

        Raises:
            OSError: The port is taken.
        """
        self._received = received
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            self._socket.bind(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        self.local = cast("Address", self._socket.getsockname())
        """Where it receives."""
        self._loop.add_reader(self._socket, self._read)

    def send(self, data: bytes, to: Address) -> None:
        """Send a datagram; one that finds no room is lost, as any may be. Nothing happens once this is closed."""
        if self._socket is not None:
            try:
                self._socket.sendto(data, to)
            except BlockingIOError:
                return

    def close(self) -> None:
        """Stop reading, and give the port back."""
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        for _ in range(_AT_ONCE):
            if self._socket is None:
                return
            try:
                data, notes, _, _ = self._socket.recvmsg(_LARGEST, socket.CMSG_SPACE(_TIMESPEC.size))
            except BlockingIOError:
                return
            self._received(data, self._loop.time() - _age(notes))


def _age(notes: list[tuple[int, int, bytes]]) -> float:
    """Return how long ago a datagram arrived (s), by the kernel's note of it."""
    for level, kind, note in notes:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, nanoseconds = cast("tuple[int, int]", _TIMESPEC.unpack(note))
            return max(0.0, time.time() - seconds - nanoseconds / 1e9)
    return 0.0
