"""Recordings that a real Asterisk plays, how often they were heard, and what must be over when they are."""

import asyncio

from tests.providers.asterisk_world import AsteriskWorld
from tests.providers.world import eventually
from tests.rig.phone import Phone
from tests.rig.rtp import PACKET_SECONDS

SHORT, LONG, MISSING = "hookflash-notice", "hookflash-accept", "hookflash-not-there"
"""A recording of one second, heard as ``notice``; one of twenty, heard as ``accept``; and none."""
AT_ONCE = 5.0
"""Seconds that are much less than the long recording."""


def now() -> float:
    return asyncio.get_running_loop().time()


def times_heard(phone: Phone, since: float) -> int:
    """Count how often the short recording was played, by its packets: on a busy machine they are late, but all come."""
    packets = len(list(phone.calls[-1].media.all_heard("notice", since)))
    return round(packets * PACKET_SECONDS)


async def no_helpers(world: AsteriskWorld) -> None:
    """Wait until no channel whispers or listens any more."""
    helpers: list[str] = []

    async def none() -> bool:
        helpers[:] = [item["name"] for item in await world.node.channels() if item["name"].startswith("Snoop/")]
        return not helpers

    await eventually(world, none, lambda: f"left: {helpers}")


async def nobody_of_us(world: AsteriskWorld) -> None:
    """Let the engine be dead: nobody listens, and nobody asks for anything."""
    world.proxy.listens = False
    await world.proxy.cut()
