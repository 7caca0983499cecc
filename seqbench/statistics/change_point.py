"""Where a series of sessions changed its level: a scan of all splits, with the chance of the best of them."""

from dataclasses import dataclass

import numpy as np

from seqbench.statistics.seeds import Values, vector

FEWEST = 20
"""Sessions below which nothing is said."""
EDGE = 3
"""Sessions that each side of a split has at least."""
DRAWS, CHUNK = 5000, 1000
"""Series that are shuffled, and how many of them at once."""


@dataclass(frozen=True, kw_only=True)
class ChangePoint:
    """The split whose sides differ most.

    Attributes:
        at: index of the first value after it.
        change: median after minus median before.
        p: chance of so large a difference at the best of all splits, where nothing changed.
    """

    at: int
    change: float
    p: float


def change_point(values: Values, block: int = 2, draws: int = DRAWS, seed: int = 0) -> ChangePoint | None:
    """The most likely change of level of a series; None of fewer than twenty values.

    The largest t statistic of all splits is compared with that of series whose blocks were shuffled: values near each
    other are alike on every machine, and single values shuffled would call 19 % of quiet series changed at 1 % nominal.
    Each value is replaced by its rank, so that one outlier makes no change point.

    Args:
        values: one a session, in order.
        block: sessions in a block, about as many as stay alike.
        draws: shuffled series.
        seed: of the generator.

    Source: James & Matteson 2014, doi:10.18637/jss.v062.i07 (permutation of the best split); Kuensch 1989 (blocks).

    >>> found = change_point([1.0, 1.1, 0.9, 1.0] * 3 + [2.0, 2.1, 1.9, 2.0] * 3)
    >>> found.at, round(found.change, 1), found.p < 0.01
    (12, 1.0, True)
    """
    series = vector(values, finite=False)
    if series.size < FEWEST:
        return None
    ranks = series.argsort().argsort().astype(float)
    best, at = _largest(ranks[None])
    blocks, draw, as_large = np.arange(series.size) // block, np.random.default_rng(seed), 0
    for start in range(0, draws, CHUNK):
        keys = draw.random((min(CHUNK, draws - start), blocks[-1] + 1))
        shuffled = ranks[keys[:, blocks].argsort(1, kind="stable")]  # a block has one key, so it stays together
        as_large += int((_largest(shuffled)[0] >= best[0] - 1e-12).sum())
    split, p = int(at[0]), (1 + as_large) / (1 + draws)
    return ChangePoint(at=split, change=float(np.median(series[split:]) - np.median(series[:split])), p=p)


def _largest(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest standardised difference of means of each row over all splits, and where it is."""
    size = series.shape[1]
    before = np.arange(EDGE, size - EDGE + 1)
    sums = series.cumsum(1)[:, before - 1]
    difference = sums / before - (series.sum(1, keepdims=True) - sums) / (size - before)
    scaled = np.abs(difference) * np.sqrt(before * (size - before))
    best = scaled.argmax(1)
    return scaled[np.arange(len(series)), best], before[best]
