"""The report of a large store: in bounded time and memory, on a page that a phone can open."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import simulated
from publisher import quick_folder

from seqbench.record.store import Store
from seqbench.report import sample, verdict_table, write
from seqbench.report.groups import grouped

WRITE = """
import json, re, resource, sys, time
from pathlib import Path
from seqbench.record.store import Store
from seqbench.report import write

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024

class Watched(Store):
    def records(self, kind=None):
        found = super().records(kind)
        second = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        self.peak_mb_of_reading = peak() + second  # the second process ran beside this one
        return found

began, store = time.perf_counter(), Watched(sys.argv[1])
write(store, Path(sys.argv[2]))
took = time.perf_counter() - began
print(json.dumps({"s": took, "peak_mb": peak(), "peak_mb_of_reading": store.peak_mb_of_reading}))
"""


def written_apart(root: Path, out: Path) -> dict[str, float]:
    """What a fresh process needs to report a store, its second process included."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", WRITE, str(root), str(out)]
    return json.loads(subprocess.run(command, capture_output=True, check=True, text=True, env=environment).stdout)


@pytest.mark.soak
def test_report_of_100_000_runs() -> None:
    with quick_folder() as folder:
        simulated.write_many(folder / "runs", 100_000)
        Store(folder / "runs").records()  # the index
        found = written_apart(folder / "runs", folder / "out")
        page = (folder / "out" / "index.html").stat().st_size
    print(found, page)
    assert page < 5_000_000
    assert found["s"] < 30
    assert max(found["peak_mb"], found["peak_mb_of_reading"]) < 500


def test_page_of_many_rows_and_runs_is_bounded_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, most in ((sample, "MOST_CELLS", 4), (verdict_table, "MOST_ROWS", 20)):
        monkeypatch.setattr(module, name, most)
    simulated.write_many(tmp_path / "runs", 120, seeds=2)
    write(Store(tmp_path / "runs"), tmp_path / "out", study="many")
    text = (tmp_path / "out" / "index.html").read_text()
    assert "The first 20 of 61 rows are shown." in text
    assert "Figures and gradient flow show 4 of 60 rows with their lowest seeds, 8 of 120 runs" in text
    assert text.count("<pre id=") == 20
    assert text.count('class="panel" data-title="lstm"') == 2 * 4  # heat maps of gradients and of saliency
    assert len((tmp_path / "out" / "runs.csv").read_text().splitlines()) == 121


def test_what_is_drawn_is_the_first_rows_and_the_lowest_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [record for record, _ in simulated.study({"gru": 1, "rnn": 1}, ("copy_10", "copy_30"), tuple(range(7)))]
    groups = grouped(records)
    assert sample.left_out(groups, sample.drawn(groups)) == []
    monkeypatch.setattr(sample, "MOST_RUNS", 12)
    kept = sample.drawn(groups)
    assert [[record.seed for record in cell.records] for group in kept for cell in group.cells] == [[0, 1, 2]] * 4
    assert sample.left_out(groups, kept)[0].startswith(
        "Figures and gradient flow show all 4 rows with their lowest seeds, 12 of 28 runs"
    )
