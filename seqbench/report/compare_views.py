"""A comparison of stores as text: for a terminal, as Markdown, CSV and JSON."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from seqbench.report.comma import csv_lines
from seqbench.report.compared import ComparedRow, SpeedRow, StoreComparison
from seqbench.report.cost_wording import estimate_text
from seqbench.report.document import strict
from seqbench.report.markdown import escaped, table
from seqbench.report.wording import BEYOND, DASH, count, listed, readable, score_text, signed_text, some
from seqbench.statistics.rounds import LEVEL
from seqbench.statistics.speed import DRIFT

HEAD = ("task", "architecture", "a", "b", "shift", "runs", "verdict on b")
SPEED_HEAD = ("task", "architecture", "steps", "time b / a", "rounds", "verdict on b")
COLOURS: Mapping[str, str] = {"better": "green", "faster": "green", "worse": "red", "slower": "red"}
IDENTICAL = "identical scores"
VERSION = 1
_SCORES = (
    "Shift: by how much b's scores lie above a's, those beyond the threshold for solved counting as just there "
    "(Hodges and Lehmann's estimate, and its 95 % interval); so it is not the difference of the means. p is exact and "
    f"Holm-adjusted over the architectures of a task, by pairs of equal seeds where it says so. {BEYOND} "
    "No verdict is no sign of equality."
)
_TIMES = (
    f"The brackets of all ratios of times hold together with {100 * LEVEL:g} %. a and b were not timed in turns, and a "
    "machine is not as fast in one session as in another: b is called faster or slower only beyond "
    f"{100 * (DRIFT - 1):.0f} %. Less than that may be the machine's, and so may more where anything else was running. "
    "python -m seqbench check --against takes turns, and can be a gate."
)


def told(found: StoreComparison) -> list[str]:
    """What the comparison says in sentences: environments, the verdict over all rows, what has no counterpart."""
    said = [f"{readable(name)}: {readable(where)}." for name, where in found.environments.items()]
    said += [f"{readable(name)}: {readable(sentence)}" for name, sentence in found.stopped.items()]
    if found.empty:
        said.append("The stores share no cell and no time of a training step: nothing can be compared.")
        return said + [f"{readable(name)} holds {readable(what)}." for name, what in found.holds.items()]
    if found.overall:
        verdict, p = found.overall
        text = {"better": "b is better", "worse": "b is worse"}.get(verdict, "no difference is shown")
        said.append(f"Over all {count(len(found.rows), 'row')}: {text} ({_p(p)}).")
    if found.shared:
        said.append("Nothing is said over all rows, as some share runs: a store has several environments or versions.")
    elif found.lacking:
        said.append(f"Nothing is said over all rows, as {readable(found.lacking)}.")
    identical = sum(row.identical for row in found.rows)
    if identical:
        hold = "holds" if identical == 1 else "hold"
        said.append(f"{count(identical, 'row')} of {len(found.rows)} {hold} the very same scores in both.")
    for store in (found.a, found.b):
        names = [f"{architecture} on {task}" for name, task, architecture in found.only if name == store]
        said += [f"Only in {readable(store)}: {readable(some(names))}."] if names else []
    return said


def legend(found: StoreComparison) -> str:
    """How to read the rows."""
    sides = f"a is {readable(found.a)}, b is {readable(found.b)}."
    return " ".join([sides, *[_SCORES] * bool(found.rows), *[_TIMES] * bool(found.speeds)])


def terminal(found: StoreComparison) -> Group:
    """What ``compare`` prints; names are printed as they are, no markup in them is obeyed."""
    parts: list[Text | Table] = [Text(sentence) for sentence in told(found)]
    if found.rows:
        parts += [_grid(HEAD, [row_texts(row) for row in found.rows])]
    if found.speeds:
        parts += [Text("Time of a training step"), _grid(SPEED_HEAD, [speed_texts(row) for row in found.speeds])]
    return Group(*parts, Text(legend(found), style="dim"))


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(head):
        last = index == len(head) - 1
        grid.add_column(name, justify="left" if index < 2 or last else "right", overflow="fold")
    for texts in rows:
        grid.add_row(*map(Text, texts[:-1]), Text(texts[-1], style=COLOURS.get(texts[-1].split()[0], "")))
    return grid


def row_texts(row: ComparedRow) -> list[str]:
    """The texts of one row, in the order of ``HEAD``."""
    interval = "" if row.low is None or row.high is None else f" [{signed_text(row.low)}, {signed_text(row.high)}]"
    interval = f" ({row.alike})" if row.alike else interval
    solved = [f" ({side.solved}/{side.runs})" if side.solved is not None else "" for side in (row.a, row.b)]
    scores = [f"{score_text(side.score)}{of}" for side, of in zip((row.a, row.b), solved, strict=True)]
    runs = str(row.a.runs) if row.a.runs == row.b.runs else f"{row.a.runs}, {row.b.runs}"
    return [*_sides(row.task, row.architecture, row.a.name, row.b.name), *scores,
            f"{signed_text(row.difference)}{interval}", runs, _verdict(row)]  # fmt: skip


def speed_texts(row: SpeedRow) -> list[str]:
    """The texts of one row, in the order of ``SPEED_HEAD``."""
    rounds = str(row.rounds[0]) if row.rounds[0] == row.rounds[1] else f"{row.rounds[0]}, {row.rounds[1]}"
    length = f"{row.length:,}" if row.length else DASH
    why = f" ({row.ratio.why})" if row.ratio.why else ""
    return [*_sides(row.task, row.architecture, row.a, row.b), length, estimate_text(row.ratio), rounds,
            f"{row.verdict}{why}"]  # fmt: skip


def _sides(task: str, architecture: str, a: str, b: str) -> list[str]:
    """Task and architecture, with the environments where a store holds several."""
    where = listed([name for name in (a, b) if name.endswith("]")])
    return [readable(f"{task} {where}".strip()), readable(architecture)]


def _verdict(row: ComparedRow) -> str:
    if row.identical:
        return IDENTICAL
    if row.verdict == "unreachable":
        return f"unreachable: {row.why}{f'; takes {row.seeds_needed}' if row.seeds_needed else ''}"
    return f"{row.verdict} ({_p(row.p)}{', paired' if row.paired else ''})"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def as_markdown(found: StoreComparison) -> str:
    """The same as Markdown."""
    parts = [f"# {escaped(found.b)} against {escaped(found.a)}", *(escaped(sentence) for sentence in told(found))]
    if found.rows:
        parts.append(table(HEAD, [[escaped(text) for text in row_texts(row)] for row in found.rows], 2))
    if found.speeds:
        rows = [[escaped(text) for text in speed_texts(row)] for row in found.speeds]
        parts += ["## Time of a training step", table(SPEED_HEAD, rows, 2)]
    return "\n\n".join([*parts, escaped(legend(found))]) + "\n"


CSV_HEAD = ("a", "b", "what", "task", "architecture", "length", "metric", "value_a", "value_b", "n_a", "n_b",
            "estimate", "low", "high", "p", "paired", "verdict", "seeds_needed")  # fmt: skip


def as_csv(found: StoreComparison) -> str:
    """One line a row, numbers to their last digit; ``estimate`` is a difference of scores or a ratio of times.

    ``verdict`` is "identical scores" where the table says so, whatever seeds could decide.
    """
    lines: list[list[object]] = []
    for r in found.rows:
        line = [r.a.name, r.b.name, "score", r.task, r.architecture, "", r.metric, r.a.score, r.b.score, r.a.runs]
        line += [r.b.runs, r.difference, r.low, r.high, r.p, int(r.paired)]
        lines.append([*line, IDENTICAL if r.identical else r.verdict, r.seeds_needed])
    for s in found.speeds:
        low, high = s.ratio.interval or ("", "")
        line = [s.a, s.b, "step_s", s.task, s.architecture, s.length, "", "", "", *s.rounds, s.ratio.value, low, high]
        lines.append([*line, "", "", s.verdict, ""])
    return "".join(csv_lines(CSV_HEAD, lines))


def as_json(found: StoreComparison) -> str:
    """Everything, as strict JSON."""
    return strict({"format": "seqbench comparison", "version": VERSION, "comparison": found})


VIEWS: Mapping[str, Callable[[StoreComparison], str]] = {"md": as_markdown, "csv": as_csv, "json": as_json}
"""Name of a format -> what ``compare`` prints instead of its table."""
