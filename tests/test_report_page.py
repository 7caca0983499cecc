"""The page in a real browser: what a reader does with it, in both themes, on a phone, and with hostile names."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import browser
import pytest
import simulated
from matplotlib.image import imread

from seqbench.record.store import Store
from seqbench.report import write
from seqbench.report.embed import inline
from tests.test_report_dependency import runs as dependency_runs

PROGRAM = browser.found()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason=f"needs a browser: none of {', '.join(browser.NAMES)} is there")
TASKS, MODELS = ("adding_50", "copy_10"), ("rnn", "gru", "mine")
HOSTILE = """</style></script><script>document.body.remove()</script><img src=x onerror=alert(1)>"'&#x$"""
HOSTILE_NAMES = {"mine": f'mine{HOSTILE} url(#clip1) "#0072b2"', "copy_10": f"copy__proto__{HOSTILE}", "study": HOSTILE}
"""Names of an architecture, a task and a study, that sort where harmless ones do."""


def report(folder: Path, names: dict[str, str], tasks: tuple[str, ...] = TASKS, seeds: int = 5) -> Path:
    """A report of tasks and three architectures under other names."""
    store = Store(folder / "runs")
    for record, arrays in simulated.study({name: 1 for name in MODELS}, tasks, tuple(range(seeds))):
        labels = {key: names.get(value, value) for key, value in record.labels.items()}
        command = " ".join([record.command, *names.values()])
        reason = " ".join([record.reason or "no reason", *names.values()]) if record.status != "completed" else None
        store.publish(replace(record, labels=labels, command=command, reason=reason), arrays)
    return write(store, folder / "out", study=names.get("study", "a study"), reference="gru")


@pytest.fixture(scope="module")
def tab() -> Iterator[browser.Tab]:
    with browser.started(PROGRAM or "") as tab:
        tab.size(1200)
        yield tab


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(tmp_path_factory.mktemp("plain"), {})


@pytest.fixture
def page(tab: browser.Tab, plain: Path) -> Iterator[browser.Tab]:
    """The page as it opens in a light window; nothing that a test does to it may make it complain or ask for more."""
    tab.size(1200)
    tab.prefer("light")
    tab.open(plain)
    yield tab
    assert tab.complaints == []
    assert tab.requests == [plain.resolve().as_uri()]


def column(tab: browser.Tab, number: int) -> list[list[str]]:
    """What stands in one column of the verdicts, body by body, rows that are shown."""
    return tab.run(f"""[...document.querySelector("table.verdicts").tBodies].map((body) =>
        [...body.rows].filter((row) => !row.matches(".group") && row.getClientRects().length)
            .map((row) => row.cells[{number}].firstChild.textContent.trim()))""")


SEEN = "(e) => e.checkVisibility() && !e.closest('.off, [hidden]')"
"""Whether an element can be seen; what is hidden within an SVG counts as visible for Chromium."""


def shown(tab: browser.Tab, selector: str) -> int:
    """How many elements are to be seen."""
    return tab.run(f"[...document.querySelectorAll({selector!r})].filter({SEEN}).length")


def test_tables_sort_by_a_click_within_each_task(page: browser.Tab) -> None:
    before = column(page, 0)
    assert [rows[:3] for rows in before] == [list(MODELS)] * 2
    head = "table.verdicts thead th:nth-child(9) button"  # parameters
    page.click(head)
    up = [[int(text.replace(",", "")) for text in rows if text[:1].isdigit()] for rows in column(page, 8)]
    assert all(rows == sorted(rows) for rows in up)
    assert page.run("document.querySelector('table.verdicts th:nth-child(9)').getAttribute('aria-sort')") == "ascending"
    page.click(head)
    assert [[int(text.replace(",", "")) for text in rows if text[:1].isdigit()] for rows in column(page, 8)] == [
        r[::-1] for r in up
    ]
    page.run("document.querySelector('table.verdicts th:nth-child(1) button').focus()")
    page.key("Enter", 13, "\r")  # by keyboard, and back to the order of the architectures
    assert column(page, 0) == before


def test_filter_keeps_rows_that_hold_every_word(page: browser.Tab) -> None:
    page.run("document.querySelector('.filter input').focus()")
    page.type("COPY gru")
    assert [rows for rows in column(page, 0) if rows] == [["gru"]]
    assert re.fullmatch(r"1 of \d+ rows", page.run("document.querySelector('.filter [role=status]').textContent"))
    assert page.run("document.querySelector('table.verdicts tbody').hidden")
    page.type(" time steps")  # of the title only the name of the task counts
    assert not any(column(page, 0))
    page.run("document.querySelector('.filter input').select()")
    page.type(" ")
    assert [rows[:3] for rows in column(page, 0)] == [list(MODELS)] * 2


def test_box_of_an_architecture_hides_it_in_all_figures_and_tables(page: browser.Tab) -> None:
    one, other = ("[data-series='gru']", "[data-series='rnn']")
    count = shown(page, other)
    assert shown(page, f"#learning {one} path") >= 10
    page.click("input[data-toggles='gru']")
    assert shown(page, one) == 0
    assert shown(page, other) == count
    assert column(page, 0)[0][:2] == ["rnn", "mine"]
    pressed = "document.querySelector('#everything').getAttribute('aria-pressed')"
    assert page.run(pressed) == "false"
    page.click("#everything")
    assert (page.run(pressed), shown(page, other)) == ("true", count)
    assert shown(page, f"#learning {one} path") >= 10


def test_what_is_said_across_tasks_sorts_by_rank_and_follows_the_boxes(page: browser.Tab) -> None:
    ranks = """[...document.querySelectorAll("#across-tasks tbody tr:not(.group)")]
        .filter((row) => row.getClientRects().length).map((row) => Number(row.cells[2].dataset.value))"""
    page.click("#across-tasks thead th:nth-child(3) button")
    assert page.run(ranks) == sorted(page.run(ranks))
    assert len(page.run(ranks)) == 3
    assert shown(page, "#across-tasks svg .panel [data-series='gru'] path") == 2  # the curve and its band
    page.click("input[data-toggles='gru']")
    assert len(page.run(ranks)) == 2
    assert shown(page, "#across-tasks [data-series='gru']") == 0
    assert shown(page, "#across-tasks svg .panel [data-series='rnn'] path") == 2


def test_pointing_at_a_performance_profile_tells_a_skill_and_a_share(page: browser.Tab) -> None:
    page.point(*place_of(page, "#across-tasks .panel [data-series='rnn'][data-note]", 20))
    name, values = tip(page).split("\n")
    assert name == "rnn, share of runs"
    skill, share = re.fullmatch(r"normalised skill: ([\d.]+) · share of runs above it: ([\d.]+)", values).groups()  # type: ignore[union-attr]
    skills = [simulated.learning(task, "rnn", seed)[0].summary["skill"] for task in TASKS for seed in range(5)]
    assert float(skill) == pytest.approx(0.2, abs=1e-3)
    assert float(share) == pytest.approx(sum(one > 0.2 for one in skills) / 10, abs=2e-3)


@pytest.mark.parametrize("model", MODELS)
def test_pointing_at_when_runs_solve_tells_the_true_share(page: browser.Tab, model: str) -> None:
    """Curves of one share are drawn apart, which is no part of it."""
    records = [simulated.learning("adding_50", model, seed)[0] for seed in range(5)]
    steps = [record.summary.get("steps_to_solve") for record in records]
    solved = [step for step in steps if step is not None]
    assert len(solved) == {"rnn": 5, "gru": 5, "mine": 0}[model]
    curve = f"#learning .panel [data-series={model!r}][data-note='share of runs not solved yet']"
    page.point(*place_of(page, curve, 0))
    assert tip(page).endswith(" · share of runs not solved yet: 1")
    for number, step in enumerate(sorted(set(solved)), 1):
        page.point(*place_of(page, curve, 2 * number))
        name, values = tip(page).split("\n")
        when, share = (float(text.split(": ")[1].replace(",", "")) for text in values.split(" · "))
        assert name == f"{model}, share of runs not solved yet"
        assert when == pytest.approx(step, rel=1e-3)
        assert share == pytest.approx(1 - sum(one <= step for one in solved) / 5, abs=2e-4)


def test_pointing_at_a_solve_rate_tells_the_true_rate(tab: browser.Tab, tmp_path: Path) -> None:
    store, rates = Store(tmp_path / "runs"), {5: 5, 10: 4, 20: 0}
    for model in MODELS:
        for record in dependency_runs(model, rates):
            store.publish(replace(record, arrays={}), {})
    tab.size(1200)
    tab.open(write(store, tmp_path / "out"))
    for model in MODELS:
        for corner, (length, solved) in enumerate(rates.items()):
            point = f"#dependency .panel [data-series={model!r}][data-note='share of seeds']"
            tab.point(*place_of(tab, point, corner))
            _, values = tip(tab).split("\n")
            assert values == f"length of the dependency (steps): {length} · share of seeds that solve: {solved / 5:g}"


def place_of(page: browser.Tab, selector: str, corner: int) -> tuple[float, float]:
    """Where a corner of the first line within an element lies in the window, after it was brought into view."""
    x, y = page.run(f"""(() => {{
        const group = document.querySelector({selector!r}), path = group.querySelector("path");
        group.closest("figure").scrollIntoView({{block: "center"}});
        const {{ x, y }} = new DOMPoint(...points(group)[{corner}]).matrixTransform(path.getScreenCTM());
        return [x, y];
    }})()""")
    return x, y


def tip(page: browser.Tab) -> str:
    """What the page says about the place that is pointed at; empty where it says nothing."""
    return page.run("(() => { const tip = document.querySelector('.tip'); return tip.hidden ? '' : tip.innerText; })()")


def test_pointing_at_a_curve_tells_its_values(page: browser.Tab) -> None:
    _, arrays = simulated.learning("adding_50", "gru", 3)
    page.point(*place_of(page, "#learning .panel [data-series='gru'][data-note='seed 3']", 30))
    name, values = tip(page).split("\n")
    step, score = (float(text.split(": ")[1].replace(",", "")) for text in values.split(" · "))
    assert name == "gru, seed 3"
    assert values.startswith("training step: ")
    assert step == pytest.approx(arrays["evaluation_step"][30], rel=1e-3)
    assert score == pytest.approx(arrays["validation/mse"][30], rel=2e-3)
    page.point(2, 2)
    assert tip(page) == ""


def test_arrow_keys_read_a_panel_that_has_the_focus(page: browser.Tab) -> None:
    _, arrays = simulated.learning("adding_50", "rnn", 0)
    page.run("document.querySelector('#learning .panel').focus()")
    first = tip(page)
    assert first.startswith("rnn, seed 0")
    page.key("ArrowRight", 39)
    step = float(tip(page).split("training step: ")[1].split(" ")[0])
    assert step == pytest.approx(arrays["evaluation_step"][1], rel=1e-2)
    page.key("ArrowLeft", 37)
    assert tip(page) == first
    page.key("ArrowDown", 40)
    assert tip(page).startswith("rnn, seed 1")


def test_pointing_at_a_tile_tells_what_its_shade_means(page: browser.Tab) -> None:
    page.run("document.querySelector('[aria-label^=\"How gradients change\"]').scrollIntoView({block: 'center'})")
    page.point(
        *page.middle("[aria-label^='How gradients change'] .panel [data-note$='0.32 to 1 of the largest of its row']")
    )
    name, values, note = tip(page).split("\n")
    assert name == "rnn"
    assert re.fullmatch(r"lag: \d+ · training step: (0|100|200|400|800)", values)
    assert note.endswith("of the largest of its row")


def colours(tab: browser.Tab) -> dict[str, str]:
    """Computed colours of the paper, of text, of a curve, of a figure's text and of a grid line."""
    return tab.run("""(() => {
        const of = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
        return {
            paper: of("body", "backgroundColor"), ink: of("body", "color"),
            gru: of("#learning .panel [data-series=gru] path", "stroke"), text: of("#learning .panel text", "fill"),
            chip: of("label:has([data-toggles=gru]) path", "stroke"),
        };
    })()""")


LIGHT = {"paper": "rgb(255, 255, 255)", "ink": "rgb(27, 30, 35)", "gru": "rgb(0, 158, 115)"}
DARK = {"paper": "rgb(20, 23, 27)", "ink": "rgb(230, 232, 235)", "gru": "rgb(44, 199, 154)"}


@pytest.mark.parametrize(("system", "first", "then"), [("light", LIGHT, DARK), ("dark", DARK, LIGHT)])
def test_colours_follow_the_system_and_the_switch(
    page: browser.Tab, system: str, first: dict[str, str], then: dict[str, str]
) -> None:
    page.prefer(system)
    page.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")  # for the page to be told
    for wanted in (first, then, first):
        assert colours(page) == wanted | {"text": wanted["ink"], "chip": wanted["gru"]}
        page.click("#dark")


@pytest.mark.parametrize("width", [400, 1200])
def test_page_is_no_wider_than_its_window(page: browser.Tab, width: int) -> None:
    page.size(width)
    page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.run("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_edge_of_a_table_is_shaded_where_more_lies_beyond_it(page: browser.Tab, tmp_path: Path, scheme: str) -> None:
    page.size(400)
    page.prefer(scheme)
    region = "document.querySelector('table.verdicts').parentElement"
    paper = (LIGHT if scheme == "light" else DARK)["paper"]
    for end, shaded in ((0, True), (1, False)):
        page.run(f"{region}.scrollLeft = {end} * {region}.scrollWidth")
        x, y = page.run(f"""(() => {{
            const row = {region}.querySelector("tr.group");
            row.scrollIntoView({{block: "center"}});
            return [{region}.getBoundingClientRect().right - 1, row.getBoundingClientRect().top + 6]; // above its title
        }})()""")
        page.screenshot(tmp_path / "window.png")
        red, green, blue = (255 * imread(tmp_path / "window.png")[int(y), int(x), :3]).round().astype(int)
        assert (f"rgb({red}, {green}, {blue})" != paper) == shaded
    assert page.run(f"{region}.tabIndex") == 0
    page.run(f"{region}.scrollLeft = 0; {region}.focus()")
    page.key("ArrowRight", 39)
    assert page.run(f"new Promise((done) => setTimeout(() => done({region}.scrollLeft), 300))") > 0


def test_five_architectures_at_a_glance_are_seen_whole_on_a_phone(tab: browser.Tab, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    for record, _ in simulated.study(tasks=("adding_100", "membrane"), cost=False):
        store.publish(replace(record, arrays={}), {})
    tab.size(400)
    tab.open(write(store, tmp_path / "out"))
    width = "document.querySelector('.glance').parentElement.{}Width".format
    assert tab.run(width("scroll")) <= tab.run(width("client"))


@pytest.mark.parametrize("width", [400, 1200])
def test_lines_under_rows_have_whole_heights(page: browser.Tab, width: int) -> None:
    page.size(width)
    rows = "[...document.querySelectorAll('.verdicts tbody tr, .glance tbody tr')].filter((e) => e.checkVisibility())"
    heights = page.run(f"{rows}.map((row) => row.getBoundingClientRect().height)")
    assert len(heights) > 10
    assert [height for height in heights if height % 1] == []


def test_numbers_stand_under_their_heads(page: browser.Tab) -> None:
    assert len(aligned(page, "Wins")) == 4


def test_texts_stand_under_their_heads(tab: browser.Tab, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    for record in [r for model in MODELS for r in dependency_runs(model, {5: 5, 10: 4, 20: 0})]:
        store.publish(replace(record, arrays={}), {})
    tab.open(write(store, tmp_path / "out"))
    assert aligned(tab, "Longest") == ["left", "right", "right", "right", "left"]


def aligned(tab: browser.Tab, table: str) -> list[str]:
    """Where texts of the columns of a table stand, which is where their heads do."""
    ends = tab.run(f"""[...document.querySelectorAll("[aria-label^='{table}'] table thead th")].map((head, column) => {{
        const cell = head.closest("table").tBodies[0].rows[1].cells[column];
        return [getComputedStyle(head).textAlign, getComputedStyle(cell).textAlign];
    }})""")
    assert all(head == cell for head, cell in ends)
    return [head for head, _ in ends]


def test_name_of_a_row_leads_to_its_runs_and_its_command(page: browser.Tab) -> None:
    page.click("table.verdicts tr[data-series='gru'] th a")
    target = page.run("(() => new Promise((done) => setTimeout(() => done(location.hash), 50)))()")
    assert page.run(f"document.querySelector({target!r}).checkVisibility()")
    assert "model=gru 'seeds=[0,1,2,3,4]'" in page.run(f"document.querySelector({target!r}).textContent")
    assert page.run(f"document.querySelector({target!r}).closest('details').querySelectorAll('tbody tr').length") == 5


def test_first_key_skips_to_the_results(page: browser.Tab) -> None:
    page.key("Tab", 9)
    assert page.run("document.activeElement.className") == "skip"
    page.key("Enter", 13, "\r")
    assert page.run("location.hash") == "#main"


def test_every_table_has_a_caption_and_heads_with_scope(page: browser.Tab) -> None:
    assert page.run("[...document.querySelectorAll('table')].filter((t) => !t.caption?.textContent).length") == 0
    assert page.run("[...document.querySelectorAll('th')].filter((t) => !t.scope).length") == 0
    assert (
        page.run(
            "[...document.querySelectorAll('button, input')].filter((e) => !e.labels?.length && !e.textContent).length"
        )
        == 0
    )


def test_on_paper_no_figure_is_cut_and_heads_of_tables_are_repeated(tab: browser.Tab) -> None:
    tab.open(Path(__file__).parents[1] / "results/reference/long_seq/index.html")
    tab("Emulation.setEmulatedMedia", media="print", features=[])
    try:
        for width, height, kind in ((1032, 703, "auto"), (703, 1032, "tall")):  # A4 without its margins, in pixels
            tab.size(width)
            figures = f"[...document.querySelectorAll('figure')].filter((e) => getComputedStyle(e).page === '{kind}')"
            heights = tab.run(f"""{figures}.map((figure) => {{
                const before = figure.previousElementSibling, top = before?.matches("h2, h3") ? before : figure;
                if (getComputedStyle(top).page !== "{kind}") return Infinity;
                return figure.getBoundingClientRect().bottom - top.getBoundingClientRect().top;
            }})""")
            assert len(heights) >= 3
            assert max(heights) <= height, kind
        buttons = "[...document.querySelectorAll('thead button')]"  # Chromium repeats no box of a button
        assert tab.run(f"{buttons}.length") > 20
        assert tab.run(f"{buttons}.every((e) => getComputedStyle(e).display === 'contents')")
    finally:
        tab("Emulation.setEmulatedMedia", media="", features=[])


def tree(tab: browser.Tab) -> Any:
    """Names of all elements of the page as nested lists."""
    return tab.run("""(() => {
        const walk = (element) => [element.localName, ...[...element.children].map(walk)];
        return JSON.stringify(walk(document.documentElement));
    })()""")


def test_hostile_names_change_no_element_of_the_page(tab: browser.Tab, tmp_path: Path) -> None:
    harmless = {key: key[0] * len(name) for key, name in HOSTILE_NAMES.items()}
    tab.open(report(tmp_path / "harmless", harmless, TASKS[1:], 2))
    wanted = tree(tab)
    hostile = report(tmp_path / "hostile", HOSTILE_NAMES, TASKS[1:], 2)
    tab.open(hostile)
    assert tab.complaints == []
    assert tab.requests == [hostile.resolve().as_uri()]
    assert tree(tab) == wanted
    assert tab.run("document.title") == HOSTILE
    assert HOSTILE_NAMES["mine"] in tab.run("document.querySelector('#learning svg').textContent")
    mine = (
        f"[...document.querySelectorAll('[data-series]')].filter((e) => e.dataset.series === {HOSTILE_NAMES['mine']!r})"
    )
    assert tab.run(f"{mine}.length") > 20
    tab.run("[...document.querySelectorAll('input[data-toggles]')].at(-1).click()")
    assert not tab.run(f"{mine}.some({SEEN})")
    assert shown(tab, "#learning .panel [data-series] path") == 6  # curves of 2 x 2 runs, and when these solve


def test_page_without_its_script_is_whole(tab: browser.Tab, plain: Path) -> None:
    tab("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.open(plain)
        assert tab.complaints == []
        tab("Emulation.setScriptExecutionDisabled", value=False)
        assert not shown(tab, ".bar, .filter, .tip")
        assert shown(tab, "#learning .panel [data-series] path") >= 30
    finally:
        tab("Emulation.setScriptExecutionDisabled", value=False)


def test_texts_that_look_like_a_colour_or_an_id_stay_themselves() -> None:
    text = "<text>&#35;0072b2 id=&quot;c&quot; url(&#35;c)</text>"
    path = '<clipPath id="c"/><path stroke="#0072b2" clip-path="url(#c)"/>'
    drawn = f'<svg width="1" viewBox="0 0 2 1">{path}{text}</svg>'
    found = inline(drawn, "one", "a")
    assert 'class="tall"' not in found
    assert 'class="tall"' in inline(drawn.replace("0 0 2 1", "0 0 2 1.3"), "one", "a")
    assert f'<clipPath id="one-c"/><path stroke="var(--c1)" clip-path="url(#one-c)"/>{text}' in found
