import numpy as np
import pytest
import simulated
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

from seqbench.report.canvas import styles
from seqbench.report.figures import gradient_profiles
from seqbench.report.groups import grouped
from seqbench.report.inside import gate_curves
from seqbench.report.tiles import NUM_SHADES, edges, half_decades, lag_place, tiles


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


def test_tiles_lie_around_their_places():
    assert edges(np.array([0, 2, 6])).tolist() == [-1, 1, 4, 8]
    assert edges(np.array([3])).tolist() == [2.5, 3.5]
    assert lag_place(np.array([0, 9])).tolist() == pytest.approx([0, 1])


def test_time_constants_that_are_all_near_one_have_ticks_to_read_them_by():
    record, arrays = simulated.learning("copy_10", "gru", 0)
    changed = {**arrays, "gates/time_constant1": np.linspace(0.4, 2.6, 16), "saliency/wanted_lag": np.empty((0, 0))}
    groups = grouped([record])
    figure = gate_curves(groups, {(record.run_id, record.env_id): changed}, ["copy_10"], styles(groups))
    assert figure is not None
    assert all(f">{tick}<" in figure.svg() for tick in ("0.5", "1", "2"))
