"""The contract's world in an emulated Twilio account: real HTTP in both directions, people that are made up.

Phones ring out three times as fast as Twilio lets them. Twilio mixes the ringing into the room, for everybody there;
what somebody hears who talks at the same time is told here without it, because the contract asks who hears whom.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from aiohttp import web
from pydantic import SecretStr

from activities.telephony.errors import OutcomeUnknown
from activities.telephony.model import (
    Arrangement,
    LegEvent,
    LegEventKind,
    Observation,
    OwnedLegs,
    Report,
    TransferAsked,
)
from activities.telephony.twilio import TwilioSettings, TwilioTelephony
from activities.telephony.twilio.callbacks import CallbackUrls
from activities.telephony.twilio.endpoint import TwilioEndpoint
from activities.telephony.twilio.signatures import SigningSecrets
from activities.telephony.webhook import Refused, WebhookRequest
from tests.providers.twilio_emulator import Manner as PhoneManner
from tests.providers.twilio_emulator import TwilioEmulator
from tests.providers.twilio_emulator.emulator import ACCOUNT, AUTH_TOKEN, KEY, SECRET
from tests.providers.twilio_emulator.judge import Judge
from tests.providers.world import ANNOUNCEMENT, MUSIC, PLACE, RINGBACK, SILENCE, Feature, Manner, Party

COMPANY = "+14155550100"
_MANNERS = {
    Manner.RING: PhoneManner.RING,
    Manner.BUSY: PhoneManner.BUSY,
    Manner.DECLINE: PhoneManner.BUSY,
    Manner.SILENT: PhoneManner.SILENT,
    Manner.UNREACHABLE: PhoneManner.FAILS,
    Manner.MACHINE: PhoneManner.MACHINE,
}


class Hooks:
    """Answers the account's webhooks as the ingress does, and keeps what only they can tell."""

    def __init__(self) -> None:
        self.base_url = ""
        self.endpoint: TwilioEndpoint | None = None
        self.refused: list[str] = []
        self.told: list[LegEvent] = []
        """Everything that webhooks have told."""
        self.streams: list[asyncio.Queue[LegEvent]] = []
        self._runner: web.AppRunner | None = None

    async def open(self) -> None:
        application = web.Application()
        application.add_routes([web.route("*", "/{tail:.*}", self._answer)])
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.base_url = f"http://{host}:{port}"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if request.path.startswith("/place/"):
            twiml = f'<Response><Play loop="0">{self.base_url}/place.mp3</Play></Response>'
            return web.Response(body=twiml.encode(), content_type="application/xml")
        assert self.endpoint is not None
        asked = WebhookRequest(request.method, request.raw_path, dict(request.headers), await request.read())
        try:
            received = self.endpoint.receive(asked)
        except Refused as refused:
            self.refused.append(str(refused))
            return web.Response(status=refused.answer.status)
        self.told += received.events
        for event in received.events:
            # Everything else is seen by looking, and must not be told twice here.
            if event.kind in (LegEventKind.DIGIT, LegEventKind.MACHINE):
                for stream in self.streams:
                    stream.put_nowait(event)
        content_type = received.answer.content_type or "text/plain"
        return web.Response(status=received.answer.status, body=received.answer.body, content_type=content_type)


class Watched:
    """The provider, whose process can be made to die in the middle; it hears what the ingress would signal."""

    replaces_listeners = False

    def __init__(self, telephony: TwilioTelephony, emulator: TwilioEmulator, hooks: Hooks) -> None:
        self.telephony = telephony
        self.dies = False
        """Whether the answer of the next arrangement is lost with the process that made it."""
        self._emulator = emulator
        self._hooks = hooks

    async def arrange(self, wanted: Arrangement) -> Observation:
        faults = self._emulator.faults
        try:
            observation = await self.telephony.arrange(wanted)
            if self.dies:
                raise OutcomeUnknown("the process that has arranged it is dead")
            return observation
        finally:
            self.dies = faults.outage = False
            faults.after = None

    async def events(self) -> AsyncIterator[LegEvent | TransferAsked | None]:
        """Yield what looking shows, and what only webhooks tell."""
        stream: asyncio.Queue[LegEvent] = asyncio.Queue()
        looked = self.telephony.events()
        pending = asyncio.ensure_future(anext(looked))
        self._hooks.streams.append(stream)
        try:
            while True:
                told = asyncio.ensure_future(stream.get())
                await asyncio.wait({pending, told}, return_when=asyncio.FIRST_COMPLETED)
                if pending.done():
                    # What has answered is told before what it says.
                    yield pending.result()
                    pending = asyncio.ensure_future(anext(looked))
                if told.done():
                    yield told.result()
                else:
                    told.cancel()
                    await asyncio.gather(told, return_exceptions=True)
        finally:
            self._hooks.streams.remove(stream)
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)

    async def owners(self) -> Mapping[str, OwnedLegs]:
        return await self.telephony.owners()

    async def decline(self, leg: str) -> None:
        await self.telephony.decline(leg)

    async def close(self) -> None:
        await self.telephony.close()


class TwilioPeople:
    """People at phones of an emulated account."""

    def __init__(self, emulator: TwilioEmulator) -> None:
        self.emulator = emulator
        self._names: dict[str, str] = {}
        """Who is heard, by the sid of their call, or by their number before they are called."""
        self._rooms = 0

    async def place_call(self) -> tuple[Party, Party]:
        self._rooms += 1
        customer, agent = (self.emulator.exchange.call_in(f"+141555501{number}") for number in (10, 20))
        for call, name in ((customer, "customer"), (agent, "agent")):
            self._names[call.sid] = name
            room = f'<Conference beep="false" endConferenceOnExit="false">cc-{self._rooms}</Conference>'
            self.emulator.player.restart(call, f"<Response><Dial>{room}</Dial></Response>", "", "POST")
        return Party("customer", customer.sid), Party("agent", agent.sid)

    async def phone(self, name: str, manner: Manner) -> str:
        number = f"+1415555{1000 + len(self._names)}"
        self._names[number] = name
        if manner is not Manner.INVALID:
            self.emulator.phone(number).manner = _MANNERS[manner]
        return f"tel:{number}"

    async def answer(self, party: Party) -> None:
        self.emulator.exchange.answer(self.emulator.exchange.calls[self.sid(party)])

    async def hang_up(self, party: Party) -> None:
        self.emulator.exchange.end(self.emulator.exchange.calls[self.sid(party)], "completed")

    async def press(self, party: Party, digit: str) -> None:
        self.emulator.exchange.calls[self.sid(party)].keys.put_nowait(digit)

    async def hears(self, party: Party) -> frozenset[str]:
        heard = {self._sound(it) for it in self.emulator.hears(self.sid(party))}
        people = heard & set(self._names.values())
        return frozenset(heard - {RINGBACK} if people else heard)

    def _sound(self, it: str) -> str:
        call = self.emulator.exchange.calls.get(it)
        if call is not None:
            return self._names[it] if it in self._names else self._names[call.to]
        kinds = {"ringback": RINGBACK, "silence": SILENCE, "place.mp3": PLACE, "holdmusic": MUSIC}
        return next((kind for part, kind in kinds.items() if part in it), ANNOUNCEMENT)

    async def rings(self, party: Party) -> int:
        number = party.address.removeprefix("tel:")
        return self.emulator.exchange.phones[number].rung if number in self.emulator.exchange.phones else 0

    async def leftovers(self) -> list[str]:
        exchange = self.emulator.exchange
        rooms = [it.name for it in exchange.conferences.values() if it.status != "completed"]
        return [*(call.sid for call in exchange.calls.values() if call.live), *rooms]

    def sid(self, party: Party) -> str:
        """Return the sid of a party's call; empty if there is none yet."""
        if party.leg in self.emulator.exchange.calls:
            return party.leg
        calls = self.emulator.calls_to(party.address.removeprefix("tel:")) if party.address else []
        return calls[0].sid if calls else self._by_record(party)

    def _by_record(self, party: Party) -> str:
        named = [sid for sid, call in self.emulator.exchange.calls.items() if self._names.get(call.to) == party.name]
        return named[-1] if named else ""


class TwilioWorld(TwilioPeople):
    """Implements ``World``."""

    unsupported = frozenset(
        {
            Feature.CALLER_ID,
            Feature.DECLINED,
            Feature.KEYS,
            Feature.MARKS,
            Feature.MISSING_PLACE,
            Feature.MISSING_RECORDING,
            Feature.RECORDINGS,
            Feature.TRANSFER_KEY,
            Feature.UNTOLD_RELEASES,
        }
    )
    place = "hookflash-fallback"
    missing_place = "missing"
    unknown_leg = "CA" + "0" * 32
    recording = "hookflash-recording"
    missing_recording = "missing"

    def __init__(self, emulator: TwilioEmulator, provider: Watched, hooks: Hooks) -> None:
        super().__init__(emulator)
        self.hooks = hooks
        self._provider = provider

    @property
    def provider(self) -> Watched:
        return self._provider

    async def ask_transfer(self, party: Party, destination: str) -> None:
        raise NotImplementedError

    async def told(self, party: Party) -> list[Report]:
        return []

    async def caller_id(self, party: Party) -> str:
        return self.emulator.exchange.calls[self.sid(party)].shown

    async def record(self, party: Party, name: str) -> None:
        raise NotImplementedError

    async def pause_recording(self, name: str) -> None:
        raise NotImplementedError

    def let_recordings_fail(self, *, fail: bool) -> None:
        raise NotImplementedError

    async def recording_state(self, name: str) -> str:
        raise NotImplementedError

    async def changes(self) -> int:
        return self.emulator.changes

    def go_wrong(self, feature: Feature, steps: int = 0) -> None:
        match feature:
            case Feature.UNAVAILABLE:
                self.emulator.faults.outage = True
            case Feature.ANSWER_LOST:
                self._provider.dies = True
            case Feature.HALF:
                self.emulator.faults.after = steps
                self._provider.dies = True
            case _:
                raise ValueError(f"{feature} cannot go wrong")

    async def pause(self) -> None:
        await asyncio.sleep(0.05)

    async def violations(self) -> list[str]:
        judged = Judge.installed()
        return self.hooks.refused + (judged.complaints(self.emulator.exchanged) if judged is not None else [])


@asynccontextmanager
async def twilio_world(pace: float = 3.0) -> AsyncGenerator[TwilioWorld]:
    """Open a fresh account."""
    hooks = Hooks()
    await hooks.open()
    try:
        async with TwilioEmulator(pace) as emulator:
            urls = CallbackUrls(hooks.base_url, "twilio", b"k" * 32)
            hooks.endpoint = TwilioEndpoint(urls, SigningSecrets(SecretStr(AUTH_TOKEN)), f"{hooks.base_url}/media")
            telephony = TwilioTelephony(settings(emulator, hooks), urls)
            try:
                yield TwilioWorld(emulator, Watched(telephony, emulator, hooks), hooks)
            finally:
                await telephony.close()
    finally:
        await hooks.close()


def settings(emulator: TwilioEmulator, hooks: Hooks) -> TwilioSettings:
    """Return the settings of a test's account."""
    return TwilioSettings(
        account_sid=ACCOUNT,
        api_key_sid=KEY,
        api_key_secret=SecretStr(SECRET),
        base_url=emulator.url,
        sync_url=emulator.url,
        caller_id=COMPANY,
        places_url=f"{hooks.base_url}/place",
        poll_interval=timedelta(milliseconds=100),
        undecided=timedelta(seconds=4),
    )
