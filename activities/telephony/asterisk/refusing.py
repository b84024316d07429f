"""How a phone learns that nothing comes of its transfer key, also if nobody has heard it.

While nobody listens Asterisk accepts a REFER with 202, tells nobody, and lets the phone wait for ten minutes, until the
subscription of pjproject runs out (measured on 22.10.1). Whom it was about is lost. So whoever begins to listen has the
phones told that nothing comes of it: their users still talk, and can press the key again. Asterisk does not say which
phones wait, and telling it to one that does not does nothing; of one that did, a ``ChannelTransfer`` says so.
"""

import asyncio
import logging
from typing import NoReturn

from pydantic import TypeAdapter

from activities.telephony.asterisk.client import AriClient, path
from activities.telephony.asterisk.execute import Executor, StaleError
from activities.telephony.asterisk.phone_hold import PhoneHolds
from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.asterisk.state import Application, Channel
from activities.telephony.asterisk.transfer_key import Tell, is_told
from activities.telephony.errors import TelephonyError
from activities.telephony.model import Report

SETTLED = 5.0
"""Seconds until a transfer that the last listener has begun must be on its phone's leg, which shows that it is told."""

CHANNELS = TypeAdapter(tuple[Channel, ...])

logger = logging.getLogger(__name__)


async def refuse(client: AriClient, leg: str) -> None:
    """Tell a phone that nothing comes of it. Whoever it has put on hold may have lost the music by the key.

    Raises:
        StaleError: It was refused.
        TelephonyError: As ``Telephony.arrange``.
    """
    executor = Executor(client)
    await executor.run((Tell(leg, Report.DECLINED),))
    await PhoneHolds(client, executor).settle_around(leg)


class LostKeys:
    """Has phones told that nothing comes of the keys that nobody has heard. One for each time that listening begins.

    Args:
        client: To the node.
        settings: Of the node.
    """

    def __init__(self, client: AriClient, settings: AsteriskSettings) -> None:
        self._client = client
        self._settings = settings
        self._heard: set[str] = set()
        self._refused: set[str] = set()
        self._waited: asyncio.Queue[str] = asyncio.Queue()

    def hear(self, leg: str) -> None:
        """Note that a key was heard since. What its phone is told from here on is not ours."""
        self._heard.add(leg)
        self._refused.discard(leg)

    def reached(self, leg: str) -> None:
        """Note that Asterisk has told a phone something, so that it did wait."""
        if leg in self._refused:
            self._refused.remove(leg)
            self._waited.put_nowait(leg)

    async def refuse(self) -> None:
        """Tell them, and go on looking after those that did wait, until this is cancelled."""
        try:
            await self._tell()
            await self._settle()
        except (TelephonyError, StaleError) as error:
            # The next listener does it, and after ten minutes Asterisk.
            logger.warning("phones that wait for a transfer may not have been told: %s", error)

    async def _tell(self) -> None:
        before = await _keys(self._client, self._settings)
        if not before:
            return
        await asyncio.sleep(SETTLED)
        waiting = before & await _keys(self._client, self._settings) - self._heard
        for leg in sorted(waiting):
            if leg not in self._heard:
                self._refused.add(leg)
                await Executor(self._client).run((Tell(leg, Report.DECLINED),))
        logger.info("%d phones were told that a key which nobody has heard leads to nothing", len(waiting))

    async def _settle(self) -> NoReturn:
        """Give their music back to those whom such a phone has put on hold. Only those that waited have to be asked."""
        holds = PhoneHolds(self._client, Executor(self._client))
        while True:
            await holds.settle_around(await self._waited.get())


async def _keys(client: AriClient, settings: AsteriskSettings) -> frozenset[str]:
    """Return the legs of phones whose keys are told to us, but for those that are being told of a transfer."""
    ours = await client.get(path("applications", settings.app), Application.model_validate)
    channels = await client.get(path("channels"), CHANNELS.validate_python) or ()
    return frozenset(
        it.id
        for it in channels
        if ours is not None
        and it.id in ours.channel_ids
        and it.up
        and it.controlled
        and it.endpoint not in ("", settings.trunk)
        and not is_told(it)
    )
