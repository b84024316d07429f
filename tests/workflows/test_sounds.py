"""What people hear besides each other: announcements at the right moment, to the right person, and to nobody else."""

from datetime import timedelta

import pytest

from hookflash import Actor, CustomerAudio, HandOff, Hold, Mode, Outcome, Party, Policy, Recall, Stage, Target
from hookflash.policy import ConsultWarning
from tests.workflows.engine import Engine, Running
from tests.workflows.people import asked, causes, hear, leg_of, person, ring
from tests.workflows.scenarios import LONG, SHORT
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)

QUEUE = HandOff(kind="queue", place="claims")
MUSIC = Policy(customer_audio=CustomerAudio.MUSIC, fallbacks=(Recall(), QUEUE))


def heard_by(transfer: Running, name: str) -> list[tuple[str, ...]]:
    """Return everything that somebody has heard, in order."""
    mine = [it for it in transfer.engine.exchange.timeline if it.call == transfer.request.customer.leg]
    sounds = [it.hears[name] for it in mine if name in it.hears]
    return [it for n, it in enumerate(sounds) if n == 0 or sounds[n - 1] != it]


# Music in place of ringback.


@pytest.mark.parametrize("mode", [Mode.COLD, Mode.BLIND])
async def test_a_customer_hears_music_until_the_target_is_there(engine: Engine, mode: Mode) -> None:
    transfer = await engine.transfer(mode, person("Bob"), policy=MUSIC, tenant="bold")
    await ring(transfer, "Bob")
    agent = {"agent": "music"} if mode is Mode.COLD else {}
    await hear(transfer, customer="music", **agent)
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    await hear(transfer, customer="Bob", Bob="customer")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
    assert ("ringback",) not in heard_by(transfer, "customer")


async def test_a_customer_hears_music_while_others_ring_and_while_the_agent_is_recalled(engine: Engine) -> None:
    transfer = await engine.transfer(
        Mode.BLIND, person("Bob"), person("Dora", together=True), person("Erik"), policy=MUSIC, tenant="bold"
    )
    await ring(transfer, "Bob", "Dora")
    await hear(transfer, customer="music")
    for name in ("Bob", "Dora"):
        engine.exchange.hang_up(leg_of(transfer, name).id)
    await ring(transfer, "Erik")
    await hear(transfer, customer="music")
    engine.exchange.hang_up(leg_of(transfer, "Erik").id)
    assert (await ends_soundly(transfer)).outcome is Outcome.RECALLED_AGENT
    await hear(transfer, customer="agent", agent="customer")
    assert ("ringback",) not in heard_by(transfer, "customer")
    assert ("silence",) not in heard_by(transfer, "customer")


async def test_music_gives_way_to_the_agent_who_comes_back(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, person("Bob"), policy=MUSIC)
    await hear(transfer, customer="music", agent="music")
    await transfer.do("unhold")
    await hear(transfer, customer="agent", agent="customer")
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    await hear(transfer, customer="agent,Bob", agent="customer,Bob", Bob="customer,agent")
    await transfer.do("complete")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED


async def test_a_customer_with_music_who_hangs_up_stops_the_ringing(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.COLD, person("Bob"), policy=MUSIC)
    await ring(transfer, "Bob")
    engine.exchange.hang_up(transfer.request.customer.leg)
    engine.exchange.answer(leg_of(transfer, "Bob").id)  # at the same instant
    result = await ends_soundly(transfer)
    assert result.outcome is Outcome.CUSTOMER_LEFT
    assert "customer" not in str(heard_by(transfer, "Bob"))


# When the wait begins.


async def test_a_customer_is_told_once_that_the_wait_begins(engine: Engine) -> None:
    transfer = await engine.transfer(Mode.WARM, person("Bob"), policy=Policy(hold_announcement="one-moment"))
    await hear(transfer, customer="announcement", agent="ringback")
    await hear(transfer, customer="music", agent="ringback")
    await transfer.do("unhold")
    await hear(transfer, customer="agent", agent="customer")
    await transfer.do("hold")
    await hear(transfer, customer="music", agent="ringback")
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    await transfer.do("complete")
    await ends_soundly(transfer)
    assert heard_by(transfer, "customer").count(("announcement",)) == 1
    assert ("announcement",) not in heard_by(transfer, "agent")


async def test_an_announcement_is_broken_off_for_nothing_but_it_keeps_nobody_waiting(engine: Engine) -> None:
    policy = Policy(hold_announcement="one-moment")
    transfer = await engine.transfer(Mode.COLD, person("Bob", "answer=50ms"), policy=policy)
    result = await ends_soundly(transfer)
    assert result.outcome is Outcome.CONNECTED
    assert result.ended_at - result.started_at < timedelta(seconds=5)
    await hear(transfer, customer="Bob", Bob="customer")


async def test_a_recording_that_the_provider_does_not_have_costs_nobody_anything(engine: Engine) -> None:
    policy = Policy(hold_announcement="missing")
    transfer = await engine.transfer(Mode.WARM, person("Bob", on_join="missing"), policy=policy)
    await hear(transfer, customer="music", agent="ringback")
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    await transfer.do("complete")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
    assert ("announcement",) not in heard_by(transfer, "customer")


# When the target joins.


@pytest.mark.parametrize("target", [person("Bob", on_join="beep"), asked("Bob").model_copy(update={"on_join": "beep"})])
async def test_a_target_that_joins_hears_a_beep_that_nobody_else_hears(engine: Engine, target: Target) -> None:
    transfer = await engine.transfer(Mode.COLD, target)
    await ring(transfer, "Bob")
    bob = leg_of(transfer, "Bob").id
    engine.exchange.answer(bob)
    if target.accept is not None:
        await transfer.reaches(Stage.SCREENING)
        engine.exchange.press(bob, "1")
    await hear(transfer, customer="Bob", Bob="announcement")
    await hear(transfer, customer="Bob", Bob="customer")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
    assert ("announcement",) not in heard_by(transfer, "customer")
    assert ("announcement",) not in heard_by(transfer, "agent")


async def test_of_several_each_has_its_own_beep_and_only_who_joins_hears_it(engine: Engine) -> None:
    bob, dora = person("Bob", on_join="missing"), person("Dora", together=True, on_join="beep")
    transfer = await engine.transfer(Mode.WARM, bob, dora)
    await ring(transfer, "Bob", "Dora")
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    await hear(transfer, customer="music", agent="Dora", Dora="announcement")
    await hear(transfer, customer="music", agent="Dora", Dora="agent")
    await transfer.do("conference")
    await hear(transfer, customer="agent,Dora", agent="customer,Dora", Dora="customer,agent")
    await transfer.do("complete")
    assert causes(await ends_soundly(transfer)) == ["Bob answered_elsewhere", "Dora"]
    assert heard_by(transfer, "Dora").count(("announcement",)) == 1, "it has joined once"


# When the consultation is about to end.


async def test_a_warning_comes_so_long_before_the_limit_as_was_asked_for(engine: Engine) -> None:
    warning = ConsultWarning(announcement="beep", before=LONG - SHORT)
    transfer = await engine.transfer(
        Mode.WARM, person("Bob", "answer=0ms"), policy=Policy(consult_limit=LONG, consult_warning=warning)
    )
    await hear(transfer, customer="music", agent="announcement", Bob="agent")
    await hear(transfer, customer="music", agent="Bob", Bob="agent")
    await transfer.do("swap")
    await hear(transfer, customer="agent", agent="customer", Bob="music")
    await transfer.do("hold", Hold(party=Party.CUSTOMER))
    await transfer.do("complete")
    await ends_soundly(transfer)
    assert heard_by(transfer, "agent").count(("announcement",)) == 1


async def test_who_is_not_in_private_talk_is_not_warned(engine: Engine) -> None:
    warning = ConsultWarning(announcement="beep", before=LONG - SHORT)
    # The agent leaves the three by itself, at a time when a warning would have been over for long.
    policy = Policy(consult_limit=LONG, consult_warning=warning, linger=2 * SHORT)
    transfer = await engine.transfer(Mode.WARM, person("Bob"), policy=policy)
    await ring(transfer, "Bob")
    await transfer.do("unhold")
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    assert (await ends_soundly(transfer)).ended_by is Actor.ENGINE
    assert set(heard_by(transfer, "agent")[-1]) == {"customer", "Bob"}
    assert ("announcement",) not in heard_by(transfer, "agent")


# Whose number the target sees.


@pytest.mark.parametrize("whose", ["customer", "agent"])
async def test_the_target_sees_the_number_that_the_policy_says(engine: Engine, whose: str) -> None:
    policy = Policy.model_validate({"caller_id_of": whose, "caller_id": "100"})
    transfer = await engine.transfer(Mode.COLD, person("Bob"), person("Dora", together=True), policy=policy)
    await ring(transfer, "Bob", "Dora")
    number = getattr(transfer.request, whose).leg.removeprefix("sim:")
    assert [leg_of(transfer, it).shown for it in ("Bob", "Dora")] == [number, number]
    await transfer.do("cancel")
    await ends_soundly(transfer)


async def test_an_agent_s_number_that_is_gone_gives_way_to_the_other(engine: Engine) -> None:
    """A blind transfer: the agent leaves as the target is rung, and the second target is rung without an agent."""
    policy = Policy(caller_id_of="agent", caller_id="100")
    transfer = await engine.transfer(Mode.BLIND, person("Bob", "busy"), person("Dora"), policy=policy, tenant="bold")
    await ring(transfer, "Dora")
    assert leg_of(transfer, "Dora").shown == "100"
    engine.exchange.answer(leg_of(transfer, "Dora").id)
    await ends_soundly(transfer)


@pytest.mark.parametrize(("mode", "show"), [(Mode.WARM, True), (Mode.WARM, False), (Mode.COLD, True)])
async def test_the_target_sees_the_customer_once_they_are_left_to_themselves(
    engine: Engine, mode: Mode, show: bool
) -> None:
    policy = Policy(caller_id="100", show_customer=show)
    transfer = await engine.transfer(mode, person("Bob"), policy=policy)
    await ring(transfer, "Bob")
    engine.exchange.answer(leg_of(transfer, "Bob").id)
    if mode is Mode.WARM:
        await hear(transfer, customer="music", agent="Bob", Bob="agent")
        assert leg_of(transfer, "Bob").shown == "100"
        await transfer.do("complete")
    assert (await ends_soundly(transfer)).outcome is Outcome.CONNECTED
    await hear(transfer, customer="Bob", Bob="customer")
    number = transfer.request.customer.leg.removeprefix("sim:")
    assert leg_of(transfer, "Bob").shown == (number if show else "100")
