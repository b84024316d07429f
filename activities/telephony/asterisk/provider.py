"""Asterisk as a telephony provider."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from weakref import WeakValueDictionary

from pydantic import TypeAdapter

from activities.telephony.asterisk.arranging import Arranging
from activities.telephony.asterisk.client import AriClient, path
from activities.telephony.asterisk.events import listen
from activities.telephony.asterisk.execute import StaleError
from activities.telephony.asterisk.marking import owned_legs
from activities.telephony.asterisk.phone_hold import BRIDGES
from activities.telephony.asterisk.refusing import refuse
from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.asterisk.state import (
    Channel,
)
from activities.telephony.asterisk.translation import Endings, Translator
from activities.telephony.errors import (
    ProtocolError,
)
from activities.telephony.model import (
    Arrangement,
    LegEvent,
    Observation,
    OwnedLegs,
    TransferAsked,
)

CHANNELS = TypeAdapter(tuple[Channel, ...])

AT_ONCE = 8
"""Arrangements that are made at the same time. Each is a few requests, so more only make all of them slower: of a
hundred that begin together none would be done in time, where one after another all are."""


class AsteriskTelephony:
    """One Asterisk node over ARI. It keeps no state of any call, so any number of processes may use a node."""

    replaces_listeners = True

    def __init__(self, settings: AsteriskSettings) -> None:
        """Take the node's settings; nothing is opened before the first call."""
        self._settings = settings
        self._client = AriClient(settings)
        self._endings = Endings()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def arrange(self, wanted: Arrangement) -> Observation:
        """Make an arrangement true; see ``Telephony.arrange``."""
        # Two of them at once for one room could both find a leg that was never dialled, and the second dial kills it.
        lock = self._locks.setdefault(wanted.room, asyncio.Lock())
        run = Arranging(self._client, self._settings, self._endings, wanted)
        try:
            async with asyncio.timeout(self._settings.arrange_timeout.total_seconds()), lock, self._at_once:
                return await run.until_it_stands()
        except TimeoutError as error:
            limit = self._settings.arrange_timeout.total_seconds()
            raise run.unfinished(f"not done within {limit:g} s") from error

    async def events(self) -> AsyncIterator[LegEvent | TransferAsked | None]:
        """Yield what happens to the legs of this node; see ``Telephony.events``."""
        translator = Translator(self._endings, trunk=self._settings.trunk)
        async for event in listen(self._client, self._settings, translator):
            yield event

    async def owners(self) -> Mapping[str, OwnedLegs]:
        """Return the workflows that own live legs on this node; see ``Telephony.owners``."""
        channels, bridges = await asyncio.gather(
            self._client.get(path("channels"), CHANNELS.validate_python),
            self._client.get(path("bridges"), BRIDGES.validate_python),
        )
        return owned_legs(channels or (), bridges or ())

    async def decline(self, leg: str) -> None:
        """Tell a phone that nothing comes of the transfer it has asked for; see ``Telephony.decline``."""
        try:
            await refuse(self._client, leg)
        except StaleError as error:
            raise ProtocolError(str(error)) from error

    async def close(self) -> None:
        """Release connections. The calls go on."""
        await self._client.close()
