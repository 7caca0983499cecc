"""The committed studies are whole, current, and say what the README says of them."""

import json
import math
import re
import shlex
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from seqbench import cli
from seqbench.config import compose
from seqbench.record.record import run_id
from seqbench.record.store import Store
from seqbench.report.dependency import Dependency, dependencies
from seqbench.report.remarks import AT_BASELINE
from seqbench.schema import Record, Study
from seqbench.statistics.crossing import next_length
from seqbench.statistics.speed import DRIFT, ratio_of_times
from seqbench.sweep.measuring import IN_A_SWEEP, measurements
from seqbench.tuning import Tuned, choose

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
MODELS = ("rnn", "lstm", "gru", "attention", "transformer")
SYNTHETIC = ("copy_15", "copy_30", "adding_50", "adding_100")


@pytest.fixture(scope="module")
def study() -> Study:
    return compose(["+sweep=long_seq", "device=cpu"])


@pytest.fixture(scope="module")
def records() -> list[Record]:
    store = Store(REFERENCE / "long_seq" / "runs")
    found = store.records()
    assert store.problems == []
    return found


def test_the_learning_rates_are_those_that_the_committed_trials_choose():
    store = Store(REFERENCE / "tune_long_seq")
    trials = store.records(kind="learning")
    assert store.problems == []
    chosen, used = choose(trials, store.arrays, "here"), Tuned.read(ROOT / "conf" / "tuned" / "long_seq.yaml")
    assert chosen.learning_rate == used.learning_rate
    assert (chosen.steps, chosen.grid, chosen.trials) == (used.steps, used.grid, used.trials)


@pytest.mark.parametrize("model", MODELS)
def test_the_learning_rates_of_the_yaml_files_are_chosen_alike(model: str):
    store = Store(REFERENCE / "tune_long_seq")
    chosen = choose(store.records(kind="learning"), store.arrays, "here").learning_rate
    (cell,) = compose(["task=adding_problem", f"model={model}"]).cells
    assert cell.model["learning_rate"] == chosen["adding_100", model]


def test_the_commands_in_the_report_train_just_these_runs(records: list[Record], study: Study):
    report = (REFERENCE / "long_seq" / "report.md").read_text(encoding="utf-8")
    commands = re.findall(r"`python -m seqbench (task=.+)`", report)
    assert len(commands) == len(study.cells)
    cells = [cell for command in commands for cell in compose(shlex.split(command)).cells]
    found = {run_id(cell.identity(), seed, "learning") for cell in cells for seed in cell.seeds}
    assert found == {record.run_id for record in records if record.kind == "learning"}


def test_trials_share_no_seed_with_the_study(study: Study):
    trials = Store(REFERENCE / "tune_long_seq").records(kind="learning")
    assert not {record.seed for record in trials} & {seed for cell in study.cells for seed in cell.seeds}


def test_the_study_holds_every_run_that_the_sweep_asks_for(study: Study, records: list[Record]):
    wanted = {run_id(cell.identity(), seed, "learning") for cell in study.cells for seed in cell.seeds}
    before_rounds = {run_id(cell.identity(), None, "cost") for cell in study.cells}
    in_rounds = {job.run_id for job in measurements(study.cells, IN_A_SWEEP, "")}
    assert {record.run_id for record in records} in (wanted | before_rounds, wanted | in_rounds)
    assert len([record for record in records if record.kind == "learning"]) == 125


@pytest.mark.parametrize("task", SYNTHETIC)
def test_some_architecture_solves_with_most_seeds_and_some_stays_at_the_baseline(task: str, records: list[Record]):
    solved: dict[str, int] = defaultdict(int)
    skill: dict[str, list[float]] = defaultdict(list)
    for record in records:
        if record.kind == "learning" and record.labels["task"] == task:
            solved[record.labels["model"]] += bool(record.summary["solved"])
            skill[record.labels["model"]].append(record.summary["skill"])
    assert max(solved.values()) >= 4
    assert min(max(values) for values in skill.values()) < AT_BASELINE


@pytest.mark.parametrize("name", ["long_seq", "dependency", "cost_cpu"])
def test_the_committed_report_is_what_its_records_make(name: str, tmp_path: Path):
    assert cli.main(["report", "--store", str(REFERENCE / name / "runs"), "--out", str(tmp_path)]) == 0
    made = {str(file.relative_to(tmp_path)): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert len(made) > 5
    differ = [file for file, content in made.items() if (REFERENCE / name / file).read_bytes() != content]
    assert differ == [], f"write it anew: python -m seqbench report --store results/reference/{name}/runs --out ..."


def test_the_dependency_study_is_whole_and_the_readme_says_what_it_found():
    store = Store(REFERENCE / "dependency" / "runs")
    records = store.records()
    assert store.problems == []
    asked = compose(["+sweep=dependency", "device=cpu"])
    wanted = {run_id(cell.identity(), seed, "learning") for cell in asked.cells for seed in cell.seeds}
    assert wanted < {record.run_id for record in records}, "six lengths, and those that followed"
    told = {}
    for made in dependencies(records):
        assert next_length(made.lengths, made.solved, 1.1) is None, "no length follows any more"
        assert set(map(len, made.solved)) == {5}
        told[made.name] = _longest(made)
    assert f"| {' | '.join(told[name] for name in MODELS)} |" in (ROOT / "README.md").read_text(encoding="utf-8")


def _longest(made: Dependency) -> str:
    found = made.estimate
    if found.value in (0, math.inf):
        return f"over {made.lengths[-1]}" if found.value else f"below {made.lengths[0]}"
    assert found.interval is not None
    if math.isinf(found.interval[1]):
        return f"{found.value:.0f} [at least {found.interval[0]:.0f}]"
    return f"{found.value:.0f} [{found.interval[0]:.0f}, {found.interval[1]:.0f}]"


def test_sessions_of_one_machine_differ_and_by_less_than_a_comparison_of_stores_allows_them():
    lines = (REFERENCE / "regression_check" / "quiet.jsonl").read_text().splitlines()[:64]  # equal builds throughout
    rounds = [json.loads(line)["samples"][number % 4]["seconds"] for number, line in enumerate(lines)]
    names = [name for name in rounds[0] if "training_step" in name]
    sessions, called = [rounds[start : start + 8] for start in range(0, 64, 8)], {1.0: 0, DRIFT: 0}
    for a, b in combinations(sessions, 2):
        times = [([one[name] for one in a], [one[name] for one in b]) for name in names]
        found = [ratio_of_times(*both, 1 - 0.01 / len(names)).interval or (0, math.inf) for both in times]
        for bound in called:
            called[bound] += any(low > bound or high < 1 / bound for low, high in found)
    assert called[DRIFT] <= 2 < 8 <= called[1.0]  # of 28 families of five ratios
