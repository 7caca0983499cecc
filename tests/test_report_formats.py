"""The same numbers in every format, and each format as strict as its readers are."""

import csv
import errno
import io
import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import simulated
import simulated_costs

from seqbench import cli
from seqbench.record.store import Store
from seqbench.report import DEFAULT, FORMATS, write
from seqbench.report.content import Content
from seqbench.report.document import report_json
from seqbench.report.files import collect_report
from seqbench.report.item import Item, Row, Table
from seqbench.report.latex import _generic, escaped, latex
from seqbench.report.markdown import markdown
from seqbench.report.page import page
from seqbench.report.wording import interval_text, score_text
from tests.test_report_headline import GOOD, POOR, content, runs, unrated

TABLES = {"runs.csv", "verdicts.csv", "across.csv", "costs.csv"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("store"))
    for record, arrays in simulated.study(tasks=("adding_50", "membrane"), models={"rnn": 1, "gru": 2, "lstm": 3}):
        store.publish(record, arrays)
    for record, arrays in simulated_costs.study(rounds=8, lengths=(64,), models=("rnn", "gru")):
        store.publish(record, arrays)
    return store


@pytest.fixture(scope="module")
def whole(store: Store) -> Content:
    return collect_report(store, "a_study", "gru", "Three rates.", (), {}, drawn=())


def test_numbers_of_every_row_agree_in_json_latex_markdown_and_the_page(whole: Content):
    document = json.loads(report_json(whole))
    tex, text = latex(whole), markdown(whole)
    html = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page(whole)))
    seen = 0
    for section, mine in zip(document["sections"], whole.sections, strict=True):
        for row, made in zip(section["rows"], mine.rows, strict=True):
            assert row["score"] == made.score
            shown = score_text(row["score"])
            assert all(shown in place for place in (text, html))
            assert escaped(shown) in tex
            if row["summary"] and row["summary"]["interval"]:
                interval = interval_text(tuple(row["summary"]["interval"]))
                assert all(interval in place for place in (text, html))
                assert escaped(interval) in tex
                seen += 1
    assert seen >= 4


def test_tables_that_stand_without_the_notes_of_the_page_say_what_they_show():
    records = runs("copy_10", {"gru": GOOD, "rnn": POOR})
    brackets, test = "Brackets: 95 % intervals over seeds", "Against gru: exact two-sided rank-sum test, p adjusted"
    for reference in ("gru", None):
        found = content(records, reference)
        for text in (markdown(found), latex(found).replace("\\%", "%")):
            assert text.count(brackets) == 1
            assert text.count(test) == (reference is not None)
    few = markdown(content(runs("copy_10", {"gru": GOOD[:2], "rnn": POOR[:2]})))
    assert "Brackets" not in few


def test_medians_of_too_few_runs_say_that_they_have_no_interval_and_others_have_one():
    note = "Medians of fewer than 6 runs have no interval."
    for scores, bare in ((GOOD, True), (2 * GOOD, False)):
        found = content(runs("copy_10", {"gru": scores}))
        for text in (markdown(found), latex(found), page(found)):
            assert (note in text) == bare
        assert ("100 [100, 100]" in markdown(found)) != bare
        assert ("100 {[}100, 100{]}" in latex(found)) != bare
    assert note not in markdown(content(unrated({"gru": GOOD})))


def test_numbers_of_runs_in_csv_are_those_in_json(store: Store, whole: Content, tmp_path: Path):
    write(store, tmp_path, formats=("csv",))
    lines = list(csv.DictReader(io.StringIO((tmp_path / "runs.csv").read_text())))
    for section in json.loads(report_json(whole))["sections"]:
        for row in section["rows"]:
            if row["kind"] == "model":
                mine = [x for x in lines if (x["task"], x["model"]) == (row["task"], row["name"])]
                assert [float(x["score"]) for x in mine] == row["scores"]
                assert [int(x["seed"]) for x in mine] == row["seeds"]


def test_verdicts_in_csv_are_those_in_json(store: Store, whole: Content, tmp_path: Path):
    write(store, tmp_path, reference="gru", formats=("csv",))
    lines = list(csv.DictReader(io.StringIO((tmp_path / "verdicts.csv").read_text())))
    rows = [row for section in json.loads(report_json(whole))["sections"] for row in section["rows"]]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert (line["task"], line["architecture"]) == (row["task"], row["name"])
        assert float(line["score"]) == row["score"]
        if row["summary"]:
            low, high = row["summary"]["interval"] or ("", "")
            assert (line["score_low"], line["score_high"]) == (str(low), str(high))
            assert line["median_steps"] == str(row["summary"]["median_steps"]).replace("infinity", "inf").replace(
                "None", ""
            )
        if row["comparison"]:
            assert (line["verdict"], float(line["p"])) == (row["comparison"]["verdict"], row["comparison"]["p"])


def test_command_of_a_row_trains_all_of_its_runs_again(store: Store, whole: Content, tmp_path: Path):
    write(store, tmp_path, formats=("csv",))
    document = json.loads(report_json(whole))
    told = {(command["task"], command["architecture"]): command["command"] for command in document["commands"]}
    lines = csv.DictReader(io.StringIO((tmp_path / "verdicts.csv").read_text()))
    rows = [row for section in document["sections"] for row in section["rows"]]
    models = [(line["command"], row) for line, row in zip(lines, rows, strict=True) if row["kind"] == "model"]
    assert len(models) == len(told)
    for (command, row), known in zip(models, told.values(), strict=True):
        assert command == row["command"] == known
        assert f"'seeds=[{','.join(map(str, row['seeds']))}]'" in command
        assert len(row["seeds"]) == 5
    assert all(not row["command"] for row in rows if row["kind"] == "baseline")


def test_costs_in_json_have_their_intervals(whole: Content):
    document = json.loads(report_json(whole))
    measured = next(c for c in document["costs"] if (c["model"], c["what"], c["twin"]) == ("gru", "step", False))[
        "measured"
    ]
    low, high = measured["step_s"]["interval"]
    assert low < measured["step_s"]["value"] < high


def test_json_is_strict_versioned_and_the_same_for_the_same_records(whole: Content):
    def refuse(token: str) -> Any:
        raise AssertionError(token)

    text = report_json(whole)
    document = json.loads(text, parse_constant=refuse)
    assert (document["format"], document["version"]) == ("seqbench report", 3)
    assert text == report_json(whole)
    assert text.isascii()
    rnn = next(row for row in document["sections"][0]["rows"] if row["name"] == "gru")
    assert isinstance(rnn["summary"]["median_steps"], float)
    never = json.loads(report_json(content(runs("copy_10", {"gru": POOR}))))
    assert never["sections"][0]["rows"][0]["summary"]["median_steps"] == "infinity"


def test_json_holds_all_that_the_content_holds(whole: Content):
    document = json.loads(report_json(whole))
    elsewhere = {
        "records",
        "cost_tables",
        "figures",
        "prints",
        "beside",
        "flow",
        "look",
    }  # the store, laid out numbers, other names
    assert set(Content.__dataclass_fields__) - elsewhere <= set(document)
    assert document["matrices"][0]["duels"][0]["overall"]["p"] <= 1
    assert len(document["summary"]) <= 3


def test_latex_tables_are_balanced_and_every_line_has_all_its_cells(whole: Content):
    text = latex(whole)
    for place in ("table", "table*"):
        assert text.count(rf"\begin{{{place}}}") == text.count(rf"\end{{{place}}}") >= 1
    assert len(set(re.findall(r"\\label\{(.+?)\}", text))) == text.count(r"\label")
    for table in re.findall(r"\\begin\{tabular\}(.+?)\\end\{tabular\}", text, re.DOTALL):
        columns = len(re.match(r"\{(l*r*)\}", table)[1])  # type: ignore[index]
        lines = [line for line in table.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
        assert lines
        assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {columns - 1}
        assert all(rule in table for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
    depth = 0
    for sign in re.sub(r"\\[\\{}]", "", text):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0


def test_latex_parts_a_table_that_is_wider_than_a_page_and_loses_no_cell():
    head, cells = [f"column {number}" for number in range(9)], [Item(f"{number}" * 30) for number in range(9)]
    made = Table(label="Wide", lead="", columns=["architecture", *head], groups=[("", "", [Row("gru", cells)])])
    parts = re.findall(r"\\begin\{table\*\}(.+?)\\end\{table\*\}", _generic(made, "wide"), re.DOTALL)
    assert [part.count("gru") for part in parts] == [1] * 3
    assert [(f"Wide ({n} of 3)." in part, f"tab:wide-part-{n}}}" in part) for n, part in enumerate(parts, 1)] == [
        (True, True)
    ] * 3
    text = "".join(parts)
    assert all(text.count(name) == 1 for name in (*head, *(cell.text for cell in cells)))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
@pytest.mark.parametrize("columns", ["onecolumn", "twocolumn"])
def test_latex_compiles_and_nothing_is_wider_than_its_column(whole: Content, tmp_path: Path, columns: str):
    (tmp_path / "report.tex").write_text(latex(whole))
    (tmp_path / "paper.tex").write_text(
        rf"\documentclass[{columns}]{{article}}\usepackage[utf8]{{inputenc}}\usepackage{{booktabs,graphicx}}"
        r"\extrafloats{100}\begin{document}\input{report}\end{document}"
    )
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    made = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert made.returncode == 0, made.stdout[-2000:]
    assert not re.findall(r"Overfull \\hbox.*", made.stdout)


def test_latex_explains_brackets_where_there_are_any():
    for note in ("Brackets: 95 \\% intervals over seeds", "95 \\% intervals in brackets"):
        assert latex(content(runs("copy_10", {"gru": GOOD}))).count(note) == 1
        assert note not in latex(content(runs("copy_10", {"gru": GOOD[:3]})))


def test_latex_has_the_remarks_of_every_table_as_markdown_has(whole: Content):
    told = [(row.label, "; ".join(row.remarks)) for section in whole.sections for row in section.rows if row.remarks]
    assert told
    text = re.sub(r"\s+", " ", latex(whole))
    assert all(escaped(f"{label}: {remarks}.") in text for label, remarks in told)


def test_a_task_without_the_reference_has_no_column_of_comparisons_with_it():
    for reference, there in (("gru", True), ("lstm", False), (None, False)):
        made = content(runs("copy_10", {"gru": GOOD, "rnn": POOR}), reference)
        texts = (markdown(made), latex(made), page(made).lower())
        assert [f"against {reference}" in text for text in texts] == [there] * 3


def test_nothing_in_a_name_is_obeyed_by_latex():
    hostile = r"\input{/etc/passwd} & 50% $x$ #1 _a_ ^b ~ {"
    text = latex(content(runs("copy_10", {hostile: GOOD, "gru": GOOD})))
    assert (
        r"\textbackslash{}input\{/etc/passwd\} \& 50\% \$x\$ \#1 \_a\_ \textasciicircum{}b \textasciitilde{} \{" in text
    )
    assert r"\input{" not in text


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("words", "files"),
    [
        (["--format=latex,csv"], {"report.tex", *TABLES}),
        (["--format", "csv", "--format", "json"], {"report.json", *TABLES}),
    ],
)
def test_command_writes_just_the_formats_asked_for(
    store: Store, tmp_path: Path, words: list[str], files: set[str], capsys: pytest.CaptureFixture[str]
):
    assert cli.main(["report", "--store", str(store.root), "--out", str(tmp_path), *words]) == 0
    assert names(tmp_path) == files
    shown = capsys.readouterr().out.split("report: ")[1].strip().split(", ")
    assert len(shown) == 2  # one of each format
    assert all(Path(file).is_file() for file in shown)


@pytest.mark.parametrize(
    ("number", "at", "code"),
    [(errno.ENOSPC, 0, 1), (errno.EDQUOT, 2, 1), (errno.EFBIG, 0, 1), (errno.EIO, 0, 1), (errno.EACCES, 0, 2),
     (errno.EACCES, 2, 1)],
)  # fmt: skip
def test_disk_that_refuses_is_no_wrong_usage_and_a_folder_that_takes_nothing_is(
    number: int, at: int, code: int, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):  # fmt: skip
    moves = itertools.count()

    def replace(source: str, target: Path):
        if next(moves) == at:
            raise OSError(number, os.strerror(number))
        Path(source).rename(target)

    monkeypatch.setattr("seqbench.record.texts.os.replace", replace)
    assert cli.main(["report", "--store", str(store.root), "--out", str(tmp_path), "--format", "csv"]) == code
    assert len(names(tmp_path)) == at
    said = capsys.readouterr().err
    assert os.strerror(number) in said
    assert ("must be one that can be written" in said) == (code == 2)


def test_default_is_the_page_markdown_and_csv():
    assert DEFAULT == ("html", "md", "csv")
    assert set(DEFAULT) < set(FORMATS)


@pytest.mark.parametrize("asked", ["png", "html,", "HTML", ","])
def test_unknown_format_is_refused_and_nothing_written(
    store: Store, tmp_path: Path, asked: str, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    assert cli.main(["report", "--store", str(store.root), "--out", str(out), "--format", asked]) == 2
    assert "--format must be some of html, md, csv, latex, pdf, json; got" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--store", "study/runs", "--format", "html,"], "got 'html,'"),
        (["--store", "study/runs", "--out", "a", "--out", "b"], "--out must be given once; got 2 of them"),
        (["study/runs"], "got 'study/runs'. Did you mean --store 'study/runs'?"),
        (["--store", "study"], "got 'study', which holds none itself. Did you mean study/runs?"),
        (["--store", "study/runs/one"], "got 'study/runs/one', which is one record. Name the store that it lies in:"),
        (["--store", "study/runs", "--out", "o" * 300], f"got '{'o' * 80}' (File name too long)"),
    ],
)
def test_wrong_use_of_report_says_what_was_meant_and_writes_nothing(
    words: list[str], part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    folder = Store(tmp_path / "study" / "runs").publish(*simulated.learning("copy_10", "gru", 0))
    folder.rename(folder.with_name("one"))
    if "o" * 300 in words:
        (folder.with_name("one")).rename(folder)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["report", *words]) == 2
    assert part in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def reported(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    assert cli.main(["report", *map(str, words)]) == 0
    return capsys.readouterr().out


def test_store_that_holds_nothing_is_named_beside_one_that_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    Store(tmp_path / "full").publish(*simulated.learning("copy_10", "gru", 0))
    (tmp_path / "empty").mkdir()
    words = ("--store", tmp_path / "full", "--store", tmp_path / "empty", "--out", tmp_path / "out", "--format=csv")
    said = reported(capsys, *words)
    assert f"store: {tmp_path / 'empty'} holds no record" in said
    assert "full holds" not in said


def test_files_of_an_earlier_report_that_stay_are_named_and_none_is_removed(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out, small = tmp_path / "out", Store(tmp_path / "small")
    small.publish(*simulated.learning("copy_10", "gru", 0))
    assert "from before" not in reported(capsys, "--store", store.root, "--out", out)
    assert "from before" not in reported(capsys, "--store", store.root, "--out", out)
    said = reported(capsys, "--store", small.root, "--out", out, "--format", "csv")
    assert "report: not of it, from before: across.csv and costs.csv\n" in said
    assert (out / "costs.csv").is_file()
    assert "figures/" in reported(capsys, "--store", small.root, "--out", out, "--format", "html")


def test_page_of_somebody_else_is_not_written_over(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    page = tmp_path / "index.html"
    page.write_text("<!doctype html>\n<p>mine")
    words = ["report", "--store", str(store.root), "--out", str(tmp_path)]
    assert cli.main(words) == 2
    assert "which is no report. Move it away" in capsys.readouterr().err
    assert page.read_text().endswith("mine")
    assert names(tmp_path) == {"index.html"}
