import hashlib

import numpy as np
from scipy.integrate import solve_ivp

from seqbench.sources import mackey_glass


def by_adaptive_steps(tau: int, num_samples: int) -> np.ndarray:
    """The method of steps: on each interval of length tau the delayed value is a known function."""
    before, x, pieces = lambda t: 1.2, 1.2, []
    for start in range(0, num_samples, tau):

        def slope(t: float, x: np.ndarray, before=before) -> np.ndarray:  # type: ignore[no-untyped-def]
            delayed = before(t - tau)
            return 0.2 * delayed / (1 + delayed**10) - 0.1 * x

        solved = solve_ivp(slope, (start, start + tau), [x], rtol=1e-10, atol=1e-12, dense_output=True, max_step=0.5)
        before, x = (lambda t, solved=solved: solved.sol(t)[0]), solved.y[0, -1]
        pieces.append(solved.sol(np.arange(start, start + tau))[0])
    return np.concatenate(pieces)[:num_samples]


def test_the_series_solves_the_delay_differential_equation():
    expected = by_adaptive_steps(17, 170)
    got = mackey_glass.generate(170, 17, transient=0)
    assert got[0] == 1.2
    assert np.ptp(got) > 0.5
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)


def test_the_transient_is_cut_off_and_nothing_else_changes():
    whole = mackey_glass.generate(60, 17, transient=0)
    assert np.array_equal(mackey_glass.generate(40, 17, transient=20), whole[20:])
    assert np.array_equal(mackey_glass.generate(10, 17), mackey_glass.generate(20, 17)[:10])


def test_every_machine_gets_the_same_bits():
    # Changing this value is right when the integrator is changed on purpose; the task's version changes with it.
    digest = hashlib.sha256(mackey_glass.generate(2000, 17).tobytes()).hexdigest()
    assert digest == "2cfe924521726d96813a9ef2604705adfe8667e8ef0431c32af3de9e1c7053ac"
