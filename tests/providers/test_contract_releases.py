"""A leg that is released for its owner: the answer says so, and no event says it again. All others are told."""

from dataclasses import replace
from uuid import uuid4

import pytest

from activities.telephony.errors import OutcomeUnknown, ProviderUnavailable
from activities.telephony.model import LegEventKind, Observation, Phase, Placement
from hookflash import Cause
from tests.providers.contract import Transfer, seen
from tests.providers.listening import Listener, listening
from tests.providers.steps import needs, second_of_two_answers
from tests.providers.world import Feature, Party, World

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, GONE = Placement.SCREENING, Placement.GONE


def assert_released(observation: Observation, party: Party) -> None:
    leg = seen(observation, party)
    assert (leg.phase, leg.cause) == (Phase.ENDED, Cause.RELEASED)


async def assert_untold(world: World, listener: Listener, released: Party, other: Party) -> None:
    """Let somebody else hang up: events come in order, so whatever was to be told of the released leg was told."""
    await world.hang_up(other)
    await listener.until(other, LegEventKind.ENDED)
    assert [event.kind for event in listener.of(released)].count(LegEventKind.ENDED) == 0


async def test_who_is_released_is_told_of_by_the_answer_alone(world: World, transfer: Transfer) -> None:
    needs(world, Feature.UNTOLD_RELEASES)
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    async with listening(world) as listener:
        answer = await transfer.arrange({customer: ON_HOLD, agent: GONE})
        assert_released(answer, agent)
        assert seen(answer, agent).evidence.q850 == 16
        await assert_untold(world, listener, agent, customer)


async def test_who_is_released_while_it_rings_is_told_of_by_the_answer_alone(world: World, transfer: Transfer) -> None:
    needs(world, Feature.UNTOLD_RELEASES)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    await transfer.until_it_rings(target)
    async with listening(world) as listener:
        answer = await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM, target: GONE})
        assert_released(answer, target)
        assert seen(answer, target).evidence.q850 == 16
        await assert_untold(world, listener, target, customer)


async def test_who_is_too_late_is_told_of_by_the_answer_alone(world: World, transfer: Transfer) -> None:
    needs(world, Feature.UNTOLD_RELEASES)
    customer, agent = transfer.customer, transfer.agent
    first, second = await second_of_two_answers(world, transfer)
    async with listening(world) as listener:
        answer = await transfer.arrange({customer: IN_ROOM, agent: GONE, first: GONE, second: IN_ROOM})
        assert_released(answer, first)
        assert seen(answer, first).evidence.q850 == 26
        assert seen(answer, first).evidence.text == "Answered elsewhere"
        await assert_untold(world, listener, first, customer)


async def test_who_leaves_by_itself_is_told_of_also_if_it_was_to_be_released(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    async with listening(world) as listener:
        await world.hang_up(agent)
        answer = await transfer.arrange({customer: ON_HOLD, agent: GONE})
        assert (await listener.until(agent, LegEventKind.ENDED)).cause is Cause.HUNG_UP
    assert seen(answer, agent).phase is Phase.ENDED


async def test_who_hangs_up_while_another_is_released_is_told_of(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    async with listening(world) as listener:
        await world.hang_up(customer)
        await transfer.arrange({customer: IN_ROOM, agent: GONE})
        assert (await listener.until(customer, LegEventKind.ENDED)).cause is Cause.HUNG_UP


@pytest.mark.parametrize("steps", [0, 1, 2])
async def test_a_lost_answer_is_made_up_for_by_the_next(world: World, transfer: Transfer, steps: int) -> None:
    needs(world, Feature.HALF)
    needs(world, Feature.UNTOLD_RELEASES)
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM})
    without = {customer: ON_HOLD, agent: GONE}
    async with listening(world) as listener:
        world.go_wrong(Feature.HALF, steps)
        with pytest.raises((OutcomeUnknown, ProviderUnavailable)):
            await transfer.arrange(without)
        assert_released(await transfer.arrange(without), agent)
        await assert_untold(world, listener, agent, customer)


async def test_who_is_taken_over_is_told_of_to_the_new_owner(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    other = replace(transfer, owner="transfer:other/run", room=f"room-{uuid4().hex}")
    async with listening(world) as listener:
        await other.arrange({customer: ON_HOLD, agent: IN_ROOM})
        await world.hang_up(agent)
        ended = await listener.until(agent, LegEventKind.ENDED)
    assert (ended.owner, ended.cause) == (other.owner, Cause.HUNG_UP)


async def test_a_ringing_that_was_too_long_is_told(world: World, transfer: Transfer) -> None:
    """Its answer may come in the last moment, and who ends it then knows more than who looks later."""
    needs(world, Feature.UNTOLD_RELEASES)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    async with listening(world) as listener:
        await transfer.arrange(ringing)
        await listener.until(target, LegEventKind.RINGING)
        answer = await transfer.arrange(ringing, expired=[target])
        assert seen(answer, target).cause is Cause.NO_ANSWER
        assert (await listener.until(target, LegEventKind.ENDED)).cause is Cause.NO_ANSWER
