"""Every metric once: name, unit, direction, description, source. Tasks compute them; tables and figures read them."""

import math

from seqbench.schema import Metric

EXACT = 1e-9
"""Part of the largest loss of a trivial method within which one is as good as perfect: rounding, no skill."""
_SHARE, _LOSS = (0.0, 1.0), (0.0, math.inf)
"""Lowest and highest value."""
_ALL = (
    Metric(
        name="answer_accuracy",
        unit="1",
        better="higher",
        description="share of scored answers that are right",
        source="weighted answers only; blanks are never scored",
        limits=_SHARE,
    ),
    Metric(
        name="sequence_accuracy",
        unit="1",
        better="higher",
        description="share of sequences whose scored answers are all right",
        source="exact match",
        limits=_SHARE,
    ),
    Metric(
        name="answer_cross_entropy",
        unit="nat",
        better="lower",
        description="mean cross-entropy of the scored answers",
        source="natural logarithm; uniform guessing over K symbols scores ln K",
        limits=_LOSS,
    ),
    Metric(
        name="step_accuracy",
        unit="1",
        better="higher",
        description="share of all time steps that are right, blanks included",
        source="as published for copy memory; a model without memory comes close to 1",
        limits=_SHARE,
    ),
    Metric(
        name="step_cross_entropy",
        unit="nat",
        better="lower",
        description="mean cross-entropy of all time steps, blanks included",
        source="as published for copy memory: Arjovsky et al. 2016, arXiv:1511.06464",
        limits=_LOSS,
    ),
    Metric(
        name="mse",
        unit="1",
        better="lower",
        description="mean squared error of the answers (standardised scale for time series)",
        source="mean over answers and their components",
        limits=_LOSS,
    ),
    Metric(
        name="mae",
        unit="1",
        better="lower",
        description="mean absolute error on the scale standardised by the training part",
        source="mean over horizon, channels and windows",
        limits=_LOSS,
    ),
    Metric(
        name="mase",
        unit="1",
        better="lower",
        description="mean absolute error over that of the seasonal naive forecast within the training part",
        source="Hyndman & Koehler 2006, doi:10.1016/j.ijforecast.2006.03.001",
        limits=_LOSS,
    ),
)
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}


def metric(name: str) -> Metric:
    """The metric called ``name``; KeyError naming those there are.

    >>> metric("mse").better
    'lower'
    """
    if name not in METRICS:
        raise KeyError(f"no metric {name!r} in metrics.py; there are {', '.join(METRICS)}")
    return METRICS[name]


def skill(loss: float, baseline: float, floor: float, largest: float = -math.inf) -> float:
    """Normalised skill (baseline - loss) / (baseline - floor): 0 at the baseline, 1 for a perfect model.

    NaN where the baseline is as good as perfect: there is nothing to be better in.

    Args:
        loss: of the model.
        baseline: of the trivial method that skill is measured from.
        floor: the best possible one.
        largest: of all trivial methods, see ``is_exact``.

    >>> skill(loss=0.5, baseline=2.0, floor=0.0), skill(loss=0.5, baseline=1e-17, floor=0.0, largest=1.0)
    (0.75, nan)
    """
    return math.nan if is_exact(baseline, floor, largest) else (baseline - loss) / (baseline - floor)


def is_exact(baseline: float, floor: float, largest: float) -> bool:
    """Whether a trivial method is as good as perfect, but for the rounding of numbers as large as ``largest`` is.

    >>> is_exact(1e-17, 0.0, largest=1.0), is_exact(1e-17, 0.0, largest=1e-16), is_exact(0.0, 0.0, largest=0.0)
    (True, False, True)
    """
    return 0 <= baseline - floor <= EXACT * (max(largest, baseline) - floor)
