"""What every provider promises about sounds: announcements, farewells, ringback, caller ids, machines."""

from collections.abc import Mapping

import pytest

from activities.telephony.model import Announcement, LegEventKind, Phase, Placement
from hookflash import Cause
from tests.providers.contract import Transfer, seen
from tests.providers.listening import listening
from tests.providers.steps import Steps, needs, nothing_left, second_of_two_answers
from tests.providers.world import ANNOUNCEMENT, MUSIC, RINGBACK, Feature, Manner, Party, World, eventually, expect

IN_ROOM, ON_HOLD, RINGING = Placement.IN_ROOM, Placement.ON_HOLD, Placement.RINGING
SCREENING, GONE = Placement.SCREENING, Placement.GONE

A_WHILE = 10
"""Pauses in which what must not be played would have been heard; together they are shorter than a recording."""


# Announcements.


async def test_an_announcement_on_hold_and_then_the_music_again(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    held = {customer: ON_HOLD, agent: ON_HOLD}
    await transfer.arrange(held)
    await expect(world, {customer: {MUSIC}, agent: {MUSIC}})
    announcement = Announcement(media=world.recording)
    assert (await transfer.arrange(held, announcements={customer: announcement})).stands
    await expect(world, {customer: {ANNOUNCEMENT}, agent: {MUSIC}})
    await expect(world, {customer: {MUSIC}, agent: {MUSIC}})


async def test_an_announcement_for_who_is_just_put_on_hold(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    announcement = Announcement(media=world.recording)
    ringing = {customer: ON_HOLD, agent: IN_ROOM, target: RINGING}
    assert (await transfer.arrange(ringing, announcements={customer: announcement})).stands
    await expect(world, {customer: {ANNOUNCEMENT}, agent: {RINGBACK}})
    await expect(world, {customer: {MUSIC}, agent: {RINGBACK}})


async def test_an_announcement_in_the_room_is_heard_by_one(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    together = {customer: IN_ROOM, agent: IN_ROOM}
    await transfer.arrange(together)
    announcement = Announcement(media=world.recording)
    assert (await transfer.arrange(together, announcements={agent: announcement})).stands
    # The customer goes on hearing the agent, and nothing of what the agent hears.
    await expect(world, {customer: {"agent"}, agent: {ANNOUNCEMENT}})
    await expect(world, {customer: {"agent"}, agent: {"customer"}})


async def test_an_announcement_is_played_once_and_the_next_one_too(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    held = {customer: ON_HOLD, agent: ON_HOLD}
    second = {customer: Announcement(media=world.recording, number=2)}
    await transfer.arrange(held, announcements=second)
    await expect(world, {customer: {ANNOUNCEMENT}})
    await expect(world, {customer: {MUSIC}})
    changes = await Steps(transfer).changes()
    for number in (1, 2):
        again = {customer: Announcement(media=world.recording, number=number)}
        assert (await transfer.arrange(held, announcements=again)).stands
        await goes_on(world, {customer: MUSIC})
    assert await Steps(transfer).changes() == changes
    third = {customer: Announcement(media=world.recording, number=3)}
    await transfer.arrange(held, announcements=third)
    await expect(world, {customer: {ANNOUNCEMENT}, agent: {MUSIC}})


async def test_each_owner_counts_announcements_from_the_beginning(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    held, first = {customer: ON_HOLD, agent: ON_HOLD}, {customer: Announcement(media=world.recording)}
    await transfer.arrange(held, announcements=first)
    await expect(world, {customer: {ANNOUNCEMENT}})
    await expect(world, {customer: {MUSIC}})
    transfer.owner = f"{transfer.owner}-second"
    await transfer.arrange(held, announcements=first)
    await expect(world, {customer: {ANNOUNCEMENT}, agent: {MUSIC}})


@pytest.mark.parametrize("placement", [ON_HOLD, IN_ROOM])
async def test_a_recording_that_does_not_exist_is_left_out(
    world: World, transfer: Transfer, placement: Placement
) -> None:
    needs(world, Feature.MISSING_RECORDING)
    customer, agent = transfer.customer, transfer.agent
    heard = {customer: MUSIC, agent: MUSIC} if placement == ON_HOLD else {customer: "agent", agent: "customer"}
    placements = {customer: placement, agent: placement}
    await transfer.arrange(placements)
    await expect(world, {party: {sound} for party, sound in heard.items()})
    announcement = Announcement(media=world.missing_recording)
    async with listening(world) as listener:
        for _ in range(2):
            assert (await transfer.arrange(placements, announcements={customer: announcement})).stands
        await goes_on(world, heard)
        unheard = await listener.until(customer, LegEventKind.UNHEARD)
        await goes_on(world, heard)
    assert (unheard.owner, unheard.evidence.text) == (transfer.owner, world.missing_recording)
    assert [event.kind for event in listener.events] == [LegEventKind.UNHEARD]


# Farewells.


async def test_a_farewell_is_heard_alone_and_then_the_leg_is_gone(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    over = {customer: GONE, agent: GONE}
    async with listening(world) as listener:
        observed = await transfer.arrange(over, farewells={customer: world.recording}, keep_room=False)
        assert observed.stands
        assert (seen(observed, customer).phase, seen(observed, customer).cause) == (Phase.ENDED, Cause.RELEASED)
        await expect(world, {customer: {ANNOUNCEMENT}, agent: set()})
        assert transfer.owner not in await world.provider.owners()
        # Arranged again, and without the farewell: it is neither cut off nor begun anew.
        assert (await transfer.arrange(over, keep_room=False)).stands
        await goes_on(world, {customer: ANNOUNCEMENT}, pauses=4)
        await expect(world, {customer: set()})
        await nothing_left(world)
    told = [LegEventKind.ENDED] if Feature.UNTOLD_RELEASES in world.unsupported else []
    assert [event.kind for event in listener.of(customer)] in ([], told)


async def test_who_hears_a_farewell_has_ended_for_everybody(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: ON_HOLD, agent: GONE})
    await transfer.arrange({customer: GONE, agent: GONE}, farewells={customer: world.recording})
    await expect(world, {customer: {ANNOUNCEMENT}})
    other = Transfer(world, customer, agent, owner="transfer:other/run")
    wanted = other.wanted({customer: ON_HOLD, agent: GONE}).model_copy(update={"take_from": ()})
    observed = await world.provider.arrange(wanted)
    assert (observed.stands, observed.refused) == (False, False)
    assert seen(observed, customer).phase == Phase.ENDED
    await goes_on(world, {customer: ANNOUNCEMENT}, pauses=4)
    await expect(world, {customer: set()})


async def test_a_farewell_that_does_not_exist_delays_nothing(world: World, transfer: Transfer) -> None:
    needs(world, Feature.MISSING_RECORDING)
    customer, agent = transfer.customer, transfer.agent
    await transfer.arrange({customer: IN_ROOM, agent: IN_ROOM})
    farewells = {customer: world.missing_recording}
    observed = await transfer.arrange({customer: GONE, agent: GONE}, farewells=farewells, keep_room=False)
    assert seen(observed, customer).phase == Phase.ENDED
    await gone_without_a_word(world, customer)
    await nothing_left(world)


async def test_no_farewell_for_a_phone_that_rings(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    await transfer.arrange({customer: ON_HOLD, agent: IN_ROOM, target: RINGING})
    await transfer.until_it_rings(target)
    given_up = {customer: IN_ROOM, agent: IN_ROOM, target: GONE}
    answer = await transfer.arrange(given_up, farewells={target: world.recording})
    assert (answer.stands, seen(answer, target).cause) == (True, Cause.RELEASED)
    await gone_without_a_word(world, target)
    await expect(world, {customer: {"agent"}, agent: {"customer"}})


# Several targets at once.


async def test_the_lone_party_hears_ringback_while_targets_are_rung_to_be_screened(
    world: World, transfer: Transfer
) -> None:
    customer, agent = transfer.customer, transfer.agent
    first, second = await transfer.target(name="target"), await transfer.target(name="target2")
    ringing = {customer: IN_ROOM, agent: ON_HOLD, first: SCREENING, second: SCREENING}
    await Steps(transfer)(ringing, {customer: {RINGBACK}, agent: {MUSIC}})
    await transfer.until_it_rings(first)
    await transfer.until_it_rings(second)
    await world.answer(first)
    await transfer.until_answered(first, ringing)
    # The other one is still rung.
    await expect(world, {customer: {RINGBACK}, agent: {MUSIC}, first: {ANNOUNCEMENT}})
    together = {customer: IN_ROOM, agent: IN_ROOM, first: GONE, second: GONE}
    await Steps(transfer)(together, {customer: {"agent"}, agent: {"customer"}, first: set(), second: set()})


async def test_the_first_of_two_screened_targets_is_let_in(world: World, transfer: Transfer) -> None:
    customer, agent = transfer.customer, transfer.agent
    first, second = await second_of_two_answers(world, transfer)
    let_in = {customer: IN_ROOM, agent: GONE, first: GONE, second: IN_ROOM}
    await Steps(transfer)(let_in, {customer: {"target2"}, second: {"customer"}, first: set(), agent: set()})
    assert seen(await transfer.arrange(let_in), first).cause == Cause.RELEASED
    assert (await world.rings(first), await world.rings(second)) == (1, 1)


async def test_a_screened_target_without_a_prompt_waits_alone(world: World, transfer: Transfer) -> None:
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    screening = {customer: ON_HOLD, agent: ON_HOLD, target: SCREENING}
    async with listening(world) as listener:
        await transfer.arrange(screening, dial={"prompt": ""})
        await transfer.until_it_rings(target)
        await world.answer(target)
        await listener.until(target, LegEventKind.ANSWERED)
    answered = await transfer.arrange(screening, dial={"prompt": ""})
    assert (answered.stands, seen(answered, target).phase) == (True, Phase.ANSWERED)
    for _ in range(A_WHILE):
        assert not await world.hears(target) & {ANNOUNCEMENT, "customer", "agent"}
        await world.pause()
    together = {customer: IN_ROOM, agent: GONE, target: IN_ROOM}
    await Steps(transfer)(together, {customer: {"target"}, target: {"customer"}})


async def test_a_question_whose_recording_is_missing_is_asked_by_a_tone(world: World, transfer: Transfer) -> None:
    needs(world, Feature.MISSING_RECORDING)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target()
    screening = {customer: ON_HOLD, agent: ON_HOLD, target: SCREENING}
    async with listening(world) as listener:
        for _ in range(2):
            await transfer.arrange(screening, dial={"prompt": world.missing_recording})
        await transfer.until_it_rings(target)
        await world.answer(target)
        await listener.until(target, LegEventKind.ANSWERED)
        for _ in range(2):
            await transfer.arrange(screening, dial={"prompt": world.missing_recording})
        unheard = await listener.until(target, LegEventKind.UNHEARD)
        for _ in range(2):
            await expect(world, {target: {ANNOUNCEMENT}, customer: {MUSIC}})
        await world.press(target, "1")
        await listener.until(target, LegEventKind.DIGIT)
    assert (unheard.owner, unheard.evidence.text) == (transfer.owner, world.missing_recording)
    assert [event.kind for event in listener.of(target)].count(LegEventKind.UNHEARD) == 1
    together = {customer: IN_ROOM, agent: GONE, target: IN_ROOM}
    await Steps(transfer)(together, {customer: {"target"}, target: {"customer"}})


# What the target is shown, and who has answered there.


async def test_the_number_of_the_customer_is_shown(world: World, transfer: Transfer) -> None:
    needs(world, Feature.CALLER_ID)
    customer, agent = transfer.customer, transfer.agent
    first, second = await transfer.target(name="target"), await transfer.target(name="target2")
    dial = {"caller_id": "+14155550100", "caller_id_of": customer.leg}
    await transfer.arrange({customer: ON_HOLD, agent: ON_HOLD, first: SCREENING}, dial=dial)
    await transfer.until_it_rings(first)
    assert await world.caller_id(first) not in ("", dial["caller_id"])
    dial["caller_id_of"] = world.unknown_leg
    await transfer.arrange({customer: ON_HOLD, agent: ON_HOLD, first: GONE, second: SCREENING}, dial=dial)
    await transfer.until_it_rings(second)
    assert await world.caller_id(second) == dial["caller_id"]


@pytest.mark.parametrize("detect", [True, False])
async def test_a_machine_is_told_to_who_asks(world: World, transfer: Transfer, detect: bool) -> None:
    needs(world, Feature.MACHINE)
    customer, agent, target = transfer.customer, transfer.agent, await transfer.target(Manner.MACHINE)
    screening = {customer: ON_HOLD, agent: ON_HOLD, target: SCREENING}
    async with listening(world) as listener:
        await transfer.arrange(screening, dial={"detect_machine": detect})
        await listener.until(target, LegEventKind.ANSWERED)
        await transfer.arrange(screening, dial={"detect_machine": detect})  # as the engine does when it is told
        await listener.until(target, LegEventKind.MACHINE if detect else LegEventKind.ANSWERED)
        for _ in range(A_WHILE):
            await world.pause()
    after_the_ring = [event.kind for event in listener.of(target) if event.kind != LegEventKind.RINGING]
    assert after_the_ring == [LegEventKind.ANSWERED, LegEventKind.MACHINE][: 2 if detect else 1]
    assert seen(await transfer.arrange(screening), target).phase == Phase.ANSWERED


async def goes_on(world: World, heard: Mapping[Party, str], pauses: int = A_WHILE) -> None:
    """Check for a while that each of these parties goes on hearing this, and that nothing is announced to them."""
    for _ in range(pauses):
        for party, sound in heard.items():
            assert await world.hears(party) & {sound, ANNOUNCEMENT} == {sound}
        await world.pause()


async def gone_without_a_word(world: World, party: Party) -> None:
    """Wait until somebody hears nothing any more, and check that nothing was announced to them before."""

    async def gone() -> bool:
        heard = await world.hears(party)
        assert ANNOUNCEMENT not in heard
        return not heard

    await eventually(world, gone, lambda: f"{party.name} is still there")
