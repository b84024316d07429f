"""SIP transactions over UDP: what is repeated, until when, and what answers a repetition (RFC 3261, section 17)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tests.rig.sip import Message

# The timers of RFC 3261, section 17.1.1.1; an unanswered request is given up earlier than there.
T1 = 0.5
T2 = 4.0
GIVE_UP = 8.0


class Transactions:
    """The transactions of one call, and the tasks that keep them going."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._replies: dict[str, Message] = {}
        self._unacknowledged: asyncio.Event | None = None
        # By branch and method: a CANCEL has the branch of its INVITE.
        self._responses: dict[tuple[str, str], asyncio.Queue[Message]] = {}
        self._acknowledgements: dict[str, Message] = {}

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something for as long as the call is open."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Stop everything; a fault in one of the tasks comes out here."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    # --- as the server

    def reply(self, request: Message, response: Message) -> None:
        """Send a response, and keep it for a repetition of its request."""
        self._replies[request.branch] = response
        self._send(response)

    def repeat_reply(self, request: Message) -> bool:
        """Answer a repeated request as the first time; False when it is a new one."""
        response = self._replies.get(request.branch)
        if response is not None:
            self._send(response)
        return response is not None

    def insist(self, response: Message) -> None:
        """Repeat a final response until it is acknowledged (RFC 3261, sections 13.3.1.4 and 17.2.1)."""
        enough = self._unacknowledged = asyncio.Event()
        self.start(self._repeat(response, enough))

    def acknowledged(self) -> None:
        """Note that an ACK came."""
        if self._unacknowledged is not None:
            self._unacknowledged.set()

    # --- as the client

    async def transact(
        self, request: Message, provisional: Callable[[Message], None] = lambda _: None
    ) -> Message | None:
        """Send a request and return its final response; None when there is none.

        Args:
            request: repeated until there is a response.
            provisional: is given every response before the final one.
        """
        transaction = (request.branch, request.method)
        responses = self._responses[transaction] = asyncio.Queue()
        responded = asyncio.Event()
        self._send(request)
        self.start(self._repeat(request, responded))
        try:
            while True:
                # Once it rings, an INVITE may wait as long as people do.
                limit = None if responded.is_set() and request.method == "INVITE" else GIVE_UP
                response = await asyncio.wait_for(responses.get(), limit)
                responded.set()
                if response.status >= 200:
                    return response
                provisional(response)
        except TimeoutError:
            return None
        finally:
            responded.set()
            del self._responses[transaction]

    def acknowledge(self, invite: Message, acknowledgement: Message) -> None:
        """Send the ACK of an INVITE, and keep it for repetitions of the final response."""
        self._acknowledgements[invite.branch] = acknowledgement
        self._send(acknowledgement)

    def handle_response(self, response: Message) -> None:
        """Take a response to one of the requests."""
        if responses := self._responses.get((response.branch, response.method)):
            responses.put_nowait(response)
        elif response.method == "INVITE" and (again := self._acknowledgements.get(response.branch)):
            self._send(again)  # every repeated final response is acknowledged again (RFC 3261, section 13.2.2.4)

    async def _repeat(self, message: Message, enough: asyncio.Event) -> None:
        pause, given_up = T1, self._loop.time() + GIVE_UP
        while self._loop.time() < given_up:
            try:
                await asyncio.wait_for(enough.wait(), pause)
            except TimeoutError:
                self._send(message)
                pause = min(2 * pause, T2)
            else:
                return
