"""The contract's world in a real Asterisk, with scripted phones that talk in tones."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from activities.telephony.asterisk import AsteriskSettings, AsteriskTelephony
from activities.telephony.asterisk.settings import ManagerSettings
from activities.telephony.asterisk.state import HOLD_PREFIX
from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable
from activities.telephony.interface import Telephony
from activities.telephony.model import Arrangement, LegEvent, Observation, OwnedLegs, Report, TransferAsked
from tests.providers.ari_proxy import AriProxy
from tests.providers.world import ANNOUNCEMENT, MUSIC, PLACE, RINGBACK, SILENCE, Feature, Manner, Party
from tests.rig.ari import CallControl, new_id
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.behaviour import Behaviour
from tests.rig.phone import Phone, PhoneRack

WINDOW = 0.3
"""Seconds of sound that count as what a phone hears now."""
RINGING_SECONDS = 5.0

_SOUNDS = {
    "music": MUSIC,
    "ringback": RINGBACK,
    "accept": ANNOUNCEMENT,
    "notice": ANNOUNCEMENT,
    "asking": ANNOUNCEMENT,
    "fallback": PLACE,
    "voicemail": PLACE,
}
_MANNERS = {
    Manner.RING: Behaviour.rings(),
    Manner.BUSY: Behaviour.busy(),
    Manner.DECLINE: Behaviour.declines(after=0.2),
    Manner.SILENT: Behaviour.silent(),
    Manner.UNREACHABLE: Behaviour.refuses(503),
    Manner.MACHINE: Behaviour.answers(),
}
_ENDPOINTS = ("target1", "target2", "target3", "supervisor")
# An INVITE that nobody answers is repeated for half a minute after its leg has ended (RFC 3261, 17.1.1.2), and would
# ring the next test's phone.
_SILENT = "frontdesk"


class ListenedTo:
    """A provider whose application always has a listener, so that Asterisk takes legs into it: the test or we.

    Asterisk gives the events to the socket that was opened last. It goes wrong for one ``arrange`` at a time.
    """

    replaces_listeners = True

    def __init__(self, provider: AsteriskTelephony, proxy: AriProxy) -> None:
        self._provider = provider
        self._proxy = proxy
        self._others = 0
        self._nobody_else = asyncio.Event()
        self._nobody_else.set()
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._task = asyncio.create_task(self._keep_listening())
        await asyncio.wait_for(self._connected.wait(), 5)

    async def _keep_listening(self) -> None:
        while True:
            await self._nobody_else.wait()
            try:
                async for _ in self._provider.events():
                    self._connected.set()
            except ProviderUnavailable:
                await asyncio.sleep(0.01)

    async def arrange(self, wanted: Arrangement) -> Observation:
        try:
            observation = await self._provider.arrange(wanted)
        finally:
            broken = self._proxy.heal()
        if broken:
            raise OutcomeUnknown("the test loses this answer on its last way")
        return observation

    async def events(self) -> AsyncIterator[LegEvent | TransferAsked | None]:
        self._others += 1
        self._nobody_else.clear()
        try:
            async for event in self._provider.events():
                yield event
        finally:
            self._others -= 1
            if not self._others:
                self._nobody_else.set()

    async def owners(self) -> Mapping[str, OwnedLegs]:
        return await self._provider.owners()

    async def decline(self, leg: str) -> None:
        await self._provider.decline(leg)

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._provider.close()


class AsteriskWorld:
    """Implements ``World``."""

    unsupported: frozenset[Feature] = frozenset()
    place = "hookflash-fallback"
    missing_place = "hookflash-nowhere"
    unknown_leg = "hf-00000000000000000000000000000000"
    recording = "hookflash-notice"
    missing_recording = "hookflash-not-there"

    def __init__(self, node: AsteriskNode, rack: PhoneRack, listener: ListenedTo, proxy: AriProxy) -> None:
        self.node = node
        self.rack = rack
        self.listener = listener
        self.proxy = proxy
        self.call_control = CallControl(node.ari, node.app)
        self._phones: dict[str, Phone] = {}
        self._names: dict[str, str] = {}

    @property
    def provider(self) -> Telephony:
        return self.listener

    async def place_call(self) -> tuple[Party, Party]:
        customer = await self._plug_in("customer", "customer", Behaviour.answers(after=0))
        await self._plug_in("agent", "agent", Behaviour.answers(after=0))
        call = await customer.place("helpline")
        customer_leg = await self.call_control.inbound("customer")
        await self.call_control.answer(customer_leg)
        await call.until("answered")
        agent_leg = await self.call_control.connect_phone("agent")
        await self.call_control.bridge(customer_leg, agent_leg, room=new_id("call"))
        return Party("customer", customer_leg), Party("agent", agent_leg)

    async def place_dialplan_call(self, extension: str) -> tuple[Party, Party]:
        """Let the customer call an extension of the dialplan that rings the agent, and never asks the engine."""
        customer = await self._plug_in("customer", "customer", Behaviour.answers(after=0))
        agent = await self._plug_in("agent", "agent", Behaviour.answers(after=0))
        await (await customer.place(extension)).until("answered")
        await (await agent.incoming()).until("answered")
        legs = {channel["name"].rpartition("-")[0]: channel["id"] for channel in await self.node.channels()}
        return Party("customer", legs["PJSIP/customer"]), Party("agent", legs["PJSIP/agent"])

    async def phone(self, name: str, manner: Manner) -> str:
        if manner is Manner.INVALID:
            return "pjsip:no-such-endpoint"
        endpoint = _SILENT if manner is Manner.SILENT else _ENDPOINTS[len(self._phones.keys() - {"customer", "agent"})]
        await self._plug_in(name, endpoint, _MANNERS[manner])
        return f"pjsip:{endpoint}"

    async def _plug_in(self, name: str, endpoint: str, behaviour: Behaviour) -> Phone:
        phone = self._phones[name] = await self.rack.phone(endpoint, behaviour)
        self._names[endpoint] = name
        return phone

    def phone_of(self, party: Party) -> Phone:
        return self._phones[party.name]

    async def answer(self, party: Party) -> None:
        call = await self.phone_of(party).incoming(RINGING_SECONDS)
        await call.until("ringing")
        call.answer()

    async def hang_up(self, party: Party) -> None:
        await self.phone_of(party).hang_up()

    async def press(self, party: Party, digit: str) -> None:
        await self.phone_of(party).press(digit)

    async def ask_transfer(self, party: Party, destination: str) -> None:
        assert await self.phone_of(party).active_call.transfer(destination) == 202

    async def told(self, party: Party) -> list[Report]:
        return [_REPORTS[status] for status in self.phone_of(party).calls[-1].told]

    async def hears(self, party: Party) -> frozenset[str]:
        phone = self.phone_of(party)
        if phone.call is None or not phone.call.talking:
            return frozenset()
        now = asyncio.get_running_loop().time()
        heard = phone.heard(now - WINDOW, now)
        sounds = {_SOUNDS.get(sound) or self._names.get(sound, sound) for sound in heard.sounds}
        # A whisper is mixed into the talk. The contract asks for the one sound; what exactly is heard together, and
        # that it is nothing else, is asked in tests/integration/test_asterisk_sounds.py.
        if ANNOUNCEMENT in sounds and sounds <= {ANNOUNCEMENT, *self._names.values()}:
            sounds = {ANNOUNCEMENT}
        return frozenset(sounds | {f"{frequency} Hz" for frequency in heard.strange} or {SILENCE})

    async def caller_id(self, party: Party) -> str:
        return self.phone_of(party).calls[-1].partner

    async def record(self, party: Party, name: str) -> None:
        await self.call_control.record(party.leg, name)

    async def pause_recording(self, name: str) -> None:
        await self.node.ari.call("POST", f"/recordings/live/{name}/pause")

    def let_recordings_fail(self, *, fail: bool) -> None:
        self.proxy.recordings_fail = fail

    async def recording_state(self, name: str) -> str:
        found = await self.node.ari.call("GET", f"/recordings/live/{name}", ok=(200, 404))
        return found.get("state", "")

    async def rings(self, party: Party) -> int:
        phone = self._phones.get(party.name)
        return len(phone.calls) if phone is not None else 0

    async def leftovers(self) -> list[str]:
        channels, bridges = await self.node.channels(), await self.node.bridges()
        ids: list[str] = [item["id"] for item in (*channels, *bridges)]
        # The contact centre's own bridge is not ours to delete, and the holding bridge is the node's.
        return [item for item in ids if not item.startswith((HOLD_PREFIX, "rig-call-"))]

    async def changes(self) -> int:
        return self.proxy.changes

    def go_wrong(self, feature: Feature, steps: int = 0) -> None:
        self.proxy.go_wrong(feature, steps)

    async def pause(self) -> None:
        await asyncio.sleep(0.05)

    async def violations(self) -> list[str]:
        return []


_REPORTS = {100: Report.PROGRESS, 200: Report.ANSWERED, 603: Report.DECLINED}

_node: AsteriskNode | None = None


async def shared_node() -> AsteriskNode:
    """Return the one node of all worlds, started by the first."""
    global _node
    if _node is None:
        node = AsteriskNode(Path(tempfile.mkdtemp(prefix="hookflash-world-")))
        _node = await node.__aenter__()
    return _node


async def stop_shared_node() -> None:
    """Stop it, if it was started."""
    global _node
    if _node is not None:
        await _node.close()
        shutil.rmtree(_node.folder, ignore_errors=True)
        _node = None


@asynccontextmanager
async def asterisk_world(
    node: AsteriskNode | None = None, adopts: tuple[str, ...] = ()
) -> AsyncGenerator[AsteriskWorld]:
    """Open a world on a node, the shared one by default, and sweep it when the test is over.

    Calls of the dialplan are taken over from the contexts that it adopts from.
    """
    node = node or await shared_node()
    async with AriProxy(node.ari_url) as proxy, PhoneRack(node.sip_address, node.phone_ports) as rack:
        manager = manager_settings(node, *adopts) if adopts else None
        with_manager = settings(node, proxy.url).model_copy(update={"manager": manager})
        provider = ListenedTo(AsteriskTelephony(with_manager), proxy)
        try:
            await provider.open()
            yield AsteriskWorld(node, rack, provider, proxy)
        finally:
            await provider.close()
            if node.running:
                await node.sweep()


def settings(node: AsteriskNode, url: str = "", app: str = "") -> AsteriskSettings:
    """Return the settings of a test's node."""
    return AsteriskSettings(
        url=url or node.ari_url,
        app=app or node.app,
        username=node.ari_user,
        password=SecretStr(node.ari_password),
    )


def manager_settings(node: AsteriskNode, *contexts: str) -> ManagerSettings:
    """Return the settings of a test node's manager interface."""
    return ManagerSettings(
        host="127.0.0.1",
        port=node.ports.manager,
        username=node.manager_user,
        password=SecretStr(node.manager_password),
        contexts=contexts,
    )
