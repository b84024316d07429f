"""From the request to the target's phone and to the customer's music, against Asterisk's own attended transfer."""

import asyncio
import random

from benchmarks.asterisk import OWN_TARGETS, Exchange, exchange, listens
from benchmarks.options import Options
from benchmarks.rows import Asked, Row
from hookflash import Mode, Stage
from tests.integration.switchboard import TalkingCall, heard, reaches
from tests.rig.behaviour import Behaviour
from tests.rig.call import Call
from tests.support.polling import eventually

TITLE = "Time to ring, time to hold, time to be connected"
ABOUT = """\
A warm transfer on a real Asterisk with SIP phones, each of which says one tone; times are of SIP messages and of the
first RTP packet with a tone, which come every 20 ms. The reference is Asterisk's attended transfer on the same node:
AMI `Atxfer`, completed by the agent's hang-up, without its beep. For the engine the beginning is the caller's
`start`, or the command; the whole way through Temporal is in it."""
AGAINST = "AMI Atxfer"
ANSWERS = (0.3, 0.4)
"""Seconds until the target answers; chance, so that it is not in step with the packets."""


async def run(options: Options) -> list[Row]:
    """Measure."""
    rows = {
        "invite": Row("start -> INVITE at the target", "ms", [], AGAINST, [], Asked(1 / 6, p99_ratio_at_most=1 / 3)),
        "music": Row("start -> customer hears music", "ms", [], AGAINST, [], Asked(1 / 4, p99_ratio_at_most=1 / 3)),
        "hold": Row("hold -> customer hears music", "ms", [], AGAINST, [], Asked(1 / 4, p99_ratio_at_most=1 / 3)),
        "target": Row("complete -> target hears the customer", "ms", [], AGAINST, [], Asked(1.5)),
        "customer": Row("complete -> customer hears the target", "ms", [], AGAINST, []),
    }
    async with exchange() as on, on.worker("worker") as worker:
        await listens(worker)
        for number in range((options.samples or 40) + 1):
            variants = [(_ours, "samples"), (_atxfer, "reference")]
            random.shuffle(variants)
            for measure, into in variants:
                took = await measure(on)
                for name, seconds in took.items() if number else ():  # the first ones load what is loaded once
                    getattr(rows[name], into).append(seconds * 1000)
                await on.clear()
    rows["hold"].reference = rows["music"].reference
    return list(rows.values())


async def _ours(on: Exchange) -> dict[str, float]:
    call = await on.office.call()
    target = await call.target(Behaviour.answers(after=random.uniform(*ANSWERS)))
    loop = asyncio.get_running_loop()
    began = loop.time()
    transfer = await call.transfer(Mode.WARM, "target1")
    invited = (await target.incoming()).at["invite"]
    music = await heard(call.customer, "music", began)
    await heard(call.agent, "target1", began)
    await reaches(transfer, Stage.CONSULTING)
    await transfer.unhold()
    await heard(call.customer, "agent", loop.time())
    await asyncio.sleep(random.uniform(0.1, 0.12))
    asked = loop.time()
    await transfer.hold()
    held = await heard(call.customer, "music", asked)
    await asyncio.sleep(random.uniform(0.1, 0.12))
    assert target.call is not None
    took = {"invite": invited - began, "music": music - began, "hold": held - asked}
    completed = loop.time()
    await transfer.complete()
    took |= await _joined(call, target.call, completed)
    await transfer.wait()
    await on.office.calls.remove(call.room)
    return took


async def _atxfer(on: Exchange) -> dict[str, float]:
    call = await on.office.dialplan_call("talk")
    target = await call.target(Behaviour.answers(after=random.uniform(*ANSWERS)))
    (agent,) = [it["name"] for it in await on.office.node.channels() if it["name"].startswith("PJSIP/agent-")]
    loop = asyncio.get_running_loop()
    async with on.manager() as manager:
        began = loop.time()
        reply = await manager.act("Atxfer", Channel=agent, Exten="7001", Context=OWN_TARGETS)
        assert reply.done, reply.message
        ringing = await target.incoming()
        music = await heard(call.customer, "music", began)
        await heard(call.agent, "target1", began)
        await asyncio.sleep(random.uniform(0.1, 0.12))
        completed = loop.time()
        await call.agent.hang_up()
        return {
            "invite": ringing.at["invite"] - began,
            "music": music - began,
            **await _joined(call, ringing, completed),
        }


async def _joined(call: TalkingCall, target: Call, since: float) -> dict[str, float]:
    """Return how long after a moment target and customer heard each other."""

    async def customer_heard() -> float | None:
        return target.media.first_heard("customer", since)

    at_target = await eventually(customer_heard, "the customer at the target")
    return {"target": at_target - since, "customer": await heard(call.customer, "target1", since) - since}
