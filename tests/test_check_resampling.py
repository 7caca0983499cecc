"""Whole checks resampled from blocks, on simulated ones whose truth is known."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from seqbench.check.pairs import ORDERS, Sample
from seqbench.check.verdict import Design

sys.path.append(str(Path(__file__).parents[1] / "bench"))
import resample_checks  # pyright: ignore[reportMissingImports]

NAMES = [f"bench/test_a.py::test_{number}" for number in range(12)]
DESIGN = Design()


def blocks(number: int = 60, noise: float = 0.02) -> list[list[Sample]]:
    """A/A blocks with a drift over all of them."""
    draw, made = np.random.default_rng(0), []
    for block in range(number):
        drift = 1 + 0.3 * np.sin(block / 7)
        order = (*ORDERS[int(draw.integers(2))], *ORDERS[int(draw.integers(2))])
        seconds = [{name: drift * float(np.exp(draw.normal(0, noise))) for name in NAMES} for _ in order]
        made.append([Sample(block=block, position=p, side=s, seconds=seconds[p]) for p, s in enumerate(order)])
    return made


def test_nothing_changed_is_seldom_red_and_an_injected_slowdown_is_found() -> None:
    session, draw = blocks(), np.random.default_rng(1)
    told = resample_checks.told([resample_checks.check(draw, session, DESIGN) for _ in range(100)], DESIGN)
    assert told["red by mistake"] <= 2
    assert told["pairs of a benchmark on average"] <= 12
    assert told["upper limit of the rate (95 %)"] > 0.02, "100 checks show no rate below that"
    found = resample_checks.power(draw, session, DESIGN, {NAMES[3]: 0.1}, 40)
    assert found["regressed"] >= 38


def test_blocks_are_contiguous_and_sides_are_drawn_anew() -> None:
    seen: list[list[Sample]] = []
    session = blocks(DESIGN.pairs)

    def keep(samples: list[Sample]) -> dict[str, np.ndarray]:
        seen.append(list(samples))
        return resample_checks.same_ratios(samples)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resample_checks, "log_ratios", lambda samples: keep(samples))
        design = Design(pairs=8, confirm_pairs=4)
        for seed in range(20):
            resample_checks.check(np.random.default_rng(seed), session, design)
    firsts = [samples[0].side for samples in seen]
    assert set(firsts) == {"base", "head"}
    times = [sample.seconds[NAMES[0]] for sample in seen[0]]
    everything = [sample.seconds[NAMES[0]] for block in (*session, *session) for sample in block]
    start = everything.index(times[0])
    assert everything[start : start + len(times)] == times


def test_limits_of_noise_trade_what_is_inconclusive_for_what_passes() -> None:
    quiet, loud = (resample_checks.guarded(0, blocks(noise=noise), DESIGN, 24) for noise in (0.01, 0.08))
    assert quiet["0.07"] == {"checks": 24, "inconclusive": 0, "fine though 10 % slower": 0}
    assert loud["0.07"]["inconclusive"] == 24, "a pair of equal processes differs by 11 %"
    assert loud["inf"]["inconclusive"] <= loud["0.07"]["inconclusive"]
    assert quiet["noise of sessions at 5, 50 and 95 %"][1] == pytest.approx(0.014, rel=0.3)
    assert f"{DESIGN.most_noise:g}" in quiet, "the design's limit is among those that are tried"


def test_too_few_blocks_are_refused() -> None:
    with pytest.raises(ValueError, match="takes 15 blocks; got 3"):
        resample_checks.check(np.random.default_rng(0), blocks(3), DESIGN)


def test_what_was_collected_is_read_as_it_was_written(tmp_path: Path) -> None:
    file, made = tmp_path / "pairs.jsonl", blocks(2)
    file.write_text("".join(json.dumps({"samples": [asdict(s) for s in block]}) + "\n" for block in made))
    assert resample_checks.read(file) == made


def test_every_file_is_told_by_itself_and_with_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [tmp_path / "quiet.jsonl", tmp_path / "loud.jsonl"]
    for file, noise in zip(files, (0.005, 0.3), strict=True):
        made = [{"samples": [asdict(sample) for sample in block]} for block in blocks(16, noise)]
        file.write_text("".join(json.dumps(line) + "\n" for line in made))
    words = [*map(str, files), "--checks", "20", "--powers", "4", "--out", str(tmp_path / "found.json")]
    monkeypatch.setattr(sys, "argv", ["resample_checks.py", *words])
    resample_checks.main()
    found = json.loads((tmp_path / "found.json").read_text())
    quiet, loud = (found["files"][str(file)] for file in files)
    assert (quiet["pairs"], quiet["nothing changed"]["checks"], found["nothing changed"]["checks"]) == (32, 10, 20)
    assert (quiet["nothing changed"]["inconclusive"], loud["nothing changed"]["inconclusive"]) == (0, 10)
    assert quiet["one benchmark 10 % slower"] == {name: {"regressed": 4} for name in NAMES} | {"all": {"regressed": 48}}
    assert "regressed" not in loud["one benchmark 5 % slower"]["all"]
