"""One run: train to the next evaluation, look at every member, stop when none goes on, score on the test set."""

import hashlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from seqbench import derived
from seqbench.evaluate import evaluate
from seqbench.metrics import metric, skill
from seqbench.observation import add, observe, summaries
from seqbench.schedule import NUM_CONSECUTIVE, evaluation_steps, recorded_steps
from seqbench.schema import Status, finite
from seqbench.spec import Instrument, Moment
from seqbench.train import SERIES, Trainer


@dataclass(kw_only=True)
class Result:
    """What the training of one member left: the parts of a record that training knows."""

    status: Status = "completed"
    reason: str | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    axes: dict[str, tuple[str, ...]] = field(default_factory=dict)


@runtime_checkable
class Keeper(Protocol):
    """What saves an unfinished training between two steps; see ``checkpoint.py`` for what there is to save."""

    def due(self) -> bool:
        """Whether it is time; asked after each step."""
        ...

    def keep(self, training: "Training") -> None:
        """Save it; may raise, to end the training here."""
        ...


class Training:
    """The loop: train to the next evaluation, look at every member, stop when none goes on.

    Attributes:
        step: optimiser steps taken. looked: the step of the last evaluation.
    """

    def __init__(
        self,
        trainer: Trainer,
        instruments: Sequence[Instrument] = (),
        progress: Callable[[int, float], None] | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self.trainer, self.population, self.task = trainer, trainer.population, trainer.task
        self.instruments, self.progress, self.keeper = instruments, progress, keeper
        self.step = self.looked = 0
        train, size, device = trainer.train, self.population.size, self.population.device
        self.validation = list(self.task.examples("validation", train.evaluate_batch, device))
        self.curves: list[tuple[int, dict[str, np.ndarray]]] = []
        self.results = [Result() for _ in range(size)]
        self.first_met: list[int | None] = [None] * size
        self.num_met = [0] * size
        self.taken = [0] * size
        self.best = np.full(size, np.inf)
        self.best_parameters = self.population.parameters.clone()
        self.train_s = self.evaluate_s = self.observe_s = 0.0

    def run(self) -> list[Result]:
        """Train every member to its end; one Result each."""
        trainer = self.trainer
        if self.step == 0:
            self._observe("start")
        for target in evaluation_steps(trainer.budget, trainer.train.evaluate_every, trainer.train.evaluate_growth):
            if target > self.looked:
                self._train(target)
                self._look(target)
                self._observe("evaluation")
            if not bool(trainer.active.any()):
                break
        self._observe("end")
        return self._finish()

    def _train(self, end: int) -> None:
        keeper = self.keeper
        while self.step < end:
            if keeper is not None and keeper.due():
                keeper.keep(self)
            began = time.perf_counter()
            while self.step < end:
                self.trainer.step(self.step)
                self.step += 1
                if keeper is not None and keeper.due():
                    break
            self.population.synchronise()
            self.train_s += time.perf_counter() - began

    def _look(self, end: int) -> None:
        began, start = time.perf_counter(), self.looked
        values = evaluate(self.population, self.validation)
        self.curves.append((end, values))
        history = self.trainer.history[start:end].cpu().numpy()
        weights = torch.linalg.vector_norm(self.population.parameters, dim=1).cpu().numpy()
        for member in torch.nonzero(self.trainer.active).flatten().tolist():
            self.taken[member] = end
            result = self.results[member]
            add(result.arrays, result.axes, "weight_norm", ("evaluation",), weights[member : member + 1])
            if not np.isfinite(history[:, :3, member]).all():
                self._diverge(member, start, history[:, :, member])
            else:
                self._judge(member, end, {name: float(value[member]) for name, value in values.items()})
        self.looked = end
        self.evaluate_s += time.perf_counter() - began
        if self.progress:
            self.progress(end, float(np.mean(values[self.task.metrics[0]])))

    def _diverge(self, member: int, start: int, history: np.ndarray) -> None:
        bad = int(np.argmax(~np.isfinite(history[:, :3]).all(axis=1)))
        column = int(np.argmax(~np.isfinite(history[bad, :3])))
        which = SERIES[column].replace("_", " ")
        losses = self.trainer.history[: start + bad, 0, member].cpu().numpy()
        last = f"; last finite loss {losses[-1]:.6g}" if len(losses) else ""
        told = f"{which} was {history[bad, column]} at step {start + bad + 1}{last}"
        self.results[member] = replace(self.results[member], status="diverged", reason=told)
        self.trainer.active[member] = False

    def _judge(self, member: int, step: int, values: Mapping[str, float]) -> None:
        loss = values[self.task.skill_metric]
        if loss < self.best[member]:
            self.best[member] = loss
            self.best_parameters[member] = self.population.parameters[member]
        solved = self.task.solved
        if solved is None:
            return
        met = metric(solved.metric).meets(values[solved.metric], solved.threshold)
        self.num_met[member] = self.num_met[member] + 1 if met else 0
        self.first_met[member] = (self.first_met[member] or step) if met else None
        if self.num_met[member] >= NUM_CONSECUTIVE:
            self.trainer.active[member] = False

    def _observe(self, moment: Moment) -> None:
        """Let instruments look at every member that has not ended; at the end also at those that ended well."""
        began = time.perf_counter()
        for member, result in enumerate(self.results):
            # the parameters of a member that diverged may not even be numbers
            if bool(self.trainer.active[member]) or (moment == "end" and result.status == "completed"):
                network, step = self.population.member(member), self.taken[member]
                observe(self.instruments, network, self.task, moment, step, result.arrays, result.axes)
        self.observe_s += time.perf_counter() - began

    def _finish(self) -> list[Result]:
        final = self.curves[-1][1]
        if self.task.solved is None:
            # no notion of solved: the declared rule is the test score at the best validation checkpoint
            self.population.parameters.copy_(self.best_parameters)
            final = evaluate(self.population, self.validation)
        test = evaluate(
            self.population, self.task.examples("test", self.trainer.train.evaluate_batch, self.population.device)
        )
        for member, result in enumerate(self.results):
            self._describe(member, result)
            result.summary |= self._judgement(
                member,
                result.status,
                {name: float(value[member]) for name, value in final.items()},
                {name: float(value[member]) for name, value in test.items()},
            )
        return self.results

    def _judgement(
        self, member: int, status: Status, validation: Mapping[str, float], test: Mapping[str, float]
    ) -> dict[str, Any]:
        solved, task = self._solved(member, status, test), self.task
        trivial = task.baselines()
        reference = next(b for b in trivial if b.skill).values[task.skill_metric]
        largest = max(b.values.get(task.skill_metric, reference) for b in trivial)
        # a diverged run has no result, not even where a checkpoint of better days was kept
        scored = test if status == "completed" else dict.fromkeys(test, math.nan)
        return {
            "solved": solved,
            "steps_to_solve": self.first_met[member] if solved else None,
            "score": finite(scored[task.metrics[0]]),
            "skill": finite(skill(scored[task.skill_metric], reference, task.floor, largest)),
            "test": {name: finite(value) for name, value in test.items()},
            "validation": {name: finite(value) for name, value in validation.items()},
            "selection": "best validation checkpoint" if task.solved is None else "final parameters",
        }

    def _solved(self, member: int, status: Status, test: Mapping[str, float]) -> bool | None:
        solved = self.task.solved
        if solved is None:
            return None
        confirmed = metric(solved.metric).meets(test[solved.metric], solved.threshold)
        return status == "completed" and self.num_met[member] >= NUM_CONSECUTIVE and confirmed

    def _describe(self, member: int, result: Result) -> None:
        taken = self.taken[member]
        history = self.trainer.history[:taken, :, member].cpu().numpy()
        kept = recorded_steps(taken)
        result.arrays["step"], result.axes["step"] = kept + 1, ("record",)
        for column, name in enumerate(SERIES):
            result.arrays[name], result.axes[name] = history[kept, column], ("record",)
        curves = [(step, values) for step, values in self.curves if step <= taken]
        result.arrays["evaluation_step"] = np.array([step for step, _ in curves])
        result.axes["evaluation_step"] = ("evaluation",)
        for name in curves[0][1]:
            result.arrays[f"validation/{name}"] = np.array([values[name][member] for _, values in curves])
            result.axes[f"validation/{name}"] = ("evaluation",)
        found = summaries(self.instruments, result.arrays, self.population.member(member))
        result.arrays[derived.NAME], result.axes[derived.NAME] = derived.packed(found), ()
        parameters = self.population.parameters[member].cpu().numpy()
        with np.errstate(all="ignore"):  # of a diverged member neither need be a number
            updates = history[result.arrays["evaluation_step"] - 1, 2] / result.arrays["weight_norm"]
        result.summary = {
            "steps": taken,
            "budget": self.trainer.budget,
            "learning_rate": self.trainer.learning_rates[member],
            "training_steps_per_s": finite(max(self.taken) / self.train_s),
            "train_s": self.train_s,
            "evaluate_s": self.evaluate_s,
            "observe_s": self.observe_s,
            "clip_fraction": finite(float(history[:, 3].mean())),
            "gradient_norm_median": finite(float(np.median(history[:, 1]))),
            "gradient_norm_last": finite(float(history[-1, 1])),
            "update_to_weight_median": finite(float(np.median(updates))),
            "population": self.population.mode,
            "kernel": self.population.kernel,
            "losses_sha256": hashlib.sha256(np.ascontiguousarray(history[:, 0]).tobytes()).hexdigest(),
            "parameters_sha256": hashlib.sha256(parameters.tobytes()).hexdigest(),
        }
