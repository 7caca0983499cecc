"""What was learned, base against head: broken variants are caught, harmless rewritings are not."""

import hashlib
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import simulated
import torch
from torch import Tensor

from seqbench import cli
from seqbench.check import training
from seqbench.check.learning import Limits, Run, Runs, bitwise, compare, runs_of
from seqbench.check.programs import Side
from seqbench.check.wording import rows
from seqbench.config import compose
from seqbench.models import gru as gru_file
from seqbench.models import lstm as lstm_file
from seqbench.population import Adam, Population
from seqbench.record.store import Store
from seqbench.run import Training
from seqbench.schema import CONTINUED, Cell, Status, UsageError
from seqbench.sweep.cell import build_task, build_trainer
from seqbench.train import Trainer

WORDS = ("task=adding_problem", "task.length=6", "train.batch_size=16", "train.evaluate_batch=1024", "device=cpu")
Patch = Callable[[pytest.MonkeyPatch], object]


def train(model: str, steps: int = 20, seeds: int = 2, *words: str) -> Runs:
    """Runs of one cell as records would hold them, trained in this process."""
    settings = (f"model={model}", "model.width=16", f"seeds={seeds}", f"train.steps={steps}")
    (cell,) = compose([*WORDS, *settings, *words]).cells
    return {f"{model} on adding_problem": trained(cell)}


def trained(cell: Cell) -> dict[int, Run]:
    """The runs of a cell, seed by seed."""
    task = build_task(cell)
    runs = {}
    for seed in cell.seeds:
        torch.manual_seed(0)
        (result,) = Training(build_trainer(cell, task, (seed,))).run()
        found = result.summary
        runs[seed] = Run(
            steps=found["steps_to_solve"],
            budget=found["budget"],
            skill=found["skill"],
            bits=(found["losses_sha256"], found["parameters_sha256"]),
            losses=dict(zip(result.arrays["step"].tolist(), result.arrays["loss"].tolist(), strict=True)),
        )
    return runs


# ------------------------------------------------------------------ bit for bit: broken variants


def _broken_forget_gate(patch: pytest.MonkeyPatch) -> None:
    """It forgets everything."""
    true = lstm_file.lstm

    def broken(x: Tensor, weight_input: Tensor, weight_hidden: Tensor, bias: Tensor, pair: Any = None) -> Any:
        width = weight_hidden.shape[1]
        mask = torch.zeros_like(bias)
        mask[width : 2 * width] = -30.0
        return true(x, weight_input, weight_hidden, bias + mask, pair)

    patch.setattr(lstm_file, "lstm", broken)


def _wrong_reset(patch: pytest.MonkeyPatch) -> None:
    """The gate before the product instead of after it."""
    true = gru_file.gru
    patch.setattr(gru_file, "gru", lambda x, w, u, b, h, reset: true(x, w, u, b, h, "before"))


def _rate_off_by_three(patch: pytest.MonkeyPatch) -> None:
    true = Adam.step

    def step(self: Adam, gradients: Tensor, active: Tensor | None = None) -> Tensor:
        self.learning_rates = self.learning_rates / 3
        try:
            return true(self, gradients, active)
        finally:
            self.learning_rates = self.learning_rates * 3

    patch.setattr(Adam, "step", step)


def _clip_before_backward(patch: pytest.MonkeyPatch) -> None:
    def update(self: Trainer, index: int, batches: Any) -> None:
        population = self.population
        losses = population.losses(batches)
        norms = torch.linalg.vector_norm(population.gradients, dim=1)  # of the step before
        population.gradients.mul_((self.train.clip / norms).clamp_(max=1.0).nan_to_num_(1.0).unsqueeze(1))
        population.backward(losses)
        updates = self.optimizer.step(population.gradients, None)
        torch.stack((losses.detach(), norms, updates, torch.zeros_like(norms)), out=self.history[index])

    patch.setattr(Trainer, "update", update)


@pytest.mark.parametrize(
    ("model", "breaks"),
    [
        ("lstm", _broken_forget_gate),
        ("gru", _wrong_reset),
        ("gru", _rate_off_by_three),
        ("rnn", _clip_before_backward),
    ],
)
def test_broken_variants_are_caught_bit_for_bit(monkeypatch: pytest.MonkeyPatch, model: str, breaks: Patch) -> None:
    words = ("train.clip=0.05",)  # so that clipping does something at this size
    before = train(model, 20, 2, *words)
    breaks(monkeypatch)
    (finding,) = bitwise(before, train(model, 20, 2, *words))
    assert finding.verdict == "regressed"
    assert "has another loss at step" in finding.says


# ------------------------------------------------------------------ bit for bit: harmless rewritings


def _zero_then_backward(patch: pytest.MonkeyPatch) -> None:
    """Gradients zeroed in place or filled with zeros."""

    def backward(self: Population, losses: Tensor) -> None:
        self.gradients.fill_(0.0)
        losses.sum().backward()

    patch.setattr(Population, "backward", backward)


def _losses_listed(patch: pytest.MonkeyPatch) -> None:
    """Another way to write the loop over members."""

    def losses(self: Population, batches: Any) -> Tensor:
        found = []
        for index in range(self.size):
            network = self.networks[index]
            outputs = network(batches[index])
            found.append(self.task.loss(outputs, batches[index]).mean())
        return torch.stack(found)

    patch.setattr(Population, "losses", losses)


def _update_renamed(patch: pytest.MonkeyPatch) -> None:
    """Names changed, and what is independent reordered."""
    from seqbench.train import clip_

    def update(self: Trainer, index: int, batches: Any) -> None:
        members, rule = self.population, self.optimizer
        values = members.losses(batches)
        members.backward(values)
        sizes = torch.linalg.vector_norm(members.gradients, dim=1)
        detached = values.detach()
        scaled = clip_(members.gradients, sizes, self.train.clip)
        moved = rule.step(members.gradients, None)
        torch.stack((detached, sizes, moved, scaled), out=self.history[index])

    patch.setattr(Trainer, "update", update)


def _adam_reordered(patch: pytest.MonkeyPatch) -> None:
    """The second moment before the first: they do not depend on each other."""

    @torch.no_grad()
    def step(self: Adam, gradients: Tensor, active: Tensor | None = None) -> Tensor:
        self.count += 1
        self.square.mul_(self.beta2).addcmul_(gradients, gradients, value=1 - self.beta2)
        self.mean.lerp_(gradients, 1 - self.beta1)
        second, first = 1 - self.beta2**self.count, 1 - self.beta1**self.count
        update = self.square.sqrt().div_(second**0.5).add_(self.eps)
        update = torch.div(self.mean, update).mul_(self.learning_rates / first)
        self.parameters.sub_(update)
        return torch.linalg.vector_norm(update, dim=1)

    patch.setattr(Adam, "step", step)


def _batches_by_loop(patch: pytest.MonkeyPatch) -> None:
    def batches(self: Trainer, index: int) -> list[Any]:
        found = []
        for seed in self.seeds:
            found.append(self.task.batch("train", index, self.train.batch_size, seed, self.population.device))
        return found

    patch.setattr(Trainer, "batches", batches)


def _wrapped(module: object, name: str) -> Patch:
    """One more function around another."""

    def apply(patch: pytest.MonkeyPatch) -> None:
        true = getattr(module, name)
        patch.setattr(module, name, lambda *given, **named: true(*given, **named))

    return apply


HARMLESS: dict[str, Patch] = {
    "nothing": lambda patch: None,
    "zeroed otherwise": _zero_then_backward,
    "losses by a loop": _losses_listed,
    "names": _update_renamed,
    "moments reordered": _adam_reordered,
    "batches by a loop": _batches_by_loop,
    "op wrapped": _wrapped(gru_file, "gru"),
    "name of the kernel wrapped": _wrapped(gru_file, "kernel_name"),
    "step wrapped": _wrapped(Trainer, "step"),
    "scores wrapped": _wrapped(Population, "scores"),
}


def test_ten_harmless_rewritings_are_not_caught() -> None:
    assert len(HARMLESS) == 10
    before = train("gru", 12, 1)
    for name, rewrite in HARMLESS.items():
        with pytest.MonkeyPatch.context() as patch:
            rewrite(patch)
            (finding,) = bitwise(before, train("gru", 12, 1))
        assert finding.verdict == "fine", name


# ------------------------------------------------------------------ steps and skill, pair by pair

SEEDS = 12


def runs(
    draw: np.random.Generator, worse: float = 1.0, lost: float = 0.0, noise: float = 0.1, seeds: int = SEEDS
) -> Runs:
    """Simulated runs of one cell; ``worse`` times as many steps, ``lost`` skill."""
    made = {}
    for seed in range(seeds):
        difficulty = np.random.default_rng(seed).normal(0, 0.3)  # of the seed, on both sides
        steps = int(200 * worse * np.exp(difficulty + draw.normal(0, noise)))
        skill = float(0.97 - lost + draw.normal(0, noise / 20))
        bits = (hashlib.sha256(draw.bytes(8)).hexdigest(), "")
        made[seed] = Run(steps=steps, budget=1000, skill=skill, bits=bits, losses={})
    return {"gru on adding_problem": made}


def verdicts(base: Runs, head: Runs) -> list[str]:
    return [finding.verdict for finding in compare(base, head)]


def test_equal_bits_need_no_statistics() -> None:
    one = runs(np.random.default_rng(0))
    (finding,) = compare(one, one)
    assert (finding.verdict, finding.unit) == ("fine", "seeds")


def test_other_rounding_is_fine_and_seldom_called_worse() -> None:
    draw = np.random.default_rng(1)
    found = [verdicts(runs(draw), runs(draw)) for _ in range(300)]
    assert sum("regressed" in one for one in found) <= 4, "at 0.4 % more than 4 of 300 have a chance of 1 %"
    assert sum(one == ["fine", "fine"] for one in found) >= 285


@pytest.mark.parametrize(("change", "place"), [({"worse": 1.5}, 0), ({"lost": 0.05}, 1)])
def test_slower_and_poorer_learning_are_found(change: dict[str, Any], place: int) -> None:
    draw = np.random.default_rng(2)
    found = [verdicts(runs(draw), runs(draw, **change))[place] for _ in range(100)]
    assert found.count("regressed") >= 95
    assert "fine" not in found


def test_runs_that_no_longer_solve_are_worse_than_any_that_did() -> None:
    draw = np.random.default_rng(3)
    base, head = runs(draw), runs(draw)
    (name,) = head
    unsolved = {seed: replace(run, steps=None, skill=None) for seed, run in head[name].items()}
    assert verdicts(base, {name: unsolved}) == ["regressed", "regressed"]


def test_runs_that_fail_are_neither_faster_nor_the_same(tmp_path: Path) -> None:
    for seed in range(SEEDS):
        record, arrays = simulated.learning("adding_50", "gru", seed)
        bits = {"losses_sha256": "a" * 64, "parameters_sha256": "b" * 64, "steps_to_solve": 400, "skill": 0.99}
        Store(tmp_path / "old").publish(replace(record, status="completed", summary={**record.summary, **bits}), arrays)
        lost: dict[str, Any] = {"task": {}, "summary": {}, "arrays": {}, "reason": "ValueError: x"}
        Store(tmp_path / "new").publish(replace(record, status="failed", **lost), {})
    base, head = (runs_of(Store(tmp_path / name)) for name in ("old", "new"))
    worse = compare(base, head)
    assert [finding.verdict for finding in worse] == ["regressed"] * 3
    assert worse[0].says == "not in the head: seed 0: failed (ValueError: x), and 11 more runs"
    assert verdicts(head, head) == verdicts(head, base) == ["not comparable"], "a base that failed says nothing"
    (found,) = bitwise(base, head)
    says = "seed 0 left no hashes of its training in the head: failed (ValueError: x)"
    assert (found.verdict, found.says) == ("regressed", says)
    assert [finding.verdict for finding in bitwise(head, head)] == ["not comparable"]


@pytest.mark.parametrize("number", [1, SEEDS])
@pytest.mark.parametrize("skill", [-0.2, 0.97])
def test_runs_that_end_early_are_worse_whatever_the_base_learned(number: int, skill: float) -> None:
    (name, base), *_ = runs(np.random.default_rng(8)).items()
    base = {seed: replace(run, steps=None if skill < 0 else run.steps, skill=skill) for seed, run in base.items()}
    crash = {"steps": None, "skill": None, "bits": None, "lost": "oom (9 GB asked for)"}
    head = {seed: replace(run, **(crash if seed < number else {})) for seed, run in base.items()}
    worse = [finding for finding in compare({name: base}, {name: head}) if finding.unit == "runs"]
    assert [(finding.verdict, finding.change) for finding in worse] == [("regressed", -number)]
    assert worse[0].says.startswith("not in the head: seed 0: oom (9 GB asked for)")
    mended = compare({name: head}, {name: base})
    assert not any(finding.verdict == "regressed" for finding in mended)
    assert any(finding.says.startswith("not in the base: seed 0: oom") for finding in mended), "that too is told"


def test_few_seeds_decide_nothing_and_the_finding_says_how_many_would() -> None:
    draw = np.random.default_rng(4)
    found = compare(runs(draw, seeds=5), runs(draw, worse=2.0, seeds=5))
    assert [finding.verdict for finding in found] == ["inconclusive", "inconclusive"]
    assert "5 seeds cannot decide: 9 can" in found[0].says


def test_cells_and_seeds_that_one_side_lacks_are_told() -> None:
    one = runs(np.random.default_rng(5))
    (name,) = one
    other = {"lstm on adding_problem": one[name]}
    assert {(f.name, f.says) for f in bitwise(one, other)} == {
        (name, "not in the head"),
        ("lstm on adding_problem", "not in the base"),
    }
    later = {name: {seed + 100: run for seed, run in one[name].items()}}
    assert [f.says for f in compare(one, later)] == ["trained in both, with other seeds"]
    assert [f.verdict for f in bitwise(one, later)] == ["not comparable"], "no seed is no pass"


def test_a_run_that_does_not_solve_is_said_to_be_unsolved_and_gets_no_number_of_steps() -> None:
    draw = np.random.default_rng(7)
    base, head = runs(draw), runs(draw)
    (name,) = head
    lost = {name: {seed: replace(run, steps=None, skill=0.0) for seed, run in head[name].items()}}
    (steps, _) = compare(base, lost)
    assert (steps.verdict, steps.head) == ("regressed", math.inf)
    (shown, _) = rows([steps, steps])
    assert (shown[1].endswith(" steps"), shown[2]) == (True, "unsolved")
    assert steps.says.endswith("; a run that does not solve counts as twice the budget")


def test_a_task_that_has_no_skill_is_compared_by_its_steps() -> None:
    draw = np.random.default_rng(8)
    sides = [{name: {s: replace(r, skill=None) for s, r in found.items()} for name, found in side.items()}
             for side in (runs(draw), runs(draw, worse=3.0))]  # fmt: skip
    assert [(finding.unit, finding.verdict) for finding in compare(sides[0], sides[1])] == [("steps", "regressed")]


def test_runs_of_another_budget_are_not_compared() -> None:
    draw = np.random.default_rng(7)
    base, head = runs(draw), runs(draw)
    (name,) = head
    shorter = {seed: replace(run, steps=None, budget=50) for seed, run in head[name].items()}
    (finding,) = compare(base, {name: shorter})
    assert (finding.verdict, finding.says) == ("not comparable", "trained for other numbers of steps")


def test_the_chance_of_a_mistake_is_shared_by_all_comparisons() -> None:
    draw = np.random.default_rng(6)
    cells = {f"model {number} on a task": runs(draw, worse=1.5)["gru on adding_problem"] for number in range(40)}
    base = {name: runs(draw)["gru on adding_problem"] for name in cells}
    found = compare(base, cells)
    assert not any(finding.verdict == "regressed" for finding in found), "12 seeds cannot reach 0.4 % / 80"
    assert Limits().error / 80 < 0.5**SEEDS


@pytest.mark.soak
@pytest.mark.parametrize(
    ("model", "breaks"),
    [
        ("lstm", _broken_forget_gate),
        ("gru", _rate_off_by_three),
        ("rnn", _clip_before_backward),
    ],
)
def test_broken_variants_are_caught_by_what_they_learn(
    monkeypatch: pytest.MonkeyPatch, model: str, breaks: Patch
) -> None:
    cells = [cell for words in training.MICRO for cell in compose([*words, *training.QUIET]).cells]
    (cell,) = (cell for cell in cells if cell.labels["model"].split()[0] == model)
    before = trained(cell)
    breaks(monkeypatch)
    assert "regressed" in verdicts({model: before}, {model: trained(cell)})


# ------------------------------------------------------------------ two stores, from outside


@pytest.mark.parametrize("studies", [training.MICRO, training.BITS])
def test_what_is_trained_is_every_architecture_and_seeds_enough(studies: tuple[tuple[str, ...], ...]) -> None:
    cells = [cell for words in studies for cell in compose([*words, *training.QUIET]).cells]
    models = {path.stem for path in (Path(__file__).parents[1] / "conf/model").glob("*.yaml")}
    assert {cell.labels["model"].split()[0] for cell in cells} == models
    if studies is training.MICRO:
        tests = 2 * len(cells)  # steps and skill of each
        assert all(0.5 ** len(cell.seeds) <= Limits().error / tests for cell in cells)


def test_what_two_stores_do_not_share_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, seeds, torch_version in (("old", range(5), "2.12.0"), ("new", range(2, 9), "2.13.0")):
        for seed in seeds:
            record, arrays = simulated.learning("adding_50", "gru", seed)
            facts = {**record.environment, "torch": torch_version}
            Store(tmp_path / name).publish(replace(record, environment=facts), arrays)
    (tmp_path / "new/odd").mkdir()
    (tmp_path / "new/odd/record.json").write_text("{")
    assert cli.main(["check", "--learning", str(tmp_path / "old"), str(tmp_path / "new")]) == 4
    told = " ".join(capfd.readouterr().out.split())
    assert "1 cell of both, 3 seeds each" in told
    assert "not compared: 6 runs with seeds that only one side has" in told
    assert "likely cause: torch 2.12.0 in the base, 2.13.0 in the head" in told
    assert "1 thing could not be read" in told


def test_what_older_records_do_not_tell_is_no_likely_cause(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, more in (("old", {"gpu": None}), ("new", {"gpu": "A GPU", "cpu_signature": "cpu family 25, model 17"})):
        for seed in range(3):
            record, arrays = simulated.learning("adding_50", "gru", seed)
            told = {key: value for key, value in record.environment.items() if key != "cpu_signature"}
            Store(tmp_path / name).publish(replace(record, environment=told | more), arrays)
    assert cli.main(["check", "--learning", str(tmp_path / "old"), str(tmp_path / "new")]) == 4
    causes = " ".join(capfd.readouterr().out.split())
    assert "cpu_signature" not in causes
    assert "likely cause: gpu None in the base, A GPU in the head" in causes, "which is a fact"


@pytest.mark.parametrize("status", CONTINUED)
def test_a_store_whose_runs_are_under_way_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], status: Status
) -> None:
    for seed in range(3):
        record, arrays = simulated.learning("adding_50", "gru", seed)
        Store(tmp_path / "one").publish(record, arrays)
        Store(tmp_path / "two").publish(replace(record, status=status, summary={}, arrays={}), {})
    assert cli.main(["check", "--learning", str(tmp_path / "one"), str(tmp_path / "two")]) == 2
    assert "got 3 interrupted or killed in" in capfd.readouterr().err


@pytest.mark.parametrize("change", ["env_id", "cell_id"])
def test_a_store_that_holds_a_name_twice_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], change: str
) -> None:
    for seed in range(3):
        record, arrays = simulated.learning("adding_50", "gru", seed)
        Store(tmp_path / "one").publish(record, arrays)
        Store(tmp_path / "two").publish(record, arrays)
        other = replace(record, **{change: "0" * 12}, run_id=f"{seed:0{len(record.run_id)}d}")
        Store(tmp_path / "two").publish(other, arrays)
    assert cli.main(["check", "--learning", str(tmp_path / "one"), str(tmp_path / "two")]) == 2
    assert "got several of 'gru on adding_50" in capfd.readouterr().err


def test_what_trains_is_what_the_environment_has_installed(tmp_path: Path) -> None:
    (tmp_path / "seqbench").mkdir()
    (tmp_path / "seqbench/__init__.py").write_text("raise ImportError('of the current folder')")
    side = Side(name="here", root=tmp_path, python=Path(sys.executable), imports_root=False)
    with pytest.raises(UsageError) as told:
        training.train(side, tmp_path / "runs", [("nonsense=1",)])
    assert "of the current folder" not in str(told.value)


def test_two_stores_are_compared_by_the_command(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stores = [tmp_path / name for name in ("same", "again", "other")]
    for store in stores:
        for seed in range(3):
            record, arrays = simulated.learning("adding_50", "gru", seed)
            bits = {"losses_sha256": "a" * 64, "parameters_sha256": ("b" if store.name == "other" else "c") * 64}
            Store(store).publish(replace(record, summary={**record.summary, **bits}), arrays)
    same, again, other = map(str, stores)
    assert cli.main(["check", "--learning", same, again, "--bitwise"]) == 0
    assert cli.main(["check", "--learning", same, again]) == 0
    assert "1 cell trained the same, bit for bit" in capfd.readouterr().out
    assert cli.main(["check", "--learning", same, other, "--bitwise", "--format", "json"]) == 3
    assert "trained differently" in capfd.readouterr().out
    assert cli.main(["check", "--learning", same, other]) == 4
