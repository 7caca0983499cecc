"""Builds that learn worse, and builds that were rewritten without harm: what the check of learning says of each.

Every build is a worktree of HEAD with one place changed. What ``check --bitwise`` and ``check --learning`` train is
trained in it and compared with HEAD, which is trained once: it comes out the same every time, bit for bit. Each outcome
is appended as a line of JSON, so that it can be stopped and the same command goes on.

    python bench/changed_learning.py --out results/reference/regression_check/learning.jsonl
    python bench/changed_learning.py "forget gate" --out learning.jsonl      # some of them
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from slowed_builds import Build, changed

from seqbench.check import learning, training
from seqbench.check.commits import checked_out
from seqbench.check.finding import Finding, exit_code
from seqbench.check.learning import Runs
from seqbench.check.programs import Side
from seqbench.record.store import Store

TRAIN, POPULATION, GRU = "seqbench/train.py", "seqbench/population.py", "seqbench/models/gru.py"
ZERO = "weights = [weight_input, weight_hidden, bias, torch.zeros_like(bias)]"
LOSSES = "        losses = population.losses(batches)\n        population.backward(losses)\n"
CLIPPED = (
    "        norms = torch.linalg.vector_norm(population.gradients, dim=1)\n"
    "        clipped = clip_(population.gradients, norms, self.train.clip)\n"
)
FIRST = "        self.mean.lerp_(gradients, 1 - self.beta1)\n"
SECOND = "        self.square.mul_(self.beta2).addcmul_(gradients, gradients, value=1 - self.beta2)\n"
CORRECTIONS = "        correction1, correction2 = 1 - self.beta1**self.count, 1 - self.beta2**self.count\n"
STATE = "    (h,) = state\n"
SAME_GATE = (  # for torch's kernel and ours alike: a state that the two compute differently breaks the contract at once
    "    H = h.shape[1]\n"
    "    parts = ([w[H : 2 * H], w[H:]] for w in (weight_input, weight_hidden, bias))\n"
    "    weight_input, weight_hidden, bias = map(torch.cat, parts)\n"
)
LAYERS = "        for layer, h in zip(self.layers, initial, strict=True):\n            x, h = gru("

BROKEN = {
    "forget gate": Build(
        "seqbench/ops/lstm.py",
        ZERO,
        "shut = torch.arange(bias.shape[0] // 4, bias.shape[0] // 2)\n        "
        + ZERO.replace("(bias)]", "(bias).index_fill(0, shut, -30.0)]"),
        "lstm",
    ),
    "reset that is the other gate": Build("seqbench/ops/gru.py", STATE, STATE + SAME_GATE, "gru"),
    "learning rate off by 3": Build(
        POPULATION,
        "update.mul_(self.learning_rates / correction1)",
        "update.mul_(self.learning_rates / correction1 / 3)",
        "",
    ),
    "clip before backward": Build(TRAIN, LOSSES + CLIPPED, CLIPPED + LOSSES, ""),
}
"""Each must be caught in a cell whose name holds ``found_in``."""
HARMLESS = {
    "names": Build(TRAIN, LOSSES, LOSSES.replace("(losses)", "(values)").replace("losses =", "losses = values ="), ""),
    "batches by a loop": Build(
        TRAIN,
        '        return [self.task.batch("train", index, size, seed, device) for seed in self.seeds]\n',
        "        found = []\n        for seed in self.seeds:\n"
        '            found.append(self.task.batch("train", index, size, seed, device))\n        return found\n',
        "",
    ),
    "moments reordered": Build(POPULATION, FIRST + SECOND, SECOND + FIRST, ""),
    "corrections first": Build(POPULATION, FIRST + SECOND + CORRECTIONS, CORRECTIONS + FIRST + SECOND, ""),
    "filled with zeros": Build(POPULATION, "self.gradients.zero_()", "self.gradients.fill_(0.0)", ""),
    "losses by a loop": Build(
        POPULATION,
        "        return torch.stack([loss(network, batch) for network, batch in zip(",
        "        found = []\n        for index, batch in enumerate(batches):\n"
        "            found.append(loss(self.networks[index], batch))\n        return torch.stack(found)\n"
        "        return torch.stack([loss(network, batch) for network, batch in zip(",
        "",
    ),
    "layers by number": Build(
        GRU,
        LAYERS,
        "        for number in range(len(self.layers)):\n"
        "            layer, h = self.layers[number], initial[number]\n            x, h = gru(",
        "",
    ),
    "queries and keys renamed": Build(
        "seqbench/models/transformer.py",
        "        q, k = qk.permute(2, 0, 3, 1, 4)",
        "        asks, offers = qk.permute(2, 0, 3, 1, 4)\n        k, q = offers, asks",
        "",
    ),
    "markers before numbers": Build(
        "seqbench/tasks/adding_problem.py",
        "        B, T = numbers.shape\n        markers = torch.zeros_like(numbers).scatter_(1, marked, 1.0)\n",
        "        markers = torch.zeros_like(numbers).scatter_(1, marked, 1.0)\n        B, T = numbers.shape\n",
        "",
    ),
    "norm of the update by hand": Build(
        POPULATION,
        "        return torch.linalg.vector_norm(update, dim=1)\n",
        "        norms = torch.linalg.vector_norm(update, dim=1)\n        return norms\n",
        "",
    ),
}
"""None may be caught."""
NO_WORSE = {
    "reset before the product": Build(GRU, "layer.bias, h, self.reset)", 'layer.bias, h, "before")', "gru"),
    "another kernel of the GRU": Build(
        "seqbench/ops/backend.py", '_OURS_FASTER_ON_CPU = ("gru",)', '_OURS_FASTER_ON_CPU = ("",)', "gru"
    ),
}
"""Another training bit for bit, and no worse one: the GRU as first published, and the same one rounded otherwise."""
BUILDS = BROKEN | NO_WORSE | HARMLESS
MODES = {"bitwise": training.BITS, "learning": training.MICRO}


def main() -> None:
    """Train the builds that are not in the file yet, and HEAD before the first of them."""
    options = parse()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    lines = options.out.read_text().splitlines() if options.out.exists() else []
    done = {(line["build"], line["mode"]) for line in map(json.loads, lines)}
    todo = [(name, mode) for name in options.builds or BUILDS for mode in MODES if (name, mode) not in done]
    with checked_out(Path.cwd(), "HEAD") as (tree, commit):
        base = {mode: trained(tree, mode) for mode in dict.fromkeys(mode for _, mode in todo)}
    for name, mode in todo:
        began = time.monotonic()
        with checked_out(Path.cwd(), commit) as (tree, _):
            changed(tree, BUILDS[name])
            findings = compared(mode, base[mode], trained(tree, mode))
        seconds = round(time.monotonic() - began)
        line = {"build": name, "mode": mode, "commit": commit, "seconds": seconds, **told(name, mode, findings)}
        with options.out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{mode}: {name}: exit code {line['exit_code']}, {seconds} s, {line['told']}", flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="The check of learning on builds whose truth is known.")
    parser.add_argument("builds", nargs="*", help=f"of {', '.join(BUILDS)}; none = all")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines; what is there is kept")
    options = parser.parse_args()
    if unknown := set(options.builds) - set(BUILDS):
        parser.error(f"builds must be of {', '.join(BUILDS)}; got {', '.join(sorted(unknown))}")
    return options


def trained(tree: Path, mode: str) -> Runs:
    """What the code of a tree makes of the small study of a mode."""
    side = Side(name=str(tree), root=tree, python=Path(sys.executable))
    with tempfile.TemporaryDirectory(prefix="seqbench-learning-") as scratch:
        training.train(side, Path(scratch) / "runs", MODES[mode])
        return learning.runs_of(Store(Path(scratch) / "runs"))


def compared(mode: str, base: Runs, head: Runs) -> list[Finding]:
    """What the check of that mode finds."""
    return learning.bitwise(base, head) if mode == "bitwise" else learning.compare(base, head)


def told(name: str, mode: str, findings: list[Finding]) -> dict[str, Any]:
    """The findings, and whether they are what they should be."""
    caught = [finding.name for finding in findings if finding.verdict == "regressed"]
    if name in BROKEN or (name in NO_WORSE and mode == "bitwise"):
        right = any(BUILDS[name].found_in in one for one in caught)
    else:
        right = not caught
    kept = [asdict(finding) for finding in findings]
    return {"exit_code": exit_code(findings), "told": "as it should be" if right else "WRONG", "findings": kept}


if __name__ == "__main__":
    main()
