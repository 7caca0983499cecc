"""Time series: foretell the next rows of a real or generated series from a window of its past.

Protocol: Zhou et al. 2021 (Informer, arXiv:2012.07436): standardised channels, chronological parts, every window once.
"""

import os
from collections.abc import Iterator, Sequence
from functools import cached_property, partial

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqbench import forecast, series
from seqbench.schema import Baseline
from seqbench.scoring import answer_average, sequence_mean, squared_error
from seqbench.spec import Average, Batch, Split, Task, generator, reals
from seqbench.values import check_count


class TimeSeries(Task):
    """Foretell ``horizon`` rows of all channels from the ``window`` rows before them.

    In: reals(channels), ``window`` steps. Out: one answer at the last step with horizon * channels numbers, step by
    step, then channel by channel. All of the window is the past, so looking ahead inside it reveals nothing.

    The series is cut in time into training, validation and test part. A window belongs to the part that holds all its
    targets; its inputs may reach back into the part before, as is usual in the field. Channels are standardised by
    mean and standard deviation of the training part; a channel that is constant there is refused. Training
    windows are drawn at random, at most ``validation_windows`` evenly spaced ones validate, every window of the test
    part is tested once (no short last batch is dropped).

    Metrics, on the standardised scale: mse (the loss), mae, and mase: each channel's absolute error over that of
    repeating the last season within the training part (1 where that never errs).

    >>> task = TimeSeries(source="mackey_glass", num_samples=400, window=8, horizon=2)
    >>> example = task.batch("train", index=0, size=3, seed=0, device="cpu")
    >>> tuple(example.inputs.shape), tuple(example.targets.shape), example.positions.tolist()
    ((3, 8, 1), (3, 1, 2), [[7], [7], [7]])

    Baselines, fitted, on every test window: *persistence* repeats the last row; *seasonal naive* the last season
    (where there is one); *ridge* is a linear map from a channel's window to its horizon, penalty chosen on the
    validation windows. Skill is measured from ridge: below 0 a model loses to linear regression. There is no
    threshold at which a series counts as solved.

    The arguments are those of ``series.load``, and ``validation_windows``.

    Raises:
        UsageError: see ``series.load``.
    """

    metrics = ("mse", "mae", "mase")
    skill_metric = "mse"
    solved = None

    def __init__(
        self,
        source: str = "membrane",
        path: str | os.PathLike[str] | None = None,
        columns: Sequence[str] | None = None,
        time_column: str | None = None,
        gaps: str = "refuse",
        window: int | None = None,
        horizon: int | None = None,
        season: int | None = None,
        splits: Sequence[int | float] | None = None,
        validation_windows: int = 512,
        num_samples: int | None = None,
        tau: int | None = None,
    ) -> None:
        check_count("task.validation_windows", validation_windows, 1)
        given = (source, path, columns, time_column, gaps)
        sizes = {"horizon": horizon, "season": season, "splits": splits, "num_samples": num_samples, "tau": tau}
        self.data = data = series.load(*given, window=window, **sizes)
        self._at = partial(TimeSeries, *given, validation_windows=validation_windows, **sizes)
        self.validation_windows = validation_windows
        self.length, self.num_channels = data.window, len(data.columns)
        self.input, self.output = reals(self.num_channels), reals(data.horizon * self.num_channels)
        self.values = standardise(data.values, data.splits[0])
        self.naive_error = forecast.naive_error(self.values[: data.splits[0]], data.season)
        self._tensors: dict[torch.device, tuple[Tensor, Tensor]] = {}

    def at(self, length: int) -> "TimeSeries":
        """The same series and parts with a window of ``length`` rows."""
        return self._at(window=length)

    def batch(self, split: Split, index: int, size: int, seed: int, device: torch.device | str) -> Batch:
        """``size`` windows of a part, drawn with replacement."""
        origins = self.data.origins(split)
        draw = generator(device, "time_series", 1, split, seed, index)
        return self._windows(torch.randint(origins.start, origins.stop, (size,), generator=draw, device=device))

    def examples(self, split: Split, size: int, device: torch.device | str) -> Iterator[Batch]:
        """At most ``validation_windows`` windows, or every window of the test part, in order."""
        for origins in torch.as_tensor(self.fixed_origins(split)).split(size):
            yield self._windows(origins.to(device))

    def fixed_origins(self, split: Split) -> np.ndarray:
        """The first target row of each window that validates or tests."""
        origins = np.asarray(self.data.origins(split))
        if split == "test" or len(origins) <= self.validation_windows:
            return origins
        return origins[np.linspace(0, len(origins) - 1, self.validation_windows).round().astype(int)]

    def _windows(self, origins: Int[Tensor, " batch"]) -> Batch:
        B, W, H = len(origins), self.data.window, self.data.horizon
        rows = self._on(origins.device)[0][origins[:, None] + torch.arange(-W, H, device=origins.device)]
        return Batch(
            inputs=rows[:, :W],  # (batch, time, channels)
            positions=torch.full((B, 1), W - 1, device=origins.device),
            targets=rows[:, W:].reshape(B, 1, -1),  # (batch, 1, horizon * channels)
            weight=torch.ones(B, 1, device=origins.device),
        )

    def _on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """The standardised series (rows, channels) and the naive errors (channels,), copied to a device once."""
        if device not in self._tensors:
            rows, naive = (torch.tensor(a, dtype=torch.float32, device=device) for a in (self.values, self.naive_error))
            self._tensors[device] = rows, naive
        return self._tensors[device]

    def loss(self, outputs: Float[Tensor, "batch answers outputs"], batch: Batch) -> Float[Tensor, " batch"]:
        """Per window, the squared error, mean over horizon and channels."""
        return sequence_mean(squared_error(outputs, batch.targets), batch.weight)

    def score(self, outputs: Float[Tensor, "batch answers outputs"], batch: Batch) -> dict[str, Average]:
        """Mse, mae and mase, see the class."""
        absolute = (outputs - batch.targets).abs()
        per_channel = absolute.unflatten(-1, (self.data.horizon, self.num_channels)).mean(-2)
        scaled = per_channel / self._on(absolute.device)[1]
        return {
            "mse": answer_average(absolute.square().mean(-1), batch.weight),
            "mae": answer_average(absolute.mean(-1), batch.weight),
            "mase": answer_average(scaled.mean(-1), batch.weight),
        }

    def baselines(self) -> tuple[Baseline, ...]:
        """Persistence, seasonal naive and ridge, see the class; fitted once."""
        return self._fitted

    @cached_property
    def _fitted(self) -> tuple[Baseline, ...]:
        values, window, horizon, season = self.values, self.data.window, self.data.horizon, self.data.season
        ridge = forecast.fit_ridge(
            values, self.data.origins("train"), self.fixed_origins("validation"), window, horizon
        )
        methods: dict[str, forecast.Forecast] = {
            "persistence": lambda at: forecast.persistence(values, at, horizon),
            "seasonal naive": lambda at: forecast.seasonal_naive(values, at, horizon, season),
            "ridge": lambda at: ridge.forecast(values, at),
        }
        if season == 1:  # repeating the last season of one row is persistence
            del methods["seasonal naive"]
        tested = self.data.origins("test")
        scores = {
            name: forecast.errors(method, values, tested, horizon, self.naive_error) for name, method in methods.items()
        }
        return tuple(
            Baseline(name=name, values=score, kind="fitted", skill=name == "ridge") for name, score in scores.items()
        )


def standardise(values: np.ndarray, training_rows: int) -> np.ndarray:
    """``values`` (rows, channels) minus mean, over standard deviation of each channel's first ``training_rows`` rows.

    >>> standardise(np.array([[1.0, 5.0], [3.0, 5.0], [5.0, 7.0]]), 2).tolist()
    [[-1.0, 0.0], [1.0, 0.0], [3.0, 2.0]]
    """
    known = values[:training_rows]
    # A constant channel may have a standard deviation of 1e-17 by rounding; its range is exactly 0.
    deviation = np.where(np.ptp(known, axis=0) > 0, known.std(axis=0), 1.0)
    return (values - known.mean(axis=0)) / deviation
