"""Comparisons in pairs of rounds: the interval covers what it says, and what is told is what committed rounds say."""

import json
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "bench"))
import paired_steps  # noqa: E402  # pyright: ignore[reportMissingImports]

FILES = sorted((ROOT / "results" / "reference").glob("paired_*/*.json"))
README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
SHOWN = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU", "attention": "attention", "transformer": "Transformer"}


def committed(folder: str) -> list[dict[str, Any]]:
    """All pairs of a study."""
    return [pair for file in FILES if file.parent.name == folder for pair in json.loads(file.read_text())["pairs"]]


@pytest.mark.parametrize(
    "draw", [lambda rng: rng.normal(size=10), lambda rng: rng.standard_t(3, size=10)], ids=["normal", "t3"]
)
def test_the_interval_of_ten_rounds_holds_the_median_in_99_of_100_studies(draw: Callable[..., np.ndarray]):
    rng = np.random.default_rng(0)
    found = [paired_steps.interval(draw(rng)) for _ in range(1000)]
    assert np.mean([low <= 1 <= high for _, low, high in found]) >= paired_steps.LEVEL


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_committed_summaries_are_those_of_the_committed_rounds(file: Path):
    for pair in json.loads(file.read_text())["pairs"]:
        rounds = paired_steps.Pair(**{field.name: pair[field.name] for field in fields(paired_steps.Pair)})
        summary = pair["ratio"], pair["low"], pair["high"]
        assert summary == pytest.approx(paired_steps.interval(rounds.log_ratios), rel=1e-12)


def test_the_readme_says_what_the_rounds_of_steps_say():
    told = [pair for pair in committed("paired_steps") if not pair["name"].endswith("A/A")]
    for pair in told:
        assert f"{SHOWN[pair['name']]} {pair['ratio']:.3f} [{pair['low']:.3f}, {pair['high']:.3f}]" in README


def test_the_readme_says_what_the_rounds_of_instruments_say():
    told = [pair for pair in committed("paired_instruments") if (pair["a"], pair["b"]) == ("with", "bare")]
    assert len(told) == len(SHOWN)
    for pair in told:
        cost, least, most = (100 * (1 / pair[key] - 1) for key in ("ratio", "high", "low"))
        assert f"{SHOWN[pair['name'].split()[0]]} {cost:+.2f} % [{least:+.2f}, {most:+.2f}]" in README


def test_the_readme_says_what_the_rounds_of_the_kernel_say():
    sizes = sorted((pair for pair in committed("paired_kernels") if "length" in pair["name"]), key=lambda p: p["ratio"])
    ends = (f"{pair['ratio']:.2f} [{pair['low']:.2f}, {pair['high']:.2f}]" for pair in (sizes[0], sizes[-1]))
    assert " to ".join(ends) in README
