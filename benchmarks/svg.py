"""A plot of points as SVG, readable on a light and on a dark page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50
COLOURS = ("#2f6fde", "#d9822b", "#3d9a50", "#a050c8")
INK = "#808080"

Points = Sequence[tuple[float, float]]


def plot(file: Path, title: str, across: str, up: str, series: Mapping[str, Points]) -> None:
    """Write lines through points; both axes begin at 0.

    Args:
        file: Where to.
        title: Above it.
        across: What the horizontal axis is.
        up: What the vertical axis is.
        series: Points by name; not empty.
    """
    most_x = max(x for points in series.values() for x, _ in points) or 1
    most_y = 1.1 * max(y for points in series.values() for _, y in points) or 1

    def place(x: float, y: float) -> tuple[float, float]:
        right, above = x / most_x * (WIDTH - LEFT - RIGHT), y / most_y * (HEIGHT - TOP - BOTTOM)
        return round(LEFT + right, 1), round(HEIGHT - BOTTOM - above, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="13">',
        f'<text x="{LEFT}" y="22" font-size="15" fill="{INK}">{escape(title)}</text>',
        f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 10}" text-anchor="end" fill="{INK}">{escape(across)}</text>',
        f'<text x="10" y="{TOP - 4}" fill="{INK}">{escape(up)}</text>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = place(share * most_x, share * most_y)
        parts += [
            f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="{INK}" stroke-opacity="0.25"/>',
            f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="{INK}">{share * most_y:.4g}</text>',
            f'<text x="{x}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" fill="{INK}">{share * most_x:.4g}</text>',
        ]
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        drawn = [place(x, y) for x, y in sorted(points)]
        line = " ".join(f"{x},{y}" for x, y in drawn)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in drawn]
        parts.append(f'<text x="{LEFT + 10}" y="{TOP + 16 * (number + 1)}" fill="{colour}">{escape(name)}</text>')
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")
