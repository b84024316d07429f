"""The demo as people run it: a process of its own, its output, its links, and the commands it says to paste."""

import asyncio
import contextlib
import io
import os
import re
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from activities.telephony.model import Phase, Placement
from activities.telephony.simulator import PartyView, Snapshot, Sound
from tests.support.polling import eventually
from workers.demo.paste import recipes
from workers.demo.picture import drawing
from workers.demo.screen import Screen, Style

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"(http://localhost:\d+)/namespaces/default/workflows/([^/]+)/([0-9a-f-]{36})/history")

OUTCOMES = [
    "✓ connected — Carol is with Claims desk",
    "✓ connected — Dave is with Claims desk",
    "✓ returned to agent (no answer) — Erin is with Anna",
    "✓ connected — Frank is with Back office",
    "✓ customer left (hung up) — Grace is gone",
]

ONE_SCENE_WITH_A_WRONG_END = """
import runpy
from dataclasses import replace
from hookflash import Outcome
from workers.demo import scenes
scenes.SCENES = (replace(scenes.SCENES[4], outcome=Outcome.CONNECTED),)
runpy.run_module("workers.demo", run_name="__main__", alter_sys=True)
"""


@dataclass
class Demo:
    """A demo that runs."""

    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list[str])

    async def read(self) -> str | None:
        """Return the next line, None at the end."""
        assert self.process.stdout
        async with asyncio.timeout(40):
            line = (await self.process.stdout.readline()).decode()
        if not line:
            return None
        self.lines.append(line.rstrip("\n"))
        return self.lines[-1]

    async def read_until(self, text: str) -> None:
        """Read up to a line with this text."""
        while (line := await self.read()) is not None:
            if text in line:
                return
        raise AssertionError(f"the demo ended before {text!r}:\n{self.output}\n{await self.errors()}")

    async def ended(self) -> int:
        """Read the rest and return the exit code."""
        while await self.read() is not None:
            pass
        async with asyncio.timeout(20):
            return await self.process.wait()

    async def errors(self) -> str:
        """Return what it wrote to standard error, once it has ended."""
        assert self.process.stderr
        return (await self.process.stderr.read()).decode()

    @property
    def output(self) -> str:
        """What it wrote so far."""
        return "\n".join(self.lines)


@contextlib.asynccontextmanager
async def demo(*arguments: str) -> AsyncGenerator[Demo]:
    """Run a demo in a process group of its own, as a shell does, so that Ctrl-C can be sent to all of it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield Demo(process)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("TEMPORAL_", "HOOKFLASH_"))}


async def answers(url: str) -> None:
    """See a page answer. In its first second the UI itself may not have reached the server yet."""

    def look() -> bool | None:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status == 200
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 503:
                return None
            raise

    assert await eventually(lambda: asyncio.to_thread(look), f"an answer of {url}")


async def test_it_shows_five_transfers_and_their_links_answer() -> None:
    async with demo("-m", "workers.demo", "--speed", "10") as running:
        seen = 0
        while (line := await running.read()) is not None:
            if (link := LINK.search(line)) and seen < len(OUTCOMES):
                seen += 1
                ui, id, run = link.groups()
                await answers(link[0])
                # The page is the same for every address; what it then asks for is not.
                asked = f"{ui}/api/v1/namespaces/default/workflows/{id}?execution.runId={run}"
                await answers(asked)
        assert await running.ended() == 0, running.output
        assert not await running.errors()

    told = [line.strip() for line in running.lines if line.startswith("  ✓")]
    assert [line.split(" · ")[0] for line in told[:5]] == [
        *OUTCOMES[:4],
        f"{OUTCOMES[4]}, and no phone rings on",
    ]
    assert told[5].startswith("✓ All 5 went as they must.")
    assert "✗" not in running.output
    assert "\x1b" not in running.output, "colours in a pipe"
    assert not [line for line in running.lines if len(line) > 100 and not LINK.search(line)]


async def test_a_wrong_end_is_said_and_fails() -> None:
    async with demo("-c", ONE_SCENE_WITH_A_WRONG_END, "--speed", "10") as running:
        assert await running.ended() == 1, running.output
    assert "✗ outcome is customer_left, not connected" in running.output
    assert "✗ 1 of 1 transfers did not go as they must" in running.output


async def test_what_it_says_to_paste_works() -> None:
    async with demo("-m", "workers.demo", "--speed", "10", "--keep") as running:
        await running.read_until("  More ")
        setting = next((line for line in running.lines if line.startswith("export ")), ":")
        pasted = pasted_commands(running.lines)
        assert len(pasted) == sum(len(recipe.commands) for recipe in recipes())
        by_call = [[it for it in pasted if f"simulator:sim:{who}" in it] for who in ("kim", "lee", "max")]
        starts = [it for it in pasted if " start " in it]
        await asyncio.gather(*(succeed(setting, start) for start in starts))
        for _ in ("kim", "lee"):
            await running.read_until("Claims desk answers")
        await asyncio.gather(*(succeed(setting, *(it for it in commands if it not in starts)) for commands in by_call))

        # Ctrl-C goes to everything that runs in the terminal, the Temporal server included.
        os.killpg(running.process.pid, signal.SIGINT)
        assert await running.ended() == 0
        assert not await running.errors()

    drawn = running.output.partition("More ")[2]
    for call in ("sim:kim", "sim:lee", "sim:max"):
        assert f"\n  {call}\n" in drawn, "calls from the command line are drawn too"
    assert "agent leaves · customer and Claims desk talk" in drawn


def pasted_commands(lines: list[str]) -> list[str]:
    """Return the commands, each with the lines it goes on over."""
    text = "\n".join(lines)
    return re.findall(r"^\.venv/bin/(?:.*\\\n)*(?:[^'\n]|'[^']*')*$", text, re.MULTILINE)


async def succeed(setting: str, *commands: str) -> None:
    """Run commands one after the other; each must succeed."""
    for command in commands:
        code, said = await shell(f"{setting}; {command}")
        assert code == 0, f"{command}\n{said}"


async def shell(command: str) -> tuple[int, str]:
    """Run a command as a person would paste it; return its exit code and its output."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        command,
        cwd=ROOT,
        env=clean_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(20):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


def party(leg: str, hears: set[str], placement: Placement = Placement.IN_ROOM) -> PartyView:
    phase = Phase.ANSWERED if hears else Phase.RINGING
    return PartyView(leg=leg, name=leg, phase=phase, placement=placement, owned=True, around=frozenset(hears))


@pytest.mark.parametrize(
    ("parties", "drawn"),
    [
        ([party("c", {"a"}), party("a", {"c"})], "●━━━━━━━━━━━━●            ·"),
        (
            [party("c", {Sound.MUSIC}, Placement.ON_HOLD), party("a", {Sound.RINGBACK}), party("t", set())],
            "♫            ●┄┄┄┄┄┄┄┄┄┄┄┄☎",
        ),
        (
            [party("c", {Sound.RINGBACK}), party("a", {Sound.MUSIC}, Placement.ON_HOLD), party("t", set())],
            "●┄┄┄┄┄┄┄┄┄┄┄(♫)┄┄┄┄┄┄┄┄┄┄┄☎",
        ),
        ([party("c", {"a"}), party("a", {"c"}), party("t", set())], "●━━━━━━━━━━━━●┄┄┄┄┄┄┄┄┄┄┄┄☎"),
        ([party("c", {"t"}), party("t", {"c"})], "●━━━━━━━━━━━━━━━━━━━━━━━━━●"),
    ],
    ids=["before", "warm rings", "cold rings", "both wait for it", "connected"],
)
def test_lines_join_those_who_hear_each_other(parties: list[PartyView], drawn: str) -> None:
    snapshot = Snapshot(call="c", at=0, because="", settled=True, parties=tuple(parties))
    assert "".join(character for character, _ in drawing(snapshot, ["c", "a", "t"])) == drawn


def test_a_screen_without_unicode_or_colours_gets_neither() -> None:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    screen = Screen(stream, colour=False)
    screen.line(screen.paint("●━♫ · ☎ … ✓ —", Style.GREEN))
    assert written.getvalue() == b"o=~ . ? ~ + -\n"
    stream.close()
