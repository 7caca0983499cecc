import numpy as np
import pytest

from seqbench import forecast


def noise(rows: int, channels: int) -> np.ndarray:
    return np.random.default_rng(rows).standard_normal((rows, channels))


WALK = noise(60, 2).cumsum(axis=0)


def test_windows_end_before_the_origin_and_targets_start_at_it():
    values = np.arange(20.0).reshape(10, 2)
    origins = np.array([3, 8])
    assert forecast.inputs_before(values, origins, 3)[:, :, 1].tolist() == [[1, 3, 5], [11, 13, 15]]
    assert forecast.targets_from(values, origins, 2)[:, :, 0].tolist() == [[6, 8], [16, 18]]


def test_naive_forecasts_never_read_the_origin_or_later():
    changed = WALK.copy()
    changed[20:] += 100
    origins = np.array([20])
    for method in (
        lambda values: forecast.persistence(values, origins, 9),
        lambda values: forecast.seasonal_naive(values, origins, 9, 4),
        lambda values: forecast.fit_ridge(values, range(5, 12), [13], 5, 3).forecast(values, origins),
    ):
        assert np.array_equal(method(WALK), method(changed))


def test_a_seasonal_forecast_of_a_periodic_series_is_perfect():
    values = np.tile(noise(6, 1), (5, 1))
    origins = np.arange(6, 20)
    assert np.array_equal(forecast.seasonal_naive(values, origins, 10, 6), forecast.targets_from(values, origins, 10))


def test_naive_error_is_that_of_one_season_before_and_one_for_a_constant_channel():
    values = np.array([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0], [8.0, 5.0]])
    assert forecast.naive_error(values, 1).tolist() == [pytest.approx((1 + 2 + 4) / 3), 1.0]
    assert forecast.naive_error(values, 2).tolist() == [pytest.approx((3 + 6) / 2), 1.0]


def test_errors_are_means_over_windows_steps_and_channels():
    values = np.zeros((10, 2))
    offset = np.array([1.0, -3.0])
    result = forecast.errors(
        lambda at: np.zeros((len(at), 4, 2)) + offset, values, range(2, 6), 4, np.array([1.0, 6.0])
    )
    assert result == {"mse": 5.0, "mae": 2.0, "mase": 0.75}


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch):
    def run() -> list[float]:
        ridge = forecast.fit_ridge(WALK, range(5, 40), np.arange(42, 50), 5, 3)
        scores = forecast.errors(lambda at: ridge.forecast(WALK, at), WALK, range(42, 55), 3, np.ones(2))
        return [*scores.values(), *ridge.weights.flatten()]

    whole = run()
    monkeypatch.setattr(forecast, "BLOCK", 7)
    assert run() == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("penalty", [1e-3, 1.0])
def test_ridge_is_the_least_squares_solution_with_an_unpenalised_offset(penalty: float):
    window, horizon, origins = 4, 3, np.arange(4, 50)
    ridge = forecast.fit_ridge(WALK, range(4, 50), [52], window, horizon, (penalty,))
    for channel in range(2):
        x = np.stack([WALK[o - window : o, channel] for o in origins])
        y = np.stack([WALK[o : o + horizon, channel] for o in origins])
        # Least squares on extra rows sqrt(penalty * n) * identity is the definition of ridge.
        rows = np.hstack([np.eye(window) * np.sqrt(penalty * len(x)), np.zeros((window, 1))])
        design = np.vstack([np.hstack([x, np.ones((len(x), 1))]), rows])
        solution = np.linalg.lstsq(design, np.vstack([y, np.zeros((window, horizon))]), rcond=None)[0]
        np.testing.assert_allclose(ridge.weights[channel], solution[:window], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(ridge.offsets[channel], solution[window], rtol=1e-7, atol=1e-9)


def test_the_penalty_is_the_one_that_validates_best():
    values, validation = noise(80, 1), range(60, 75)  # noise: the strongest shrinkage is best
    chosen = forecast.fit_ridge(values, range(20, 58), validation, 20, 2, (1e-6, 1e-1, 1e3))
    scores = {}
    for penalty in (1e-6, 1e-1, 1e3):
        ridge = forecast.fit_ridge(values, range(20, 58), validation, 20, 2, (penalty,))
        scores[penalty] = forecast.errors(lambda at, r=ridge: r.forecast(values, at), values, validation, 2, np.ones(1))
    assert chosen.penalty == min(scores, key=lambda penalty: scores[penalty]["mse"])
    assert chosen.penalty != 1e-6


def test_ridge_foretells_a_sine_that_no_naive_method_can():
    values = np.sin(np.arange(300) / 7.3)[:, None]
    ridge = forecast.fit_ridge(values, range(8, 200), range(210, 230), 8, 4)
    tested = range(230, 290)
    assert forecast.errors(lambda at: ridge.forecast(values, at), values, tested, 4, np.ones(1))["mse"] < 1e-6
    naive = forecast.errors(lambda at: forecast.persistence(values, at, 4), values, tested, 4, np.ones(1))["mse"]
    assert naive > 0.01
