"""One sample: a fresh process that times benchmarks in a random order. Started by its path, with either side's Python.

Processes that are started together take turns of some milliseconds, so that what disturbs the machine meets all of them
alike, and they differ by what they are. It imports nothing but pytest and pytest-benchmark, so that both sides are
timed by the very same lines, whatever version of seqbench, or none, they hold. Its one argument is a JSON object:
``suite``, ``out``, ``installed`` (whether what is installed goes before the tree), and either ``collect`` or ``names``,
``seed``, ``core``, ``seconds``; the variable ``SEQBENCH_TURNS`` holds what ``Turns`` needs.
"""

import json
import os
import platform
import random
import sys
import sysconfig
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

UNUSED = ("hypothesispytest", "xdist", "xdist.looponfail", "randomly", "pytest_cov")
"""Plug-ins that a sample needs not, or that would change its order; what each costs is a longer start."""
TURN_S = 0.02
"""Seconds after which the turn is handed on, between two rounds of a benchmark."""
WIDTH, NOBODY = 4, 2**32 - 1
"""Bytes of a turn; and the turn that says that somebody has ended."""
PACKAGES = ("torch", "numpy", "pytest", "pytest-benchmark")


class Turns:
    """A pytest plug-in by which one process of several has the core at a time, for some milliseconds.

    They read the suite side by side, begin each benchmark together, take turns until all have timed it, and end
    together. The turn is a number in a pipe, of how many times a process has arrived at one of these places.

    Args:
        pipes: to take the turn from and to give it to, and the number of processes; None where there is but one.
        core: to be on once the suite is read; None for any.
    """

    def __init__(self, pipes: str | None, core: int | None) -> None:
        self.source, self.sink, self.processes = map(int, pipes.split()) if pipes else (None, None, 1)
        self.core, self.places, self.arrived, self.began = core, 0, 0, 0.0

    def take(self) -> None:
        """Wait for the turn. Once a neighbour has ended, nobody is waited for any more."""
        if self.source is not None:
            self.arrived = int.from_bytes(os.read(self.source, WIDTH) or b"\xff" * WIDTH, "big")
        self.began = time.perf_counter()

    def give(self) -> None:
        """Hand the turn on."""
        if self.sink is not None:
            with suppress(OSError):  # there is nobody any more
                os.write(self.sink, self.arrived.to_bytes(WIDTH, "big"))

    def meet(self) -> None:
        """Wait until all have come as far as this; then, as before, have the turn."""
        self.places += 1
        self.arrived += self.arrived < NOBODY
        while self.arrived < self.places * self.processes:
            self.give()
            self.take()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Any:
        """Begin and end together; what is imported before that may use all cores."""
        if self.core is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {self.core})
        self.take()
        try:
            found = yield
            self.meet()
            return found
        finally:
            self.give()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Any:
        """Begin each benchmark together, the preparations for it included."""
        self.meet()
        return (yield)

    def rounds_in_turns(self) -> None:
        """Have every round of every benchmark begin with a turn that is not over."""
        made = BenchmarkFixture._make_runner  # all of its ways to time a function come by here

        def make(*words: Any) -> Callable[..., Any]:
            runner = made(*words)

            def timed(*loops: Any) -> Any:
                if time.perf_counter() - self.began > TURN_S:
                    self.give()
                    self.take()
                return runner(*loops)

            return timed

        BenchmarkFixture._make_runner = make  # type: ignore[method-assign]


class Chooser:
    """A pytest plug-in that keeps the gated benchmarks, or those that are named, and shuffles them."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.found: list[str] = []
        self.failed: dict[str, str] = {}
        self.skipped: list[str] = []

    def pytest_configure(self, config: Any) -> None:
        """A foreign suite need not know the marker."""
        config.addinivalue_line("markers", "gated: a benchmark that the regression check watches")

    def pytest_load_initial_conftests(self, early_config: Any) -> None:
        """Of two environments each has what it has installed: what the project's pythonpath names comes after that."""
        if self.asked.get("installed"):
            last = [str(path) for path in early_config.getini("pythonpath")]
            sys.path[:] = [place for place in sys.path if place not in last] + last

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep what is asked for: what is marked, or all benchmarks where none is marked."""
        benchmarks = [item for item in items if "benchmark" in getattr(item, "fixturenames", ())]
        gated = [item for item in benchmarks if item.get_closest_marker("gated")] or benchmarks
        self.found = [item.nodeid for item in gated]
        if "names" in self.asked:
            gated = [item for item in benchmarks if item.nodeid in self.asked["names"]]
        random.Random(self.asked.get("seed")).shuffle(gated)
        items[:] = [] if self.asked.get("collect") else gated

    def pytest_collectreport(self, report: Any) -> None:
        """Keep why a file cannot even be read, or is skipped whole."""
        self.pytest_runtest_logreport(report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep the last line of what failed."""
        if report.failed or report.skipped:
            told = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            lines = [line for line in told.splitlines() if line.strip()]
            self.failed[report.nodeid] = lines[-1] if lines else report.outcome
        if report.skipped:
            self.skipped.append(report.nodeid)


def sample(asked: dict[str, Any]) -> dict[str, Any]:
    """Names of the gated benchmarks, seconds of those that ran, and what failed or was skipped.

    Seconds are the lower quartile of the rounds: what disturbs a round makes it longer, never shorter, and a quarter of
    them is rarely all disturbed. Between equal processes it differed by less than the median did.
    """
    turns = Turns(os.environ.get("SEQBENCH_TURNS"), asked.get("core"))
    turns.rounds_in_turns()
    raw, chooser, seconds = f"{asked['out']}.raw", Chooser(asked), asked.get("seconds", 0.1)
    words = ["-q", "--rootdir=.", "-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:warnings", "--benchmark-enable"]
    words += [
        "--benchmark-disable-gc",
        "--benchmark-warmup=on",
        "--benchmark-warmup-iterations=3",
        f"--benchmark-max-time={seconds}",
    ]
    words += ["--benchmark-min-rounds=7", f"--benchmark-json={raw}"]
    words += [word for name in UNUSED for word in ("-p", f"no:{name}")]
    if asked.get("installed"):  # the tree goes last, for what a benchmark starts too
        words += ["--import-mode=append"]
        os.environ["PYTHONSAFEPATH"] = "1"
    named = {name.partition("::")[0] for name in asked.get("names", ())}  # no other file is imported
    files = sorted(named) or [asked["suite"]]
    code = int(pytest.main([*words, *files], plugins=[chooser, turns]))
    quartiles = {}
    if os.path.exists(raw) and os.path.getsize(raw):
        with open(raw, encoding="utf-8") as file:
            timed = json.load(file)["benchmarks"]
        quartiles = {item["fullname"]: item["stats"]["q1"] for item in timed if item["fullname"] not in chooser.failed}
    found = {"names": chooser.found, "failed": chooser.failed, "skipped": chooser.skipped}
    return {"code": code, "quartiles": quartiles, "facts": facts(), "imported": imported(), **found}


def imported() -> dict[str, Any]:
    """Files and folders of the top-level modules of this process, and the folders of what is installed."""
    modules = {}
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        places = *(getattr(spec, "submodule_search_locations", None) or ()), getattr(spec, "origin", None)
        if "." not in name:
            modules[name] = [str(place) for place in places if place]
    paths = sysconfig.get_paths()
    installed = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    return {"modules": modules, "installed": installed}


def facts() -> dict[str, Any]:
    """What may differ between two environments, and how busy the machine is."""
    found: dict[str, Any] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    torch = sys.modules.get("torch")  # whatever number the benchmarks have set it to
    return found | {"threads": torch and torch.get_num_threads(), "load": os.getloadavg()[0]}


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    sys.path.pop(0)  # the folder of this file, whose modules are no top-level names
    result = sample(request)
    with open(request["out"], "w", encoding="utf-8") as output:
        json.dump(result, output)
