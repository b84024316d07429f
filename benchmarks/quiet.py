"""A real Asterisk with more calls than this machine could carry if anybody were to be heard."""

import asyncio
from pathlib import Path
from typing import NamedTuple

from benchmarks.asterisk import OWN_TARGETS, Exchange, PeerNode
from hookflash import Agent, Context, Customer, Mode, Policy, RunningTransfer, TransferClient, TransferRequest
from tests.integration.switchboard import to_phone
from tests.rig.ari import new_id
from tests.rig.phone import Phone
from tests.support.polling import eventually

PORTS_FOR = 150
"""Open transfers for which a block of ports is enough."""
AT_ONCE = 6
RING_TIMEOUT = 600.0
PATIENCE = 60.0
QUIET = f"""
[{OWN_TARGETS}](+)
; Somebody who is there and says nothing.
exten => quiet,1,Answer()
 same => n,Wait(7200)
"""


class QuietNode(PeerNode):
    """Legs that send nothing, no music on hold, no ring tone: what is left is what Asterisk and the engine do.

    With sound, each leg is fifty packets in a second: a hundred calls on hold took half a core.
    """

    def _configure(self, run_folder: Path) -> None:
        super()._configure(run_folder)
        with (self.folder / "etc/extensions.conf").open("a", encoding="utf-8") as file:
            file.write(QUIET)
        (self.folder / "etc/indications.conf").write_text("[general]\n", encoding="utf-8")
        for recording in (self.folder / "moh").iterdir():
            recording.unlink()


class QuietCall(NamedTuple):
    """A call of two such legs, and its transfer."""

    transfer: RunningTransfer
    customer: str
    agent: str


async def open_quietly(on: Exchange, phone: Phone, policy: Policy, count: int) -> list[QuietCall]:
    """Open so many calls, a few at a time, each with a warm transfer to a phone, and return them when all ring."""
    calls: list[QuietCall] = []
    ringing = len(phone.calls)

    async def all_ring() -> bool | None:
        return len(phone.calls) == ringing + len(calls) or None

    while len(calls) < count:
        calls += await asyncio.gather(*(_open(on, phone, policy) for _ in range(min(AT_ONCE, count - len(calls)))))
        # A transfer has a leg for its target before the phone has an INVITE.
        await eventually(all_ring, "a call at the phone for each transfer", PATIENCE)
    return calls


async def _open(on: Exchange, phone: Phone, policy: Policy) -> QuietCall:
    customer, agent = await asyncio.gather(_leg(on), _leg(on))
    await on.office.calls.bridge(customer, agent)
    request = TransferRequest(
        mode=Mode.WARM,
        provider="asterisk",
        customer=Customer(leg=customer),
        agent=Agent(leg=agent),
        targets=(to_phone(phone.name, RING_TIMEOUT),),
        context=Context(),
        policy=policy,
    )
    transfer = await TransferClient(on.office.client).start(request)
    return QuietCall(transfer, customer, agent)


async def _leg(on: Exchange) -> str:
    leg = new_id("leg")
    # With the default, Asterisk converts between sample rates of 8 and 192 kHz.
    await on.office.node.ari.call(
        "POST",
        "/channels",
        {},
        endpoint=f"Local/quiet@{OWN_TARGETS}/n",
        app=on.office.calls.app,
        channelId=leg,
        formats="ulaw",
    )
    await on.office.calls.entered(leg, PATIENCE)
    return leg
