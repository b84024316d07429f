"""One suite for every provider: what ``arrange`` promises the engine, from the first hold to the last hand-off.

More of the suite is in the other modules ``test_contract_*``: what goes wrong, who is told what, sounds, numbers.
"""

from datetime import UTC, datetime

import pytest

from activities.telephony.errors import Unsupported
from activities.telephony.model import LegEventKind, Phase, Placement
from hookflash import Cause
from tests.providers.contract import Transfer, seen
from tests.providers.listening import listening
from tests.providers.steps import Steps, consulting, needs, nothing_left
from tests.providers.world import (
    ANNOUNCEMENT,
    MUSIC,
    PLACE,
    RINGBACK,
    Feature,
    Manner,
    Party,
    World,
    eventually,
    expect,
)

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, HANDED_OFF, GONE = Placement.SCREENING, Placement.HANDED_OFF, Placement.GONE


async def test_warm_from_hold_to_complete(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    steps = Steps(transfer)
    await steps(
        {customer: ON_HOLD, agent: IN_ROOM, target: RINGING},
        {customer: {MUSIC}, agent: {RINGBACK}, target: set()},
    )
    await transfer.until_it_rings(target)
    await world.answer(target)
    # Nobody arranges anything: the provider itself joins the answer.
    consulting = {customer: {MUSIC}, agent: {"target"}, target: {"agent"}}
    await expect(world, consulting)
    # The engine may not know of the answer yet, and then it does.
    await steps({customer: ON_HOLD, agent: IN_ROOM, target: RINGING}, consulting)
    await steps({customer: ON_HOLD, agent: IN_ROOM, target: IN_ROOM}, consulting)
    swapped = {customer: {"agent"}, agent: {"customer"}, target: {MUSIC}}
    await steps({customer: IN_ROOM, agent: IN_ROOM, target: ON_HOLD}, swapped)
    await steps({customer: ON_HOLD, agent: IN_ROOM, target: IN_ROOM}, consulting)
    three_way = {customer: {"agent", "target"}, agent: {"customer", "target"}, target: {"customer", "agent"}}
    await steps({customer: IN_ROOM, agent: IN_ROOM, target: IN_ROOM}, three_way)
    together = {customer: {"target"}, target: {"customer"}, agent: set[str]()}
    await steps({customer: IN_ROOM, agent: GONE, target: IN_ROOM}, together)
    assert await world.rings(target) == 1
    await steps(
        {customer: GONE, agent: GONE, target: GONE},
        {customer: set(), agent: set(), target: set()},
        keep_room=False,
    )
    await nothing_left(world)


@pytest.mark.parametrize("before", [ON_HOLD, IN_ROOM])
async def test_complete_without_three_way(world: World, transfer: Transfer, before: Placement) -> None:
    customer, agent, target = await consulting(transfer)
    target_before = IN_ROOM if before == ON_HOLD else ON_HOLD
    await transfer.arrange({customer: before, agent: IN_ROOM, target: target_before})
    await Steps(transfer)(
        {customer: IN_ROOM, agent: GONE, target: IN_ROOM},
        {customer: {"target"}, target: {"customer"}, agent: set()},
    )


async def test_who_dials_says_when(transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    wanted = {customer: IN_ROOM, agent: ON_HOLD, target: RINGING}
    before = datetime.now(UTC)
    dialled_at = seen(await transfer.arrange(wanted), target).dialled_at
    assert dialled_at is not None
    assert before <= dialled_at <= datetime.now(UTC)
    assert seen(await transfer.arrange(wanted), target).dialled_at in (None, dialled_at)


async def test_warm_given_back_to_the_agent(world: World, transfer: Transfer) -> None:
    customer, agent, target = await consulting(transfer)
    await Steps(transfer)(
        {customer: IN_ROOM, agent: IN_ROOM, target: GONE},
        {customer: {"agent"}, agent: {"customer"}, target: set()},
    )


async def test_cold_answered(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    steps = Steps(transfer)
    ringing = {customer: IN_ROOM, agent: ON_HOLD, target: RINGING}
    await steps(ringing, {customer: {RINGBACK}, agent: {MUSIC}})
    await transfer.until_it_rings(target)
    await world.answer(target)
    await expect(world, {customer: {"target"}, target: {"customer"}, agent: {MUSIC}})
    await transfer.until_answered(target, ringing)
    await steps(
        {customer: IN_ROOM, agent: GONE, target: IN_ROOM},
        {customer: {"target"}, target: {"customer"}, agent: set()},
    )


async def test_blind_lets_the_agent_go_while_it_rings(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await Steps(transfer)({customer: IN_ROOM, agent: GONE, target: RINGING}, {customer: {RINGBACK}, agent: set()})
    await world.answer(target)
    await expect(world, {customer: {"target"}, target: {"customer"}})


async def test_unhold_while_it_rings(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    steps = Steps(transfer)
    await steps({customer: ON_HOLD, agent: IN_ROOM, target: RINGING}, {customer: {MUSIC}, agent: {RINGBACK}})
    await steps({customer: IN_ROOM, agent: IN_ROOM, target: RINGING}, {customer: {"agent"}, agent: {"customer"}})
    await steps({customer: ON_HOLD, agent: IN_ROOM, target: RINGING}, {customer: {MUSIC}, agent: {RINGBACK}})
    await steps({customer: IN_ROOM, agent: IN_ROOM, target: GONE}, {customer: {"agent"}, agent: {"customer"}})
    assert await world.rings(target) == 1


async def test_a_screened_target_is_alone_until_let_in(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    steps = Steps(transfer)
    screening = {customer: ON_HOLD, agent: ON_HOLD, target: SCREENING}
    async with listening(world) as listener:
        await steps(screening, {customer: {MUSIC}, agent: {MUSIC}})
        await transfer.until_it_rings(target)
        await world.answer(target)
        await listener.until(target, LegEventKind.ANSWERED)
        await steps(screening, {customer: {MUSIC}, agent: {MUSIC}, target: {ANNOUNCEMENT}})
        await world.press(target, "1")
        digit = await listener.until(target, LegEventKind.DIGIT)
    assert digit.digit == "1"
    await steps(
        {customer: IN_ROOM, agent: GONE, target: IN_ROOM},
        {customer: {"target"}, target: {"customer"}, agent: set()},
    )
    assert await world.rings(target) == 1


async def test_keys_are_told_of_in_order_wherever_somebody_is(world: World, transfer: Transfer) -> None:
    needs(world, Feature.KEYS)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    steps = Steps(transfer)
    async with listening(world) as listener:

        def keys() -> list[str]:
            told = [[it.digit for it in listener.of(party) if it.digit] for party in (customer, agent, target)]
            return ["".join(digits) for digits in told]

        async def press(*pressed: tuple[Party, str], told: list[str]) -> None:
            for party, digits in pressed:
                for digit in digits:
                    await world.press(party, digit)

            async def as_told() -> bool:
                return keys() == told

            await eventually(world, as_told, lambda: f"{keys()} instead of {told}")

        await steps({customer: ON_HOLD, agent: IN_ROOM, target: RINGING}, {customer: {MUSIC}, agent: {RINGBACK}})
        await press((agent, "*1"), (customer, "9"), told=["9", "*1", ""])
        await transfer.until_it_rings(target)
        await world.answer(target)
        await expect(world, {agent: {"target"}, target: {"agent"}})
        await press((agent, "##"), (target, "5"), told=["9", "*1##", "5"])
        await steps({customer: IN_ROOM, agent: ON_HOLD, target: IN_ROOM}, {customer: {"target"}, agent: {MUSIC}})
        await press((agent, "0D"), (customer, "A"), (target, "8"), told=["9A", "*1##0D", "58"])


async def test_hand_off(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    steps = Steps(transfer)
    await steps({customer: IN_ROOM, agent: ON_HOLD, target: RINGING}, {customer: {RINGBACK}})
    await steps(
        {customer: HANDED_OFF, agent: GONE, target: GONE},
        {customer: {PLACE}, agent: set(), target: set()},
        keep_room=False,
    )


async def test_a_hand_off_to_nowhere_changes_nothing(world: World, transfer: Transfer) -> None:
    needs(world, Feature.MISSING_PLACE)
    wanted = transfer.wanted({transfer.customer: HANDED_OFF, transfer.agent: GONE})
    customer, agent = wanted.legs
    nowhere = customer.model_copy(update={"place": world.missing_place})
    with pytest.raises(Unsupported):
        await world.provider.arrange(wanted.model_copy(update={"legs": (nowhere, agent)}))
    await expect(world, {transfer.customer: {"agent"}, transfer.agent: {"customer"}})


# Phones that do not answer.


@pytest.mark.parametrize(
    ("manner", "ring_timeout", "cause"),
    [
        (Manner.BUSY, 20.0, Cause.BUSY),
        (Manner.DECLINE, 20.0, Cause.DECLINED),
        (Manner.UNREACHABLE, 20.0, Cause.UNREACHABLE),
        (Manner.INVALID, 20.0, Cause.INVALID_DESTINATION),
        (Manner.SILENT, 1.0, Cause.UNREACHABLE),
        (Manner.RING, 1.0, Cause.NO_ANSWER),
    ],
)
async def test_why_it_was_not_answered(
    world: World, transfer: Transfer, manner: Manner, ring_timeout: float, cause: Cause
) -> None:
    if cause is Cause.DECLINED:
        needs(world, Feature.DECLINED)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target(manner)
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    async with listening(world) as listener:
        ended = seen(await transfer.arrange(ringing, ring_timeout=ring_timeout), target)
        if ended.phase < Phase.ENDED:  # else it was refused before anything was rung
            ended = await listener.until(target, LegEventKind.ENDED)
        assert ended.cause == cause
    again = await transfer.arrange(ringing, ring_timeout=ring_timeout)
    assert again.stands
    assert seen(again, target).phase == Phase.ENDED
    await expect(world, {customer: {MUSIC}})
    assert await world.rings(target) <= 1


async def test_an_expired_ring_ends(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    await transfer.arrange(ringing)
    await transfer.until_it_rings(target)

    async def ended() -> bool:
        return seen(await transfer.arrange(ringing, expired=[target]), target).phase == Phase.ENDED

    await eventually(world, ended, lambda: "still rings")
    await Steps(transfer)({customer: IN_ROOM, agent: IN_ROOM, target: GONE}, {customer: {"agent"}, agent: {"customer"}})
    assert await world.rings(target) == 1


async def test_who_comes_to_wait_for_an_expired_ring_hears_ringback(world: World, transfer: Transfer) -> None:
    """The agent leaves in the moment in which the ringing is over: the next arrangement says what comes instead."""
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    await transfer.until_it_rings(target)
    await transfer.arrange({customer: IN_ROOM, agent: GONE, target: RINGING}, expired=[target])
    await expect(world, {customer: {RINGBACK}})
    await Steps(transfer)({customer: ON_HOLD, agent: GONE, target: GONE}, {customer: {MUSIC}})


async def test_an_expired_ring_that_was_answered_stays(world: World, transfer: Transfer) -> None:
    customer, agent, target = await consulting(transfer)
    observed = await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING}, expired=[target])
    assert observed.stands
    assert seen(observed, target).phase == Phase.ANSWERED
    await expect(world, {agent: {"target"}, target: {"agent"}, customer: {MUSIC}})


async def test_a_target_that_is_gone_while_it_rings_does_not_ring_on(world: World, transfer: Transfer) -> None:
    customer, agent, first = transfer.customer, transfer.agent, await transfer.target(name="target")
    second = await transfer.target(name="target2")
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, first: RINGING})
    await transfer.until_it_rings(first)
    answer = await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, first: GONE, second: RINGING})
    assert seen(answer, first).phase == Phase.ENDED
    await transfer.until_it_rings(second)
    await world.answer(second)
    await expect(world, {customer: {MUSIC}, agent: {"target2"}, second: {"agent"}})
