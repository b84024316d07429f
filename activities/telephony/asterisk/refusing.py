"""How a phone learns that nothing comes of its transfer key, also if nobody has heard it.

While nobody listens Asterisk accepts a REFER with 202, tells nobody, and lets the phone wait for ten minutes, until the
subscription of pjproject runs out (measured on 22.10.1). Whom it was about is lost. So whoever begins to listen has the
phones told that nothing comes of it: their users still talk, and can press the key again. Asterisk does not say which
phones wait, and to those that do not, telling it does nothing.
"""

import asyncio
import logging
from collections.abc import Collection

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


async def refuse_lost_keys(client: AriClient, settings: AsteriskSettings, heard: Collection[str]) -> None:
    """Have phones told that nothing comes of what nobody has heard. To be called when listening begins.

    Args:
        client: To the node.
        settings: Of the node.
        heard: Legs whose keys were heard since, which is kept up to date by who listens.
    """
    try:
        before = await _keys(client, settings)
        if not before:
            return
        await asyncio.sleep(SETTLED)
        waiting = before & await _keys(client, settings)
        for leg in sorted(waiting):
            if leg not in heard:
                await refuse(client, leg)
        logger.info("%d phones were told that a key which nobody has heard leads to nothing", len(waiting))
    except (TelephonyError, StaleError) as error:
        # The next listener does it, and after ten minutes Asterisk.
        logger.warning("phones that wait for a transfer may not have been told: %s", error)


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
