"""What every test runs under: one thread, flushed denormals, checked shapes, no network, no display."""

import os
import re
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

# Before matplotlib and torch are imported, and inherited by the processes that tests start.
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest
import torch
from beartype import BeartypeConf
from beartype.claw import beartype_package
from jaxtyping import install_import_hook

# Checks every annotated type of the package at each call, and shapes in the modules that have some: there a call takes
# many times as long for it. Worker processes import the package unchecked.
# The tower: an int may stand where a float is declared, as PEP 484 says.
_PACKAGE = Path(__file__).parents[1] / "seqbench"
_SHAPED = [
    ".".join(file.relative_to(_PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")
    for file in sorted(_PACKAGE.rglob("*.py"))
    if re.search("jaxtyping|TYPE_CHECKING", file.read_text())  # the latter: beartype alone does not take such names
]
beartype_package("seqbench", conf=BeartypeConf(is_pep484_tower=True, claw_is_pep526=False, violation_type=TypeError))
install_import_hook(_SHAPED, "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

torch.set_num_threads(1)  # two test processes on two cores, as in a sweep
torch.set_flush_denormal(True)  # as in every process that trains

hypothesis.settings.register_profile("dev", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")

NEEDS_GPU = "needs a CUDA device"
TALLY = "tally: "
PENDING = "fault without a test"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real data sets that SEQBENCH_DATA names; the test skips where there is none."""
    folder = os.environ.get("SEQBENCH_DATA")
    if not folder:
        pytest.skip("needs real data: SEQBENCH_DATA names no folder")
    path = Path(folder)
    if not path.is_dir():
        # A wrong path must not turn into silently skipped tests.
        pytest.fail(f"SEQBENCH_DATA must name a folder that exists; got {folder!r}. Mend it, or unset it to skip.")
    return path


@pytest.fixture
def tally(record_property: Callable[[str, object], None]) -> Callable[[str, int], None]:
    """Adds to a count that is told at the end of the run, e.g. ``tally("kills", 3)``."""
    return lambda name, number: record_property(TALLY + name, number)


@pytest.fixture(autouse=True)
def _same_path() -> Iterator[None]:
    """Commands put the current folder in front of the path: a test's own project must not serve the next test."""
    before = sys.path[:]
    yield
    sys.path[:] = before


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the tests marked soak, and only these")


def pytest_configure(config: pytest.Config) -> None:
    """Run each benchmark once beside the tests; pytest bench alone does not read this file, and times them."""
    config.option.benchmark_disable = True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what --soak does not ask for; by an option, because a second -m would replace the user's."""
    wanted = bool(config.getoption("soak"))
    left_out = [item for item in items if (item.get_closest_marker("soak") is not None) != wanted]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip(NEEDS_GPU)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name what was not tested for want of a GPU, so that a green run without one does not look like more; and counts.

    A count of failures is told also where it is 0: that is what the trials were for.
    """
    skipped = terminalreporter.stats.get("skipped", [])
    names = sorted({report.nodeid for report in skipped if NEEDS_GPU in str(report.longrepr)})
    if names:
        terminalreporter.section("not run: no CUDA device here")
        for name in names:
            terminalreporter.write_line(name)
    ended = (*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", []))
    told = [item for report in ended if report.when == "call" for item in report.user_properties]
    untested = [what for name, what in told if name == PENDING]
    if untested:
        terminalreporter.section(f"{len(untested)} of the faults in FAULTS.md are not wholly tested")
        for what in untested:
            terminalreporter.write_line(what)
    counts: Counter[str] = Counter()
    for name, number in told:
        if name.startswith(TALLY):
            counts[name.removeprefix(TALLY)] += number
    if counts:
        terminalreporter.section("counts")
        for name, number in counts.items():
            terminalreporter.write_line(f"{name}: {number}")


def _local_only(method: str) -> Any:
    original = getattr(socket.socket, method)

    def guarded(self: socket.socket, *arguments: Any) -> Any:
        if self.family != socket.AF_UNIX:  # multiprocessing talks to its workers through AF_UNIX
            _refuse(f"socket.{method}{arguments}")
        return original(self, *arguments)

    return guarded


def _refuse(call: str) -> NoReturn:
    raise RuntimeError(f"tests must not use the network; got {call}. Give the code a local file or a fake instead.")


def _no_name_resolution(*arguments: Any, **named: Any) -> NoReturn:
    _refuse(f"socket.getaddrinfo{arguments}")


for _method in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, _method, _local_only(_method))
socket.getaddrinfo = _no_name_resolution
