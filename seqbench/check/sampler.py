"""One sample: a fresh process that times benchmarks in a random order. Started by its path, with either side's Python.

It imports nothing but pytest and pytest-benchmark, so that both sides are timed by the very same lines, whatever
version of seqbench, or none, they hold. Its one argument is a JSON object: ``suite``, ``out``, and either ``collect``
or ``names``, ``seed``, ``core``, ``seconds``.
"""

import json
import os
import platform
import random
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pytest

UNUSED = ("hypothesispytest", "xdist", "xdist.looponfail", "randomly", "pytest_cov")
"""Plug-ins that a sample needs not, or that would change its order; what each costs is a longer start."""
PACKAGES = ("torch", "numpy", "pytest", "pytest-benchmark")


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
        """Keep why a file cannot even be read."""
        if report.failed:
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
    """Names of the gated benchmarks, median seconds of those that ran, and what failed or was skipped."""
    if asked.get("core") is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {asked["core"]})
    raw, chooser, seconds = f"{asked['out']}.raw", Chooser(asked), asked.get("seconds", 0.1)
    words = ["-q", "--rootdir=.", "-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:warnings", "--benchmark-enable"]
    words += ["--benchmark-disable-gc", "--benchmark-warmup=on", f"--benchmark-max-time={seconds}"]
    words += ["--benchmark-min-rounds=5", f"--benchmark-json={raw}"]
    words += [word for name in UNUSED for word in ("-p", f"no:{name}")]
    named = {name.partition("::")[0] for name in asked.get("names", ())}  # no other file is imported
    files = sorted(named) or [asked["suite"]]
    code = int(pytest.main([*words, *files], plugins=[chooser]))
    medians = {}
    if os.path.exists(raw) and os.path.getsize(raw):
        with open(raw, encoding="utf-8") as file:
            timed = json.load(file)["benchmarks"]
        medians = {
            item["fullname"]: item["stats"]["median"] for item in timed if item["fullname"] not in chooser.failed
        }
    found = {"names": chooser.found, "failed": chooser.failed, "skipped": chooser.skipped}
    return {"code": code, "medians": medians, "facts": facts(), **found}


def facts() -> dict[str, Any]:
    """What may differ between two environments, and how busy the machine is."""
    found: dict[str, Any] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found | {"load": os.getloadavg()[0]}


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    sys.path.pop(0)  # the folder of this file, whose modules are no top-level names
    result = sample(request)
    with open(request["out"], "w", encoding="utf-8") as output:
        json.dump(result, output)
