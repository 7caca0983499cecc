"""The Mackey-Glass equation, a delay differential equation whose solution is chaotic from tau = 17 on.

Source: Mackey & Glass 1977, "Oscillation and chaos in physiological control systems", Science 197:287-289.
"""

import numpy as np

BETA, GAMMA = 0.2, 0.1
"""The exponent n = 10 is in ``_production``."""
STEPS_PER_SAMPLE = 10
"""Integration steps in one unit of time."""
START = 1.2
"""x(t) for t <= 0."""
TRANSIENT = 500
"""Samples that are thrown away before the first."""


def generate(num_samples: int, tau: int, transient: int = TRANSIENT) -> np.ndarray:
    """``num_samples`` values of x(t) at t = transient, transient + 1, and so on, with x(t) = 1.2 for t <= 0.

    dx/dt = beta x(t - tau) / (1 + x(t - tau)^n) - gamma x(t),  beta = 0.2, gamma = 0.1, n = 10.

    Classical Runge-Kutta of order 4 with step 0.1; the delayed value half a step away is interpolated from its four
    neighbours. Only additions, multiplications and divisions in a fixed order, so every machine gets the same bits
    (the solution is chaotic: another rounding is another series after some thousand samples).
    """
    h, delay = 1 / STEPS_PER_SAMPLE, tau * STEPS_PER_SAMPLE
    x = [START] * (delay + 2)  # x[now] is x(0) for now = delay + 1; one value more for the interpolation
    end = len(x) + (transient + num_samples - 1) * STEPS_PER_SAMPLE
    while len(x) < end:
        x.extend(_advance(x, delay, h))
    first = delay + 1 + transient * STEPS_PER_SAMPLE
    return np.array(x[first:end:STEPS_PER_SAMPLE])


def _advance(x: list[float], delay: int, h: float) -> list[float]:
    """The next ``delay`` - 1 values: those whose delayed values and neighbours are all known."""
    known = np.array(x[-delay - 2 :])  # x(t - tau - h), x(t - tau), x(t - tau + h), ..., x(t)
    middle = (9 * (known[1:-2] + known[2:-1]) - (known[:-3] + known[3:])) / 16
    at_step, at_half = _production(known[1:-1]).tolist(), _production(middle).tolist()
    new, now = [], x[-1]
    for here, half, there in zip(at_step[:-1], at_half, at_step[1:], strict=True):
        k1 = here - GAMMA * now
        k2 = half - GAMMA * (now + h / 2 * k1)
        k3 = half - GAMMA * (now + h / 2 * k2)
        k4 = there - GAMMA * (now + h * k3)
        now += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        new.append(now)
    return new


def _production(delayed: np.ndarray) -> np.ndarray:
    """Beta x / (1 + x^10), the power by multiplications, because a library's pow may round differently elsewhere."""
    square = delayed * delayed
    fourth = square * square
    return BETA * delayed / (1 + fourth * fourth * square)
