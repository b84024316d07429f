"""Plays scenes: places the call, starts the transfer, gives the cues, and checks how it ended."""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import quote

from activities.telephony.simulator import SimulatedExchange, Snapshot, Sound
from hookflash import Cause, CommandName, HookflashError, RunningTransfer, TransferClient, TransferResult
from workers.demo.scenes import AGENT, Cue, Scene
from workers.demo.screen import Screen, Style
from workers.demo.timeline import Timeline

BEFORE, AFTER = 1.6, 1.2
"""Seconds for reading what a scene is about, and for looking at how it ended."""

PATIENCE = 30.0
"""Seconds after which a transfer counts as stuck."""

_POLL = 0.05


@dataclass
class Played:
    """What came of a scene."""

    scene: Scene
    call: str
    """The customer's leg."""
    link: str
    """Where the Temporal UI shows the transfer."""
    result: TransferResult | None = None
    problems: list[str] = field(default_factory=list[str])
    """What must not have happened, a sentence each."""


def link(ui: str, transfer: RunningTransfer) -> str:
    """Return where the Temporal UI shows a transfer."""
    return f"{ui}/namespaces/default/workflows/{quote(transfer.id, safe='')}/{transfer.run_id}/history"


def check(scene: Scene, result: TransferResult) -> list[str]:
    """Return how a result differs from what the scene must end with, a sentence each."""
    pairs = {
        "outcome": (scene.outcome, result.outcome),
        "cause": (scene.cause, result.cause),
        "customer with": (scene.customer_with, result.customer_with),
    }
    return [f"{what} is {_told(got)}, not {_told(must)}" for what, (must, got) in pairs.items() if must != got]


def _told(value: str | tuple[str, ...] | None) -> str:
    return ("nobody" if value == () else " and ".join(value)) if isinstance(value, tuple) else str(value or "none")


class Director:
    """Moves the phones and says what people say.

    Args:
        screen: Where the timelines go.
        speed: How many times faster than scripted everybody is.
    """

    def __init__(self, screen: Screen, speed: float) -> None:
        self.exchange = SimulatedExchange(answer_for_strangers=True, on_change=self._changed)
        self._screen = screen
        self._speed = speed
        self._timelines: dict[str, Timeline] = {}
        self._shown: Timeline | None = None
        self._early: list[Snapshot] | None = None
        self._muted: set[str] = set()

    async def play(self, number: int, scene: Scene, client: TransferClient, ui: str) -> Played:
        """Play a scene from the call before the transfer until its outcome; `clear` comes next.

        Args:
            number: The number of the scene.
            scene: What is played.
            client: A client of the engine.
            ui: Address of the Temporal UI.
        """
        request = scene.request(number, self._speed)
        call, known = request.customer.leg, len(self.exchange.violations)
        timeline = self._timelines[call] = self._shown = Timeline(
            self._screen,
            self._cause_of,
            customer=scene.customer,
            agent=AGENT,
            targets=[it.name for it in scene.callees],
        )
        # The link stands above the drawing, and is not known before the transfer has started.
        self._early = []
        self.exchange.place_call(call, request.agent.leg)
        await self._pause(BEFORE)
        asked = self._now(call)
        transfer = await client.start(request)
        played = Played(scene, call, link(ui, transfer))
        self._raise_the_curtain(played, timeline, asked)
        try:
            async with asyncio.timeout(PATIENCE):
                played.result = await self._perform(scene, call, transfer, timeline)
            played.problems += check(scene, played.result)
        except TimeoutError:
            played.problems.append(f"it was not over after {PATIENCE:g} s")
        except HookflashError as error:
            played.problems.append(str(error))
        played.problems += self.exchange.violations[known:]
        return played

    def _raise_the_curtain(self, played: Played, timeline: Timeline, asked: float) -> None:
        early, self._early = self._early or [], None
        self._screen.line(f"  {self._screen.paint(played.link, Style.DIM)}")
        self._screen.line()
        timeline.head()
        targets = ", then ".join(it.name for it in played.scene.callees)
        for snapshot in (it for it in early if it.at <= asked):
            timeline.show(snapshot)
        timeline.command(asked, AGENT, f"{played.scene.mode.value} transfer to {targets}")
        for snapshot in (it for it in early if it.at > asked):
            timeline.show(snapshot)

    async def _perform(self, scene: Scene, call: str, transfer: RunningTransfer, timeline: Timeline) -> TransferResult:
        cues = asyncio.create_task(self._give_cues(scene, call, transfer, timeline))
        waiting = asyncio.create_task(transfer.wait())
        try:
            await asyncio.wait({cues, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if cues.done():
                cues.result()  # a command that was refused
            return await waiting
        finally:
            for task in (cues, waiting):
                task.cancel()

    async def _give_cues(self, scene: Scene, call: str, transfer: RunningTransfer, timeline: Timeline) -> None:
        for cue in scene.cues:
            while (await transfer.status()).stage is not cue.stage:  # noqa: ASYNC110 a query is the way to know
                await asyncio.sleep(_POLL)
            await self._pause(cue.after)
            await self._give(cue, call, transfer, timeline)

    async def _give(self, cue: Cue, call: str, transfer: RunningTransfer, timeline: Timeline) -> None:
        match cue.command:
            case None:
                self.exchange.hang_up(call)
            case CommandName.CONFERENCE:
                timeline.command(self._now(call), AGENT, "conference")
                await transfer.conference()
            case CommandName.COMPLETE:
                timeline.command(self._now(call), AGENT, "complete")
                await transfer.complete()
            case _:
                raise NotImplementedError(f"nobody gives the cue {cue.command} in the demo")

    async def clear(self, played: Played) -> None:
        """Let those who are left hang up, unseen; a leg that stays behind is a leak."""
        await self._pause(AFTER)
        call, known = played.call, len(self.exchange.violations)
        self._muted.add(call)
        left = self.exchange.snapshot(call).parties
        if left:
            self.exchange.hang_up(left[0].leg)
        try:
            async with asyncio.timeout(5):
                await self.exchange.until(lambda: not self.exchange.snapshot(call).parties)
        except TimeoutError:
            names = ", ".join(party.name for party in self.exchange.snapshot(call).parties)
            played.problems.append(f"still up after everybody had hung up: {names}")
        played.problems += self.exchange.violations[known:]

    def longest_silence(self) -> float:
        """Return how long a customer heard nothing, at most, in seconds."""
        longest = 0.0
        since: dict[str, float] = {}
        for snapshot in self.exchange.timeline:
            customer = snapshot.party(snapshot.call)
            if customer is not None and Sound.SILENCE in customer.hears:
                since.setdefault(snapshot.call, snapshot.at)
            elif snapshot.call in since:
                longest = max(longest, snapshot.at - since.pop(snapshot.call))
        return longest

    def _changed(self, snapshot: Snapshot) -> None:
        """Draw a change. Calls that nobody placed here come from the command line, and are drawn too."""
        if snapshot.call in self._muted:
            return
        if self._early is not None:
            self._early.append(snapshot)
            return
        if not snapshot.settled:
            return
        timeline = self._timelines.get(snapshot.call)
        if timeline is None:
            if not any(party.owned for party in snapshot.parties):
                return  # no transfer has touched it yet
            targets = [party.name for party in snapshot.parties if party.name not in ("customer", "agent")]
            timeline = self._timelines[snapshot.call] = Timeline(self._screen, self._cause_of, targets=targets)
        if timeline is not self._shown:
            self._shown = timeline
            self._screen.line()
            self._screen.line(f"  {self._screen.paint(snapshot.call, Style.BOLD)}")
            timeline.head()
        timeline.show(snapshot)

    def _cause_of(self, leg: str) -> Cause | None:
        return self.exchange.legs[leg].cause

    def _now(self, call: str) -> float:
        return self.exchange.snapshot(call).at

    async def _pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)
