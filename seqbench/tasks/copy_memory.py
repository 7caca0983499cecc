"""Copy memory: remember symbols over a delay and repeat them when a marker says so.

Papers: Hochreiter & Schmidhuber 1997; the layout here is that of Arjovsky, Shah & Bengio 2016 (arXiv:1511.06464).
T = ``delay``, M = ``num_symbols``, K = ``alphabet``.
"""

import math
from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqbench.schema import Baseline, Solved
from seqbench.scoring import answer_average, cross_entropy, pieces, sequence_mean
from seqbench.spec import Average, Batch, Split, Task, generator, tokens
from seqbench.values import check_choice, check_count

NUM_EXAMPLES = {"validation": 512, "test": 2000}
"""Sequences of the fixed sets. The standard error of an accuracy p over n answers is sqrt(p (1 - p) / n)."""


class CopyMemory(Task):
    """Repeat M symbols, seen at the start, T steps after the last of them.

    In: tokens 0 (blank), 1 .. K (symbols), K+1 (marker); T + 2M steps, in every variant. Out: the M symbols in their
    order, answer i at step M + T + i, so the evidence of each answer lies exactly M + T steps back. The markers begin
    at step M + T - 1 (``after_marker``: the first answer follows the first marker) or M + T (``on_marker``: they
    coincide) and go on for ``num_markers`` steps. All other steps are blank. Nothing after step M - 1 depends on the
    symbols, so looking ahead reveals nothing and a bidirectional model is allowed (``requires_causal`` is False).

    ============================================  ============  ===========  =======  =================================
    published variant                             answer        num_markers  scored   differs from the publication in
    ============================================  ============  ===========  =======  =================================
    Arjovsky et al. 2016; GORU, Jing et al. 2017  after_marker  1            all      -
    the same, scored on what must be remembered   after_marker  1            answers  the default here
    expRNN, Lezcano-Casado 2019 (L blanks: T=L)   on_marker     1            all      -
    TCN, Bai et al. 2018                          after_marker  M+1          all      9 classes for 10; tokens, not one
                                                                                      raw channel (``model.embed``)
    S4, Gu et al. 2022 (L blanks: T=L)            on_marker     M            answers  K classes for K+2
    ============================================  ============  ===========  =======  =================================

    T=3, M=2, K=8, symbols 5 and 2, first as Arjovsky, then as expRNN, TCN and S4 lay it out:

    >>> show = lambda **sizes: CopyMemory(delay=3, num_symbols=2, alphabet=8, **sizes).lay_out(torch.tensor([[5, 2]]))
    >>> show().inputs.tolist(), show().positions.tolist(), show().targets.tolist()
    ([[5, 2, 0, 0, 9, 0, 0]], [[5, 6]], [[4, 1]])
    >>> show(answer="on_marker").inputs.tolist(), show(answer="on_marker").positions.tolist()
    ([[5, 2, 0, 0, 0, 9, 0]], [[5, 6]])
    >>> show(num_markers=3).inputs.tolist()
    [[5, 2, 0, 0, 9, 9, 9]]
    >>> show(answer="on_marker", num_markers=2).inputs.tolist()
    [[5, 2, 0, 0, 0, 9, 9]]
    >>> show(scored="all").targets.tolist()
    [[0, 0, 0, 0, 0, 5, 2]]

    ``scored="answers"``: K classes, the M answers are trained on and scored. ``scored="all"``: K+1 classes (0 = blank),
    the loss is the mean over all T + 2M steps, as published; ``answer_*`` and ``sequence_accuracy`` still look at the
    M answers alone (at T=1000 a model without memory is right at 99 % of all steps) and ``step_*`` at all steps.

    Baselines. A model that knows the layout and remembers nothing puts 1/K on each symbol at every answer and is sure
    of every blank:

    - answer cross-entropy -ln(1/K) = ln K; answer accuracy 1/K; all M right K^-M;
    - over all steps: cross-entropy M ln K / (T+2M); accuracy (T + M + M/K) / (T+2M), as T + M steps are blank.

    >>> round(CopyMemory(delay=1000, scored="all").baselines()[0].values["step_cross_entropy"], 6)
    0.020387

    Raises:
        UsageError: ``delay``, ``num_symbols`` below 1, ``alphabet`` below 2, markers that do not fit, unknown words.
    """

    metrics = ("answer_accuracy", "sequence_accuracy", "answer_cross_entropy")
    skill_metric = "answer_cross_entropy"
    solved = Solved(metric="answer_accuracy", threshold=0.99)

    def __init__(
        self,
        delay: int,
        num_symbols: int = 10,
        alphabet: int = 8,
        answer: str = "after_marker",
        num_markers: int = 1,
        scored: str = "answers",
    ) -> None:
        check_count("task.delay", delay, 1)
        check_count("task.num_symbols", num_symbols, 1)
        check_count("task.alphabet", alphabet, 2)
        check_choice("task.answer", answer, ("after_marker", "on_marker"))
        check_count("task.num_markers", num_markers, 1, num_symbols + (answer == "after_marker"))
        check_choice("task.scored", scored, ("answers", "all"))
        self.delay, self.num_symbols, self.alphabet = delay, num_symbols, alphabet
        self.answer, self.num_markers, self.scored = answer, num_markers, scored
        self.length = delay + 2 * num_symbols
        self.first_answer = delay + num_symbols
        self.first_marker = self.first_answer - (answer == "after_marker")
        self.input, self.output = tokens(alphabet + 2), tokens(alphabet + (scored == "all"))
        if scored == "all":
            self.metrics = (*CopyMemory.metrics, "step_accuracy", "step_cross_entropy")

    def at(self, length: int) -> "CopyMemory":
        """The same task with the delay ``length``."""
        return CopyMemory(length, self.num_symbols, self.alphabet, self.answer, self.num_markers, self.scored)

    def batch(self, split: Split, index: int, size: int, seed: int, device: torch.device | str) -> Batch:
        """``size`` sequences; the symbols depend on the arguments and on T, M and K alone."""
        return self._draw(size, device, split, seed, index)

    def examples(self, split: Split, size: int, device: torch.device | str) -> Iterator[Batch]:
        """The 512 ("validation") or 2000 ("test") fixed sequences, drawn on the CPU whatever the ``device``."""
        return pieces(self._draw(NUM_EXAMPLES[split], "cpu", split, "examples"), size, device)

    def _draw(self, size: int, device: torch.device | str, *stream: object) -> Batch:
        path = ("copy_memory", 1, self.delay, self.num_symbols, self.alphabet, *stream)
        shape, draw = (size, self.num_symbols), generator(device, *path)
        return self.lay_out(torch.randint(1, self.alphabet + 1, shape, generator=draw, device=device))

    def lay_out(self, symbols: Int[Tensor, "batch symbols"]) -> Batch:
        """The batch that asks for ``symbols`` (values 1 .. K)."""
        B, M, T = len(symbols), self.num_symbols, self.length
        inputs = symbols.new_zeros(B, T)
        inputs[:, :M] = symbols
        inputs[:, self.first_marker : self.first_marker + self.num_markers] = self.alphabet + 1
        if self.scored == "answers":
            first, targets = self.first_answer, symbols - 1
        else:
            first, targets = 0, torch.cat([symbols.new_zeros(B, self.first_answer), symbols], dim=1)
        positions = torch.arange(first, T, device=symbols.device).expand(B, -1)
        return Batch(inputs, positions, targets, torch.ones(positions.shape, device=symbols.device))

    def loss(self, outputs: Float[Tensor, "batch answers outputs"], batch: Batch) -> Float[Tensor, " batch"]:
        """Per sequence, the mean cross-entropy of the scored steps, in nats."""
        return sequence_mean(cross_entropy(outputs, batch.targets), batch.weight)

    def score(self, outputs: Float[Tensor, "batch answers outputs"], batch: Batch) -> dict[str, Average]:
        """Accuracies and cross-entropies, see the class."""
        right = (outputs.argmax(-1) == batch.targets).to(outputs.dtype)
        surprise = cross_entropy(outputs, batch.targets)
        recalled = batch.weight if self.scored == "answers" else batch.weight * (batch.targets != 0)
        all_right = 1 - ((1 - right) * recalled).amax(-1)
        scores = {
            "answer_accuracy": answer_average(right, recalled),
            "sequence_accuracy": answer_average(all_right, recalled.amax(-1)),
            "answer_cross_entropy": answer_average(surprise, recalled),
        }
        if self.scored == "all":
            scores["step_accuracy"] = answer_average(right, batch.weight)
            scores["step_cross_entropy"] = answer_average(surprise, batch.weight)
        return scores

    def baselines(self) -> tuple[Baseline, ...]:
        """The memoryless model, see the class."""
        M, K, T = self.num_symbols, self.alphabet, self.length
        values = {
            "answer_accuracy": 1 / K,
            "sequence_accuracy": float(K) ** -M,
            "answer_cross_entropy": math.log(K),
            "step_accuracy": (T - M + M / K) / T,
            "step_cross_entropy": M * math.log(K) / T,
        }
        shown = {name: values[name] for name in self.metrics}
        return (Baseline(name="memoryless", values=shown, kind="derived", skill=True),)

    def lags(self, batch: Batch) -> Int[Tensor, "batch answers"]:
        """M + T for every recalled symbol; 0 at blanks, which need no memory."""
        return torch.where(batch.positions >= self.first_answer, self.first_answer, 0)
