"""Charts as inline SVG, drawn by hand: a page needs no library, and a thousand reports no second.

What belongs here: shapes from numbers; text from files never comes here but through `escape`. What does not: colours, which are
the style sheet's, by class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from markupsafe import Markup, escape

_RING = 2 * math.pi * 42
_WIDE, _HIGH = 720, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 12, 12, 24


def grade(score: float | None) -> str:
    """The class of a score's colour."""
    if score is None:
        return "none"
    return "good" if score >= 95 else "fair" if score >= 80 else "poor"


def ring(score: float | None) -> Markup:
    """A score from 0 to 100 as a ring with the number in it."""
    share = 0.0 if score is None else score / 100
    arc = (
        f'<circle class="arc" cx="50" cy="50" r="42" stroke-dasharray="{share * _RING:.2f} {_RING:.2f}" '
        'transform="rotate(-90 50 50)"/>'
        if share
        else ""
    )
    text = "–" if score is None else f"{score:g}"
    label = "no score" if score is None else f"quality {score:g} of 100"
    return Markup(
        f'<svg class="ring {grade(score)}" viewBox="0 0 100 100" role="img" aria-label="{label}">'
        '<circle class="track" cx="50" cy="50" r="42"/>'
        f"{arc}"
        f'<text x="50" y="52" class="score">{text}</text><text x="50" y="68" class="of">of 100</text></svg>'
    )


@lru_cache(1_000)
def bar(share: float, kind: str) -> Markup:
    """A share from 0 to 1 as a bar, true to scale: what is too little to be seen is told by the figure beside it."""
    width = 100 * max(0.0, min(1.0, share))
    return Markup(
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="8"/><rect class="{kind}" width="{width:.3f}" height="8"/></svg>'
    )


def stack(parts: Sequence[tuple[str, int]]) -> Markup:
    """(class, count) pairs as one bar, true to scale."""
    total = sum(count for _, count in parts)
    drawn, before = "", 0
    for kind, count in parts:
        if count:
            drawn += f'<rect class="{kind}" x="{100 * before / total:.3f}" width="{100 * count / total:.3f}" height="8"/>'
            before += count
    return Markup(
        '<svg class="stack" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="track" width="100" height="8"/>{drawn}</svg>'
    )


def sparkline(scores: Sequence[float]) -> Markup:
    """Scores from 0 to 100, oldest first, as a small line; empty for fewer than two."""
    if len(scores) < 2:
        return Markup("")
    step = 192 / (len(scores) - 1)
    points = [(4 + n * step, 36 - 0.32 * score) for n, score in enumerate(scores)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    x, y = points[-1]
    return Markup(
        '<svg class="spark" viewBox="0 0 200 40" role="img" aria-label="quality of the deliveries so far">'
        f'<polygon class="area" points="4,40 {line} {x:.1f},40"/><polyline class="line" points="{line}"/>'
        f'<circle class="dot {grade(scores[-1])}" cx="{x:.1f}" cy="{y:.1f}" r="3"/></svg>'
    )


def history(points: Sequence[tuple[str, float]]) -> Markup:
    """(label, score) of deliveries, oldest first, as a chart with a scale; empty where there are none."""
    if not points:
        return Markup("")
    across, down = _WIDE - _LEFT - _RIGHT, _HIGH - _TOP - _BOTTOM
    step = across / max(1, len(points) - 1)
    places = [
        (_LEFT + (n * step if len(points) > 1 else across / 2), _TOP + down * (1 - score / 100))
        for n, (_, score) in enumerate(points)
    ]
    grid = "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{level}</text>'
        for level in (0, 25, 50, 75, 100)
        for y in (_TOP + down * (1 - level / 100),)
    )
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    size = 4 if len(points) <= 60 else 2.5 if len(points) <= 150 else 1.5
    dots = "".join(
        f'<circle class="dot {grade(score)}" cx="{x:.1f}" cy="{y:.1f}" r="{size}">'
        f"<title>{escape(label)}: {score:g}</title></circle>"
        for (label, score), (x, y) in zip(points, places, strict=True)
    )
    ends = (
        f'<text class="tick" x="{_LEFT}" y="{_HIGH - 6}">oldest</text>'
        f'<text class="tick" x="{_WIDE - _RIGHT}" y="{_HIGH - 6}" text-anchor="end">newest</text>'
    )
    return Markup(
        f'<svg class="history" viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="quality by delivery">{grid}'
        f'<polyline class="line" points="{line}"/>{dots}{ends}</svg>'
    )
