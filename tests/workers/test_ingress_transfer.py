"""Real transfers that hear of their legs by webhooks alone: every event comes through an ingress."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client

from hookflash import AcceptGate, Cause, Mode, Outcome, ProviderEvent, Stage, Target, names
from tests.support.twilio_signing import CALL_SID, signed_form
from tests.workers.ingress_process import Ingress, Secrets, ingress_process
from tests.workers.process import temporal_at
from tests.workflows.engine import Engine, Running, running_engine

pytestmark = pytest.mark.timeout(120)

STATUS = {"ringing": "ringing", "answered": "in-progress"}
ENDED = {"busy": "busy", "no_answer": "no-answer", "released": "canceled"}


class Twilio:
    """Tells by webhooks what happens on the simulated exchange, each of it twice."""

    def __init__(self, ingress: Ingress) -> None:
        self._ingress = ingress
        self._turns: dict[str, int] = {}
        self.told = 0

    async def tell(self, owner: str, event: ProviderEvent) -> None:
        """Tell of an event, and once more as if the answer had been lost."""
        for _ in range(2):
            assert await self._call(owner, event) in (200, 204)
            self.told += 1
        if event.kind == "digit":
            self._turns[event.leg] = self._turns.get(event.leg, 0) + 1

    async def _call(self, owner: str, event: ProviderEvent) -> int:
        if event.kind == "digit":
            turn = self._turns.get(event.leg, 0)
            url = self._ingress.urls.screen(owner, event.leg).partition("#")[0] + (f"?turn={turn}" if turn else "")
            return (await self._ingress.call(url, {"CallSid": CALL_SID, "Digits": event.digit})).status
        status = ENDED.get(event.cause, "completed") if event.kind == "ended" else STATUS[event.kind]
        return (await self._ingress.tell(owner, event.leg, status)).status


@pytest.fixture(scope="module")
async def ingress(client: Client, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ingress]:
    secrets = Secrets(tmp_path_factory.mktemp("ingress"))
    async with ingress_process(secrets, **temporal_at(client)) as running:
        yield running


@pytest.fixture
async def engine(client: Client) -> AsyncIterator[Engine]:
    async with running_engine(client) as engine:
        yield engine


def gated(script: str) -> Target:
    return Target(address=f"sim:bob?{script}", name="Claims desk", accept=AcceptGate(timeout=timedelta(seconds=20)))


async def owner_of(transfer: Running) -> str:
    described = await transfer.handle.describe()
    return names.owner_token(described.id, described.run_id)


@pytest.mark.parametrize(
    ("script", "outcome", "cause"),
    [
        ("answer=50ms&press=1&after=100ms", Outcome.CONNECTED, None),
        ("answer=50ms&press=2&after=100ms", Outcome.RETURNED_TO_AGENT, Cause.DECLINED),
        ("busy", Outcome.RETURNED_TO_AGENT, Cause.BUSY),
    ],
)
async def test_a_transfer_hears_of_its_target_by_webhooks(
    engine: Engine, ingress: Ingress, script: str, outcome: Outcome, cause: Cause | None
) -> None:
    twilio = Twilio(ingress)
    engine.post = twilio.tell
    result = await (await engine.transfer(Mode.COLD, gated(script))).result(60)
    assert (result.outcome, result.cause) == (outcome, cause)
    assert twilio.told >= 2


async def test_no_webhook_of_a_stranger_moves_a_transfer(engine: Engine, ingress: Ingress) -> None:
    engine.post = Twilio(ingress).tell
    transfer = await engine.transfer(Mode.COLD, gated("answer=50ms"))
    await transfer.reaches(Stage.SCREENING)
    owner, leg = await owner_of(transfer), transfer.target_leg
    pressed = {"CallSid": CALL_SID, "Digits": "1"}
    url = ingress.urls.screen(owner, leg)
    # Not signed by Twilio.
    body, headers = signed_form(url, pressed, "a token that somebody has guessed")
    assert (await ingress.send(url, body, **headers)).status == 403
    # Signed, for a URL that somebody has made up: of this transfer, by what is to be seen of it.
    forged = url.partition("#")[0][:-4] + "AAAA"
    assert (await ingress.call(forged, pressed)).status == 403
    # Signed, and ours, for the leg of another transfer.
    assert (await ingress.call(ingress.urls.screen(owner, "hf-of-another"), pressed)).status == 200
    assert (await ingress.tell(owner, "hf-of-another", "completed")).status == 204
    assert (await transfer.status()).stage is Stage.SCREENING
    # The real one.
    assert (await ingress.call(url, pressed)).status == 200
    assert (await transfer.result(60)).outcome is Outcome.CONNECTED
    # And once more, when it is over: nobody is disturbed.
    assert (await ingress.call(url, pressed)).status == 200
    assert (await ingress.tell(owner, leg, "ringing")).status == 204
