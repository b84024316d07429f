"""Ports for one Asterisk and its phones that no other test run on the same machine will take.

Binding port 0 finds a free port, but between closing it and its use by another process somebody else may get it,
and Asterisk wants a whole range for RTP. So a run takes a block of neighbouring ports below those that the kernel
hands out by itself, and holds the block's first port for as long as it runs: who holds that one owns the block.
"""

from __future__ import annotations

import contextlib
import random
import socket
from dataclasses import dataclass, field

FIRST_BLOCK = 10240
BLOCK = 512
BLOCKS = 42  # up to 31743; Linux hands out ports from 32768 on
OTHER_PORTS = 112  # SIP, HTTP and the phones; the rest is for RTP, two ports for each leg


def _bind(port: int, kind: socket.SocketKind) -> socket.socket:
    held = socket.socket(socket.AF_INET, kind)
    try:
        held.bind(("127.0.0.1", port))
    except OSError:
        held.close()
        raise
    return held


def _guarded(first: int) -> socket.socket:
    """Return the guard of a block of which every port is free; an OSError if one is not."""
    guard = _bind(first, socket.SOCK_DGRAM)
    try:
        for port in range(first + 1, first + BLOCK):
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                _bind(port, kind).close()
    except OSError:
        guard.close()
        raise
    return guard


@dataclass(slots=True)
class PortBlock:
    """A block of ports, or several next to each other, owned until it is closed."""

    first: int
    guards: tuple[socket.socket, ...] = field(repr=False)

    @classmethod
    def reserve(cls, blocks: int = 1) -> PortBlock:
        """Take a block of which every port is free.

        Args:
            blocks: How many blocks make up this one. One is enough for two hundred legs.

        Raises:
            OSError: if there is none.
        """
        for number in random.sample(range(BLOCKS - blocks + 1), BLOCKS - blocks + 1):
            first = FIRST_BLOCK + number * BLOCK
            with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
                guards = tuple(
                    stack.enter_context(contextlib.closing(_guarded(first + BLOCK * more))) for more in range(blocks)
                )
                stack.pop_all()
                return cls(first, guards)
        raise OSError("no free block of ports for an Asterisk")

    def close(self) -> None:
        """Give the block back."""
        for guard in self.guards:
            guard.close()

    @property
    def sip(self) -> int:
        """Asterisk's SIP port (UDP)."""
        return self.first + 1

    @property
    def http(self) -> int:
        """Asterisk's HTTP port (TCP), for ARI."""
        return self.first + 2

    @property
    def dead(self) -> int:
        """A port at which nobody ever listens."""
        return self.first + 3

    @property
    def https(self) -> int:
        """Asterisk's HTTPS port (TCP), for ARI over TLS."""
        return self.first + 4

    @property
    def manager(self) -> int:
        """Asterisk's manager port (TCP), for AMI."""
        return self.first + 5

    @property
    def manager_tls(self) -> int:
        """Asterisk's manager port for AMI over TLS."""
        return self.first + 6

    def phone(self, number: int) -> int:
        """Return the SIP port of a phone."""
        return self.first + 10 + number

    def media(self, number: int) -> int:
        """Return the first of four RTP ports of a phone that cannot choose for itself."""
        return self.first + 60 + 4 * number

    @property
    def rtp(self) -> tuple[int, int]:
        """The first (even) and the last port of Asterisk's RTP range."""
        return self.first + OTHER_PORTS, self.first + BLOCK * len(self.guards) - 1
