"""Who is called, by an engine that dies between two requests: rung once or never, and ended by Asterisk if need be."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from activities.telephony.asterisk.backstop import NEVER
from activities.telephony.asterisk.state import DIALLED
from activities.telephony.errors import OutcomeUnknown
from activities.telephony.model import Phase, Placement
from hookflash import Cause
from tests.providers.asterisk_world import AsteriskWorld
from tests.providers.contract import Transfer, seen
from tests.providers.world import ANNOUNCEMENT, Feature, Party, expect
from tests.rig.ear import hear_exactly
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

IN_ROOM, ON_HOLD, GONE = Placement.IN_ROOM, Placement.ON_HOLD, Placement.GONE
RINGING, SCREENING = Placement.RINGING, Placement.SCREENING
MOST_REQUESTS = 12
"""More than any of these arrangements takes; a test that needs all of them has not tested anything."""
PATIENCE = 40.0


class Death(NamedTuple):
    """How far an engine had come with a target when it died."""

    made: bool
    marked: bool
    """The room says that the target was dialled, or was about to be."""
    rung: bool


EVERY_DEATH = {
    Death(made=False, marked=False, rung=False),
    Death(made=True, marked=False, rung=False),
    Death(made=True, marked=True, rung=False),
    Death(made=True, marked=True, rung=True),
}


async def death(world: AsteriskWorld, transfer: Transfer, target: Party) -> Death:
    channel = await world.node.ari.channel(target.leg)
    rooms = [it for it in await world.node.bridges() if it["id"] == transfer.room]
    marked = any(it.get("bridgevars", {}).get(DIALLED + target.leg) for it in rooms)
    return Death(made=channel is not None, marked=marked, rung=channel is not None and channel["state"] != "Down")


async def die_after(world: AsteriskWorld, transfer: Transfer, requests: int, aim: Mapping[Party, Placement]) -> None:
    world.go_wrong(Feature.HALF, requests)
    with pytest.raises(OutcomeUnknown):
        await transfer.arrange(aim)


async def time_out(world: AsteriskWorld, leg: str) -> float:
    """Return how many seconds Asterisk leaves to a leg."""
    asked = await world.node.ari.call("GET", f"/channels/{leg}/variable", variable="TIMEOUT(absolute)")
    return float(asked["value"])


async def is_kept(world: AsteriskWorld, leg: str) -> bool:
    """Return whether a leg's time-out was taken back."""
    never = NEVER.total_seconds()
    return never - 20 < await time_out(world, leg) <= never


@pytest.mark.parametrize("placement", [RINGING, SCREENING])
async def test_an_engine_that_dies_while_it_dials_leaves_nobody_rung_twice_and_the_next_one_repairs_it(
    world: AsteriskWorld, transfer: Transfer, placement: Placement
) -> None:
    """Whatever the last request was. A target that may have been dialled is not dialled again, but let go in time."""
    waiting = {transfer.customer: ON_HOLD, transfer.agent: IN_ROOM}
    await transfer.arrange(waiting)
    phone = await transfer.target()
    deaths: set[Death] = set()
    rung = 0
    for requests in range(MOST_REQUESTS):
        target = Party(phone.name, f"{phone.leg[:-2]}{requests:02}", phone.address)
        aim = {**waiting, target: placement}
        await die_after(world, transfer, requests, aim)
        how = await death(world, transfer, target)
        deaths.add(how)
        observed = await transfer.arrange(aim)
        assert observed.stands
        silent = how.marked and not how.rung
        rung += not silent
        await transfer.until_it_rings(phone, times=rung)
        assert seen(await transfer.arrange(aim), target).phase == (Phase.DIALLING if silent else Phase.RINGING)
        ended = seen(await transfer.arrange(aim, expired=[target]), target)
        assert (ended.phase, ended.cause) == (Phase.ENDED, Cause.UNREACHABLE if silent else Cause.NO_ANSWER)
        await transfer.arrange({**waiting, target: GONE})
        if how.rung:
            break
    assert deaths == EVERY_DEATH
    assert await world.rings(phone) == rung
    await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: IN_ROOM})
    await expect(world, {transfer.customer: {"agent"}, transfer.agent: {"customer"}})


async def test_what_was_made_and_never_dialled_is_ended_by_asterisk(world: AsteriskWorld, transfer: Transfer) -> None:
    """The engine died for good after it had made the leg, and after it had noted that it would dial it."""
    waiting = {transfer.customer: ON_HOLD, transfer.agent: ON_HOLD}
    await transfer.arrange(waiting)
    phone = await transfer.target()
    left: list[str] = []
    for requests in range(MOST_REQUESTS):
        target = Party(phone.name, f"{phone.leg[:-2]}{requests:02}", phone.address)
        world.go_wrong(Feature.HALF, requests)
        with pytest.raises(OutcomeUnknown):
            await transfer.arrange({**waiting, target: SCREENING}, ring_timeout=1, dial={"accept_timeout": "PT0S"})
        how = await death(world, transfer, target)
        if how.rung:
            break
        left += [target.leg] * how.made
    assert len(left) >= 2

    async def gone() -> bool | None:
        return True if not [leg for leg in left if await world.node.ari.channel(leg)] else None

    await eventually(gone, "the end of legs that nobody dials", PATIENCE)


async def test_who_must_accept_is_never_cut_off_once_joined_whenever_the_engine_dies(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    asked = {customer: ON_HOLD, agent: ON_HOLD, target: SCREENING}
    await transfer.arrange(asked)
    assert 80 < await time_out(world, target.leg) <= 90  # 20 s to ring, a minute to accept, and 10 s
    await world.answer(target)
    await transfer.until_answered(target, asked)
    joined = {customer: IN_ROOM, agent: ON_HOLD, target: IN_ROOM}
    seen_apart = seen_joined = False
    for requests in range(MOST_REQUESTS):
        await transfer.arrange(asked)
        assert 0 < await time_out(world, target.leg) <= 70
        await die_after(world, transfer, requests, joined)
        (room,) = [it for it in await world.node.bridges() if it["id"] == transfer.room]
        if target.leg in room["channels"]:
            seen_joined = True
            assert await is_kept(world, target.leg)
        else:
            seen_apart = True
        await transfer.arrange(joined)
        assert await is_kept(world, target.leg)
        if seen_joined:
            break
    assert seen_apart
    assert seen_joined
    await hear_exactly({world.phone_of(customer): {"target1"}, world.phone_of(target): {"customer"}})


async def test_who_is_asked_for_longer_is_kept_for_longer_though_the_question_has_no_end(
    world: AsteriskWorld, transfer: Transfer
) -> None:
    """While a leg is played to, Asterisk sets nothing on it; the tone after the prompt goes on for ever."""
    target = await transfer.target()
    asked = {transfer.customer: ON_HOLD, transfer.agent: ON_HOLD, target: SCREENING}
    await transfer.arrange(asked)
    await world.answer(target)
    await transfer.until_answered(target, asked)
    await expect(world, {target: {ANNOUNCEMENT}})
    assert 0 < await time_out(world, target.leg) <= 70
    await transfer.arrange(asked, dial={"accept_timeout": "PT10M"})
    assert 600 < await time_out(world, target.leg) <= 610
    await expect(world, {target: {ANNOUNCEMENT}})
    await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: ON_HOLD, target: IN_ROOM})
    assert await is_kept(world, target.leg)


async def test_who_answers_into_an_empty_room_does_not_stay_for_ever(world: AsteriskWorld, transfer: Transfer) -> None:
    """As who is rung first for a call-back does. Asterisk lets them wait as long as anybody else who is alone."""
    target = await transfer.target()
    await transfer.arrange({target: RINGING})
    an_hour = 3600 + 600 + 20
    assert an_hour - 20 < await time_out(world, target.leg) <= an_hour
    await world.answer(target)
    assert 0 < await time_out(world, target.leg) <= an_hour
    await transfer.until_answered(target, {target: RINGING})
    assert 0 < await time_out(world, target.leg) <= an_hour
    await transfer.arrange({transfer.customer: IN_ROOM, transfer.agent: IN_ROOM, target: GONE})
