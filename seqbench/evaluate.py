"""Exact averages over a fixed set: every example once, totals and counts merged, so batch cuts change nothing."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float64

from seqbench.population import Population
from seqbench.spec import Average, Batch


def evaluate(population: Population, batches: Iterable[Batch]) -> dict[str, Float64[np.ndarray, " population"]]:
    """Every metric of the task over ``batches``, per member, in double precision.

    The modules are in evaluation mode meanwhile. NaN where a member's outputs are not finite.
    """
    population.train(False)
    sums: dict[str, Average] = {}
    for batch in batches:
        for name, part in population.scores(batch).items():
            part = Average(part.total.double(), part.count.double())
            sums[name] = sums[name].merge(part) if name in sums else part
    population.train(True)
    return {name: (average.total / average.count).cpu().numpy() for name, average in sums.items()}
