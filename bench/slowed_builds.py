"""Whole checks of builds that were made slower on purpose, and of builds that were not: what each of them says.

Every build is a worktree of HEAD with one line changed; the check runs in it, against HEAD, both trees in the temporary
folder. Each outcome is appended as a line of JSON, so that it can be stopped and the same command goes on; a check that
was killed is none.

    python bench/slowed_builds.py --same 12 --out results/reference/regression_check/builds.jsonl
    python bench/slowed_builds.py sleep copy --out builds.jsonl      # some of them
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqbench.check.commits import checked_out


@dataclass(frozen=True)
class Build:
    """One change: in ``file``, ``old`` becomes ``new``; the check must name something that holds ``found_in``."""

    file: str
    old: str
    new: str
    found_in: str


TRAIN = "seqbench/train.py"
BACKWARD = "        population.backward(losses)\n"
BUILDS = {
    "sleep": Build(TRAIN, BACKWARD, f"{BACKWARD}        __import__('time').sleep(0.003)\n", "training_step"),
    "copy": Build(TRAIN, BACKWARD, f"{BACKWARD}        [population.gradients.clone() for _ in range(8)]\n", "gru"),
    "sync": Build(TRAIN, BACKWARD, f"{BACKWARD}        losses.sum().item()\n", "host syncs"),
    "forward twice": Build(
        TRAIN,
        "        losses = population.losses(batches)\n",
        "        population.losses(batches)\n        losses = population.losses(batches)\n",
        "operators",
    ),
    "kernel of the GRU": Build(
        "seqbench/ops/backend.py", '_OURS_FASTER_ON_CPU = ("gru",)', '_OURS_FASTER_ON_CPU = ("",)', "gru"
    ),
    "kernel of the LSTM": Build(
        "seqbench/ops/backend.py", '_OURS_FASTER_ON_CPU = ("gru",)', '_OURS_FASTER_ON_CPU = ("gru", "lstm")', "lstm"
    ),
    "norms in double": Build(
        TRAIN,
        "torch.linalg.vector_norm(population.gradients, dim=1)\n",
        "torch.linalg.vector_norm(population.gradients.double(), dim=1).float()\n",
        "operators",
    ),
    "import at start": Build("seqbench/usage.py", "HELP = ", "import hydra  # noqa\n\nHELP = ", "--help"),
    "module at start": Build("seqbench/usage.py", "HELP = ", "import seqbench.config  # noqa\n\nHELP = ", "--help"),
    "record read twice": Build(
        "seqbench/record/store.py",
        "            fresh = self._read_all([name for name in names if name not in known])\n",
        "            self._read_all([name for name in names if name not in known])\n"
        "            fresh = self._read_all([name for name in names if name not in known])\n",
        "store",
    ),
    "table made slowly": Build(
        "seqbench/report/runs_table.py",
        '    told = record.task.get("solved") is not None and record.status not in CONTINUED\n',
        '    told = record.task.get("solved") is not None and record.status not in CONTINUED\n'
        "    [sorted(map(str, record.summary.items())) for _ in range(10)]\n",
        "table",
    ),
    "batch made ten times": Build(
        "seqbench/train.py",
        "        return [self.task.batch(",
        "        [self.task.batch('train', index, size, seed, device) for seed in self.seeds for _ in range(9)]\n"
        "        return [self.task.batch(",
        "rnn",
    ),
}


def main() -> None:
    """Check the builds that are not in the file yet."""
    options = parse()
    done = [json.loads(line)["build"] for line in options.out.read_text().splitlines()] if options.out.exists() else []
    options.out.parent.mkdir(parents=True, exist_ok=True)
    for name in wanted(options, done):
        began = time.monotonic()
        line = {"build": name, **checked(BUILDS.get(name)), "seconds": round(time.monotonic() - began)}
        with options.out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{name}: exit code {line['exit_code']}, {line['seconds']} s, {line['told']}", flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="The regression check on builds whose truth is known.")
    parser.add_argument("builds", nargs="*", help=f"of {', '.join(BUILDS)}; none = all")
    parser.add_argument("--same", type=int, default=0, help="whole checks of builds that are not changed")
    parser.add_argument("--out", type=Path, required=True, help="JSON lines; what is there is kept")
    options = parser.parse_args()
    if unknown := set(options.builds) - set(BUILDS):
        parser.error(f"builds must be of {', '.join(BUILDS)}; got {', '.join(sorted(unknown))}")
    return options


def wanted(options: argparse.Namespace, done: list[str]) -> Iterator[str]:
    """Names of what is to be checked yet; "same" for a build that is not changed."""
    yield from (name for name in options.builds or BUILDS if name not in done)
    yield from ["same"] * (options.same - done.count("same"))


def checked(build: Build | None) -> dict[str, Any]:
    """What one whole check of a build says."""
    with checked_out(Path.cwd(), "HEAD") as (tree, commit), tempfile.TemporaryDirectory() as scratch:
        if build is not None:
            changed(tree, build)
        out = Path(scratch) / "outcome.json"
        command = [
            sys.executable,
            "-m",
            "seqbench",
            "check",
            "--against",
            commit,
            "--format",
            "json",
            "--out",
            str(out),
        ]
        done = subprocess.run(command, cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, check=False)
        ran = out.exists()  # else it has said why, and the other builds go on
        found = json.loads(out.read_text()) if ran else {"findings": [], "exit_code": done.returncode}
    if not ran and done.returncode < 0:
        raise SystemExit(f"the check was ended by signal {-done.returncode}; the same command goes on")
    return {"commit": commit, **judged(build, found), "outcome": found}


def judged(build: Build | None, outcome: dict[str, Any]) -> dict[str, Any]:
    """Whether an outcome is as it should be: what was slowed is named; where nothing was, all was compared, and fine.

    An unchanged build may also be called inconclusive, which its exit code, 4, tells.
    """
    worse = [one for one in outcome["findings"] if one["verdict"] == "regressed"]
    named = [one["name"] for one in worse]
    right = outcome["exit_code"] in (0, 4) if build is None else any(build.found_in in name for name in named)
    by = sorted({one["kind"] for one in worse})
    told = "as it should be" if right else "WRONG"
    return {"exit_code": outcome["exit_code"], "regressed": named, "found_by": by, "told": told}


def changed(tree: Path, build: Build) -> None:
    """Change the one line.

    Raises:
        ValueError: it is not there any more, or more than once.
    """
    file = tree / build.file
    text = file.read_text()
    if text.count(build.old) != 1:
        raise ValueError(f"{build.file} must hold the line once; got {text.count(build.old)} times: {build.old}")
    file.write_text(text.replace(build.old, build.new))


if __name__ == "__main__":
    main()
