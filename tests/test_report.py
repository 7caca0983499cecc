import base64
import csv
import hashlib
import io
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import matplotlib
import pytest
import simulated

from seqbench.record.store import Store
from seqbench.report import write
from seqbench.report.wording import MINUS
from seqbench.schema import UsageError

OF_A_TASK = (
    "attention", "flow", "gates", "learning", "norm", "pareto", "profile", "saliency", "solving", "speed", "states",
)  # fmt: skip
ALL_FIGURES = ("across-tasks", *OF_A_TASK)
LIMIT_BYTES, LIMIT_S = 5_000_000, 10.0


@pytest.fixture(scope="module")
def whole_study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path, float]:
    """Store and report of 125 runs, and the processor seconds that writing the report took."""
    store = Store(tmp_path_factory.mktemp("store"))
    for record, arrays in simulated.study():
        store.publish(record, arrays)
    out, start = tmp_path_factory.mktemp("out"), time.process_time()
    write(store, out, study="long_seq", reference="gru", tuning="Three rates, two seeds each.")
    return store, out, time.process_time() - start


@pytest.fixture
def small(tmp_path: Path) -> Callable[..., Path]:
    """Publishes what it is given and returns the folder of the report."""

    def make(*entries: tuple[Any, Any], **options: Any) -> Path:
        store = Store(tmp_path / "runs")
        for record, arrays in entries:
            store.publish(record, arrays)
        return write(store, tmp_path / "out", **options).parent

    return make


class Page(HTMLParser):
    """Tags with their attributes, ids, and all text outside style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._skip = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._skip = tag in ("style", "script")

    def handle_endtag(self, tag: str) -> None:
        self._skip = False

    def handle_data(self, data: str) -> None:
        if not self._skip:
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def read(out: Path) -> Page:
    return Page((out / "index.html").read_text())


def table(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((out / "runs.csv").read_text(), newline="")))


def test_report_of_125_runs_is_small_and_quickly_written(whole_study: tuple[Store, Path, float]) -> None:
    _, out, seconds = whole_study
    assert (out / "index.html").stat().st_size < LIMIT_BYTES
    assert seconds < LIMIT_S, seconds


def test_report_has_all_its_files_and_no_other(whole_study: tuple[Store, Path, float]) -> None:
    _, out, _ = whole_study
    names = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    figures = [f"figures/{name}.svg" for name in ALL_FIGURES]
    assert names == ["across.csv", "costs.csv", *figures, "index.html", "report.md", "runs.csv", "verdicts.csv"]


def test_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    for record, arrays in simulated.study(tasks=("adding_50",), seeds=(0, 1)):
        store.publish(record, arrays)
    first, second = (write(store, tmp_path / name).parent for name in "ab")
    names = [path.relative_to(first) for path in first.rglob("*") if path.is_file()]
    assert len(names) == len(OF_A_TASK) + 5
    assert [name for name in names if (first / name).read_bytes() != (second / name).read_bytes()] == []


BESIDE = ("runs.csv", "verdicts.csv", "across.csv", "costs.csv", "report.md")
"""What the page leads to."""


def test_page_loads_nothing_and_may_use_only_its_own_script_and_style(whole_study: tuple[Store, Path, float]) -> None:
    page = read(whole_study[1])
    policy = [a["content"] or "" for tag, a in page.tags if tag == "meta" and a.get("http-equiv")]
    hashed = r"'sha256-[A-Za-z0-9+/=]{44}'"
    rules = [
        "default-src 'none'",
        f"style-src {hashed}",
        f"script-src {hashed}",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    assert re.fullmatch("; ".join(rules), policy[0])
    assert not [(tag, a) for tag, a in page.tags if "style" in a or any(name.startswith("on") for name in a)]
    loading = ("src", "srcset", "data", "poster", "action", "background")
    assert not [a for _, a in page.tags if set(a) & set(loading)]
    assert {tag for tag, _ in page.tags} & {"link", "iframe", "object", "embed", "base", "img", "form"} == set()
    assert [name for name in BESIDE if not (whole_study[1] / name).is_file()] == []
    hrefs = [a["href"] or "" for _, a in page.tags if "href" in a]
    assert [h for h in hrefs if not h.startswith(("#", "figures/", *BESIDE))] == []


@pytest.mark.parametrize("kind", ["script", "style"])
def test_hashes_in_the_policy_are_those_of_script_and_style(whole_study: tuple[Store, Path, float], kind: str) -> None:
    text = (whole_study[1] / "index.html").read_text()
    (code,) = re.findall(f"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    assert f"{kind}-src 'sha256-{digest}'" in text


def test_every_id_of_the_page_is_given_once_and_every_link_in_it_leads_somewhere(
    whole_study: tuple[Store, Path, float],
) -> None:
    page = read(whole_study[1])
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    inside = {(a["href"] or "")[1:] for _, a in page.tags if (a.get("href") or "").startswith("#")}
    assert inside <= set(ids)


def test_page_says_who_solves_who_stays_and_who_loses_to_ridge(whole_study: tuple[Store, Path, float]) -> None:
    text = read(whole_study[1]).text
    assert "lstm solves adding_50, adding_100 and copy_10 with every seed" in text
    assert "rnn and lstm on copy_30" in text
    assert "Worse than ridge: rnn, attention and transformer on membrane." in text
    assert "Of 125 runs 1 diverged, 1 failed and 1 timeout" in text
    assert "measured alone in a fresh process" in text.lower()
    assert "Three rates, two seeds each." in text
    assert "python -m seqbench task=copy_10 model=gru 'seeds=[0,1,2,3,4]'" in text
    assert "took longer than train.timeout_s = 600" in text


def test_figures_are_well_formed_and_show_every_seed(whole_study: tuple[Store, Path, float]) -> None:
    _, out, _ = whole_study
    for path in sorted((out / "figures").iterdir()):
        root = ElementTree.fromstring(path.read_bytes())
        texts = ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]
        assert ("5 common tasks" if path.stem == "across-tasks" else "adding_100") in " ".join(texts)
        assert ("gru" if path.stem == "gates" else "transformer") in texts
    curves = (out / "figures" / "learning.svg").read_text()
    # 25 cells of 5 seeds, less the runs that failed and timed out; and one entry of the legend
    assert len(re.findall(r'd="[^"]{200,}"[^>]*stroke="#009e73"', curves)) == 25
    assert len(re.findall(r'd="[^"]{200,}"[^>]*stroke="#cc79a7"', curves)) == 24


def test_heat_maps_are_vectors_with_a_panel_for_every_architecture(whole_study: tuple[Store, Path, float]) -> None:
    _, out, _ = whole_study
    for name, panels in (("flow", 25), ("saliency", 25), ("attention", 10)):
        svg = (out / "figures" / f"{name}.svg").read_text()
        assert "<image" not in svg
        assert svg.count('class="panel"') == panels


def test_runs_of_a_version_that_looked_at_other_lags_stand_beside_newer_ones(small: Callable[..., Path]) -> None:
    record, arrays = simulated.learning("copy_30", "gru", 1)
    states = [name for name in arrays if name.startswith("gradient_profile/state_")]
    fewer = arrays | {name: arrays[name][..., ::2] for name in states}
    figure = (small(simulated.learning("copy_30", "gru", 0), (record, fewer)) / "figures/states.svg").read_text()
    assert "after training" in figure


def test_page_tells_verdicts_on_gradients_in_numbers(whole_study: tuple[Store, Path, float]) -> None:
    text = read(whole_study[1]).text
    assert f"rnn vanishing healthy {MINUS}0.40 54 0" in text


def test_runs_table_has_a_line_for_every_run(whole_study: tuple[Store, Path, float]) -> None:
    _, out, _ = whole_study
    rows = table(out)
    assert len(rows) == 125
    bad = [row for row in rows if row["status"] != "completed"]
    assert sorted((row["task"], row["model"], row["seed"], row["solved"]) for row in bad) == [
        ("adding_100", "attention", "2", "False"),
        ("adding_100", "rnn", "3", "False"),
        ("copy_30", "transformer", "4", "False"),
    ]
    assert {row["solved"] for row in rows if row["task"] == "membrane"} == {""}
    gru = next(row for row in rows if (row["task"], row["model"], row["seed"]) == ("copy_10", "gru", "0"))
    record, _ = simulated.learning("copy_10", "gru", 0)
    assert float(gru["score"]) == record.summary["score"]
    assert gru["run_id"] == record.run_id


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>$x_{|`"


def test_text_of_the_data_is_never_obeyed(small: Callable[..., Path]) -> None:
    labels = {"task": EVIL, "model": "=cmd|' /C calc'!A0", "variant": "\x1b[31m\ud800_"}
    entries = [simulated.learning("copy_10", "gru", s, labels=labels, command=EVIL) for s in range(2)]
    broken = simulated.learning("copy_10", "gru", 2, labels=labels, status="failed", reason=EVIL, summary={})
    out = small(*entries, broken, study=EVIL, tuning=EVIL, reference="=cmd|' /C calc'!A0")
    page = read(out)
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert not [a for _, a in page.tags if any(name.startswith("on") for name in a)]
    assert "alert(1)" in page.text
    for path in (out / "figures").iterdir():
        ElementTree.fromstring(path.read_bytes())
    cells = [cell for row in table(out) for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]
    assert "'=cmd|' /C calc'!A0" in cells
    outside_code = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", (out / "report.md").read_text())
    assert "alert(1)" in outside_code
    assert "<script>" not in outside_code
    assert "\x1b" not in "".join(path.read_text() for path in (out / "index.html", out / "report.md"))


def test_negative_numbers_in_the_runs_table_stay_numbers(small: Callable[..., Path]) -> None:
    out = small(simulated.learning("copy_10", "gru", 0, summary={"score": -0.5, "skill": -1.0}))
    (row,) = table(out)
    assert (float(row["score"]), float(row["skill"])) == (-0.5, -1.0)


def test_empty_store_is_a_usage_error_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs at least one record"):
        write(Store(tmp_path / "runs"), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_store_of_damaged_records_names_them_in_the_error(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    (store.publish(*simulated.learning("copy_10", "gru", 0)) / "record.json").write_text("{")
    with pytest.raises(UsageError, match="not complete JSON"):
        write(store, tmp_path / "out")


def test_store_with_failures_only_is_reported(small: Callable[..., Path]) -> None:
    failed = [simulated.base("copy_10", "gru", seed) for seed in range(5)]
    entries = [
        (replace(r, status="oom", reason="out of memory", task={}, metrics={}, baselines=()), {}) for r in failed
    ]
    page = read(small(*entries))
    assert "Of 5 runs 5 oom" in page.text
    assert page.text.count("out of memory") == 5


def test_single_run_has_no_interval_and_says_so(small: Callable[..., Path]) -> None:
    text = read(small(simulated.learning("copy_10", "gru", 0), reference="lstm")).text
    assert "All rows have fewer than 5 seeds: no interval is given and no ranking is possible there." in text
    assert "1 architecture · 1 task · 1 run" in text
    assert "[0." not in text


def test_cost_records_alone_are_reported(small: Callable[..., Path]) -> None:
    text = read(small(simulated.cost_record("copy_10", "gru"))).text
    assert "What it costs" in text
    assert "Learning curves" not in text


def test_records_of_two_environments_are_shown_apart(small: Callable[..., Path]) -> None:
    here = [simulated.learning("copy_10", "gru", seed) for seed in range(5)]
    there = [simulated.learning("copy_10", "gru", seed, env_id="f" * 12) for seed in range(3)]
    text = read(small(*here, *there)).text
    assert "The records come from 2 environments; they are shown apart and never pooled." in text
    assert "5/5" in text
    assert "3/3" in text
    assert "8/8" not in text
    assert "copy_10 [A]" in text
    assert "copy_10 [B]" in text


def test_unknown_architectures_and_more_than_eight_of_them_are_drawn(small: Callable[..., Path]) -> None:
    models = {f"mine_{number}": 1 for number in range(14)} | {"gru": 1, "_odd": 1}
    out = small(*simulated.study(models, ("copy_10",), (0,)))
    svg = (out / "figures" / "learning.svg").read_text()
    assert all(f">{name}<" in svg for name in models if name != "_odd")
    assert "> _odd<" in svg


def test_problems_of_the_store_are_shown_and_hide_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    store.publish(*simulated.learning("copy_10", "gru", 0))
    damaged = store.publish(*simulated.learning("copy_10", "gru", 1))
    (damaged / "arrays.npz").write_bytes(b"")
    text = read(write(store, tmp_path / "out").parent).text
    assert "1 run" in text
    assert damaged.name in text


def test_what_could_not_be_read_is_told_on_top(tmp_path: Path) -> None:
    store = Store(tmp_path / "damaged")
    for seed in (0, 1):
        folder = store.publish(*simulated.learning("copy_10", "gru", seed))
    (folder / "record.json").write_text("{}")
    page = write(store, tmp_path / "out")
    said = "1 thing in the store could not be read as records or their arrays"
    top = page.read_text().partition("<nav")[0]
    assert f'<p role="note"><strong>Note.</strong> {said}' in top
    assert (tmp_path / "out" / "report.md").read_text().index(said) < 2000
    (folder / "record.json").unlink()
    folder.joinpath("arrays.npz").unlink(missing_ok=True)
    folder.rmdir()
    assert "could not be read" not in write(store, tmp_path / "out").read_text().partition("<nav")[0]


def test_planned_runs_choose_what_is_shown_and_missing_ones_are_named(small: Callable[..., Path]) -> None:
    wanted = simulated.learning("copy_10", "gru", 0)
    other = simulated.learning("copy_10", "lstm", 0)
    text = read(small(wanted, other, planned={wanted[0].run_id, "0" * 16})).text
    assert "1 planned run left no record yet" in text
    assert "lstm" not in text


def test_files_of_others_in_the_folder_stay(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    store.publish(*simulated.learning("copy_10", "gru", 0))
    (tmp_path / "out" / "figures").mkdir(parents=True)
    for name in ("mine.txt", "figures/mine.svg", "index.html"):
        (tmp_path / "out" / name).write_text("mine")
    write(store, tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"
    assert (tmp_path / "out" / "figures" / "mine.svg").read_text() == "mine"
    assert (tmp_path / "out" / "index.html").read_text() != "mine"
    assert not list(tmp_path.rglob(".tmp-*"))


def test_folder_that_cannot_be_written_is_a_usage_error(tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    store.publish(*simulated.learning("copy_10", "gru", 0))
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"must be one that can be written; got .*--out FOLDER"):
        write(store, tmp_path / "file")


def test_settings_of_the_user_do_not_change_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "runs")
    store.publish(*simulated.learning("copy_10", "gru", 0))
    write(store, tmp_path / "a")
    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 30, "axes.facecolor": "red"}):
        write(store, tmp_path / "b")
    a, b = ((tmp_path / name / "figures" / "learning.svg").read_bytes() for name in "ab")
    assert a == b


def test_report_needs_no_torch() -> None:
    code = "import sys, seqbench.report.files, seqbench.report.terminal; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_terminal_table_needs_no_matplotlib() -> None:
    code = "import sys, seqbench.report.terminal; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
