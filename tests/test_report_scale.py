"""The report of a large store: in bounded time and memory, on a page that a phone can open."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import simulated
from publisher import quick_folder

from seqbench.record.store import Store
from seqbench.report import page, sample, verdict_table, write
from seqbench.report.groups import grouped
from seqbench.schema import Record
from tests.test_report_headline import content

WRITE = """
import json, re, resource, sys, time
from seqbench.cli import main
from seqbench.record.store import Store

def peak_mb():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024

def watched(store, kind=None):
    found = records(store, kind)
    peaks.append(peak_mb() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)  # two processes read
    return found

records, peaks = Store.records, []
Store.records = watched
began = time.perf_counter()
code = main(["report", "--store", sys.argv[1], "--out", sys.argv[2]])
took = time.perf_counter() - began
print(json.dumps({"code": code, "s": took, "peak_mb": peak_mb(), "peak_mb_while_reading": max(peaks)}))
"""


def written_apart(root: Path, out: Path) -> dict[str, float]:
    """What a fresh process that is given the command needs to report a store."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", WRITE, str(root), str(out)]
    printed = subprocess.run(command, capture_output=True, check=True, text=True, env=environment, cwd=out.parent)
    return json.loads(printed.stdout.splitlines()[-1])


@pytest.mark.soak
def test_report_of_100_000_runs_takes_500_mb_and_30_s_once_they_have_an_index() -> None:
    with quick_folder() as folder:
        simulated.write_many(folder / "runs", 100_000)
        cold, warm = (written_apart(folder / "runs", folder / "out") for _ in range(2))
        page = (folder / "out" / "index.html").stat().st_size
    print(cold, warm, page)
    assert page < 5_000_000
    assert warm["s"] < 30
    for found in (cold, warm):
        assert found["code"] == 0
        assert max(found["peak_mb"], found["peak_mb_while_reading"]) < 500


def test_a_report_loads_no_more_of_scipy_than_it_uses() -> None:
    program = "import sys, seqbench.report.files; print({'scipy.stats', 'scipy.optimize'} & {*sys.modules})"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", program]
    printed = subprocess.run(command, capture_output=True, check=True, text=True, env=environment).stdout
    assert printed == "set()\n"  # they are 47 MB and half a second


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


def test_a_page_that_would_be_too_large_leaves_its_largest_figures_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, out = Store(tmp_path / "runs"), tmp_path / "out"
    for record, arrays in simulated.study(tasks=("copy_10",), seeds=(0, 1)):
        store.publish(record, arrays)
    write(store, out)
    whole = (out / "index.html").read_bytes()
    sizes = {file.stem: file.stat().st_size for file in (out / "figures").iterdir()}
    assert b"lies beside the page" not in whole
    monkeypatch.setattr(page, "MOST_BYTES", len(whole) - 1)
    write(store, out)
    text = (out / "index.html").read_text()
    largest = max(sizes, key=lambda name: sizes[name])
    assert re.findall(r'<a href="figures/(\w+).svg">figures/\1.svg</a>', text) == [largest]
    assert len(text.encode()) < len(whole) - sizes[largest] + 1_000
    assert (out / "figures" / f"{largest}.svg").stat().st_size == sizes[largest]
    for most, beside in ((len(text.encode()) + 9, 1), (len(text.encode()) - 9, 2)):  # 9: the limit's own digits
        monkeypatch.setattr(page, "MOST_BYTES", most)
        write(store, out)
        again = (out / "index.html").read_bytes()
        assert len(again) <= most
        assert again.count(b"lies beside the page") == beside


def test_a_page_of_very_many_tasks_is_bounded_without_its_figures_too() -> None:
    record = simulated.learning("copy_10", "gru", 0)[0]

    def of_task(number: int) -> Record:
        config = {**record.config, "task": {**record.config["task"], "name": f"copy_{number}", "copy": number}}
        labels = {**record.labels, "task": f"a_rather_long_name_of_a_task_{number}"}
        return replace(record, config=config, labels=labels, cell_id=f"cell{number}", run_id=f"run{number}")

    sizes = [len(page.page(content([of_task(number) for number in range(tasks)])).encode()) for tasks in (500, 1000)]
    assert sizes[1] < 1.02 * sizes[0] < 3_000_000


def test_costs_of_many_architectures_are_drawn_and_listed_in_part_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, out = Store(tmp_path / "runs"), tmp_path / "out"
    for model in ("rnn", "lstm", "gru"):
        record, arrays = simulated.cost_record("copy_10", model)
        store.publish(record, arrays)
    monkeypatch.setattr(sample, "MOST_CELLS", 2)
    monkeypatch.setattr(page, "MOST_ROWS", 2)
    write(store, out)
    text, drawn = (out / "index.html").read_text(), (out / "figures" / "speed.svg").read_text()
    assert "Figures of costs show 2 of 3 rows of the table of costs; costs.csv has all." in text
    assert "The first 2 of 3 rows are shown." in text
    assert ("lstm" in drawn, "gru" in drawn) == (True, False)
    assert len((out / "costs.csv").read_text().splitlines()) == 4


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
