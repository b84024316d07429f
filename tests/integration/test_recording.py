"""What is in the recordings of a call that is transferred by the whole engine: heard again from the files."""

import asyncio
import itertools
import uuid
import wave
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from hookflash import Agent, Customer, Mode, Outcome, Policy, Recall, RunningTransfer
from hookflash.fallbacks import HandOff
from hookflash.policy import RecordingOnHold
from tests.integration.switchboard import TalkingCall
from tests.rig import rtp
from tests.rig.behaviour import Behaviour
from tests.rig.ear import hear_exactly
from tests.rig.tones import GROUP_PACKETS, PACKET_SAMPLES, analyse, to_mulaw
from tests.support.polling import eventually

pytestmark = pytest.mark.asterisk

ON_ITS_WAY = 5
"""Tenths of a second of sound that may be on their way inside Asterisk when a recording is paused or resumed."""
A_MOMENT = 1.0
"""Seconds of sound that are to be found in a recording, or not."""


@pytest.fixture(autouse=True)
def _later_phones_count_from_higher(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every phone that comes later begin with higher sequence numbers.

    A snoop channel of Debian's Asterisk misses whoever talks to its leg with lower numbers than the last speaker's, and
    the parties hear each other all the same (docs/providers.md): it would be in the recording or not by chance.
    """
    numbers = itertools.count(1000, 3000)
    monkeypatch.setattr(rtp, "first_sequence", lambda: next(numbers))


async def test_a_recording_is_paused_on_hold_and_goes_on_with_the_target(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    recorded = await Recorded.begin(call)
    transfer = await recorded.transfer(Mode.WARM, "target1")
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    await recorded.states("paused", "paused")
    await asyncio.sleep(A_MOMENT)
    await transfer.complete()
    assert (await transfer.wait()).outcome is Outcome.CONNECTED
    await hear_exactly({call.customer: {"target1"}, target: {"customer"}})
    await recorded.states("recording", "")
    before, _ = recorded.lengths()
    await asyncio.sleep(A_MOMENT)
    await target.hang_up()
    heard = await recorded.heard_of_customer()
    assert recorded.lengths()[0] - before > A_MOMENT / 2
    assert heard == {"customer", "agent", "target1"}
    assert await recorded.heard_of_agent() == {"customer", "agent"}


@pytest.mark.parametrize("way", ["cancel", "no answer", "target leaves"])
async def test_recordings_go_on_on_every_way_back(call: TalkingCall, way: str) -> None:
    target = await call.target(Behaviour.rings() if way == "no answer" else Behaviour.answers())
    recorded = await Recorded.begin(call)
    transfer = await recorded.transfer(Mode.WARM, "target1", ring_timeout=2)
    await hear_exactly({call.customer: {"music"}})
    await recorded.states("paused", "paused")
    await asyncio.sleep(A_MOMENT)
    before = recorded.lengths()
    match way:
        case "cancel":
            await transfer.cancel()
        case "target leaves":
            await hear_exactly({target: {"agent"}})
            await target.hang_up()
        case _:
            pass
    await transfer.wait()
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    await recorded.states("recording", "recording")
    await asyncio.sleep(A_MOMENT)
    await call.hang_up()
    assert await recorded.heard_of_customer() == {"customer", "agent"}
    assert await recorded.heard_of_agent() == {"customer", "agent"}
    assert all(after - earlier > A_MOMENT / 2 for earlier, after in zip(before, recorded.lengths(), strict=True))


async def test_a_recording_goes_on_with_an_agent_who_is_recalled(call: TalkingCall) -> None:
    await call.target(Behaviour.busy())
    call.agent.behaviour = Behaviour.answers(after=1)
    recorded = await Recorded.begin(call)
    policy = Policy(fallbacks=(Recall(), HandOff(kind="queue", place="hookflash-queue")))
    transfer = await recorded.transfer(Mode.BLIND, "target1", policy=policy)
    assert (await transfer.wait()).outcome is Outcome.RECALLED_AGENT
    await hear_exactly({call.customer: {"agent"}, call.agent: {"customer"}})
    await recorded.states("recording", "")
    await call.hang_up()
    assert await recorded.heard_of_customer() >= {"customer", "agent"}


async def test_a_recording_goes_on_in_the_queue(call: TalkingCall) -> None:
    await call.target(Behaviour.busy())
    recorded = await Recorded.begin(call)
    policy = Policy(fallbacks=(HandOff(kind="queue", place="hookflash-queue"),))
    transfer = await recorded.transfer(Mode.BLIND, "target1", policy=policy)
    assert (await transfer.wait()).outcome is Outcome.SENT_TO_QUEUE
    await hear_exactly({call.customer: {"queue"}})
    await recorded.states("recording", "")
    await asyncio.sleep(A_MOMENT)
    await call.hang_up()
    assert "queue" in await recorded.heard_of_customer()


async def test_recordings_can_go_on_while_somebody_is_on_hold(call: TalkingCall) -> None:
    target = await call.target(Behaviour.answers())
    recorded = await Recorded.begin(call)
    policy = Policy(recording_on_hold=RecordingOnHold.CONTINUE)
    transfer = await recorded.transfer(Mode.WARM, "target1", policy=policy)
    await hear_exactly({call.customer: {"music"}, call.agent: {"target1"}, target: {"agent"}})
    await asyncio.sleep(A_MOMENT)
    await recorded.states("recording", "recording")
    await transfer.cancel()
    await transfer.wait()
    await call.hang_up()
    assert await recorded.heard_of_customer() >= {"customer", "agent", "music"}
    assert await recorded.heard_of_agent() >= {"customer", "agent", "target1"}


class Recorded:
    """A call of which both legs are recorded, as a contact centre does."""

    def __init__(self, call: TalkingCall) -> None:
        self.call = call
        folder = uuid.uuid4().hex
        self.names = (f"{folder}-customer", f"{folder}-agent")

    @classmethod
    async def begin(cls, call: TalkingCall) -> "Recorded":
        """Record both legs for a moment before anything happens."""
        recorded = cls(call)
        for leg, name in zip((call.customer_leg, call.agent_leg), recorded.names, strict=True):
            await call.office.calls.record(leg, name)
        await recorded.states("recording", "recording")
        await asyncio.sleep(A_MOMENT)
        return recorded

    async def transfer(
        self, mode: Mode, target: str, *, policy: Policy | None = None, ring_timeout: float = 10
    ) -> RunningTransfer:
        """Start a transfer that knows of the recordings."""
        customer, agent = self.names
        return await self.call.transfer(
            mode,
            target,
            policy=policy,
            ring_timeout=ring_timeout,
            customer=Customer(leg=self.call.customer_leg, recording=customer),
            agent=Agent(leg=self.call.agent_leg, address="pjsip:agent", recording=agent),
        )

    async def states(self, *wanted: str) -> None:
        """Wait until the recordings of customer and agent are in these states; empty: over."""

        async def there() -> bool | None:
            ari = self.call.office.node.ari
            found = [await ari.call("GET", f"/recordings/live/{name}", ok=(200, 404)) for name in self.names]
            return [it.get("state", "") for it in found] == list(wanted) or None

        await eventually(there, f"recordings that are {wanted}")

    def lengths(self) -> list[float]:
        """Return how many seconds are in the files by now."""
        return [self._file(name).stat().st_size / 16000 for name in self.names]

    async def heard_of_customer(self) -> frozenset[str]:
        """Return what is in the recording of the customer's leg, once it is over."""
        return await self._heard(self.names[0])

    async def heard_of_agent(self) -> frozenset[str]:
        """Return what is in the recording of the agent's leg, once it is over."""
        return await self._heard(self.names[1])

    def _file(self, name: str) -> Path:
        return self.call.office.node.folder / f"spool/recording/{name}.wav"

    async def _heard(self, name: str) -> frozenset[str]:
        ari = self.call.office.node.ari

        async def over() -> bool | None:
            return "state" not in await ari.call("GET", f"/recordings/live/{name}", ok=(200, 404)) or None

        await eventually(over, f"the end of {name}")
        with wave.open(str(self._file(name))) as file:
            assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (8000, 2, 1)
            octets = to_mulaw(np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16))
        packets = [octets[at : at + PACKET_SAMPLES] for at in range(0, len(octets), PACKET_SAMPLES)]
        whole = [packet for packet in packets if len(packet) == PACKET_SAMPLES]
        groups = [whole[at : at + GROUP_PACKETS] for at in range(0, len(whole), GROUP_PACKETS)]
        times = Counter(sound for group in groups for sound in analyse(group, len(group), share=0.0).sounds)
        return frozenset(sound for sound, count in times.items() if count > ON_ITS_WAY)
