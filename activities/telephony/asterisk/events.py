"""The event socket of an application (docs.asterisk.org, "ARI: Introduction", RFC 6455)."""

import asyncio
import logging
from collections.abc import AsyncIterator

import aiohttp
from pydantic import ValidationError

from activities.telephony.asterisk.client import AriClient, InternalError, path
from activities.telephony.asterisk.refusing import LostKeys
from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.asterisk.state import TENANT, Variable
from activities.telephony.asterisk.translation import AriEvent, Translator
from activities.telephony.errors import ListenerReplaced, ProviderUnavailable
from activities.telephony.model import LegEvent, LegEventKind, TransferAsked
from hookflash._about import about

SIGN_OF_LIFE = 1.0
"""Longest silence towards the caller, who tells Temporal with every item that it is alive."""

logger = logging.getLogger(__name__)


async def listen(
    client: AriClient, settings: AsteriskSettings, translator: Translator
) -> AsyncIterator[LegEvent | TransferAsked | None]:
    """Yield the leg events of an application until the connection is lost.

    Nothing that happened while nobody listened is ever sent again: the caller looks at the real state after the first
    item, which is None. Inbound calls that enter the application are left to the contact centre's own call control.

    Raises:
        ListenerReplaced: Another listener has taken over.
        ProviderUnavailable: The connection was lost.
    """
    socket = await client.listen(settings.app, settings.heartbeat)
    lost_keys = LostKeys(client, settings)
    refusing = asyncio.create_task(lost_keys.refuse())
    try:
        yield None
        while True:
            try:
                message = await socket.receive(timeout=SIGN_OF_LIFE)
            except TimeoutError:
                yield None
                continue
            event = _read(message)
            if event is None:
                continue
            if event.type == "ApplicationReplaced":
                raise ListenerReplaced("another listener took over the events of this application")
            news = translator.translate(event)
            if news is None and event.type == "ChannelDestroyed" and event.channel and event.channel.released:
                logger.debug("%s was released; the answer to its arrangement says so", event.channel.id)
            if event.reported_to:
                lost_keys.reached(event.reported_to)
            if isinstance(news, TransferAsked):
                lost_keys.hear(news.leg)
            if isinstance(news, TransferAsked) and not news.tenant:
                # Whoever made the leg may have set it without asking for reports.
                news = news.model_copy(update={"tenant": await _tenant(client, news.leg)})
            if isinstance(news, LegEvent) and news.kind is LegEventKind.UNHEARD:
                with about(owner=news.owner, leg=news.leg):
                    logger.warning(
                        "recording %s could not be played to %s: is it there, in its language?",
                        news.evidence.text,
                        news.leg,
                    )
                if not news.owner:
                    continue
            if news is not None:
                yield news
    finally:
        refusing.cancel()
        await asyncio.gather(refusing, return_exceptions=True)
        await socket.close()


async def _tenant(client: AriClient, leg: str) -> str:
    try:
        reply = await client.send("GET", path("channels", leg, "variable"), {"variable": TENANT})
    except InternalError:
        return ""
    return Variable.model_validate(reply.data).value if reply.done else ""


def _read(message: aiohttp.WSMessage) -> AriEvent | None:
    """Return the event in a message, None if there is none in it.

    Raises:
        ProviderUnavailable: The message says that the connection has ended.
    """
    if message.type is aiohttp.WSMsgType.TEXT:
        try:
            return AriEvent.model_validate_json(message.data)
        except ValidationError as error:
            # One event that we cannot read must not stop all the others; its content may be personal.
            logger.warning("an ARI event was not understood: %d faults", error.error_count())
            return None
    if message.type in {
        aiohttp.WSMsgType.CLOSE,
        aiohttp.WSMsgType.CLOSING,
        aiohttp.WSMsgType.CLOSED,
        aiohttp.WSMsgType.ERROR,
    }:
        # aiohttp ends a connection whose peer does not answer its ping in the same way.
        raise ProviderUnavailable("the event socket was closed")
    return None
