"""An agent's other line (``agent.consulting_leg``) that another transfer has by now: it costs nobody anything."""

import pytest

from hookflash import Mode, Outcome, Target
from tests.workflows.engine import Engine
from tests.workflows.people import hear, journal, ring
from tests.workflows.soundness import ends_soundly

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("mode", [Mode.COLD, Mode.WARM])
async def test_a_line_that_is_in_another_transfer_is_left_to_it(engine: Engine, mode: Mode) -> None:
    other = await engine.transfer(Mode.COLD, Target(address="sim:eve?ring", name="Eve"))
    await ring(other, "Eve")
    line = other.request.agent.leg
    request = engine.request(mode, Target(address="sim:bob?answer=100ms", name="Bob"))
    agent = request.agent.model_copy(update={"consulting_leg": line})
    transfer = await engine.start(request.model_copy(update={"agent": agent}))
    if mode is Mode.WARM:
        await hear(transfer, customer="music", agent="Bob", Bob="agent")
        await transfer.do("complete")
    result = await ends_soundly(transfer)
    assert (result.outcome, result.customer_with) == (Outcome.CONNECTED, ("target",))
    assert "agent's other call is in another transfer and stays there" in journal(await transfer.status())
    await hear(other, customer="ringback", agent="music")
