"""How transfers ended: a line for each, and the table of all."""

from collections.abc import Sequence
from datetime import timedelta

from hookflash import Outcome, TransferResult
from workers.demo.director import Played
from workers.demo.scenes import AGENT, Scene
from workers.demo.screen import Screen, Style
from workers.demo.words import listed

_COLOURS = {Outcome.CONNECTED: Style.GREEN}


def announce(screen: Screen, number: int, total: int, scene: Scene) -> None:
    """Write the title of a scene, and what to watch."""
    title = f" {number}/{total}  {scene.title} "
    screen.line()
    screen.line(screen.paint(f"──{title}{'─' * (screen.width - len(title) - 2)}", Style.BOLD))
    screen.line(f"  {scene.watch}")


def tell_outcome(screen: Screen, played: Played) -> None:
    """Write how a scene ended."""
    result = played.result
    if result is not None:
        fine = not played.problems
        mark = "✓" if fine else "✗"
        colour = _COLOURS.get(result.outcome, Style.YELLOW) if fine else Style.RED
        words = [_where(played.scene, result), *_spans(result)]
        screen.line(f"  {screen.paint(f'{mark} {_outcome(result)}', colour, Style.BOLD)} — {' · '.join(words)}")
    for problem in played.problems:
        screen.line(screen.paint(f"  ✗ {problem}", Style.RED, Style.BOLD))


def summarize(screen: Screen, all_played: Sequence[Played]) -> None:
    """Write the table of all transfers, with their links below it."""
    heads = ("", "transfer", "mode", "outcome", "cause", "attempts", "held")
    rows = [(str(number), *_row(played)) for number, played in enumerate(all_played, 1)]
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    screen.line()
    screen.line(screen.paint("──" + " Summary " + "─" * (screen.width - 11), Style.BOLD))
    screen.line(screen.paint(_aligned(heads, widths), Style.DIM))
    for row, played in zip(rows, all_played, strict=True):
        line = _aligned(row, widths)
        screen.line(screen.paint(line, Style.RED) if played.problems else line)
    screen.line()
    for number, played in enumerate(all_played, 1):
        screen.line(f"  {number}  {screen.paint(played.link, Style.DIM)}")


def _row(played: Played) -> tuple[str, ...]:
    scene, result = played.scene, played.result
    if result is None:
        return scene.title, scene.mode.value, "no result", "", "", ""
    attempts = f"{len(result.attempts)}"
    causes = [it.cause.value.replace("_", " ") for it in result.attempts if it.cause and len(result.attempts) > 1]
    attempts += f" ({', '.join(causes)})" if causes else ""
    cause = result.cause.value.replace("_", " ") if result.cause else "-"
    outcome = result.outcome.value.replace("_", " ")
    return scene.title, scene.mode.value, outcome, cause, attempts, _seconds(result.held)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  " + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _outcome(result: TransferResult) -> str:
    outcome = result.outcome.value.replace("_", " ")
    # "customer left (customer left)" would say it twice.
    cause = result.cause.value.replace("_", " ") if result.cause else outcome
    return outcome if cause == outcome else f"{outcome} ({cause})"


def _where(scene: Scene, result: TransferResult) -> str:
    if not result.customer_with:
        return f"{scene.customer} is gone, and no phone rings on"
    last = result.attempts[-1].target if result.attempts else "the target"
    names = {"agent": AGENT, "target": last}
    return f"{scene.customer} is with {listed(names.get(it, it) for it in result.customer_with)}"


def _spans(result: TransferResult) -> list[str]:
    spans = {"rang": result.ringing, "consulted": result.consulting, "held": result.held}
    return [f"{name} {_seconds(span)}" for name, span in spans.items() if span]


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.1f} s"
