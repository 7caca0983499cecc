import re
from xml.etree import ElementTree

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seqbench.report.renderer import svg_of, tag

SVG = "{http://www.w3.org/2000/svg}"


def drawn() -> tuple[Figure, Axes]:
    """A figure of 72 by 72 points that one panel fills, so that data from 0 to 1 are points times 72."""
    figure = Figure(figsize=(1, 1), dpi=72, facecolor="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    return figure, axes


def paths(figure: Figure) -> list[dict[str, str]]:
    return [node.attrib for node in ElementTree.fromstring(svg_of(figure)).iter(f"{SVG}path")]


def test_line_is_a_path_of_relative_moves_with_its_look_as_attributes() -> None:
    figure, axes = drawn()
    axes.plot([0, 0.5, 1], [0, 1, 0.25], color="#D55E00", linewidth=1.5, linestyle="--", alpha=0.5, clip_on=False)
    (path,) = paths(figure)
    assert path["d"] == "M0 72l36 -72 36 54"
    assert (path["stroke"], path["stroke-width"], path["stroke-opacity"]) == ("#d55e00", "1.5", "0.5")
    assert re.fullmatch(r"[\d.]+ [\d.]+", path["stroke-dasharray"])
    assert "style" not in svg_of(figure)


def test_rounding_does_not_add_up_along_a_line() -> None:
    figure, axes = drawn()
    x = np.linspace(0, 1, 1000)
    axes.plot(x, x, clip_on=False)
    (path,) = paths(figure)
    steps = np.array(path["d"].split("l")[1].split(" "), float).reshape(-1, 2)
    assert np.abs(np.cumsum(steps, axis=0)[:, 0] - 72 * x[1:]).max() < 0.0051


def test_values_that_are_not_finite_leave_a_gap() -> None:
    figure, axes = drawn()
    axes.plot([0, 0.25, 0.5, 0.75, 1], [0, 0.5, np.nan, 0.5, 0], clip_on=False)
    assert [path["d"] for path in paths(figure)] == ["M0 72l18 -36M54 36l18 36"]


def test_markers_are_one_path_that_begins_at_each_point() -> None:
    figure, axes = drawn()
    axes.plot([0.5, 1], [0.5, 0.5], "o", markersize=4, markeredgewidth=0, color="#0072b2", clip_on=False)
    (path,) = paths(figure)
    assert path["d"] == "M36 36m-2 0a2 2 0 1 0 4 0a2 2 0 1 0 -4 0M72 36m-2 0a2 2 0 1 0 4 0a2 2 0 1 0 -4 0"
    assert path["fill"] == "#0072b2"


def test_group_ids_become_attributes_and_texts_are_only_text() -> None:
    figure, axes = drawn()
    evil = """"><script>&'#0072b2"""
    axes.plot([0, 1], [0, 1], gid=tag(class_="line", data_series=evil))
    axes.text(0.5, 0.5, evil)
    root = ElementTree.fromstring(svg_of(figure))
    groups = [node.attrib for node in root.iter(f"{SVG}g")]
    assert groups == [{"class": "line", "data-series": evil}]
    assert [node.text for node in root.iter(f"{SVG}text")] == [evil]
    assert '"#0072b2"' not in svg_of(figure)
    assert "#0072b2" not in svg_of(figure)


def test_what_leaves_the_panel_is_clipped_to_it() -> None:
    figure, axes = drawn()
    axes.set_position((0.25, 0.25, 0.5, 0.5))
    axes.plot([0, 1], [-9, 9])
    (path,) = paths(figure)
    assert path["clip-path"] == "url(#clip1)"
    (box,) = ElementTree.fromstring(svg_of(figure)).iter(f"{SVG}rect")
    assert [float(box.attrib[key]) for key in ("x", "y", "width", "height")] == [18, 18, 36, 36]


def test_what_cannot_be_seen_is_not_drawn() -> None:
    figure, axes = drawn()
    axes.plot([0, 1], [0, 1], alpha=0)
    axes.fill_between([0, 1], [0, 1], facecolor="none", edgecolor="none")
    assert paths(figure) == []


def test_a_figure_is_the_same_text_each_time() -> None:
    def once() -> str:
        figure, axes = drawn()
        axes.set_axis_on()
        axes.plot([0, -0.0, 0.3], [1e-9, 0.2, -1e-9])
        return svg_of(figure)

    assert once() == once()
