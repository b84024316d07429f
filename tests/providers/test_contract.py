"""One suite for every provider: what ``arrange``, ``events`` and ``owners`` promise the engine."""

from dataclasses import replace
from uuid import uuid4

import pytest

from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable, Unsupported
from activities.telephony.model import LegEventKind, Phase, Placement
from hookflash import Cause
from tests.providers.contract import (
    ANNOUNCEMENT,
    MUSIC,
    PLACE,
    RINGBACK,
    Feature,
    Manner,
    Party,
    Transfer,
    World,
    eventually,
    expect,
    listening,
    seen,
)

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, HANDED_OFF, GONE = Placement.SCREENING, Placement.HANDED_OFF, Placement.GONE


def needs(world: World, feature: Feature) -> None:
    """Leave the case out where the world cannot do it."""
    if feature in world.unsupported:
        pytest.skip(f"this provider's world has no {feature}")


class Steps:
    """Makes arrangements, each of them twice: the second time must change nothing."""

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.world = transfer.world

    async def __call__(
        self, placements: dict[Party, Placement], heard: dict[Party, set[str]], *, keep_room: bool = True
    ) -> None:
        first = await self.transfer.arrange(placements, keep_room=keep_room)
        assert first.stands
        await expect(self.world, heard)
        changes = await self.changes()
        again = await self.transfer.arrange(placements, keep_room=keep_room)
        assert again.stands
        assert await self.changes() == changes
        await expect(self.world, heard)

    async def changes(self) -> int:
        if Feature.COUNT_CHANGES in self.world.unsupported:
            return 0
        return await self.world.changes()


async def nothing_left(world: World) -> None:
    async def empty() -> bool:
        return not await world.leftovers()

    await eventually(world, empty, lambda: "legs or rooms are left")


# Warm, cold and screened, from the beginning to the end.


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
    async with listening(world) as listener:
        await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, first: GONE, second: RINGING})
        await listener.until(first, LegEventKind.ENDED)
    await transfer.until_it_rings(second)
    await world.answer(second)
    await expect(world, {customer: {MUSIC}, agent: {"target2"}, second: {"agent"}})


# Legs that are not there.


async def test_an_unknown_leg_changes_nothing(world: World, transfer: Transfer) -> None:
    customer, target = transfer.customer, await transfer.target()
    stranger = Party("agent", world.unknown_leg)
    observed = await transfer.arrange({customer: ON_HOLD, stranger: IN_ROOM, target: RINGING})
    assert not observed.stands
    assert seen(observed, stranger).phase == Phase.ENDED
    assert seen(observed, stranger).cause == Cause.UNKNOWN_LEG
    assert await world.rings(target) == 0
    await expect(world, {customer: {"agent"}, transfer.agent: {"customer"}})


@pytest.mark.parametrize("placement", [IN_ROOM, ON_HOLD])
async def test_without_a_leg_that_must_be_up_nobody_is_rung(
    world: World, transfer: Transfer, placement: Placement
) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await world.hang_up(agent)
    await expect(world, {agent: set()})
    observed = await transfer.arrange({customer: ON_HOLD, agent: placement, target: RINGING})
    assert not observed.stands
    assert seen(observed, agent).phase == Phase.ENDED
    assert seen(observed, customer).phase == Phase.ANSWERED
    assert await world.rings(target) == 0
    assert world.unknown_leg not in await world.leftovers()


async def test_without_the_customer_nobody_is_handed_off(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await world.hang_up(customer)
    await expect(world, {customer: set()})
    observed = await transfer.arrange({customer: ON_HOLD, agent: HANDED_OFF})
    assert not observed.stands
    assert PLACE not in await world.hears(agent)


async def test_what_was_known_is_never_dialled_again(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    transfer.known[target.leg] = Phase.DIALLING
    observed = await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    assert observed.stands
    assert seen(observed, target).phase == Phase.ENDED
    assert await world.rings(target) == 0


async def test_what_was_never_dialled_is_gone(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    observed = await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM, target: GONE})
    assert observed.stands
    assert seen(observed, target).phase == Phase.ENDED
    assert await world.rings(target) == 0


# Requests that go wrong.


async def test_an_unavailable_provider_has_done_nothing(world: World, transfer: Transfer) -> None:
    needs(world, Feature.UNAVAILABLE)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    world.go_wrong(Feature.UNAVAILABLE)
    with pytest.raises(ProviderUnavailable):
        await transfer.arrange(ringing)
    await expect(world, {customer: {"agent"}, agent: {"customer"}})
    assert await world.rings(target) == 0
    await Steps(transfer)(ringing, {customer: {MUSIC}, agent: {RINGBACK}})


async def test_a_lost_answer_and_a_repeat_ring_once(world: World, transfer: Transfer) -> None:
    needs(world, Feature.ANSWER_LOST)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    world.go_wrong(Feature.ANSWER_LOST)
    with pytest.raises(OutcomeUnknown):
        await transfer.arrange(ringing)
    await transfer.until_it_rings(target)
    await Steps(transfer)(ringing, {customer: {MUSIC}, agent: {RINGBACK}})
    assert await world.rings(target) == 1


@pytest.mark.parametrize("done", range(6))
async def test_a_request_that_stopped_half_way_is_finished_by_the_next(
    world: World, transfer: Transfer, done: int
) -> None:
    needs(world, Feature.HALF)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: IN_ROOM, agent: ON_HOLD, target: RINGING}
    world.go_wrong(Feature.HALF, done)
    with pytest.raises(OutcomeUnknown):
        await transfer.arrange(ringing)
    await Steps(transfer)(ringing, {customer: {RINGBACK}, agent: {MUSIC}})
    await transfer.until_it_rings(target)
    await world.answer(target)
    together = {customer: {"target"}, target: {"customer"}, agent: set[str]()}
    await expect(world, {customer: {"target"}})
    world.go_wrong(Feature.HALF, done)
    with pytest.raises(OutcomeUnknown):
        await transfer.arrange({customer: IN_ROOM, agent: GONE, target: IN_ROOM})
    await Steps(transfer)({customer: IN_ROOM, agent: GONE, target: IN_ROOM}, together)
    assert await world.rings(target) == 1


# Who is told what.


async def test_events_of_a_leg_come_in_order(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    async with listening(world) as listener:
        await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
        await listener.until(target, LegEventKind.RINGING)
        await world.answer(target)
        await listener.until(target, LegEventKind.ANSWERED)
        await world.hang_up(target)
        ended = await listener.until(target, LegEventKind.ENDED)
    kinds = [event.kind for event in listener.of(target)]
    assert kinds == [LegEventKind.RINGING, LegEventKind.ANSWERED, LegEventKind.ENDED]
    assert ended.cause == Cause.HUNG_UP
    assert {event.owner for event in listener.of(target)} == {transfer.owner}


async def test_who_hangs_up_is_reported(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    async with listening(world) as listener:
        await world.hang_up(customer)
        ended = await listener.until(customer, LegEventKind.ENDED)
        assert ended.cause == Cause.HUNG_UP
        assert ended.owner == transfer.owner
    assert listener.of(agent) == []


async def test_legs_without_an_owner_are_not_reported(world: World, transfer: Transfer) -> None:
    async with listening(world) as listener:
        await world.hang_up(transfer.customer)
        await expect(world, {transfer.customer: set()})
        await world.pause()
        assert listener.events == []


async def test_a_new_owner_hears_of_the_former_one(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    together = {customer: IN_ROOM, agent: IN_ROOM}
    first = await transfer.arrange(together)
    assert {leg.former_owner for leg in first.legs} == {""}
    former, transfer.owner = transfer.owner, "connected:test"
    second = await transfer.arrange(together)
    assert {leg.former_owner for leg in second.legs} == {former}
    # It stays: an answer that was lost, and with it the news of who has to be told, is made up for by the next look.
    assert {leg.former_owner for leg in (await transfer.arrange(together)).legs} == {former}
    async with listening(world) as listener:
        await world.hang_up(agent)
        assert (await listener.until(agent, LegEventKind.ENDED)).owner == "connected:test"


async def test_legs_of_somebody_else_are_not_touched(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    changes = await Steps(transfer).changes()
    other = replace(transfer, owner="transfer:other/run", room=f"room-{uuid4().hex}")
    wanted = other.wanted({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    fenced = wanted.model_copy(update={"take_from": ("connected:", "transfer:other/")})
    observed = await world.provider.arrange(fenced)
    assert (observed.stands, observed.refused) == (False, True)
    assert [leg.owner for leg in observed.legs] == [transfer.owner, transfer.owner, ""]
    assert await world.rings(target) == 0
    assert await Steps(transfer).changes() == changes
    await expect(world, {customer: {"agent"}, agent: {"customer"}})
    allowed = await world.provider.arrange(wanted.model_copy(update={"take_from": (transfer.owner,)}))
    assert (allowed.stands, allowed.refused) == (True, False)
    assert [seen(allowed, party).former_owner for party in (customer, agent)] == [transfer.owner] * 2
    await expect(world, {customer: {MUSIC}, agent: {RINGBACK}})


async def test_who_is_released_from_a_former_owner_is_told_to_the_new_one(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    other = replace(transfer, owner="transfer:other/run", room=f"room-{uuid4().hex}")
    async with listening(world) as listener:
        await other.arrange({customer: IN_ROOM, agent: GONE, target: RINGING})
        ended = await listener.until(agent, LegEventKind.ENDED)
    assert ended.owner == other.owner
    assert {event.owner for event in listener.of(agent)} == {other.owner}


async def test_owners_are_those_of_live_legs(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    assert transfer.owner not in await world.provider.owners()
    await transfer.arrange({customer: ON_HOLD, agent: GONE})
    assert transfer.owner in await world.provider.owners()
    await transfer.arrange({customer: GONE, agent: GONE}, keep_room=False)

    async def disowned() -> bool:
        return transfer.owner not in await world.provider.owners()

    await eventually(world, disowned, lambda: "still owns a leg")
    await nothing_left(world)


async def test_a_new_listener_takes_the_place_of_the_old(world: World, transfer: Transfer) -> None:
    old = world.provider.events()
    assert await anext(old) is None
    new = world.provider.events()
    assert await anext(new) is None

    async def lost() -> bool:
        try:
            await anext(old)
        except ProviderUnavailable:
            return True
        return False

    await eventually(world, lost, lambda: "two listen")


async def consulting(transfer: Transfer) -> tuple[Party, Party, Party]:
    """The customer waits while agent and target talk."""
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    await transfer.arrange(ringing)
    await transfer.until_it_rings(target)
    await transfer.world.answer(target)
    await transfer.until_answered(target, ringing)
    await expect(transfer.world, {customer: {MUSIC}, agent: {"target"}, target: {"agent"}})
    return customer, agent, target
