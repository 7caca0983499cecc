import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import simulated
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from seqbench import derived
from seqbench.report.canvas import styles
from seqbench.report.figures import gradient_profiles
from seqbench.report.flow import flow_maps
from seqbench.report.flow_table import COLUMNS, flow_rows
from seqbench.report.frame import INK
from seqbench.report.groups import grouped
from seqbench.report.inside import attention_maps, gate_curves, saliency_maps
from seqbench.report.loaded import median_over
from seqbench.report.tiles import COLOR, NOT_FINITE, NUM_SHADES, edges, half_decades, lag_place, shares, tiles
from seqbench.report.wording import DASH
from seqbench.schema import Record


def test_every_tile_is_drawn_once_in_its_shade():
    shades = np.array([[8, 8, 3, 0], [-1, 3, 3, 8]])
    axes = Figure().subplots()
    tiles(axes, np.array([0.0, 1, 2, 4, 8]), np.array([0.0, 1, 2]), shades, "shade {}".format)
    area: dict[int, float] = {}
    for patch in axes.findobj(PathPatch):
        assert isinstance(patch, PathPatch)
        corners = patch.get_path().vertices.reshape(-1, 5, 2)  # type: ignore[union-attr]
        shade = round((patch.get_alpha() or 0) * NUM_SHADES)
        area[shade] = area.get(shade, 0) + (corners[:, 2] - corners[:, 0]).prod(-1).sum()
    assert area == {8: 2 + 4, 3: 2 + 3}


def test_shades_are_half_decades_below_the_largest_of_a_row():
    values = np.array([10.0 ** -np.arange(0, 5), 1e-20 * 10.0 ** -np.arange(0, 5)])
    assert half_decades(values).tolist() == [[8, 6, 4, 2, 0]] * 2


def test_a_panel_without_gradients_says_so_and_shows_no_numbers_across():
    record, arrays = simulated.learning("copy_10", "gru", 0)
    zero = {name: 0 * array if name == "gradient_profile/input" else array for name, array in arrays.items()}
    for loaded, is_empty in ((arrays, False), (zero, True)):
        groups = grouped([record])
        figure = gradient_profiles(groups, {(record.run_id, record.env_id): loaded}, ["copy_10"], styles(groups))
        assert figure is not None
        svg = figure.svg()
        assert svg.count(">no gradient<") == 2 * is_empty
        assert "0.025" not in svg  # a tick of an axis without data


def test_profiles_of_a_row_fit_into_their_common_axis_to_the_highest_seed() -> None:
    """The panel after training has the smaller values, and one seed at initialisation the largest of all."""
    name, loaded, records = "gradient_profile/input", {}, []
    for seed in range(3):
        record, arrays = simulated.learning("copy_10", "gru", seed)
        values = np.array(arrays[name], dtype=float)
        values[0] *= 1e4 if seed else 1e6
        records.append(record)
        loaded[record.run_id, record.env_id] = arrays | {name: values}
    highest = max(float(np.nanmax(np.nanmedian(arrays[name][0], axis=0))) for arrays in loaded.values())
    groups = grouped(records)
    figure = gradient_profiles(groups, loaded, ["copy_10"], styles(groups))
    assert figure is not None
    limits = [[float(word) for word in found.split()[1:]] for found in re.findall(r'data-y="([^"]+)"', figure.svg())]
    assert len(limits) == 2
    assert limits[0] == limits[1]
    assert highest < limits[0][1] < 4 * highest


def test_tiles_lie_around_their_places():
    assert edges(np.array([0, 2, 6])).tolist() == [-1, 1, 4, 8]
    assert edges(np.array([3])).tolist() == [2.5, 3.5]
    assert lag_place(np.array([0, 9])).tolist() == pytest.approx([0, 1])


def drawn(draw: Callable, arrays: dict[str, np.ndarray], record: Record) -> list[tuple[str, str]]:
    """The groups of a heat map's tiles: the value that each shade says, or that it is none."""
    groups = grouped([record])
    figure = draw(groups, {(record.run_id, record.env_id): arrays}, ["copy_10"], styles(groups))
    assert figure is not None
    return re.findall(r'data-note="([^"]*)">\s*<path [^>]*fill="([^"]*)"', figure.svg())


@pytest.mark.parametrize("lost", [np.inf, np.nan])
@pytest.mark.parametrize(
    ("draw", "name", "where"),
    [
        (flow_maps, "gradient_profile/input", (slice(2, None), slice(None), slice(10, None))),
        (saliency_maps, "saliency/by_lag", (0, slice(5, 20))),
        (attention_maps, "attention_maps/by_lag", (1, slice(None), 3)),
    ],
)
def test_values_that_are_not_finite_are_marked_and_hide_none_of_the_others(
    draw: Callable, name: str, where: tuple, lost: float
):
    record, arrays = simulated.learning("copy_10", "attention", 0)
    assert INK not in [color for _, color in drawn(draw, arrays, record)]
    damaged = arrays[name].copy()
    damaged[where] = lost
    found = drawn(draw, arrays | {name: damaged}, record)
    assert [note for note, color in found if color == INK] == ["not a finite number"]
    assert COLOR.lower() in [color for _, color in found]
    nothing = drawn(draw, arrays | {name: np.full_like(arrays[name], lost)}, record)
    assert nothing == [("not a finite number", INK)]


def test_a_lag_that_no_answer_has_is_blank():
    record, arrays = simulated.learning("copy_10", "gru", 0)
    profile = arrays["gradient_profile/input"].copy()
    profile[..., -3:] = np.nan
    assert INK not in [color for _, color in drawn(flow_maps, arrays | {"gradient_profile/input": profile}, record)]


def test_shades_of_finite_values_are_the_same_beside_an_infinity():
    values = np.array([[0.1, 1.0, 0.5]])
    for shade in (half_decades, shares):
        assert shade(np.append(values, [[np.inf]], 1)).tolist() == [[*shade(values)[0].tolist(), NOT_FINITE]]


def test_an_infinity_counts_as_large_in_a_median():
    median = median_over(np.array([[1, np.inf, np.nan], [3, np.inf, np.nan], [np.inf, 2, np.nan]]))
    assert median.tolist()[:2] == [3, np.inf]
    assert np.isnan(median[2])


def test_fits_that_do_not_fall_count_in_the_median_decay_length():
    record, _ = simulated.learning("copy_10", "gru", 0)

    def row(*lengths: float | None) -> tuple[str, float | None]:
        records = [replace(record, seed=seed, run_id=str(seed)) for seed in range(len(lengths))]
        ends = [{"verdict": "healthy", "change_decades": 0.1, "decay_length": length} for length in lengths]
        loaded = {
            (r.run_id, r.env_id): {"derived": derived.packed({"gradient_profile": {"end": {"input": end}}})}
            for r, end in zip(records, ends, strict=True)
        }
        (found,) = flow_rows(grouped(records), loaded, ["copy_10"])
        at = COLUMNS.index("decay length")
        return found.texts[at], found.values[at]

    assert row(2.0, None, 4.0) == ("4.0", 4.0)
    assert row(2.0, None, None) == (DASH, None)
    assert row(None) == (DASH, None)


def test_an_axis_of_time_constants_has_labels_also_within_a_decade():
    record, arrays = simulated.learning("membrane", "gru", 0)
    arrays.pop("saliency/wanted_lag")
    found = {"gates/time_constant1": np.linspace(0.42, 2.1, 64)}
    groups = grouped([record])
    figure = gate_curves(groups, {(record.run_id, record.env_id): arrays | found}, ["copy_10"], styles(groups))
    assert figure is not None
    svg = figure.svg()
    first = svg[: svg.index("share of the state kept")]
    assert [tick for tick in ("0.5", "1", "2") if f">{tick}</text>" in first] == ["0.5", "1", "2"]
