"""Answers that come when the ringing is about to end: two hundred races on a real Asterisk, and no join too many."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.race import Desk, End, Moment, Race
from tests.integration.switchboard import ENGINE_APP, Office, temporal_server, worker_on
from tests.rig.ari import CallControl
from tests.rig.asterisk_node import AsteriskNode
from tests.rig.phone import PhoneRack

pytestmark = [pytest.mark.asterisk, pytest.mark.calm]

RACES = 200
AT_ONCE = 6
"""Undecided races. Phones, judge, engine and exchange share a machine: with more it is the load that is tested."""
WINDOWS = {Moment.LIMIT: (-0.1, 0.1), Moment.WITHDRAWAL: (0.1, 0.45)}
"""When answers reach Asterisk: seconds after a moment, if this machine is not busy; later if it is."""
OFTEN = 20
"""Fewer of one of the three usual ends than this, and the test has not tested the race."""
WITNESS = "witness"


@pytest.fixture
async def desk(asterisk_node: AsteriskNode, phones: PhoneRack, tmp_path: Path) -> AsyncIterator[Desk]:
    """Three phones, an engine of our own, and a witness of all that happens on the node."""
    async with (
        temporal_server() as client,
        worker_on(asterisk_node, client, tmp_path / "worker.log"),
        asterisk_node.ari.subscribe(WITNESS, everything=True) as witness,
    ):
        office = Office(asterisk_node, client, phones, CallControl(asterisk_node.ari, ENGINE_APP))
        yield await Desk.plug_in(office, witness)
        await asterisk_node.drained()  # while the engine still runs: it clears up by itself


@pytest.mark.timeout(600)
async def test_an_answer_at_the_last_moment_connects_or_is_never_joined(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = random.randrange(1_000_000)
    chance = random.Random(seed)
    # The second moment is the one that decides, so more are aimed at it.
    moments = [(Moment.LIMIT, Moment.WITHDRAWAL, Moment.WITHDRAWAL)[line % 3] for line in range(RACES)]
    races = [Race(desk, line, chance.uniform(*WINDOWS[after]), after) for line, after in enumerate(moments)]
    turns = asyncio.Semaphore(AT_ONCE)

    async def run(race: Race) -> End | str:
        try:
            return await race.run(turns)
        except (AssertionError, TimeoutError) as error:
            return f"{type(error).__name__}: {error}\n  {race}"

    ends = await asyncio.gather(*(run(race) for race in races))
    faults = [end for end in ends if isinstance(end, str)]
    counts = Counter(end for end in ends if isinstance(end, End))
    with capsys.disabled():
        print(f"\nseed {seed}: " + ", ".join(f"{counts[end]} {end.value}" for end in End))
    assert not faults, f"seed {seed}: {len(faults)} of {RACES} races\n" + "\n".join(faults)
    assert all(counts[end] >= OFTEN for end in (End.CONNECTED, End.CROSSED, End.CANCELLED)), f"seed {seed}: {counts}"
    assert counts[End.NONE] <= RACES / 10, f"seed {seed}: this machine is too busy for the test: {counts}"
