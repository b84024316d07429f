"""Calls that customer and agent have over the dialplan, before anybody transfers them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from activities.telephony.asterisk import AsteriskTelephony
from activities.telephony.model import Phase
from tests.providers.asterisk_world import AsteriskWorld, manager_settings, settings
from tests.providers.contract import Transfer
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.ear import hear_exactly
from tests.rig.phone import Phone
from tests.rig.rtp import PACKET_SECONDS
from tests.support.polling import eventually

ADOPTED = ("from-phone", "rig-queue", "hookflash-overflow")
"""The contexts from which the tests' workers take calls."""

STILL = 0.3
"""Seconds without another packet of a voice that was stopped, after which none is on its way."""


async def talking(world: AsteriskWorld, extension: str = "dial-agent") -> Transfer:
    """Let customer and agent talk over the dialplan."""
    customer, agent = await world.place_dialplan_call(extension)
    transfer = Transfer(world, customer, agent, known={customer.leg: Phase.ANSWERED, agent.leg: Phase.ANSWERED})
    await together(transfer)
    return transfer


async def together(transfer: Transfer) -> None:
    """See that customer and agent hear each other, and nothing else."""
    customer, agent = phones_of(transfer)
    await hear_exactly({customer: {"agent"}, agent: {"customer"}})


def phones_of(transfer: Transfer) -> tuple[Phone, Phone]:
    assert isinstance(transfer.world, AsteriskWorld)
    return transfer.world.phone_of(transfer.customer), transfer.world.phone_of(transfer.agent)


class Stethoscope:
    """Counts what of one voice is lost on its way to an ear.

    By packets, not by the time of their arrival: on a busy machine they are late, but what was not dropped comes.
    """

    def __init__(self, mouth: Phone, ear: Phone) -> None:
        self._mouth, self._ear = mouth, ear
        self._since = asyncio.get_running_loop().time()
        self._spoken = mouth.active_call.media.spoken

    async def gap(self) -> float:
        """Stop the voice and return how many seconds of it were not heard."""
        media = self._mouth.active_call.media
        media.talking = False
        loop = asyncio.get_running_loop()
        heard, since = -1, loop.time()

        async def still() -> int | None:
            nonlocal heard, since
            if heard != (now := self._count()):
                heard, since = now, loop.time()
            return heard if loop.time() - since >= STILL else None

        heard = await eventually(still, f"the end of what {self._ear.name} hears of {self._mouth.name}")
        return (media.spoken - self._spoken - heard) * PACKET_SECONDS

    def _count(self) -> int:
        return len(list(self._ear.active_call.media.all_heard(self._mouth.name, self._since)))


@asynccontextmanager
async def worker(
    node: AsteriskNode, app: str = "", manager: Mapping[str, object] | None = None
) -> AsyncGenerator[AsteriskTelephony]:
    """Run another worker that may take calls over, with a manager that differs in some fields."""
    there = manager_settings(node, *ADOPTED).model_copy(update=dict(manager or {}))
    provider = AsteriskTelephony(settings(node, app=app).model_copy(update={"manager": there}))
    try:
        yield provider
    finally:
        await provider.close()
