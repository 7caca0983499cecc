"""Where names stand beside what they name, so that none lies on another or on a point."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

Box = tuple[float, float, float, float]
"""Left, bottom, right, top, in points."""
CHARACTER, HEIGHT, GAP = 4.8, 9.0, 2.5
"""Points that a character of the names takes, the height of a name, and its distance from what it names."""
_LEVELS = 4
"""How far a name may move away, in heights of a name."""


def placed(names: Sequence[str], marks: Sequence[Box], others: Sequence[Box], size: tuple[float, float]) -> list[Box]:
    """A box for each name near its mark: the nearest that is free, else the one that covers least.

    Args:
        names: in the order in which they choose.
        marks: what they name.
        others: what no name may cover beside these.
        size: width and height of the panel; boxes lie in it.
    """
    taken, found = [*marks, *others], []
    for name, mark in zip(names, marks, strict=True):
        box = min(_near(name, mark, size), key=lambda box: round(sum(_overlap(box, other) for other in taken), 3))
        taken.append(box)
        found.append(box)
    return found


def _near(name: str, mark: Box, size: tuple[float, float]) -> Iterator[Box]:
    """Places for a name, the best ones first: right above and below, also further away, then at corners and sides."""
    width = min(CHARACTER * len(name) + 2, size[0])
    middle, centre = (mark[0] + mark[2]) / 2 - width / 2, (mark[1] + mark[3] - HEIGHT) / 2
    sides = ((mark[3] + GAP, HEIGHT), (mark[1] - GAP - HEIGHT, -HEIGHT))
    rows = [y + level * step for level in range(_LEVELS) for y, step in sides]
    right, left = mark[2] + GAP, mark[0] - GAP - width
    for x, y in [(x, y) for xs, ys in (((middle,), rows), ((right, left), (centre, *rows))) for y in ys for x in xs]:
        start, bottom = min(max(x, 0.0), size[0] - width), min(max(y, 0.0), size[1] - HEIGHT)
        yield start, bottom, start + width, bottom + HEIGHT


def along(points: Sequence[tuple[float, float]]) -> list[Box]:
    """Small boxes on the line through points, so that names keep off it."""
    found = []
    for (x, y), (u, v) in pairwise(points):
        steps = max(1, int(math.hypot(u - x, v - y) / 4))
        found += [(a - 0.5, b - 0.5, a + 0.5, b + 0.5) for i in range(steps)
                  for a, b in [(x + (u - x) * i / steps, y + (v - y) * i / steps)]]  # fmt: skip
    return found


def _overlap(a: Box, b: Box) -> float:
    """Shared area."""
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def is_far(box: Box, mark: Box) -> bool:
    """Whether a name stands so far from its mark that a line must join them."""
    apart = max(box[0] - mark[2], mark[0] - box[2], box[1] - mark[3], mark[1] - box[3])
    return apart > 2 * GAP
