"""A figure as a file of its own, and inside the page: one drawing, two surroundings."""

from seqbench.report.canvas import PALETTE
from seqbench.report.frame import FAINT, INK

_TALL = 0.6
"""Height over width above which a figure is printed on an upright page: on a lying one it would be cut."""

_VARIABLES = {INK: "currentColor", FAINT: "var(--line)"} | {
    color.lower(): f"var(--c{number})" for number, color in enumerate(PALETTE)
}
"""Colour of a drawing -> what the page has in its place."""


def standalone(svg: str) -> str:
    """A figure as its own file, on white paper."""
    head, body = svg.split(">", 1)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{head}>\n<rect width="100%" height="100%" fill="#ffffff"/>{body}'


def inline(svg: str, name: str, label: str) -> str:
    """A figure inside the page: in the page's colours, with ids that no other figure has; class "tall" if it is.

    Plain replacements are safe: in texts of the data quotes and # are written as references.
    """
    head, body = svg.split(">", 1)
    for color, variable in _VARIABLES.items():
        body = body.replace(f'"{color}"', f'"{variable}"')
    body = body.replace(' id="', f' id="{name}-').replace("url(#", f"url(#{name}-")
    head, rest = head[: head.index(" width=")], head[head.index(" viewBox=") :]
    width, height = map(float, rest.split('"')[1].split()[2:])
    tall = ' class="tall"' if height > _TALL * width else ""
    return f'{head}{rest}{tall} role="group" aria-label="{label}">{body}'
