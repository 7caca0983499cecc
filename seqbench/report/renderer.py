"""What matplotlib draws as SVG that a strict page may hold: no style, few bytes, and the data's names on the lines.

Colours, widths and fonts are presentation attributes, so that a page can forbid inline styles, and can put variables of
its own in place of colours. A group id (``set_gid``) made by ``tag`` becomes attributes of the element around what is
drawn. A line is one path of relative moves: its corners are the data's points, a script can read them.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.colors import rgb2hex
from matplotlib.figure import Figure
from matplotlib.font_manager import weight_dict
from matplotlib.path import Path

from seqbench.report.frame import Line, Words

_FAMILY = "DejaVu Sans, Verdana, sans-serif"
_SCALE = 100
"""Coordinates are whole hundredths of a point."""


def tag(**attributes: str) -> str:
    """A group id that says which attributes its element has; ``data_x`` becomes ``data-x``, ``class_`` ``class``."""
    return json.dumps({key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()})


def svg_of(figure: Figure) -> str:
    """The figure, whose dpi must be 72, as the text of one svg element."""
    width, height = (float(size) * 72 for size in figure.get_size_inches())
    renderer = _Renderer(width, height)
    figure.draw(renderer)
    clips = "".join(
        f'<clipPath id="{name}"><rect x="{x}" y="{y}" width="{w}" height="{h}"/></clipPath>\n'
        for (x, y, w, h), name in renderer.clips.items()
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}pt" height="{height:g}pt"'
    head += f' viewBox="0 0 {width:g} {height:g}" fill="none" stroke-linejoin="round" font-family="{_FAMILY}">'
    return f"{head}\n<defs>\n{clips}</defs>\n{''.join(renderer.parts)}</svg>\n"


class _Renderer(RendererBase):
    """Writes parts of an SVG; y points downward, in points."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__()
        self.width, self.height = width, height
        self.parts: list[str] = []
        self.clips: dict[tuple[str, str, str, str], str] = {}
        self._open: list[bool] = []

    def add_lines(self, lines: Sequence[Line], color: str, width: float) -> None:
        """See ``Paper``."""
        if lines:
            drawn = "".join(f"M{x:.2f} {y:.2f}{_sides(line)}" for line in lines for x, y in line[:1])
            self.parts.append(f'<path d="{drawn}" stroke="{color}" stroke-width="{width}"/>\n')

    def add_texts(self, texts: Sequence[Words], color: str, size: float, anchor: str) -> None:
        """See ``Paper``."""
        if texts:
            look = {"fill": color, "font-size": f"{size:g}", "text-anchor": anchor}
            turned = [f' transform="rotate({angle} {x:.2f} {y:.2f})"' if angle else "" for _, x, y, angle in texts]
            inner = [
                f'<text x="{x:.2f}" y="{y:.2f}"{turn}>{_escaped(text)}</text>'
                for (text, x, y, _), turn in zip(texts, turned, strict=True)
            ]
            self.parts.append(f"<g{_attributes(look)}>{''.join(inner)}</g>\n")

    def flipy(self) -> bool:
        return True

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self.width, self.height

    def points_to_pixels(self, points: Any) -> Any:
        return points

    def open_group(self, s: str, gid: str | None = None) -> None:
        shown = gid is not None and gid.startswith("{")  # made by ``tag``
        self._open.append(shown)
        if gid is not None and shown:
            told = {name: _escaped(str(value)) for name, value in json.loads(gid).items()}
            self.parts.append(f"<g{_attributes(told)}>\n")

    def close_group(self, s: str) -> None:
        if self._open.pop():
            self.parts.append("</g>\n")

    def draw_path(self, gc: GraphicsContextBase, path: Path, transform: Any, rgbFace: Any = None) -> None:
        look = _look(gc, rgbFace)
        drawn = _outline(self._place(transform.transform(path.vertices)), _codes(path)) if look else ""
        if drawn:
            self.parts.append(f'<path d="{drawn}"{look}{self._clip(gc)}/>\n')

    def draw_markers(
        self, gc: GraphicsContextBase, marker_path: Path, marker_trans: Any, path: Path, trans: Any, rgbFace: Any = None
    ) -> None:
        look = _look(gc, rgbFace)
        shape = _marker(marker_trans.transform(marker_path.vertices), _codes(marker_path))
        points = trans.transform(path.vertices)
        points = points[np.isfinite(points).all(axis=1)]
        if look and len(points):
            drawn = "".join(f"M{_texts(place)}{shape}" for place in self._place(points))
            self.parts.append(f'<path d="{drawn}"{look}{self._clip(gc)}/>\n')

    def draw_text(
        self, gc: GraphicsContextBase, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False,
        mtext: Any = None,
    ) -> None:  # fmt: skip
        attributes = {"fill": rgb2hex(gc.get_rgb()), "font-size": f"{prop.get_size_in_points():g}"}
        if (weight := weight_dict.get(prop.get_weight(), prop.get_weight())) != 400:
            attributes["font-weight"] = str(weight)
        if mtext is not None and angle == 0:
            # At its anchor, so that text in another font stays centred or right-aligned.
            x = float(mtext.get_transform().transform(mtext.get_unitless_position())[0])
            anchor = {"center": "middle", "right": "end"}.get(mtext.get_ha())
            attributes |= {"text-anchor": anchor} if anchor else {}
        attributes |= {"x": f"{x:.2f}", "y": f"{y:.2f}"}
        attributes |= {"transform": f"rotate({-angle:g} {x:.2f} {y:.2f})"} if angle else {}
        self.parts.append(f"<text{_attributes(attributes)}>{_escaped(s)}</text>\n")

    def _place(self, points: np.ndarray) -> np.ndarray:
        """Points (n, 2) of matplotlib, whose y points upward, in hundredths of a point from the top left."""
        flipped = np.column_stack([points[:, 0], self.height - points[:, 1]])
        return _whole(flipped)

    def _clip(self, gc: GraphicsContextBase) -> str:
        box = gc.get_clip_rectangle()
        if box is None:
            return ""
        left, bottom, width, height = box.bounds
        place = [f"{value:.2f}" for value in (left, self.height - bottom - height, width, height)]
        name = self.clips.setdefault((place[0], place[1], place[2], place[3]), f"clip{len(self.clips) + 1}")
        return f' clip-path="url(#{name})"'


def _sides(line: Line) -> str:
    """Moves along the axes; a short one is relative, which is fewer characters."""
    moves = []
    for (x, y), (to_x, to_y) in pairwise(line):
        letter, to, length = ("h", to_x, to_x - x) if to_y == y else ("v", to_y, to_y - y)
        moves.append(f"{letter}{length:g}" if abs(length) < 10 else f"{letter.upper()}{to:.2f}")
    return "".join(moves)


def _whole(points: np.ndarray) -> np.ndarray:
    """In hundredths; what is not finite stays so. Far outside a figure nothing can be seen: 2e4 is far enough."""
    return np.rint(np.clip(points, -2e4, 2e4) * _SCALE) + 0.0  # no -0, which is another text for the same place


def _texts(hundredths: np.ndarray) -> str:
    """Numbers in points, apart by a space; seven digits are all that those in ``_whole`` have."""
    values = (hundredths.ravel() / _SCALE).tolist()
    return " ".join(["%.7g"] * len(values)) % tuple(values)


def _codes(path: Path) -> np.ndarray | None:
    return None if path.codes is None else np.asarray(path.codes)


def _outline(points: np.ndarray, codes: np.ndarray | None) -> str:
    """The d attribute of a path of lines; each stretch between gaps starts with an absolute move."""
    if codes is None:
        return "".join(_stretch(part) for part in _finite(points))
    starts = np.flatnonzero(codes == Path.MOVETO)
    parts = np.split(points, starts[1:])
    closed = [bool(part[-1] == Path.CLOSEPOLY) for part in np.split(codes, starts[1:])]
    drawn = [_stretch(part[:-1] if close else part, close) for part, close in zip(parts, closed, strict=True)]
    return "".join(drawn)


def _finite(points: np.ndarray) -> Iterator[np.ndarray]:
    """The stretches of points between those that are not finite."""
    there = np.isfinite(points).all(axis=1)
    for part, known in zip(np.split(points, edges := np.flatnonzero(np.diff(there)) + 1),
                           np.split(there, edges), strict=True):  # fmt: skip
        if known.size and known[0]:
            yield part


def _stretch(points: np.ndarray, closed: bool = False) -> str:
    if len(points) < 2:
        return ""
    return f"M{_texts(points[0])}l{_texts(np.diff(points, axis=0))}{'z' if closed else ''}"


def _marker(points: np.ndarray, codes: np.ndarray | None) -> str:
    """Moves relative to a marker's middle; one with curves is a circle."""
    if codes is not None and (codes == Path.CURVE4).any():
        r = f"{points[:, 0].max():.3g}"
        return f"m-{r} 0a{r} {r} 0 1 0 {float(r) * 2:g} 0a{r} {r} 0 1 0 -{float(r) * 2:g} 0"
    points = _whole(points * [1, -1])
    codes = np.full(len(points), Path.LINETO) if codes is None else codes
    drawn, last = [], np.zeros(2)
    for at, (point, code) in enumerate(zip(points, codes, strict=True)):
        if code == Path.CLOSEPOLY:
            drawn.append("z")
            continue
        drawn.append(f"{'m' if at == 0 or code == Path.MOVETO else 'l'}{_texts(point - last)}")
        last = point
    return "".join(drawn)


def _look(gc: GraphicsContextBase, face: Any) -> str:
    """Stroke and fill as attributes; empty where nothing would be seen."""
    alpha = gc.get_alpha() if gc.get_forced_alpha() else None
    attributes: dict[str, str] = {}
    if face is not None and (shown := alpha if alpha is not None else face[3] if len(face) > 3 else 1.0) > 0:
        attributes["fill"] = rgb2hex(face[:3])
        attributes |= {"fill-opacity": f"{shown:g}"} if shown < 1 else {}
    if not gc.get_antialiased():
        attributes["shape-rendering"] = "crispEdges"
    ink = np.asarray(gc.get_rgb(), float).tolist()
    if gc.get_linewidth() > 0 and (shown := alpha if alpha is not None else ink[3]) > 0:
        attributes |= {"stroke": rgb2hex(ink[:3]), "stroke-width": f"{gc.get_linewidth():g}"}
        attributes |= {"stroke-opacity": f"{shown:g}"} if shown < 1 else {}
        dashes = gc.get_dashes()[1]
        if dashes is not None:
            attributes["stroke-dasharray"] = " ".join(f"{dash:.3g}" for dash in np.asarray(dashes, float).tolist())
    return _attributes(attributes) if {"fill", "stroke"} & attributes.keys() else ""


def _attributes(values: dict[str, str]) -> str:
    return "".join(f' {name}="{value}"' for name, value in values.items())


def _escaped(text: str) -> str:
    """Text that no later replacement of a colour or of an id can change: those begin with # or stand in quotes."""
    return escape(text, {'"': "&quot;", "#": "&#35;"})
