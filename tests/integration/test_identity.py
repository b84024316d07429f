"""Whom each phone shows while the whole engine changes who talks to whom, read from what a real Asterisk sends it."""

import pytest

from hookflash import Context, Mode, Outcome, Policy, Recall, Target
from hookflash.fallbacks import HandOff
from tests.integration.switchboard import TalkingCall, nth_call
from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.rig.ear import hear_exactly
from tests.rig.phone import Phone
from tests.rig.sip import Message
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

COMPANY, CAROL, NAME = "+14155550100", "+4930123456", 'Jürgen "山田" Müller'


async def test_every_change_of_the_partner_is_shown(call: TalkingCall) -> None:
    target, other = await call.target(Behaviour.answers()), await call.target(Behaviour.answers(), "target2")
    customer, agent = call.customer, call.agent
    await known_as(call)
    transfer = await call.transfer(Mode.WARM, "target1", policy=Policy(caller_id=COMPANY))
    await shows(agent, "target1")
    await hear_exactly({customer: {"music"}, agent: {"target1"}, target: {"agent"}})
    assert number_shown(target) == COMPANY
    await transfer.swap()
    await shows(agent, CAROL)
    await hear_exactly({customer: {"agent"}, agent: {"customer"}, target: {"music"}})
    await transfer.swap()
    await shows(agent, "target1")
    await hear_exactly({customer: {"music"}, agent: {"target1"}, target: {"agent"}})
    await transfer.retarget(Target(address="pjsip:target2"))
    await shows(agent, "target2")
    await hear_exactly({customer: {"music"}, agent: {"target2"}, other: {"agent"}})
    await transfer.conference()
    await shows(agent, CAROL)
    assert number_shown(other) == COMPANY
    await hear_exactly({customer: {"agent", "target2"}, agent: {"customer", "target2"}, other: {"customer", "agent"}})
    await transfer.complete()
    await shows(other, CAROL)
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await hear_exactly({customer: {"target2"}, other: {"customer"}})
    names = {it.get("P-Asserted-Identity") for it in updates(other.calls[-1])}
    assert names == {f'"Jürgen \\"山田\\" Müller" <sip:{CAROL}@127.0.0.1>'}
    # The customer is never told of anybody's number.
    assert updates(customer.calls[-1]) == []
    await other.hang_up()


@pytest.mark.parametrize("way", ["cancel", "target leaves", "unhold"])
async def test_an_agent_who_is_back_with_the_customer_is_shown_the_customer(call: TalkingCall, way: str) -> None:
    target = await call.target(Behaviour.answers())
    await known_as(call)
    transfer = await call.transfer(Mode.WARM, "target1", policy=Policy(caller_id=COMPANY))
    await shows(call.agent, "target1")
    match way:
        case "cancel":
            await transfer.cancel()
        case "target leaves":
            await target.hang_up()
        case _:
            await transfer.unhold()
    await shows(call.agent, CAROL)
    talk = {"customer"} if way != "unhold" else {"customer", "target1"}
    await hear_exactly({call.agent: talk})
    if way == "unhold":
        await transfer.cancel()
    assert (await transfer.wait()).outcome in (Outcome.CANCELLED, Outcome.RETURNED_TO_AGENT)
    await hear_exactly({call.agent: {"customer"}, call.customer: {"agent"}})
    assert number_shown(call.agent) == CAROL
    assert updates(call.customer.calls[-1]) == []


async def test_an_agent_who_is_recalled_is_shown_the_customer(call: TalkingCall) -> None:
    await call.target(Behaviour.busy())
    await known_as(call)
    call.agent.behaviour = Behaviour.answers()
    place = HandOff(kind="queue", place="hookflash-queue")
    policy = Policy(caller_id=COMPANY, fallbacks=(Recall(), place))
    transfer = await call.transfer(Mode.BLIND, "target1", policy=policy)
    again = await nth_call(call.agent, 2)
    assert COMPANY in again.invite.get("From")
    assert (await transfer.wait()).outcome is Outcome.RECALLED_AGENT
    await shows(call.agent, CAROL)
    await hear_exactly({call.agent: {"customer"}, call.customer: {"agent"}})


async def test_user_to_user_information_and_a_name_in_utf_8_come_with_the_call(call: TalkingCall) -> None:
    target = await call.target(Behaviour.rings())
    information = "56a390f3d2b7310023a2;encoding=hex;purpose=foo"
    context = Context(customer_name=NAME, user_to_user=information, data={"Ticket": '€ 5, "${EXTEN}"'})
    transfer = await call.transfer(Mode.WARM, "target1", context=context)
    invite = (await target.incoming()).invite
    assert invite.all("User-to-User") == [information]
    assert invite.all("X-Transfer-Customer") == [NAME]
    assert invite.all("X-Transfer-Data-Ticket") == ['€ 5, "${EXTEN}"']
    await transfer.cancel()
    await transfer.wait()


async def known_as(call: TalkingCall) -> None:
    """Give the customer a number and a name."""
    await call.office.calls.set_variables(call.customer_leg, {"CALLERID(num)": CAROL, "CALLERID(name)": NAME})


async def shows(phone: Phone, number: str) -> None:
    """Wait until a phone shows a number."""

    async def shown() -> bool | None:
        return number_shown(phone) == number or None

    await eventually(shown, f"{number} on {phone.name}")


def number_shown(phone: Phone) -> str:
    """Return the number that a phone shows in its latest call."""
    return phone.calls[-1].partner


def updates(call: Call) -> list[Message]:
    """Return what could have changed the call of a phone since it began, and said who the far end is."""
    return [it for it in call.received if it.method in ("INVITE", "UPDATE") and it is not call.invite]
