"""Whatever arrives from outside is taken, or refused in one message: records, CSV files, command lines, names."""

import contextlib
import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pytest
import simulated
import simulated_costs
from markdown_it import MarkdownIt
from rich.console import Console

from seqbench import cli, series
from seqbench.config import compose, device, study
from seqbench.config.composer import Composer
from seqbench.record.record import dump, load
from seqbench.record.store import Store
from seqbench.report import content, page
from seqbench.report.compare import compare_stores
from seqbench.report.compare_views import VIEWS, terminal
from seqbench.report.content import Content, collect
from seqbench.report.document import report_json
from seqbench.report.latex import latex
from seqbench.report.markdown import markdown
from seqbench.report.runs_table import COLUMNS, runs_csv
from seqbench.report.terminal import result_table
from seqbench.report.verdicts_csv import verdicts_csv
from seqbench.schema import Record
from seqbench.sources import table
from seqbench.tuning import choose
from tests import fuzz

PARSED = 0.25
"""Of the cases with names, so large a share is parsed as a browser and a Markdown reader would."""


def test_a_failure_of_a_case_names_its_number() -> None:
    def case(random: Random) -> None:
        if random.random() < 0.01:
            raise KeyError("found")

    with pytest.raises(AssertionError, match=r"case \d+ of x: KeyError: \"'found'\"; alone: fuzz\.run\(\"x\", \[\d+\]"):
        fuzz.run("x", range(1000), case)


def test_a_case_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "LIMIT_S", 0.2)

    def case(random: Random) -> None:
        while True:
            pass

    with pytest.raises(AssertionError, match=r"case 7 of x: TimeoutError: 'took longer than 0\.2 s"):
        fuzz.run("x", [7], case)


@pytest.mark.parametrize("error", [KeyError("x"), UnicodeDecodeError("utf-8", b"", 0, 1, "x"), RecursionError()])
def test_an_exception_that_is_no_refusal_fails_a_case(error: Exception) -> None:
    def call() -> None:
        raise error

    with pytest.raises(type(error)):
        fuzz.refused(call)


@pytest.mark.parametrize("message", ["", " ", "a\nb", "a\x1b[31m", "x" * 3000])
def test_a_message_that_no_terminal_should_print_fails_a_case(message: str) -> None:
    def call() -> None:
        raise ValueError(message)

    with pytest.raises(AssertionError):
        fuzz.refused(call)


# ------------------------------------------------------------------ records

PLAIN = simulated.learning("copy_10", "gru", 0)[0]
GOOD = {
    "learning": dump(PLAIN),
    "cost": dump(simulated.cost_record("copy_10", "gru")[0]),
    "round": dump(simulated_costs.sample("gru", streaming=True)[0]),
}
DOCUMENTS = {kind: json.loads(text) for kind, text in GOOD.items()}


def hostile_record(random: Random) -> bytes:
    kind = random.choice(("learning", "learning", "cost", "round"))
    if random.random() < 0.4:
        return fuzz.changed_bytes(random, GOOD[kind].encode())
    document = fuzz.changed_document(random, DOCUMENTS[kind])
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()  # as ``dump`` writes


@pytest.fixture
def quick_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without figures."""
    monkeypatch.setattr(content, "_figures", lambda *arguments: {})


def report(record: Record, **options: Any) -> Content:
    about = {"problems": [], "study": None, "reference": None, "tuning": "", "missing": 0} | options
    return collect(records=[record], arrays={}, **about)


def printed(record: Record) -> str:
    console = Console(file=io.StringIO(), width=100)
    console.print(result_table([record]))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("numbers", fuzz.portions())
@pytest.mark.usefixtures("quick_report")
def test_any_record_is_read_and_reported_or_refused(numbers: range) -> None:
    def case(random: Random) -> bool:
        text, kept = hostile_record(random).decode("utf-8", "surrogateescape"), []
        if fuzz.refused(lambda: kept.append(load(text))) is not None:
            return False
        shown = report(kept[0])
        assert page.page(shown).endswith("</html>")
        assert markdown(shown)
        assert runs_csv(kept)
        assert printed(kept[0]).replace("\n", "").isprintable() or kept[0].kind == "cost"
        if random.random() < 0.2:
            check_others(shown, kept)
        fuzz.refused(lambda: choose(kept, lambda record: {}, "a store").text())
        return True

    read = fuzz.run("record", numbers, case)
    assert 0.02 < sum(read) / len(read) < 0.5, "most cases should be refused, and some read"


def check_others(shown: Content, records: list[Record]) -> None:
    """The formats that are written when asked for, and what ``compare`` prints of a store and itself."""
    texts = [latex(shown), verdicts_csv([row for section in shown.sections for row in section.rows])]
    compared = compare_stores(("a", records), ("b", records))
    texts += [view(compared) for view in VIEWS.values()]
    assert all(text.replace("\n", "").isprintable() for text in texts)
    json.loads(report_json(shown), parse_constant=pytest.fail)
    json.loads(VIEWS["json"](compared), parse_constant=pytest.fail)
    console = Console(file=io.StringIO(), width=100)
    console.print(terminal(compared))


@pytest.mark.parametrize("numbers", fuzz.portions(cases=500, soak=5_000, portion=250))
def test_a_store_names_any_record_that_it_refuses_and_reads_its_neighbour(numbers: range, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    neighbour = store.publish(*simulated.learning("copy_10", "lstm", 0))
    damaged = store.publish(*simulated.learning("copy_10", "gru", 0))

    def case(random: Random) -> None:
        (damaged / "record.json").write_bytes(hostile_record(random))
        store = Store(tmp_path / "runs")
        read = [store.path(record).name for record in store.records()]
        assert neighbour.name in read
        assert damaged.name in read or len(store.problems) == 1
        for problem in store.problems:
            fuzz.check_message(problem)

    before = fuzz.snapshot(tmp_path)
    fuzz.run("store", numbers, case)
    after = fuzz.snapshot(tmp_path)
    written = str(damaged / "record.json")
    assert after | {written: ()} == before | {written: ()}


# ------------------------------------------------------------------ CSV files


@pytest.mark.parametrize("numbers", fuzz.portions())
def test_any_csv_file_is_read_or_refused(numbers: range, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"

    def case(random: Random) -> bool:
        file.write_bytes(fuzz.csv_file(random))
        options, read = fuzz.csv_options(random), []
        told = fuzz.refused(lambda: read.append(table.read(file, **options)))
        if told is not None:
            assert told.startswith(("task.path", "task.columns", "task.gaps"))
            return False
        assert read[0].values.shape[1] == len(read[0].columns)
        assert abs(read[0].values).max() < float("inf")
        fuzz.refused(lambda: series.load("csv", file, **options, **fuzz.series_options(random)))
        assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
        return True

    read = fuzz.run("csv", numbers, case)
    assert 0.1 < sum(read) / len(read) < 0.6, "some cases should be read, and some refused"


# ------------------------------------------------------------------ words


@pytest.fixture
def shared_composer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compositions are kept from case to case, or Hydra would take nearly all of the time."""
    known: dict[Any, Any] = {}

    class Shared(Composer):
        def __init__(self, folders: Any) -> None:
            super().__init__(folders)
            self._known = known.setdefault(folders, {})

    monkeypatch.setattr(study, "Composer", Shared)
    monkeypatch.setattr(device, "NODES", ())  # the same answers on a machine with a GPU


@pytest.mark.parametrize("numbers", fuzz.portions())
@pytest.mark.usefixtures("shared_composer")
def test_any_words_are_a_study_or_refused_and_nothing_is_created(
    numbers: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def case(random: Random) -> bool:
        words = fuzz.words(random)
        told = fuzz.refused(lambda: compose(words))
        assert fuzz.snapshot(tmp_path).keys() == {str(here)}
        return told is None

    taken = fuzz.run("words", numbers, case)
    assert 0.005 < sum(taken) / len(taken) < 0.5, "some cases should be studies, and most refused"


@pytest.mark.parametrize("numbers", fuzz.portions(cases=200, soak=10_000, portion=100))
@pytest.mark.usefixtures("shared_composer")
def test_any_command_line_ends_with_an_exit_code_and_one_message(
    numbers: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [str(tmp_path), *__import__("sys").path])
    commands = ([], ["plan"], ["ls"], ["report"], ["compare"], ["choose"], ["rnu"])

    monkeypatch.setattr("seqbench.sweep.engine.run", lambda *study_and_screen: 0)
    monkeypatch.setattr("seqbench.sweep.plan.explain", lambda study, console: None)

    def case(random: Random) -> int:
        out, err = io.StringIO(), io.StringIO()
        words = [*random.choice(commands), *fuzz.words(random)]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = cli.main(words)
        assert code in (0, 2), words
        if code == 2:
            fuzz.check_message(err.getvalue().removesuffix("\n"))
        assert list(tmp_path.iterdir()) == []
        return code

    assert 2 in fuzz.run("command", numbers, case)


# ------------------------------------------------------------------ names in a report


class Structure(HTMLParser):
    """Tags with the names of their attributes and the values that are no text: what a browser would build."""

    TEXTUAL = ("data-value", "data-series", "data-toggles", "title", "aria-label")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[Any] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, [(name, None if name in self.TEXTUAL else value) for name, value in attrs]))

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.tags.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.tags.append(f"declaration {decl}")


def named(make: Any) -> tuple[Record, dict[str, Any]]:
    """A record, and options of its report, with a text from ``make`` wherever somebody else may choose one.

    The reference is the record's model: a table without the reference has no column against it.
    """
    labels = {"task": make(), "model": make(), "variant": make()}
    record = replace(
        PLAIN,
        labels=labels,
        **{"status": "failed", "reason": make(), "command": make(), "study": make(), "traceback": make()},
        environment={**PLAIN.environment, **dict.fromkeys(("cpu", "platform", "gpu"), make())},
        git={"commit": make(), "clean": True},
        summary={**PLAIN.summary, "selection": make(), "kernel": make(), "population": make(), "score": None},
        baselines=({**PLAIN.baselines[0], "name": make()},),
        task={**PLAIN.task, "input": make()},
    )
    return record, {"problems": [make()], "study": make(), "reference": labels["model"], "tuning": make()}


@pytest.mark.parametrize("numbers", fuzz.portions(cases=1_000))
@pytest.mark.usefixtures("quick_report")
def test_any_name_is_text_and_nothing_else_in_every_format(numbers: range) -> None:
    plain, options = named(lambda: "x")
    built = Structure(page.page(report(plain, **options))).tags  # as a browser would
    marked = tokens(markdown(report(plain, **options)))

    def case(random: Random) -> None:
        record, about = named(lambda: fuzz.text(random) + "x")
        shown = report(record, **about)
        text = markdown(shown)
        assert text.replace("\n", "").isprintable()
        check_csv(runs_csv([record]))
        if random.random() < PARSED:  # parsing takes most of the time
            html = page.page(shown)
            assert Structure(html).tags == built
            assert html.replace("\n", "").isprintable()
            assert tokens(text) == marked
            assert printed(record).replace("\n", "").isprintable()
            check_others(shown, [record])

    fuzz.run("label", numbers, case)


def tokens(text: str) -> list[str]:
    """What a Markdown reader builds: types of blocks and of what is in them; pieces of text in a row are one."""
    blocks = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    types = [kind.type for block in blocks for kind in (block, *(block.children or ()))]
    return [kind for kind, after in zip(types, [*types[1:], ""], strict=True) if not kind == after == "text"]


def check_csv(text: str) -> None:
    """One row, no text that a spreadsheet takes for a formula."""
    head, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert (tuple(head), len(rows), len(rows[0])) == (COLUMNS, 1, len(COLUMNS))
    for cell in rows[0]:
        if not re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", cell):
            assert not cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r")), cell
