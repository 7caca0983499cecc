"""Skill against cost, and curves of more seeds than one can tell apart."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import simulated

from seqbench.record.store import Store
from seqbench.report import figures, write

GROUP = "{http://www.w3.org/2000/svg}g"


def drawn(tmp_path: Path, name: str, *entries: tuple) -> ElementTree.Element | None:
    store = Store(tmp_path / "runs")
    for record, arrays in entries:
        store.publish(record, arrays)
    path = write(store, tmp_path / "out").parent / "figures" / f"{name}.svg"
    return ElementTree.fromstring(path.read_bytes()) if path.exists() else None


def panels(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [group for group in root.iter(GROUP) if group.get("class") == "panel"]


def notes(panel: ElementTree.Element, note: str) -> list[str]:
    return [group.get("data-series", "") for group in panel.iter(GROUP) if group.get("data-note") == note]


def learning(models: tuple[str, ...], seeds: int = 5) -> list[tuple]:
    return [simulated.learning("copy_10", model, seed) for model in models for seed in range(seeds)]


def test_a_panel_for_each_cost_with_the_architectures_that_have_it(tmp_path: Path) -> None:
    costs = [simulated.cost_record("copy_10", model) for model in ("rnn", "gru")]
    root = drawn(tmp_path, "pareto", *learning(("rnn", "lstm", "gru")), *costs)
    assert root is not None
    found = {re.sub(r'"|\[| \(.*', "", panel.get("data-names", "")): notes(panel, "mean over seeds")
             for panel in panels(root)}  # fmt: skip
    assert found == {
        "tokens per second": ["rnn", "gru"],
        "peak memory, MiB": ["rnn", "gru"],
        "parameters": ["rnn", "lstm", "gru"],
        "state, floats": ["rnn", "lstm", "gru"],
    }


@pytest.mark.parametrize("other", [{"env_id": "f" * 12}, {"labels": {"task": "copy_30", "model": "gru"}}])
def test_cost_of_another_environment_or_task_is_not_taken(tmp_path: Path, other: dict) -> None:
    costs = [simulated.cost_record("copy_10", "rnn"), simulated.cost_record("copy_10", "gru", **other)]
    root = drawn(tmp_path, "pareto", *learning(("rnn", "gru")), *costs)
    assert root is not None
    assert [panel.get("data-names", "")[:4] for panel in panels(root)] == ['["pa', '["st']


def test_one_architecture_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    assert drawn(tmp_path, "pareto", *learning(("gru",)), simulated.cost_record("copy_10", "gru")) is None


def test_above_fifty_curves_a_band_and_a_sample_that_the_axis_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "MOST_CURVES", 8)
    root = drawn(tmp_path, "learning", *learning(("rnn", "gru"), 6))
    assert root is not None
    (panel,) = panels(root)
    assert "training step (4 of 6 seeds; band: 80 % of seeds)" in panel.get("data-names", "")
    assert [len(notes(panel, f"seed {seed}")) for seed in range(6)] == [2, 2, 2, 2, 0, 0]
    assert notes(panel, "median over seeds") == ["rnn", "gru"]


def test_up_to_fifty_curves_every_seed_is_seen(tmp_path: Path) -> None:
    root = drawn(tmp_path, "learning", *learning(("rnn", "gru"), 6))
    assert root is not None
    (panel,) = panels(root)
    assert panel.get("data-names", "").startswith('["training step", ')
    assert [len(notes(panel, f"seed {seed}")) for seed in range(6)] == [2] * 6
    assert notes(panel, "median over seeds") == []
