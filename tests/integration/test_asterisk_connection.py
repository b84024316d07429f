"""When nobody of us is connected to a real Asterisk, or Asterisk is not there, or does not answer."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from aiohttp import web
from pydantic import SecretStr
from temporalio.api.failure.v1 import Failure
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.arrange import Arrange, ArrangeInput
from activities.telephony.asterisk import AsteriskSettings, AsteriskTelephony
from activities.telephony.errors import OutcomeUnknown, ProtocolError, ProviderUnavailable
from activities.telephony.model import Arrangement, LegEventKind, Phase, Placement, WantedLeg
from hookflash import Cause
from hookflash.converter import data_converter
from tests.providers.asterisk_world import AsteriskWorld, settings
from tests.providers.contract import Transfer, seen
from tests.providers.listening import listening
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.ear import hear_exactly

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
GONE = Placement.GONE


async def test_an_answer_while_nobody_of_us_is_there_is_joined(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: IN_ROOM, agent: ON_HOLD, target: RINGING}
    await transfer.arrange(ringing)
    await transfer.until_it_rings(target)
    world.proxy.listens = False
    await world.proxy.cut()
    await world.answer(target)
    await hear_exactly({world.phone_of(customer): {"target1"}, world.phone_of(target): {"customer"}})
    world.proxy.listens = True
    # Back again: the event is lost for ever, looking tells.
    async with listening(world) as listener:
        assert transfer.owner in await world.provider.owners()
        assert seen(await transfer.arrange(ringing), target).phase is Phase.ANSWERED
        assert listener.of(target) == []
        await world.hang_up(target)
        assert (await listener.until(target, LegEventKind.ENDED)).cause == Cause.HUNG_UP


async def test_without_a_listener_nobody_is_rung(world: AsteriskWorld, transfer: Transfer) -> None:
    """Asterisk drops a leg at once that is made for an application without a socket. It is not dialled then."""
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    world.proxy.listens = False
    await world.proxy.cut()
    with pytest.raises((ProviderUnavailable, OutcomeUnknown), match="nobody listens"):
        await transfer.arrange(ringing)
    assert await world.rings(target) == 0
    world.proxy.listens = True
    async with listening(world):
        await transfer.arrange(ringing)
        await transfer.until_it_rings(target)


async def test_a_lost_socket_is_reported_and_a_new_one_works(asterisk_node: AsteriskNode) -> None:
    provider = AsteriskTelephony(settings(asterisk_node))
    events = provider.events()
    assert await anext(events) is None
    await asterisk_node.kill()
    with pytest.raises(ProviderUnavailable):
        await _drain(events)
    with pytest.raises(ProviderUnavailable):
        await anext(provider.events())
    with pytest.raises(ProviderUnavailable):
        await provider.owners()
    await asterisk_node.start()
    again = provider.events()
    assert await anext(again) is None
    assert await provider.owners() == {}
    await provider.close()
    with pytest.raises(ProviderUnavailable):
        await _drain(again)


async def test_a_leg_that_was_lost_with_asterisk_has_ended(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    await transfer.until_it_rings(target)
    await world.node.kill()
    with pytest.raises(ProviderUnavailable):
        await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    await world.node.start()
    async with listening(world):
        observed = await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    assert not observed.stands
    assert {leg.phase for leg in observed.legs} == {Phase.ENDED}
    assert await world.rings(target) == 1
    assert await world.leftovers() == []


async def test_wrong_credentials_are_no_secret_and_no_outage(asterisk_node: AsteriskNode) -> None:
    secret = "a-password-nobody-may-read"
    wrong = settings(asterisk_node).model_copy(update={"password": SecretStr(secret)})
    provider = AsteriskTelephony(wrong)
    with pytest.raises(ProtocolError) as refused:
        await provider.owners()
    with pytest.raises(ProtocolError) as refused_events:
        await anext(provider.events())
    await provider.close()
    for error in (refused, refused_events):
        assert secret not in repr(error.value) + repr(error.value.__cause__) + repr(wrong)


class Impostor:
    """An HTTP server that is no Asterisk: it never answers a request, and never a ping."""

    def __init__(self) -> None:
        self.enough = asyncio.Event()
        self.settings: AsteriskSettings

    async def __aenter__(self) -> "Impostor":
        app = web.Application()
        app.router.add_get("/ari/events", self._events)
        app.router.add_route("*", "/{tail:.*}", self._nothing)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.settings = AsteriskSettings(
            url=f"http://{host}:{port}/ari",
            app="hookflash",
            username="user",
            password=SecretStr("x"),
            request_timeout=timedelta(milliseconds=200),
            arrange_timeout=timedelta(milliseconds=500),
            heartbeat=timedelta(milliseconds=300),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self.enough.set()
        await self._runner.cleanup()

    async def _events(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await self.enough.wait()
        return socket

    async def _nothing(self, _: web.Request) -> web.Response:
        await self.enough.wait()
        return web.Response()


async def test_a_half_open_socket_and_a_silent_node_are_noticed() -> None:
    async with Impostor() as impostor:
        provider = AsteriskTelephony(impostor.settings)
        events = provider.events()
        assert await anext(events) is None
        began = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            await _drain(events)
        assert time.monotonic() - began < 2
        wanted = Arrangement(
            owner="transfer:1",
            room="room",
            legs=(WantedLeg(leg="a", name="a", placement=GONE, known=Phase.ANSWERED),),
        )
        began = time.monotonic()
        with pytest.raises(ProviderUnavailable):
            await provider.arrange(wanted)
        assert time.monotonic() - began < 1
        await provider.close()


async def _drain(events: AsyncIterator[object]) -> None:
    async for _ in events:
        pass


async def test_a_failure_is_small_enough_for_temporal_to_keep_its_reason() -> None:
    # Of an attempt whose failure has more than 4 kB the server says nothing but "Failure exceeds size limit.", and from
    # 2 kB on it warns (limit.mutableStateActivityFailureSize). Encryption and longer paths need some of that.
    leg = WantedLeg(leg="customer", name="customer", placement=IN_ROOM)
    wanted = ArrangeInput(provider="asterisk", arrangement=Arrangement(owner="o", room="r", legs=(leg,)))
    async with Impostor() as impostor:
        provider = AsteriskTelephony(impostor.settings)
        with pytest.raises(ApplicationError, match=r"asterisk: not done within 0\.5 s; last: GET /") as failed:
            await ActivityEnvironment().run(Arrange({"asterisk": provider}).arrange, wanted)
        await provider.close()
    failure = Failure()
    data_converter.failure_converter.to_failure(failed.value, data_converter.payload_converter, failure)
    assert failure.ByteSize() < 2048
