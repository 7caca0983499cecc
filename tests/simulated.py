"""Simulated records of a whole study, for the tests of store and report; nothing here was trained.

5 architectures x 5 tasks x 5 seeds. What is made up follows what such networks do: a tanh RNN forgets, gated ones
solve short delays, a linear method wins on a short noisy series, some runs diverge, time out or fail.
"""

import hashlib
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqbench import derived
from seqbench.metrics import METRICS
from seqbench.record.environment import env_id
from seqbench.record.fields import indented
from seqbench.record.files import pack
from seqbench.record.record import CHECKSUM, cell_id, dump, run_id
from seqbench.schema import Record, Status

Arrays = dict[str, np.ndarray]
MODELS = {"rnn": 4_810, "lstm": 19_210, "gru": 14_410, "attention": 17_290, "transformer": 52_874}
TASKS = ("copy_10", "copy_30", "adding_50", "adding_100", "membrane")
SEEDS = tuple(range(5))
MACHINE = {
    "cpu": "Example CPU 2.0 GHz",
    "architecture": "x86_64",
    "cores": 2,
    "memory_bytes": 8 * 2**30,
    "platform": "Linux",
    "python": "3.11.7",
    "numpy": "2.4.6",
    "torch": "2.13.0+cpu",
    "torch_git": "cf30153",
    "threads": 1,
    "flush_denormals": True,
    "gpu": None,
}
# Step at which a run solves (None: never), by task, for each architecture: the median over seeds.
_SOLVES: dict[str, dict[str, float | None]] = {
    "copy_10": {"rnn": None, "lstm": 700, "gru": 600, "attention": 250, "transformer": 300},
    "copy_30": {"rnn": None, "lstm": None, "gru": 1350, "attention": 350, "transformer": 420},
    "adding_50": {"rnn": 1150, "lstm": 500, "gru": 420, "attention": None, "transformer": 900},
    "adding_100": {"rnn": None, "lstm": 800, "gru": 650, "attention": None, "transformer": 1420},
}
_MEMBRANE = {"rnn": 0.315, "lstm": 0.265, "gru": 0.258, "attention": 0.42, "transformer": 0.305}
_BUDGET = 1500


def study(models: Mapping[str, int] = MODELS, tasks: tuple[str, ...] = TASKS, seeds: tuple[int, ...] = SEEDS,
          cost: bool = True) -> Iterator[tuple[Record, Arrays]]:  # fmt: skip
    """Record and arrays of every run, then of every cost measurement."""
    for task in tasks:
        for model in models:
            for seed in seeds:
                yield learning(task, model, seed)
    for task in tasks if cost else ():
        for model in models:
            yield cost_record(task, model)


def rng(*path: object) -> np.random.Generator:
    """A generator that depends on ``path`` alone."""
    return np.random.default_rng(zlib.crc32(repr(path).encode()))


def learning(task: str, model: str, seed: int, **changes: Any) -> tuple[Record, Arrays]:
    """One learning run; ``changes`` replace fields of its record."""
    fate = _fate(task, model, seed)
    if fate in ("failed", "timeout", "oom"):
        reason = {"timeout": "took longer than train.timeout_s = 600", "oom": "out of memory"}.get(
            fate, "ValueError: x"
        )
        return replace(base(task, model, seed), **({"status": fate, "reason": reason} | changes)), {}
    arrays, summary = _trained(task, model, seed, diverged=fate == "diverged")
    reason = "loss is not finite at step 412" if fate == "diverged" else None
    record = replace(base(task, model, seed), status=fate, reason=reason, summary=summary, arrays=axes(arrays))
    return replace(record, **changes), arrays


def _fate(task: str, model: str, seed: int) -> Status:
    special: dict[tuple[str, str, int], Status] = {
        ("adding_100", "rnn", 3): "diverged",
        ("copy_30", "transformer", 4): "timeout",
        ("adding_100", "attention", 2): "failed",
    }
    return special.get((task, model, seed), "completed")


def base(task: str, model: str, seed: int | None, kind: str = "learning") -> Record:
    """A record with everything but results."""
    identity = {
        "task": {"target": f"seqbench.tasks.{task}:Task", "version": 1, "name": task},
        "model": {"target": f"seqbench.models.{model}:Model", "version": 1, "width": 64, "learning_rate": 0.003},
        "train": {"batch_size": 64, "steps": _BUDGET, "clip": 1.0},
        "device": "cpu",
    }
    return Record(
        kind=kind,  # type: ignore[arg-type]
        run_id=run_id(identity, seed, kind),
        cell_id=cell_id(identity),
        env_id=env_id(MACHINE),
        labels={"task": task, "model": model, "variant": ""},
        seed=seed,
        study="long_seq",
        command=f"python -m seqbench task={task} model={model}",
        config=identity,
        sources={"task": "0" * 64, "model": "1" * 64},
        environment=MACHINE,
        git={"commit": "a" * 40, "clean": True},
        status="completed",
        reason=None,
        started_at="2026-11-24T03:00:00+00:00",
        duration_s=41.5,
        task=_facts(task),
        architecture={
            "parameters": MODELS.get(model, 9_999),
            "width": 64,
            "causal": True,
            "flops": 10**7,
            "state_size": 64,
        },
        baselines=_baselines(task),
        metrics={name: METRICS[name].explained() for name in _metrics(task)},
    )


def _metrics(task: str) -> tuple[str, ...]:
    return ("answer_accuracy", "answer_cross_entropy") if task.startswith("copy") else ("mse", "mae")


def _facts(task: str) -> dict[str, Any]:
    copy, series = task.startswith("copy"), task == "membrane"
    solved = {"metric": "answer_accuracy", "threshold": 0.99} if copy else {"metric": "mse", "threshold": 1e-3}
    return {
        "score": _metrics(task)[0],
        "skill_metric": "answer_cross_entropy" if copy else "mse",
        "floor": 0.0,
        "solved": None if series else solved,
        "length": 30 if copy else 96 if series else int(task.split("_")[1]),
        "budget": _BUDGET,
        "input": "tokens(10)" if copy else "reals(2)",
    }


def _baselines(task: str) -> tuple[dict[str, Any], ...]:
    def entry(name: str, kind: str = "derived", skill: bool = False, **values: float) -> dict[str, Any]:
        return {"name": name, "kind": kind, "skill": skill, "values": values}

    if task.startswith("copy"):
        return (entry("memoryless", skill=True, answer_accuracy=0.125, answer_cross_entropy=math.log(8)),)
    if task == "membrane":
        return (
            entry("persistence", "fitted", skill=True, mse=0.51, mae=0.55),
            entry("seasonal naive", "fitted", mse=0.47, mae=0.52),
            entry("ridge", "fitted", mse=0.291, mae=0.41),
        )
    return (entry("constant 1", skill=True, mse=1 / 6), entry("one marker", mse=1 / 12))


def _trained(task: str, model: str, seed: int, diverged: bool) -> tuple[Arrays, dict[str, Any]]:
    random = rng(task, model, seed)
    median = _SOLVES.get(task, {}).get(model)
    reached = None if median is None else median * math.exp(random.normal(0, 0.15))
    taken = 412 if diverged else _BUDGET
    moments = np.unique(np.minimum(np.round(50 * 1.05 ** np.arange(0, 80)), taken)).astype(np.int64)
    scores = _curve(task, model, moments, reached, random)
    arrays = {"evaluation_step": moments, f"validation/{_metrics(task)[0]}": scores}
    arrays |= _steps(taken, diverged, random) | _profile(task, model, reached, random)
    flow = _flow("gradient_profile/state_lag" in arrays)
    arrays["derived"] = derived.packed({"gradient_profile": flow, "saliency": {"share_at_lag": 0.9}})
    return arrays, _summary(task, scores, moments, reached, taken, diverged, arrays)


def _curve(
    task: str, model: str, moments: np.ndarray, reached: float | None, random: np.random.Generator
) -> np.ndarray:
    noise = random.normal(0, 1, moments.size)
    if task == "membrane":
        end = _MEMBRANE.get(model, 0.35) + random.normal(0, 0.006)
        return end + 0.3 * np.exp(-moments / 220) + 0.004 * noise
    rise = (
        np.zeros(moments.size) if reached is None else 1 / (1 + np.exp(-(moments - 0.8 * reached) / (0.045 * reached)))
    )
    if task.startswith("copy"):
        return np.clip(0.125 + 0.875 * rise + 0.004 * noise * (1 - rise), 0, 1)
    level = 1 / 6 * (1 + 0.02 * noise)
    return level * (1 - rise) + 6e-4 * np.exp(0.3 * noise) * rise


def _steps(taken: int, diverged: bool, random: np.random.Generator) -> Arrays:
    steps = np.unique(np.round(np.geomspace(1, taken, 256))).astype(np.int64)
    norms = 2.0 * steps**-0.25 * np.exp(random.normal(0, 0.35, steps.size))
    if diverged:
        norms[-6:] = [9.0, 60.0, 8e2, 5e4, 1e8, np.inf]
    noise = np.exp(random.normal(0, 0.1, steps.size))
    updates = 0.05 * noise
    return {
        "step": steps,
        "loss": 2 * steps**-0.3,
        "gradient_norm": norms,
        "update_norm": updates,
        "clipped": norms > 1,
    }


def _profile(task: str, model: str, reached: float | None, random: np.random.Generator) -> Arrays:
    lags = np.arange({"copy_10": 30, "copy_30": 50, "membrane": 96}.get(task) or int(task.split("_")[1]))
    decay = {"rnn": 0.62, "lstm": 0.88, "gru": 0.91}.get(model, 1.0)
    learnt = {"rnn": 0.8, "lstm": 0.985, "gru": 0.992}.get(model, 1.0) if reached else decay
    answers = 4
    noise = np.exp(random.normal(0, 0.25, (2, answers, lags.size)))
    start = (1e-2 * decay**lags * noise[0]).astype(np.float32)
    end = (2e-2 * learnt**lags * noise[1]).astype(np.float32)
    for answer in range(answers):
        reach = lags.size - 3 * answer  # earlier answers have a shorter past
        start[answer, reach:] = end[answer, reach:] = np.nan
    records = np.exp(np.linspace(np.log(start), np.log(end), 5))
    size = np.sqrt(np.exp(np.log(decay) * lags))
    return {
        "gradient_profile/step": np.array([0, 100, 200, 400, 800]),
        "gradient_profile/lag": lags,
        "gradient_profile/position": np.arange(answers),
        "gradient_profile/input": records,
        "gradient_profile/output_jacobian": np.stack([size] * 5).astype(np.float32),
        "gradient_profile/output_jacobian_error": np.stack([0.1 * size] * 5).astype(np.float32),
        **_states(model, lags[::3], decay),
        **_inside(model, lags, answers, random),
    }


def _states(model: str, lags: np.ndarray, decay: float) -> Arrays:
    if model == "transformer":
        return {}
    size = np.stack([decay ** (lags / (1 + at)) for at in range(5)]).astype(np.float32)
    return {
        "gradient_profile/state_lag": lags,
        "gradient_profile/state_h1": 0.01 * size,
        "gradient_profile/state_jacobian": size,
        "gradient_profile/state_jacobian_error": 0.1 * size,
    }


def _inside(model: str, lags: np.ndarray, answers: int, random: np.random.Generator) -> Arrays:
    """What a trained model depends on: in attention mostly the step that matters, elsewhere all over."""
    wanted = lags.size // 2
    peak = np.exp(-0.5 * ((lags - wanted) / (1 if model in ("attention", "transformer") else 9)) ** 2)
    rows = peak + 0.2 * random.random((answers, lags.size))
    found = {
        "saliency/step": np.array([800]),
        "saliency/by_lag": rows.astype(np.float32),
        "saliency/lag": lags,
        "saliency/wanted_lag": np.full((3, answers), wanted),
        "saliency/largest_lag": np.full((3, answers), wanted),
    }
    if model in ("attention", "transformer"):
        shares = {"attention_maps/share_at_lag": np.array([0.2, 1.0]), "attention_maps/layer": np.array([1, 1])}
        found |= shares | {"attention_maps/lag": lags, "attention_maps/by_lag": np.stack([rows[::-1], rows])}
    if model in ("lstm", "gru"):
        gate = "forget1" if model == "lstm" else "keep1"
        open_ = 0.6 + 0.3 * random.random(lags.size)
        found |= {"gates/bin": lags, f"gates/{gate}_by_step": open_, f"gates/{gate}_by_unit": np.sort(open_)}
        found |= {"gates/time_constant1": -1 / np.log(np.sort(open_))}
    return found


def _summary(task: str, scores: np.ndarray, moments: np.ndarray, reached: float | None, taken: int, diverged: bool,
             arrays: Arrays) -> dict[str, Any]:  # fmt: skip
    solves = None if task == "membrane" else reached is not None and reached < taken and not diverged
    score = float(scores[-1])
    loss = score if not task.startswith("copy") else math.log(8) * (1 - score) / 0.875
    baseline = {"copy": math.log(8), "membrane": 0.51}.get(task.split("_")[0], 1 / 6)
    step = int(moments[moments >= reached][0]) if solves and reached and (moments >= reached).any() else None
    return {
        "solved": solves if solves is None else step is not None,
        "steps_to_solve": step,
        "steps": taken,
        "budget": _BUDGET,
        "score": None if diverged else score,
        "skill": None if diverged else (baseline - loss) / baseline,
        "test": {_metrics(task)[0]: None if diverged else score},
        "validation": {_metrics(task)[0]: None if diverged else score},
        "selection": "best validation checkpoint" if task == "membrane" else "final parameters",
        "training_steps_per_s": 61.0,
        "clip_fraction": float(np.mean(arrays["clipped"])),
        "gradient_norm_median": float(np.median(arrays["gradient_norm"])),
        "gradient_norm_last": None if diverged else float(arrays["gradient_norm"][-1]),
        "learning_rate": 0.003,
        "population": "single",
        "kernel": "torch",
    }


def _flow(recurrent: bool) -> dict[str, Any]:
    start = {"verdict": "vanishing", "change_decades": -9.0, "decay_length": 2.4, "below_resolution": 0.5}
    end = {"verdict": "healthy", "change_decades": -0.4, "decay_length": 54.0, "below_resolution": 0.0}
    start = start if recurrent else end
    return {"verdict": "healthy", "start": {"input": start}, "end": {"input": end}}


def cost_record(task: str, model: str, **changes: Any) -> tuple[Record, Arrays]:
    """One cost measurement."""
    random = rng("cost", task, model)
    speed = {"rnn": 210.0, "lstm": 64.0, "gru": 71.0, "attention": 160.0, "transformer": 58.0}.get(model, 90.0)
    speed *= 40 / _facts(task)["length"]
    arrays = {"step_s": 1 / speed * np.exp(random.normal(0, 0.03, 30)), "warmup_s": np.full(3, 2 / speed)}
    arrays["data_s"] = np.full(5, 0.0011)
    length = _facts(task)["length"]
    summary = {
        "steps_per_s": _spread(speed),
        "tokens_per_s": _spread(speed * 64 * length),
        "sequences_per_s": _spread(speed * 64),
        "step_s": _spread(1 / speed),
        "data_s": 0.0011,
        "peak_bytes": (180 + 9 * len(model)) * 2**20,
        "parameters": MODELS.get(model, 9_999),
        "batch_size": 64,
        "length": length,
        "flops": 12_345_678,
    }
    record = replace(base(task, model, None, "cost"), summary=summary, arrays=axes(arrays), duration_s=0.5)
    return replace(record, **changes), arrays


def _spread(median: float) -> dict[str, float]:
    return {"median": median, "low": 0.97 * median, "high": 1.02 * median}


def axes(arrays: Arrays) -> dict[str, tuple[str, ...]]:
    """Axis names of simulated arrays: the words of the schema where it names them."""
    record = ("step", "loss", "gradient_norm", "update_norm", "clipped")
    shapes = {0: (), 1: ("evaluation",), 2: ("observation", "lag"), 3: ("observation", "answer", "lag")}
    return {name: ("record",) if name in record else shapes[array.ndim] for name, array in arrays.items()}


def write_many(root: Path, count: int, seeds: int = 10) -> None:
    """Write ``count`` learning records below ``root`` as publishing would, but unflushed: cells of ``seeds`` runs."""
    record, arrays = learning("copy_30", "lstm", 0)
    packed = pack(arrays)
    record = replace(record, files={"arrays.npz": hashlib.sha256(packed).hexdigest()})
    template = json.loads(dump(record))
    del template[CHECKSUM]
    for number in range(count):
        document = template | _one_of_many(template, *divmod(number, seeds))
        folder = root / f"{document['run_id']}-{document['env_id']}"
        folder.mkdir(parents=True)
        (folder / "arrays.npz").write_bytes(packed)
        (folder / "record.json").write_text(_text(document))


def _one_of_many(template: dict[str, Any], cell: int, seed: int) -> dict[str, Any]:
    """What one run says that others do not; cells differ in their learning rate."""
    rate, noise = 1e-3 + 1e-7 * cell, math.sin(cell * 1000.0 + seed)
    results = {"train_s": 40 + noise, "evaluate_s": 3 + noise, "score": 0.5 + 0.4 * noise, "skill": noise}
    digests = {f"{name}_sha256": hashlib.sha256(f"{name}{noise}".encode()).hexdigest() for name in ("loss", "weight")}
    return {
        "run_id": hashlib.sha256(f"run {cell} {seed}".encode()).hexdigest()[:16],
        "cell_id": hashlib.sha256(f"cell {cell}".encode()).hexdigest()[:16],
        "config": template["config"] | {"model": template["config"]["model"] | {"learning_rate": rate}},
        "seed": seed,
        "command": f"python -m seqbench task=copy_30 model=lstm model.learning_rate={rate} seeds=[{seed}]",
        "duration_s": 43 + noise,
        "summary": template["summary"] | results | digests,
    }


def _text(document: dict[str, Any]) -> str:
    """The text of ``dump`` for a document, sooner."""
    whole = json.loads(
        json.dumps(document), parse_float=lambda text: int(float(text)) if text.endswith(".0") else float(text)
    )
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return indented(document | {CHECKSUM: hashlib.sha256(canonical.encode()).hexdigest()}) + "\n"
