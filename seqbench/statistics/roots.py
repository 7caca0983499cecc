"""Where a function is 0."""

from collections.abc import Callable


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """The place between two at which a function has opposite signs, by bisection to the last digit.

    SciPy's optimizers would find it in fewer steps; to load them takes longer, and 24 MB.
    Source: Press et al. 2007, Numerical Recipes, section 9.1.

    >>> round(root(lambda x: x * x - 2, 0.0, 2.0), 12)
    1.414213562373
    """
    rises = function(low) < 0
    while low < (middle := (low + high) / 2) < high:
        if (function(middle) < 0) == rises:
            low = middle
        else:
            high = middle
    return middle
