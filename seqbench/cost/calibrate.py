"""Rough times for the estimate of how long a sweep will take."""

import time

import numpy as np

from seqbench.evaluate import evaluate
from seqbench.train import Trainer

STEPS = 5


def calibrate(trainer: Trainer) -> dict[str, float]:
    """Rough seconds of one training step (data included) and of one validation evaluation."""
    population = trainer.population
    seconds = []
    for index in range(STEPS + 1):
        began = time.perf_counter()
        trainer.step(index % trainer.budget)
        population.synchronise()
        seconds.append(time.perf_counter() - began)
    batches = list(trainer.task.examples("validation", trainer.train.evaluate_batch, population.device))
    began = time.perf_counter()
    evaluate(population, batches[:1])
    population.synchronise()
    return {"step_s": float(np.median(seconds[1:])), "evaluate_s": (time.perf_counter() - began) * len(batches)}
