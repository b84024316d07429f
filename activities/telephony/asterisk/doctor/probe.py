"""A channel of our own: it can be asked about the dialplan and hear what a customer would, and it rings nobody.

It is one half of a ``Local/`` channel that is never dialled, so no dialplan runs. It cannot be played to, as nobody has
answered it; a snoop channel on it can.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager

import aiohttp
from pydantic import BaseModel, ValidationError

from activities.telephony.asterisk.client import AriClient, InternalError, Reply, path
from activities.telephony.asterisk.settings import AsteriskSettings
from activities.telephony.asterisk.state import Channel, Variable
from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable

PREFIX = "hookflash-doctor-"
LIFETIME = 60
"""Seconds after which Asterisk itself ends a channel that we had no time to end."""
PATIENCE = 2.0
"""Seconds for what takes Asterisk milliseconds."""
SILENT = 1.0
"""Seconds without news after which a playback counts as playing: one that fails says so at once."""


class ProbeError(Exception):
    """Asterisk did not let us make or use a probe."""


class _Named(BaseModel):
    id: str = ""
    name: str = ""
    state: str = ""


class _Event(BaseModel):
    type: str
    playback: _Named = _Named()
    recording: _Named = _Named()


class Probe:
    """What can be asked by the channel. Made by ``probe``."""

    def __init__(self, client: AriClient, socket: aiohttp.ClientWebSocketResponse, name: str) -> None:
        self._client = client
        self._socket = socket
        self.app = name
        """Application that everything here is in: never the engine's."""
        self.channel = f"{name}-channel"
        self._mouths = 0
        self._made: list[str] = []

    async def reports_variables(self) -> bool:
        """Whether variables are reported, on which all memory of a transfer rests."""
        query = {"variable": "HOOKFLASH_DOCTOR", "value": "1", "report_events": "true"}
        await self._client.send("POST", path("channels", self.channel, "variable"), query)
        channel = await self._client.get(path("channels", self.channel), Channel.model_validate)
        return channel is not None and channel.variable("HOOKFLASH_DOCTOR") == "1"

    async def exists(self, context: str, extension: str, priority: str = "1") -> bool:
        """Whether the dialplan has a place; the priority may be a label.

        Raises:
            ProbeError: Asterisk cannot say.
        """
        return await self._dialplan_has(f"{context},{extension},{priority}")

    async def has_context(self, context: str) -> bool:
        """Whether the dialplan has a context, whatever is in it.

        Raises:
            ProbeError: Asterisk cannot say.
        """
        return await self._dialplan_has(context)

    async def _dialplan_has(self, place: str) -> bool:
        query = {"variable": f"DIALPLAN_EXISTS({place})"}
        try:
            reply = await self._client.send("GET", path("channels", self.channel, "variable"), query)
        except InternalError as error:
            raise ProbeError("func_dialplan is not running") from error
        if not reply.done:
            raise ProbeError(f"the dialplan could not be asked: {reply.status} {reply.message}")
        return Variable.model_validate(reply.data).value == "1"

    async def unheard(self, *media: str) -> set[str]:
        """Return what cannot be played to a party, of ``sound:<name>`` and ``tone:<name>``. All is tried at once."""
        mouths: list[str] = []
        playing: dict[str, str] = {}
        for it in media:
            mouth = await self._snoop(self.channel, spy="none", whisper="out")
            mouths.append(mouth)
            play = f"{mouth}-playback"
            playing[play] = it
            await self._do("POST", path("channels", mouth, "play", play), {"media": it})
        failed: set[str] = set()

        def ended(event: _Event) -> bool:
            return event.type == "PlaybackFinished" and event.playback.id in playing

        while playing and (end := await self._news(ended, SILENT)) is not None:
            name = playing.pop(end.playback.id)
            if end.playback.state == "failed":
                failed.add(name)
        for play in playing:
            await self._delete("playbacks", play)
        for mouth in mouths:
            await self._delete("channels", mouth)
        return failed

    async def music(self, name: str) -> bool:
        """Whether somebody on hold hears music of a class, by listening to it."""
        ear = await self._listener_on_hold(name)
        recording = f"{self.app}-recording"
        query = {"name": recording, "format": "wav", "maxDurationSeconds": "1", "ifExists": "overwrite"}
        await self._do("POST", path("channels", ear, "record"), query)
        await self._news(lambda event: event.type == "RecordingFinished" and event.recording.name == recording, 5.0)
        where = path("recordings", "stored", recording)
        try:
            heard = await self._client.download(f"{where}/file")
        finally:
            await self._client.send("DELETE", where)
        # Behind the header of 44 bytes; a class that does not exist is silence, or nothing at all.
        return any(heard[44:])

    async def _listener_on_hold(self, music: str) -> str:
        mouth = await self._snoop(self.channel, spy="none", whisper="out")
        bridge = f"{self.app}-bridge"
        await self._do("POST", path("bridges", bridge), {"type": "holding"})
        await self._do("POST", path("bridges", bridge, "addChannel"), {"channel": mouth})
        await self._do("POST", path("bridges", bridge, "moh"), {"mohClass": music})
        return await self._snoop(mouth, spy="out", whisper="none")

    async def _snoop(self, channel: str, *, spy: str, whisper: str) -> str:
        self._mouths += 1
        snoop = f"{self.app}-snoop{self._mouths}"
        await self._do(
            "POST", path("channels", channel, "snoop", snoop), {"app": self.app, "spy": spy, "whisper": whisper}
        )
        self._made.append(snoop)
        await self.entered(snoop)
        return snoop

    async def entered(self, channel: str) -> None:
        """Wait until a channel is in our application.

        Raises:
            ProbeError: It does not come.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while (found := await self._client.get(path("channels", channel), Channel.model_validate)) is not None:
            if found.dialplan.app_name:
                return
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.01)
        raise ProbeError("a channel of our own does not come into our application")

    async def _do(self, method: str, where: str, query: Mapping[str, str]) -> Reply:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                reply = await self._client.send(method, where, query)
            except (InternalError, OutcomeUnknown, ProviderUnavailable) as error:
                raise ProbeError(str(error)) from error
            if reply.done:
                return reply
            # 409 and 422: for some milliseconds a channel that was just made takes no orders.
            if reply.status not in (409, 422) or asyncio.get_running_loop().time() > deadline:
                raise ProbeError(f"{method} {where} was answered {reply.status} {reply.message}")
            await asyncio.sleep(0.01)

    async def _news(self, wanted: Callable[[_Event], bool], patience: float) -> _Event | None:
        try:
            async with asyncio.timeout(patience):
                async for message in self._socket:
                    event = _read(message)
                    if event is not None and wanted(event):
                        return event
        except TimeoutError:
            pass
        return None

    async def _delete(self, kind: str, name: str) -> None:
        try:
            await self._client.send("DELETE", path(kind, name))
        except (InternalError, OutcomeUnknown, ProviderUnavailable):
            return

    async def remove(self) -> None:
        """Leave nothing behind."""
        for channel in (*self._made, self.channel):
            await self._delete("channels", channel)
        await self._delete("bridges", f"{self.app}-bridge")


def _read(message: aiohttp.WSMessage) -> _Event | None:
    if message.type is not aiohttp.WSMsgType.TEXT:
        return None
    try:
        return _Event.model_validate_json(message.data)
    except ValidationError:
        return None


@asynccontextmanager
async def probe(client: AriClient, settings: AsteriskSettings) -> AsyncGenerator[Probe]:
    """Make a probe, and remove everything of it.

    Raises:
        ProbeError: It cannot be made.
        ProtocolError: We may not.
        ProviderUnavailable: No connection.
    """
    name = PREFIX + uuid.uuid4().hex
    socket = await client.listen(name, settings.heartbeat)
    made = Probe(client, socket, name)
    try:
        query = {"endpoint": f"Local/s@{PREFIX}nowhere/n", "app": name, "channelId": made.channel}
        try:
            reply = await client.send("POST", path("channels", "create"), query)
        except (InternalError, OutcomeUnknown) as error:
            raise ProbeError(str(error)) from error
        if not reply.done:
            raise ProbeError(f"no channel could be made: {reply.status} {reply.message}")
        await made.entered(made.channel)
        limit = {"variable": "TIMEOUT(absolute)", "value": str(LIFETIME)}
        await client.send("POST", path("channels", made.channel, "variable"), limit)
        yield made
    finally:
        await made.remove()
        await socket.close()
