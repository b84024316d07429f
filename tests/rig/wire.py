"""A TCP wire in front of a server that can be cut, or go dead without anybody being told."""

from __future__ import annotations

import asyncio
import socket
import struct
from types import TracebackType


class Wire:
    """Forwards connections to a port on loopback. Use it as an async context manager.

    New connections always work: what happens to the wire happens to those that are there, as when a firewall restarts
    or forgets them.
    """

    def __init__(self, port: int) -> None:
        """Take the port of the server."""
        self._target = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: set[asyncio.StreamWriter] = set()
        self._alive = asyncio.Event()
        self.port = 0
        """Where the server can be reached through this wire."""
        self.connections = 0
        """How many connections were made."""

    async def __aenter__(self) -> Wire:
        self._alive.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection (RST), in both directions."""
        streams, self._streams = self._streams, set()
        for stream in streams:
            if not stream.is_closing():
                raw: socket.socket = stream.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.transport.abort()

    def go_dead(self) -> None:
        """Swallow whatever comes on the connections that are there, in both directions, and close none of them."""
        self._alive, dead = asyncio.Event(), self._alive
        self._alive.set()
        dead.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        alive = self._alive
        try:
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._streams |= {writer, onward}
        for source, sink in ((reader, onward), (onward_reader, writer)):
            task = asyncio.create_task(self._forward(source, sink, alive))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _forward(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, alive: asyncio.Event) -> None:
        try:
            while data := await source.read(65536):
                if alive.is_set():
                    sink.write(data)
                    await sink.drain()
            if alive.is_set():
                sink.close()
        except ConnectionError:
            sink.transport.abort()
