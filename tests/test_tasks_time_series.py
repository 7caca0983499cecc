from pathlib import Path

import numpy as np
import pytest
import torch

from seqbench import forecast
from seqbench.schema import UsageError
from seqbench.spec import Split
from seqbench.tasks.time_series import TimeSeries, standardise

SIZES = {"window": 4, "horizon": 3, "season": 2, "splits": [40, 12, 14]}


def noise(rows: int, channels: int) -> np.ndarray:
    return np.random.default_rng(rows).standard_normal((rows, channels))


def table(folder: Path, values: np.ndarray, name: str = "x.csv") -> Path:
    path = folder / name
    rows = "".join(",".join(map(repr, row)) + "\n" for row in values.tolist())
    path.write_text(",".join(f"c{i}" for i in range(values.shape[1])) + "\n" + rows)
    return path


def task_on(folder: Path, values: np.ndarray, **changes: object) -> TimeSeries:
    name = f"{abs(hash(values.tobytes()))}.csv"
    return TimeSeries("csv", table(folder, values, name), **{**SIZES, **changes})  # type: ignore[arg-type]


def counting(folder: Path, **changes: object) -> TimeSeries:
    """A task whose values tell their own row."""
    return task_on(folder, np.arange(70.0).reshape(-1, 1), **changes)


def rows_of(task: TimeSeries, values: torch.Tensor) -> np.ndarray:
    known = task.data.values[: task.data.splits[0]]
    return (values.double().numpy() * known.std() + known.mean()).round().astype(int)


def whole(task: TimeSeries, split: Split) -> tuple[np.ndarray, np.ndarray]:
    batches = list(task.examples(split, 4, "cpu"))
    inputs = torch.cat([batch.inputs[..., 0] for batch in batches])
    return rows_of(task, inputs), rows_of(task, torch.cat([batch.targets[:, 0] for batch in batches]))


def test_every_test_window_is_tested_once_and_its_inputs_are_the_rows_before(tmp_path: Path):
    inputs, targets = whole(counting(tmp_path), "test")
    assert targets.tolist() == [[o, o + 1, o + 2] for o in range(52, 64)]
    assert inputs.tolist() == [[o - 4, o - 3, o - 2, o - 1] for o in range(52, 64)]


def test_the_short_last_batch_is_included(tmp_path: Path):
    assert [len(batch.inputs) for batch in counting(tmp_path).examples("test", 5, "cpu")] == [5, 5, 2]


def test_validation_windows_are_evenly_spaced_from_first_to_last(tmp_path: Path):
    assert whole(counting(tmp_path), "validation")[1][:, 0].tolist() == list(range(40, 50))
    assert whole(counting(tmp_path, validation_windows=4), "validation")[1][:, 0].tolist() == [40, 43, 46, 49]


def test_training_windows_are_drawn_from_all_of_the_training_part_and_nothing_else(tmp_path: Path):
    task = counting(tmp_path)
    batch = task.batch("train", 0, 2000, 0, "cpu")
    assert np.unique(rows_of(task, batch.targets[:, 0])[:, 0]).tolist() == list(range(4, 38))
    assert rows_of(task, batch.targets).max() == 39


def test_rows_of_the_future_change_no_earlier_batch(tmp_path: Path):
    values = noise(70, 2)
    assert_equal_until(tmp_path, values, 40, ())
    assert_equal_until(tmp_path, values, 52, ("validation",))


def assert_equal_until(folder: Path, values: np.ndarray, first_changed: int, fixed: tuple[Split, ...]) -> None:
    changed = values.copy()
    changed[first_changed:] += 1e3
    one, other = task_on(folder, values), task_on(folder, changed)
    pairs = [(one.batch("train", 0, 64, 0, "cpu"), other.batch("train", 0, 64, 0, "cpu"))]
    for split in fixed:
        pairs += zip(one.examples(split, 4, "cpu"), other.examples(split, 4, "cpu"), strict=True)
    for a, b in pairs:
        assert torch.equal(a.inputs, b.inputs)
        assert torch.equal(a.targets, b.targets)
    tested = [next(task.examples("test", 4, "cpu")).targets for task in (one, other)]
    assert not torch.equal(*tested)


def test_channels_are_standardised_by_the_training_part_and_a_constant_one_is_shifted():
    values = noise(50, 2) * [3.0, 0.0] + [5.0, 0.1]
    values[40:, 1] = 2.1
    scaled = standardise(values, 40)
    np.testing.assert_allclose(scaled[:40].mean(0), 0, atol=1e-12)
    assert scaled[:40, 0].std() == pytest.approx(1)
    np.testing.assert_allclose(scaled[40:, 1], 2.0)


def test_a_channel_that_is_constant_in_the_training_part_only_is_refused(tmp_path: Path):
    values = noise(70, 2)
    values[:40, 1] = 0.1
    with pytest.raises(UsageError, match=r"got 'c1' with one value in all of its 40 rows"):
        task_on(tmp_path, values)


def test_metrics_are_those_written_out_in_numpy(tmp_path: Path):
    task = task_on(tmp_path, noise(70, 2) * [1.0, 9.0])
    batch = next(task.examples("test", 5, "cpu"))
    outputs = torch.randn(5, 1, 6, generator=torch.Generator().manual_seed(0))
    error = (outputs - batch.targets).double().numpy().reshape(5, 3, 2)
    past = task.values[:40]
    season_error = np.abs(past[2:] - past[:-2]).mean(0)
    expected = {"mse": (error**2).mean(), "mae": np.abs(error).mean(), "mase": (np.abs(error) / season_error).mean()}
    assert {k: v.mean() for k, v in task.score(outputs, batch).items()} == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(task.loss(outputs, batch).double().mean().item(), expected["mse"], rtol=1e-5, atol=0)


def test_a_network_that_foretells_what_ridge_foretells_has_skill_zero(tmp_path: Path):
    task = task_on(tmp_path, noise(70, 2).cumsum(0))
    baseline = next(b for b in task.baselines() if b.skill)
    assert baseline.name == "ridge"
    ridge = forecast.fit_ridge(task.values, range(4, 38), range(40, 50), 4, 3)
    outputs = torch.tensor(ridge.forecast(task.values, np.arange(52, 64))).reshape(12, 1, 6)
    scores = task.score(outputs, next(task.examples("test", 99, "cpu")))
    assert {name: average.mean() for name, average in scores.items()} == pytest.approx(dict(baseline.values), rel=1e-5)


def test_persistence_and_the_seasonal_naive_baseline_are_those_written_out(tmp_path: Path):
    task = task_on(tmp_path, noise(70, 1))
    z = task.values[:, 0]
    persistence = np.mean([(z[o + h] - z[o - 1]) ** 2 for o in range(52, 64) for h in range(3)])
    seasonal = np.mean([(z[o + h] - z[o - 2 + h % 2]) ** 2 for o in range(52, 64) for h in range(3)])
    got = {baseline.name: baseline.values["mse"] for baseline in task.baselines()}
    assert got["persistence"] == pytest.approx(persistence)
    assert got["seasonal naive"] == pytest.approx(seasonal)
    assert "seasonal naive" not in {b.name for b in task_on(tmp_path, task.data.values, season=1).baselines()}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_and_score_of_a_population_are_those_of_its_members(tmp_path: Path, dtype: torch.dtype):
    task = task_on(tmp_path, noise(70, 2))
    batch = task.batch("train", 0, 5, 0, "cpu")
    outputs = torch.randn(3, 5, 1, 6, dtype=dtype)
    losses = torch.vmap(lambda o: task.loss(o, batch))(outputs)
    torch.testing.assert_close(losses, torch.stack([task.loss(o, batch) for o in outputs]))
    together = torch.vmap(lambda o: task.score(o, batch))(outputs)
    for name in task.metrics:
        each = torch.stack([task.score(o, batch)[name].total for o in outputs])
        torch.testing.assert_close(together[name].total, each)


def test_at_is_the_same_series_with_another_window(tmp_path: Path):
    task = counting(tmp_path, validation_windows=4).at(9)
    assert (task.length, task.data.horizon, task.data.splits, task.validation_windows) == (9, 3, (40, 12, 14), 4)
    with pytest.raises(UsageError, match=r"task\.window must be an integer of at least 1; got 0"):
        task.at(0)


def test_the_number_of_validation_windows_is_checked():
    with pytest.raises(UsageError, match=r"task\.validation_windows must be an integer of at least 1; got 0"):
        TimeSeries(validation_windows=0)


def test_the_baselines_of_etth1_are_the_known_ones(data_folder: Path):
    task = TimeSeries("ett", data_folder / "ETTh1.csv")
    mse = {baseline.name: baseline.values["mse"] for baseline in task.baselines()}
    assert mse["persistence"] == pytest.approx(1.294, abs=0.001)
    assert mse["seasonal naive"] == pytest.approx(0.512, abs=0.001)
    assert mse["ridge"] == pytest.approx(0.38, abs=0.01)
    assert sum(len(batch.inputs) for batch in task.examples("test", 256, "cpu")) == 2785
    assert (task.input.size, task.output.size, task.length) == (7, 96 * 7, 96)
