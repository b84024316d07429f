"""A provider whose events a test speaks. One listens at a time, as with ARI."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from activities.telephony.errors import ListenerReplaced, ProviderUnavailable, TelephonyError
from activities.telephony.model import (
    Arrangement,
    LegEvent,
    LegEventKind,
    Observation,
    OwnedLegs,
    Phase,
    TransferAsked,
)

LEG, MARK = "the leg", "as it is"
"""The leg of each owner, and what stands for where it is."""


class ScriptedTelephony:
    """Implements `Telephony`, but for arrangements."""

    def __init__(self, owners: Iterable[str] = (), *, replaces_listeners: bool = False) -> None:
        self.replaces_listeners = replaces_listeners
        self.owned = set(owners)
        self.reachable = True
        self.connections = 0
        """How often somebody began to listen."""
        self.silences = 0
        """How often who listened went before anybody else was there."""
        self.declined: list[str] = []
        """The legs whose phones were told that nothing comes of their transfer."""
        self._line: asyncio.Queue[LegEvent | TransferAsked | TelephonyError | None] | None = None
        self._changed = asyncio.Event()

    @property
    def listening(self) -> bool:
        """Whether somebody listens now."""
        return self._line is not None

    async def until_connections(self, count: int) -> None:
        """Wait until somebody has begun to listen that often."""
        while self.connections < count:
            self._changed.clear()
            await self._changed.wait()

    def say(self, owner: str, leg: str, kind: LegEventKind = LegEventKind.RINGING, **more: str) -> None:
        """Let something happen to a leg."""
        self.emit(LegEvent.model_validate({"owner": owner, "leg": leg, "kind": kind, **more}))

    def emit(self, item: LegEvent | TransferAsked | TelephonyError | None) -> None:
        """Tell whoever listens; nobody, if nobody does."""
        if self._line is not None:
            self._line.put_nowait(item)

    async def arrange(self, wanted: Arrangement) -> Observation:
        """Nobody asks for it here."""
        raise NotImplementedError

    async def events(self) -> AsyncIterator[LegEvent | TransferAsked | None]:
        """See `Telephony`."""
        if not self.reachable:
            raise ProviderUnavailable("no answer")
        self.emit(ListenerReplaced("somebody else listens now"))
        line = self._line = asyncio.Queue()
        self.connections += 1
        self._changed.set()
        try:
            yield None
            while True:
                item = await line.get()
                if isinstance(item, TelephonyError):
                    raise item
                yield item
        finally:
            if self._line is line:
                self._line = None
                self.silences += 1

    async def owners(self) -> Mapping[str, OwnedLegs]:
        """See `Telephony`. Each owns one leg."""
        return {owner: OwnedLegs(phases={LEG: Phase.RINGING}, mark=MARK) for owner in self.owned}

    async def decline(self, leg: str) -> None:
        """See `Telephony`."""
        self.declined.append(leg)

    async def close(self) -> None:
        """See `Telephony`."""
