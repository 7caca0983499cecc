"""The words of seqbench that need no torch: metrics, baselines, cells, records.

Everything that must answer quickly (``--help``, ``ls``, usage errors, the report) imports this file and never
``spec.py``. Every value here is frozen and checks itself on construction.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Literal

SCHEMA_VERSION = 1
"""Version of the record format. 1 (2026-11): first release."""

Better = Literal["higher", "lower", "neither"]
Status = Literal["completed", "diverged", "failed", "oom", "timeout", "killed", "interrupted"]
STATUSES: tuple[Status, ...] = ("completed", "diverged", "failed", "oom", "timeout", "killed", "interrupted")
FINISHED: tuple[Status, ...] = ("completed", "diverged")
"""Statuses that are a result: the same command again does not train these runs again."""
CONTINUED: tuple[Status, ...] = ("interrupted", "killed")
"""Statuses after which the checkpoint is kept, and the same command continues there: no result yet, not a lost run."""


class UsageError(ValueError):
    """What a user can cause and mend: the rule, what arrived, what to do. The command line prints it and exits 2."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One measured quantity.

    Attributes:
        name: the key it has in records and tables.
        unit: its unit, "1" when dimensionless.
        better: the direction that is an improvement.
        description: one line for a reader of the report.
        source: paper or definition.
        limits: the lowest and the highest value that there can be. No record holds them: metrics.py says them.
    """

    name: str
    unit: str
    better: Better
    description: str
    source: str
    limits: tuple[float, float] = (-math.inf, math.inf)

    def explained(self) -> dict[str, str]:
        """What a record says of it."""
        return {key: value for key, value in asdict(self).items() if key != "limits"}

    def meets(self, value: float, threshold: float) -> bool:
        """Whether ``value`` reaches ``threshold``: at least it where higher is better, below it where lower is."""
        return value >= threshold if self.better == "higher" else value < threshold


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What a trivial method scores on a task.

    Attributes:
        name: e.g. "memoryless", "persistence", "ridge".
        values: metric name -> value.
        kind: "derived" (a formula, see the task's docstring) or "fitted" (computed from the data).
        skill: whether normalised skill is measured from this baseline; exactly one baseline of a task says so.
    """

    name: str
    values: Mapping[str, float]
    kind: Literal["derived", "fitted"]
    skill: bool = False


@dataclass(frozen=True, kw_only=True)
class Solved:
    """A task counts as solved when ``metric`` meets ``threshold`` at 3 consecutive validation evaluations."""

    metric: str
    threshold: float


@dataclass(frozen=True, kw_only=True)
class Train:
    """How a cell is trained; the fields are the keys of ``conf/train/*.yaml``.

    Attributes:
        batch_size: sequences per optimiser step.
        steps: budget of optimiser steps; None takes the task's own ``budget``.
        clip: L2 bound on a member's gradient norm; None leaves gradients alone.
        beta1, beta2, eps: Adam's decay rates and denominator term (Kingma & Ba 2015).
        evaluate_every: steps between the first evaluations.
        evaluate_growth: later evaluations lie a factor of at most this apart.
        evaluate_batch: sequences per batch when evaluating.
        timeout_s: wall-clock limit of one run in seconds; None sets none.
    """

    batch_size: int
    steps: int | None
    clip: float | None
    beta1: float
    beta2: float
    eps: float
    evaluate_every: int
    evaluate_growth: float
    evaluate_batch: int
    timeout_s: float | None

    def __post_init__(self) -> None:
        for name in ("batch_size", "evaluate_every", "evaluate_batch"):
            require(getattr(self, name) >= 1, f"train.{name}", "at least 1", getattr(self, name))
        require(self.steps is None or self.steps >= 1, "train.steps", "at least 1, or null", self.steps)
        require(self.clip is None or self.clip > 0, "train.clip", "above 0, or null for no clipping", self.clip)
        require(1 <= self.evaluate_growth <= 1.1, "train.evaluate_growth", "between 1 and 1.1", self.evaluate_growth)
        for name in ("beta1", "beta2"):
            require(0 <= getattr(self, name) < 1, f"train.{name}", "at least 0 and below 1", getattr(self, name))
        require(self.eps > 0, "train.eps", "above 0", self.eps)
        require(self.timeout_s is None or self.timeout_s > 0, "train.timeout_s", "above 0, or null", self.timeout_s)


LENGTH_KEYS = ("delay", "length")
"""What a task's YAML file calls the length of its dependency: the number that ``Task.at`` sets."""


def length_key(task: Mapping[str, Any]) -> str | None:
    """The key of a task's node that holds the length of its dependency; None where it has none.

    >>> length_key({"delay": 20, "num_symbols": 10}), length_key({"window": 64})
    ('delay', None)
    """
    return next((key for key in LENGTH_KEYS if type(task.get(key)) is int), None)


@lru_cache(4096)
def without_length(label: str) -> str:
    """The label of a task without the word that names the length of its dependency.

    >>> without_length("copy_memory delay=40 num_symbols=5")
    'copy_memory num_symbols=5'
    """
    return re.sub(rf" (?:{'|'.join(LENGTH_KEYS)})=[0-9]+", "", label)


def curve_id(config: Mapping[str, Any]) -> str:
    """What configurations have in common that differ in the length of their task alone.

    >>> short, long = ({"task": {"length": n}, "model": {"width": 8}} for n in (10, 20))
    >>> curve_id(short) == curve_id(long)
    True
    """
    task = config.get("task") or {}
    rest = {key: value for key, value in task.items() if key != length_key(task)}
    return json.dumps({**config, "task": rest}, sort_keys=True)


def require(true: bool, key: str, rule: str, got: object) -> None:
    """Raise UsageError naming ``key``, its ``rule`` and what arrived, unless ``true``.

    >>> require(False, "task.delay", "at least 1", -1)
    Traceback (most recent call last):
    seqbench.schema.UsageError: task.delay must be at least 1; got -1.
    """
    if not true:
        raise UsageError(f"{key} must be {rule}; got {got}.")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One resolved configuration: task x model x training x device, and the seeds of its members.

    ``task`` and ``model`` are the plain nodes of the YAML files: ``target`` and ``version``, the reserved keys
    (``budget`` of a task; ``learning_rate``, ``embed``, ``embed_size`` of a model) and constructor arguments.

    Attributes:
        labels: what tables print: "task", "model" and "variant" (what sets this cell apart beyond those two).
        command: the command that trains this cell alone, without its seeds.
        plugins: modules of the user's that targets may come from.
        sources: "task" and "model" -> SHA-256 of the file that holds the class.
        data_sha256: hash of the data file that ``task.path`` names, None where there is none.
        study: name of the sweep, None for a single cell.
    """

    task: Mapping[str, Any]
    model: Mapping[str, Any]
    train: Train
    instruments: Mapping[str, Any]
    seeds: tuple[int, ...]
    device: str
    labels: Mapping[str, str]
    command: str
    sources: Mapping[str, str]
    plugins: tuple[str, ...] = ()
    data_sha256: str | None = None
    study: str | None = None

    @property
    def budget(self) -> int:
        """Optimiser steps that every member may take."""
        return int(self.train.steps or self.task["budget"])

    def identity(self) -> dict[str, Any]:
        """All that can change a member's result, but its seed: what ``run_id`` is a hash of.

        Not the instruments: they observe training and never change it.
        """
        train = {key: value for key, value in asdict(self.train).items() if key not in ("steps", "timeout_s")}
        task = {key: value for key, value in self.task.items() if key not in ("budget", "path")}
        nodes = {"task": self.task, "model": self.model}
        foreign = {key for key, node in nodes.items() if not node["target"].startswith("seqbench.")}
        return {
            "task": task,
            "model": dict(self.model),
            "train": train | {"steps": self.budget},
            "device": self.device,
            "precision": "float32",
            "data_sha256": self.data_sha256,
            "sources": {key: self.sources[key] for key in sorted(foreign)},
        }

    @property
    def length(self) -> int | None:
        """Length of the task's dependency, in its own unit."""
        key = length_key(self.task)
        return None if key is None else self.task[key]

    @property
    def curve(self) -> str:
        """What cells that differ in length alone have in common."""
        return curve_id(self.identity())


Backend = Literal["auto", "library", "plain", "compile"]
BACKENDS: dict[Backend, str] = {
    "auto": "what training uses: of torch's kernel and ours the faster",
    "library": "torch's kernels of recurrences and attention",
    "plain": "seqbench.ops: loops over time of our own, which train populations",
    "compile": "torch.compile, of the step of a recurrence, else of the whole architecture",
}
"""Backend of a cost measurement -> what computes then."""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What one fresh process measures of a cell, and in which round.

    Attributes:
        what: "step" times forward, backward and the training step; "denormals" the training step with gradients that
            vanish, with and without flushing denormal numbers.
        length: of the task, in its own unit (``Task.at``); None for that of the configuration.
        backend: a key of ``BACKENDS``.
        twin: whether it repeats a measurement that has no other difference: their ratio is the resolution.
        streaming: whether steps of streaming inference are timed as well.
        seconds: of timed calls.
        round: counted from 0; measurements that differ in nothing else are replicates.
    """

    what: Literal["step", "denormals"] = "step"
    length: int | None = None
    backend: Backend = "auto"
    twin: bool = False
    streaming: bool = False
    seconds: float = 1.0
    round: int = 0

    def setting(self) -> dict[str, Any]:
        """All of it but the round."""
        return {key: value for key, value in asdict(self).items() if key != "round"}


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What is measured of the cells of a study.

    Attributes:
        lengths: of each task, in its own unit; None for that of its configuration.
        rounds: how often each measurement is repeated, each time in a fresh process and in a new random order.
        backends: keys of ``BACKENDS``.
        seconds: of timed calls in one process.
        full: also denormal numbers, and one measurement twice, for the resolution.
    """

    lengths: tuple[int | None, ...] = (None,)
    rounds: int = 8
    backends: tuple[Backend, ...] = ("auto",)
    seconds: float = 1.0
    full: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)  # a hundred thousand of them are held at once
class Record:
    """The immutable document that a run, or a cost measurement, leaves behind. Strict JSON, see ``record/store.py``.

    Attributes:
        kind: "learning" (the training of one member) or "cost" (speed and memory of a cell).
        run_id: hash of all that can change the result (a cell's identity and the seed; of costs the measurement).
        cell_id: the same without the seed, or the round: records that differ in nothing else are replicates.
        env_id: hash of machine class, torch build and threads.
        attempt: 1, or more where an earlier attempt did not finish.
        labels: "task", "model", "variant": the names that tables print.
        config: the cell's identity, the plain values of its YAML files; "cost": the measurement.
        task: score (headline metric), skill_metric, floor, solved, length, budget, input, output.
        architecture: parameters, width, causal, flops, state_size; None where the class declares nothing.
        sources: SHA-256 of the source files of task and architecture.
        environment, git: where it ran; git is None outside a checkout.
        baselines: list of Baseline as mappings.
        metrics: name -> unit, better, description, source, so that the record explains itself.
        summary: the results; see ``run.py`` and ``cost/sample.py`` for the keys.
        arrays: name -> axis names of each array in ``arrays.npz``.
        files: file name -> SHA-256 of what lies beside the record.
    """

    kind: Literal["learning", "cost"]
    run_id: str
    cell_id: str
    env_id: str
    labels: Mapping[str, str]
    seed: int | None
    study: str | None
    command: str
    config: Mapping[str, Any]
    sources: Mapping[str, str]
    environment: Mapping[str, Any]
    git: Mapping[str, Any] | None
    status: Status
    reason: str | None
    started_at: str
    duration_s: float
    task: Mapping[str, Any] = field(default_factory=dict)
    architecture: Mapping[str, Any] = field(default_factory=dict)
    baselines: tuple[Mapping[str, Any], ...] = ()
    metrics: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    traceback: str | None = None
    attempt: int = 1
    files: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"a record's status is one of {', '.join(STATUSES)}; got {self.status!r}")
        if self.duration_s < 0 or not math.isfinite(self.duration_s):
            raise ValueError(f"a record's duration_s must be finite and at least 0; got {self.duration_s}")


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """A Hydra launcher that takes the cells of a study to other processes or machines.

    Attributes:
        name: what ``hydra/launcher=`` names, e.g. "ray".
        options: dotted key below ``hydra.launcher`` -> value, those that were given.
    """

    name: str
    options: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a command does with its cells; nothing here changes a result.

    Attributes:
        store: folder of records. out: folder of the report.
        lanes: worker processes; None = one a core on the CPU, 1 on a GPU.
        rerun: "missing" trains what is not done, "failed" also what failed, "changed" also what older code did,
            "all" everything again.
        reuse: "here" counts records of this environment as done, "any" those of every environment.
        checkpoint_s: seconds between checkpoints of a run; None keeps none.
        cost: measure speed and memory once all runs are done. report: write the report at the end.
        launcher: the Hydra launcher that takes the cells elsewhere, None for the lanes of this machine.
    """

    store: str
    out: str
    lanes: int | None
    rerun: Literal["missing", "failed", "changed", "all"]
    cost: bool
    report: bool
    reuse: Literal["here", "any"] = "here"
    checkpoint_s: float | None = 10.0
    launcher: Launcher | None = None


@dataclass(frozen=True, kw_only=True)
class Bisection:
    """How a study adds lengths where its results call for them: where half of the seeds solve and half do not.

    Attributes:
        ratio: the longest length that half of the seeds solve and the next one are brought this close together.
        at: a cell and a length -> the cell at that length.
    """

    ratio: float
    at: Callable[[Cell, int], Cell]


@dataclass(frozen=True, kw_only=True)
class Study:
    """What one command line asks for: its cells, and what to do with them.

    Attributes:
        name: the sweep's name, None for a single cell.
        reference: label of the architecture that others are compared with, None where none is declared.
        tuning: one sentence: how the learning rates were chosen (grid, trials), "" where the command line gives them.
        trials: (task label, model label) -> runs that its learning rate was chosen from, 0 where it was not chosen;
            empty where the command line gives the rates.
        expected_steps: (task label, model label) -> steps that such runs took, for the estimate of the time.
        bisection: which lengths follow from the results, None where all cells are there from the beginning.
    """

    name: str | None
    description: str
    reference: str | None
    tuning: str
    cells: tuple[Cell, ...]
    options: Options
    expected_steps: Mapping[tuple[str, str], float] = field(default_factory=dict)
    trials: Mapping[tuple[str, str], int] = field(default_factory=dict)
    bisection: Bisection | None = None


def finite(value: float) -> float | None:
    """``value``, or None where JSON has no number for it.

    >>> finite(float("inf")), finite(0.5)
    (None, 0.5)
    """
    return float(value) if math.isfinite(value) else None
