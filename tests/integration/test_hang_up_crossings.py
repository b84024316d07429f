"""A hang-up crosses an answer, an accept, a command or the end of the ringing, on a real Asterisk.

Either comes first, or both at the same moment. What may become of it is a short list; the phones then hear what the
result says, and a customer who is still there is with somebody or on the way to somebody.
"""

import asyncio
import contextlib
from dataclasses import dataclass

import pytest

from hookflash import CommandRejected, Mode, Outcome, RunningTransfer, Stage, TransferResult
from tests.integration.lines import PATIENCE, Line, Lines, at_the_same_time

pytestmark = pytest.mark.asterisk

LEFT, BACK, OVER = Outcome.CUSTOMER_LEFT, Outcome.RETURNED_TO_AGENT, Outcome.CONNECTED
QUEUED, CANCELLED, ADVISED = Outcome.SENT_TO_QUEUE, Outcome.CANCELLED, Outcome.CONSULTED

OFFSETS = (-0.04, 0.0, 0.04)
"""When a party hangs up: seconds after what this crosses, negative for before. What is decided takes about as long."""
KEY_SECONDS = 0.1
"""How long a key is held down. Asterisk reports it when it is let go."""
RING_LIMIT = 1.0


@dataclass(frozen=True)
class Crossing:
    """Something that happens in a stage, and what the transfer may come to when a party hangs up at that moment."""

    what: str
    """``answer``, ``accept`` (the key), a command of the agent, or ``timeout`` of the ringing."""
    mode: Mode
    stage: Stage
    customer: set[Outcome]
    agent: set[Outcome]
    target: set[Outcome]

    def __str__(self) -> str:
        return f"{self.what} {self.mode.value} {self.stage.value}"


CROSSINGS = (
    Crossing("answer", Mode.WARM, Stage.RINGING, {LEFT}, {OVER}, {BACK}),
    Crossing("answer", Mode.COLD, Stage.RINGING, {LEFT, OVER}, {OVER}, {BACK, QUEUED, OVER}),
    Crossing("answer", Mode.CONSULT, Stage.RINGING, {LEFT}, {QUEUED}, {BACK, ADVISED}),
    Crossing("accept", Mode.WARM, Stage.SCREENING, {LEFT}, {OVER}, {BACK}),
    Crossing("accept", Mode.COLD, Stage.SCREENING, {LEFT, OVER}, {OVER}, {BACK, QUEUED, OVER}),
    Crossing("timeout", Mode.WARM, Stage.RINGING, {LEFT, BACK}, {QUEUED, BACK}, {BACK}),
    Crossing("timeout", Mode.COLD, Stage.RINGING, {LEFT, BACK}, {QUEUED, BACK}, {BACK}),
    Crossing("complete", Mode.WARM, Stage.CONSULTING, {LEFT, OVER}, {OVER}, {BACK, QUEUED, OVER}),
    Crossing("complete", Mode.WARM, Stage.RINGING, {LEFT}, {OVER}, {BACK, QUEUED}),
    Crossing("conference", Mode.WARM, Stage.CONSULTING, {LEFT}, {OVER}, {BACK}),
    Crossing("cancel", Mode.WARM, Stage.CONSULTING, {LEFT, CANCELLED}, {OVER, CANCELLED, QUEUED}, {BACK, CANCELLED}),
    Crossing("cancel", Mode.COLD, Stage.RINGING, {LEFT, CANCELLED}, {CANCELLED, QUEUED}, {BACK, CANCELLED}),
)


@pytest.mark.parametrize("crossing", CROSSINGS, ids=str)
async def test_a_hang_up_crosses_what_happens_and_the_customer_is_with_whom_the_result_says(
    lines: Lines, crossing: Crossing
) -> None:
    allowed = {"customer": crossing.customer, "agent": crossing.agent, "target": crossing.target}

    async def cross(party: str, offset: float) -> None:
        async with lines.talk() as line:
            result, since = await crosses(line, crossing, party, offset)
            assert result.outcome in allowed[party], f"{line}\n  {result}"
            await line.settles(result, since)

    await at_the_same_time(*(cross(party, offset) for party in allowed for offset in OFFSETS))


async def crosses(line: Line, crossing: Crossing, party: str, offset: float) -> tuple[TransferResult, float]:
    """Let a party hang up around the moment of something else; return the result, and when the first of the two was."""
    loop = asyncio.get_running_loop()
    if crossing.what == "timeout":
        transfer = await line.transfer(crossing.mode, ring=RING_LIMIT)
        moment = line.calls["target"].at["invite"] + RING_LIMIT
    else:
        transfer = await line.comes_to(crossing.stage, crossing.mode)
        moment = loop.time() + max(0.0, -offset)
    leaves_at = moment + offset + (KEY_SECONDS if crossing.what == "accept" else 0.0)

    async def happen() -> None:
        await asyncio.sleep(moment - loop.time())
        await happens(line, transfer, crossing.what)

    async def leave() -> None:
        await asyncio.sleep(leaves_at - loop.time())
        await line.hang_up(party)

    await asyncio.gather(leave(), happen())
    if party == "agent" and crossing.what == "complete" and crossing.stage is Stage.RINGING:
        await line.goes_on_without_the_agent(crossing.stage)
    return await asyncio.wait_for(transfer.wait(), PATIENCE), min(moment, leaves_at)


async def happens(line: Line, transfer: RunningTransfer, what: str) -> None:
    """Let the target answer or accept, or give the agent's command, which may come too late."""
    target = line.calls["target"]
    match what:
        case "answer" if not target.ended:
            target.answer()
        case "accept" if not target.ended:
            await target.press("1")
        case "complete" | "conference" | "cancel":
            with contextlib.suppress(CommandRejected):
                await getattr(transfer, what)()
        case _:
            pass
