"""Every party hangs up in every stage, alone or at the same moment as another, on a real Asterisk."""

import asyncio
from itertools import permutations

import pytest

from hookflash import Mode, Outcome, Stage
from tests.integration.lines import AT_ONCE, PATIENCE, Line, Lines, at_the_same_time

pytestmark = pytest.mark.asterisk

LEFT, BACK, OVER = Outcome.CUSTOMER_LEFT, Outcome.RETURNED_TO_AGENT, Outcome.CONNECTED
QUEUED, ADVISED = Outcome.SENT_TO_QUEUE, Outcome.CONSULTED

ALONE = {
    (Mode.WARM, Stage.RINGING): {"customer": LEFT, "agent": OVER, "target": BACK},
    (Mode.WARM, Stage.SCREENING): {"customer": LEFT, "agent": OVER, "target": BACK},
    (Mode.WARM, Stage.CONSULTING): {"customer": LEFT, "agent": OVER, "target": BACK},
    (Mode.WARM, Stage.THREE_WAY): {"customer": LEFT, "agent": OVER, "target": BACK},
    (Mode.WARM, Stage.ENDED): {"customer": OVER, "target": OVER},
    (Mode.COLD, Stage.RINGING): {"customer": LEFT, "agent": OVER, "target": BACK},
    (Mode.COLD, Stage.SCREENING): {"customer": LEFT, "agent": OVER, "target": BACK},
    (Mode.COLD, Stage.ENDED): {"customer": OVER, "target": OVER},
    (Mode.BLIND, Stage.RINGING): {"customer": LEFT, "target": QUEUED},
    (Mode.BLIND, Stage.SCREENING): {"customer": LEFT, "target": QUEUED},
    (Mode.CONSULT, Stage.RINGING): {"customer": LEFT, "agent": QUEUED, "target": BACK},
    (Mode.CONSULT, Stage.SCREENING): {"customer": LEFT, "agent": QUEUED, "target": BACK},
    (Mode.CONSULT, Stage.CONSULTING): {"customer": LEFT, "agent": QUEUED, "target": ADVISED},
    (Mode.CONSULT, Stage.THREE_WAY): {"customer": LEFT, "agent": OVER, "target": ADVISED},
}
"""What becomes of a transfer whose customer, agent or target hangs up in a stage; ``ENDED`` is the call after it."""
PENDING = (Stage.RINGING, Stage.SCREENING)


def outcome_of(mode: Mode, stage: Stage, leaving: tuple[str, ...]) -> Outcome:
    """Return what becomes of a transfer when these hang up: a customer who stays is never lost."""
    if len(leaving) == 1 or stage is Stage.ENDED:
        return ALONE[mode, stage][leaving[0]]
    return LEFT if "customer" in leaving else QUEUED


@pytest.mark.parametrize(("mode", "stage"), ALONE, ids=lambda it: str(it.value))
async def test_whoever_hangs_up_whenever_all_others_get_what_is_best(lines: Lines, mode: Mode, stage: Stage) -> None:
    parties = list(ALONE[mode, stage])
    orders = [*((party,) for party in parties), *permutations(parties, 2)]
    await at_the_same_time(*(hang_up(lines, mode, stage, order) for order in orders))


async def hang_up(lines: Lines, mode: Mode, stage: Stage, leaving: tuple[str, ...]) -> None:
    """Bring a transfer to a stage, let these parties hang up at the same moment, and see what becomes of the others."""
    async with lines.talk() as line:
        transfer = await line.comes_to(stage, mode)
        since = asyncio.get_running_loop().time()
        await line.hang_up(*leaving)
        expected = outcome_of(mode, stage, leaving)
        if expected is OVER and stage in PENDING:
            await line.goes_on_without_the_agent(stage)
        result = await asyncio.wait_for(transfer.wait(), PATIENCE)
        assert result.outcome is expected, f"{line}\n  {result}"
        await line.settles(result, since)
        # Whoever leaves first decides: an advisor for whom the agent has no use any more is released without a word.
        advises_nobody = mode is Mode.CONSULT and "agent" in leaving
        if "customer" in leaving and "target" not in leaving and stage in PENDING and not advises_nobody:
            was_told(line, stage)
        if stage in PENDING and expected is not OVER:
            assert "target1" not in line.ever_heard("customer") | line.ever_heard("agent"), line
            assert line.ever_heard("target") <= {"accept", "notice"}, line


def was_told(line: Line, stage: Stage) -> None:
    """See that a target whom the customer has left stopped ringing at once, or heard a short notice."""
    target, left = line.calls["target"], line.calls["customer"].at["ended"]
    if stage is Stage.RINGING:
        assert target.at["cancelled"] - left < AT_ONCE, line
    else:
        assert line.ever_heard("target") == {"accept", "notice"}, line
