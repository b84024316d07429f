"""What the Asterisk provider plays to whom, on a real Asterisk: exactly what is heard, and what is left when we stop.

What every provider promises of sounds is in ``tests/providers/test_contract_sounds.py``.
"""

import time

import pytest

from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable
from activities.telephony.model import Announcement, Placement
from tests.integration.recordings import AT_ONCE, LONG, MISSING, SHORT, no_helpers, nobody_of_us, now, times_heard
from tests.providers.asterisk_world import AsteriskWorld
from tests.providers.contract import Transfer
from tests.providers.world import Feature, eventually
from tests.rig.ear import hear_exactly
from tests.rig.phone import Phone

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING


async def test_music_goes_on_after_an_announcement_and_without_one(
    world: AsteriskWorld, transfer: Transfer, caplog: pytest.LogCaptureFixture
) -> None:
    customer, agent = transfer.customer, transfer.agent
    c, a = world.phone_of(customer), world.phone_of(agent)
    held = {customer: ON_HOLD, agent: ON_HOLD}
    await transfer.arrange(held)
    await hear_exactly({c: {"music"}, a: {"music"}})
    since = now()
    for number, media in enumerate((MISSING, SHORT), 1):
        await transfer.arrange(held, announcements={customer: Announcement(media=media, number=number)})
    await eventually(world, lambda: _heard(c, "notice", since), lambda: "nothing was announced")
    await hear_exactly({c: {"music"}, a: {"music"}})
    assert c.longest_silence(since) < 1
    assert a.ever_heard(since) == {"music"}
    assert times_heard(c, since) == 1
    # Not what others log meanwhile, as asyncio does of an earlier test's leavings.
    ours = [record for record in caplog.records if record.name.startswith("activities.")]
    assert [record.getMessage().partition(" to ")[0] for record in ours] == [f"recording {MISSING} could not be played"]


async def _heard(phone: Phone, sound: str, since: float) -> bool:
    return sound in phone.ever_heard(since)


async def test_nobody_waits_for_the_end_of_an_announcement(world: AsteriskWorld, transfer: Transfer) -> None:
    """Asterisk lets everything that is asked of a leg wait for as long as it is played to."""
    customer, agent = transfer.customer, transfer.agent
    c, a = world.phone_of(customer), world.phone_of(agent)
    held = {customer: ON_HOLD, agent: ON_HOLD}
    await transfer.arrange(held, announcements={customer: Announcement(media=LONG)})
    await hear_exactly({c: {"accept"}, a: {"music"}})
    began = time.monotonic()
    await transfer.arrange(held, announcements={customer: Announcement(media=LONG)})
    await transfer.arrange(held)
    assert time.monotonic() - began < AT_ONCE
    await hear_exactly({c: {"accept"}, a: {"music"}})
    began = time.monotonic()
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    assert time.monotonic() - began < AT_ONCE
    await hear_exactly({c: {"agent"}, a: {"customer"}})


async def test_who_owns_a_leg_from_now_on_need_not_wait_either(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    held = {customer: ON_HOLD, agent: ON_HOLD}
    await transfer.arrange(held, announcements={customer: Announcement(media=LONG)})
    await hear_exactly({world.phone_of(customer): {"accept"}})
    other = Transfer(world, customer, agent, owner="transfer:other/run", known=transfer.known)
    began = time.monotonic()
    assert (await other.arrange(held)).stands
    assert time.monotonic() - began < AT_ONCE
    await hear_exactly({world.phone_of(customer): {"music"}})


async def test_alone_and_in_silence(world: AsteriskWorld, transfer: Transfer) -> None:
    """Into silence nothing can be mixed. Whoever comes in then is heard at once."""
    customer, agent = transfer.customer, transfer.agent
    c, a = world.phone_of(customer), world.phone_of(agent)
    alone = {customer: ON_HOLD, agent: IN_ROOM}
    await transfer.arrange(alone)
    await hear_exactly({a: None})
    await transfer.arrange(alone, announcements={agent: Announcement(media=LONG)})
    await hear_exactly({c: {"music"}, a: {"accept"}})
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    await hear_exactly({c: {"agent"}, a: {"customer"}})


async def test_a_whisper_is_for_one_and_talk_goes_on(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    c, a = world.phone_of(customer), world.phone_of(agent)
    together = {customer: IN_ROOM, agent: IN_ROOM}
    await transfer.arrange(together)
    since = now()
    began = time.monotonic()
    for _ in range(2):
        await transfer.arrange(together, announcements={agent: Announcement(media=LONG)})
    assert time.monotonic() - began < AT_ONCE
    await hear_exactly({c: {"agent"}, a: {"customer", "accept"}})
    # The next one takes its place, and ends by itself.
    await transfer.arrange(together, announcements={agent: Announcement(media=SHORT, number=2)})
    await eventually(world, lambda: _heard(a, "notice", since), lambda: "nothing was announced")
    await hear_exactly({c: {"agent"}, a: {"customer"}})
    await no_helpers(world)
    assert c.ever_heard(since) == {"agent"}
    assert max(a.longest_silence(since), c.longest_silence(since)) < 1


async def test_a_whisper_over_ringback(world: AsteriskWorld, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    c, a, t = (world.phone_of(party) for party in (customer, agent, target))
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    await transfer.arrange(ringing, announcements={agent: Announcement(media=LONG)})
    await hear_exactly({c: {"music"}, a: {"ringback", "accept"}})
    await world.answer(target)
    await hear_exactly({c: {"music"}, a: {"target1", "accept"}, t: {"agent"}})


@pytest.mark.parametrize("end", ["recording", "leg"])
async def test_a_whisper_ends_without_us(world: AsteriskWorld, transfer: Transfer, end: str) -> None:
    customer, agent = transfer.customer, transfer.agent
    together = {customer: IN_ROOM, agent: IN_ROOM}
    await transfer.arrange(together)
    media, sound = (SHORT, "notice") if end == "recording" else (LONG, "accept")
    since = now()
    await transfer.arrange(together, announcements={agent: Announcement(media=media)})
    await nobody_of_us(world)
    await eventually(world, lambda: _heard(world.phone_of(agent), sound, since), lambda: "nothing was announced")
    if end == "leg":
        await world.hang_up(agent)
    await no_helpers(world)


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("steps", range(5))
async def test_a_whisper_that_stopped_half_way(
    world: AsteriskWorld, transfer: Transfer, steps: int, again: bool
) -> None:
    """It is heard once or never, and no channel waits for ever for being told what to play."""
    customer, agent = transfer.customer, transfer.agent
    together = {customer: IN_ROOM, agent: IN_ROOM}
    await transfer.arrange(together)
    since = now()
    announcements = {agent: Announcement(media=SHORT)}
    world.go_wrong(Feature.HALF, steps)
    with pytest.raises((OutcomeUnknown, ProviderUnavailable)):
        await transfer.arrange(together, announcements=announcements)
    for _ in range(2):
        assert (await transfer.arrange(together, announcements=announcements if again else {})).stands
    await no_helpers(world)
    await hear_exactly({world.phone_of(customer): {"agent"}, world.phone_of(agent): {"customer"}})
    assert times_heard(world.phone_of(agent), since) <= 1
    if again and steps != 1:
        assert times_heard(world.phone_of(agent), since) == 1
