"""Runs that were interrupted or killed, and that the same command continues: a report waits for them and says so."""

import csv
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from seqbench.record.store import Store
from seqbench.report import write
from seqbench.report.compare import compare_stores
from seqbench.report.compare_views import told
from seqbench.report.dependency import dependencies
from seqbench.schema import CONTINUED, Record, Status
from tests.test_report_dependency import HALF
from tests.test_report_dependency import runs as at_lengths
from tests.test_report_headline import CLAIMS, GOOD, POOR, content, runs, said

both = pytest.mark.parametrize("status", CONTINUED)


def stop(records: Sequence[Record], status: Status, model: str, seeds: Collection[int] = range(99)) -> list[Record]:
    """The records with those of a model's seeds stopped midway."""
    return [
        replace(r, status=status, reason="x", summary={}) if r.labels["model"] == model and r.seed in seeds else r
        for r in records
    ]


@both
def test_an_architecture_whose_runs_are_under_way_loses_to_nobody(status: Status):
    found = content(stop(runs("copy_10", {"gru": GOOD, "rnn": GOOD}), status, "rnn"))
    assert not re.search(CLAIMS, said(found))
    assert "There is but one architecture with results, gru" in said(found)
    assert [row.label for row in found.sections[0].rows if row.kind == "model"] == ["gru"]
    assert found.matrices == []
    assert (
        f"5 runs have no result yet: 5 of rnn on copy_10 ({status}). They count nowhere; the same command again "
        "continues what was interrupted or killed."
    ) in found.banners
    assert not any("not solved" in banner for banner in found.banners)


@both
def test_seeds_that_are_under_way_are_in_no_rate_no_mean_and_no_curve(status: Status):
    records = runs("copy_10", {"gru": GOOD, "rnn": POOR})
    found, fewer = (
        content(of)
        for of in (
            stop(records, status, "gru", [3, 4]),
            [record for record in records if record.labels["model"] != "gru" or (record.seed or 0) < 3],
        )
    )
    assert found.sections == fewer.sections
    assert found.solving == fewer.solving
    assert found.fairness == fewer.fairness
    assert found.summary == fewer.summary
    assert "2 runs have no result yet: 2 of gru on copy_10" in " ".join(found.banners)
    assert len(found.failures) == 2  # named with their reason


def test_each_cell_and_status_is_counted_apart_and_lost_runs_stay_lost():
    records = runs("copy_10", {"gru": GOOD, "rnn": [None, *POOR[1:]]})
    records = stop(stop(records, "killed", "gru", [1]), "interrupted", "rnn", [2, 3])
    banners = content(records).banners
    assert "Of 7 runs 1 failed: this counts as not solved in every rate." in banners
    assert any("3 runs have no result yet: 2 of rnn on copy_10 (interrupted) and 1 of gru on copy_10 (killed)." in b
               for b in banners)  # fmt: skip


def test_a_curve_of_lengths_waits_for_runs_that_are_under_way():
    whole = at_lengths("gru", HALF)
    stopped = [replace(r, status="interrupted", summary={}) if r.config["task"]["delay"] == 10 else r for r in whole]
    (made,) = dependencies(stopped)
    assert made.lengths == (5, 14, 20, 40)


@both
def test_stores_are_compared_by_what_has_ended_and_the_rest_is_told(status: Status):
    before = runs("copy_10", {"gru": GOOD})
    found = compare_stores(("before", before), ("after", stop(before, status, "gru")))
    assert found.rows == ()
    assert f"after: 5 runs have no result yet: 5 of gru on copy_10 ({status})." in " ".join(told(found))
    assert "after holds nothing that has a result." in told(found)
    assert sum("5 runs" in sentence and "result yet" in sentence for sentence in told(found)) == 1
    assert not compare_stores(("before", before), ("after", before)).stopped


def test_a_page_of_nothing_else_says_so_and_every_run_is_in_the_csv(tmp_path: Path):
    store = Store(tmp_path / "runs")
    for record in stop(runs("copy_10", {"gru": GOOD}), "interrupted", "gru"):
        store.publish(replace(record, arrays={}), {})
    page = write(store, tmp_path / "out", formats=("html", "md", "csv", "json", "latex")).read_text()
    assert "5 runs have no result yet: 5 of gru on copy_10 (interrupted)" in page
    assert "0 runs" in page
    lines = list(csv.DictReader((tmp_path / "out" / "runs.csv").read_text().splitlines()))
    assert [(line["status"], line["solved"]) for line in lines] == [("interrupted", "")] * 5
    assert json.loads((tmp_path / "out" / "report.json").read_text())["summary"] == []
