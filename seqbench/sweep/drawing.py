"""What a sweep at work looks like: a block for a terminal, lines for everything else. Names are made harmless."""

from collections.abc import Iterable, Sequence
from typing import Literal

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seqbench.report.wording import count, readable, score_text
from seqbench.schema import CONTINUED
from seqbench.sweep.entry import Planned
from seqbench.sweep.estimate import about, spoken
from seqbench.sweep.followed import AtWork, Outcome
from seqbench.sweep.state import SweepState

PHASES = {
    "checking": "checking and calibrating",
    "training": "training",
    "measuring": "measuring speed and memory, nothing else running",
    "reporting": "writing the report",
}
_BLOCK_WIDTH = 110
"""Columns that the block takes at most: in a wide terminal the eye would lose the line."""
_NOTES_WIDTH = 22
"""Of "about 12 min 34 s left": the bar keeps its length while the time is counted down."""
_NARROW = 100
"""Columns below which a score stands without the name of its metric, for the sake of the run's."""
_NAME_WIDTH = 20
"""Columns that the name of a run has at least: where there are fewer, its age and its score are left out."""
_GAP = 2
_OTHER_LINES = 6
"""Lines of a terminal that rows of runs leave to the rest."""
_Column = tuple[int, Literal["left", "right"], list[str]]


def block(states: Sequence[SweepState], console: Console) -> RenderableType:
    """The sweeps with their runs at work, cut to the terminal."""
    rows = max((console.height - _OTHER_LINES * max(len(states), 1)) // max(len(states), 1), 1)
    return Group(*(part for state in states for part in _parts(state, rows, console)))


def _parts(state: SweepState, rows: int, console: Console) -> Iterable[RenderableType]:
    title = [Text(readable(state.announcement.title), style="bold"), Text(_phase(state), style="dim")]
    done, total = (state.done, state.total) if state.total else (state.finished, state.planned)
    yield _head(title, done, total, _notes(state), console)
    if state.at_work:
        yield _rows(state, rows, console)
    if not state.living and not state.gone:
        yield Text(f"  {_resume(state)}", style="yellow", overflow="fold")
    yield Text("")


def counted(title: str, done: int, total: int, console: Console) -> RenderableType:
    """A title over a bar: so much is done."""
    return _head([Text(title, style="bold")], done, total, [], console)


def _head(title: list[Text], done: int, total: int, notes: list[Text], console: Console) -> RenderableType:
    first = Text("  ").join(title)
    first.no_wrap, first.overflow = True, "ellipsis"
    line = Table.grid(padding=(0, 2, 0, 0), expand=True)
    line.add_column(ratio=1)
    line.add_column(justify="right", no_wrap=True)
    line.add_column(no_wrap=True, overflow="ellipsis", min_width=_NOTES_WIDTH if notes else 0)
    bar = ProgressBar(total=max(total, 1), completed=done, complete_style="cyan", finished_style="green")
    line.add_row(bar, f"{done:>{len(str(total))}}/{total}", Text("  ").join(notes))
    line.width = min(console.width, _BLOCK_WIDTH)
    return Group(first, line)


def _rows(state: SweepState, most: int, console: Console) -> RenderableType:
    width, shown = min(console.width, _BLOCK_WIDTH), state.at_work[:most]
    columns = _facts(shown, state.announcement.budgets, width < _NARROW)
    while len(columns) > 2 and width - _taken(columns) < _NAME_WIDTH:
        columns.pop()
    grid = Table.grid(padding=(0, _GAP, 0, 0), expand=True)
    grid.width = width
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for least, justify, _ in columns:
        grid.add_column(min_width=least, justify=justify, no_wrap=True)
    for number, run in enumerate(shown):
        name = _fitted(readable(run.name), readable(run.task), width - _taken(columns) - 2)
        texts = (f"  {name}", *(texts[number] for _, _, texts in columns))
        grid.add_row(*map(Text, texts), style=None if run.alive else "dim")
    if len(state.at_work) > most:
        grid.add_row(Text(f"  and {len(state.at_work) - most} more", style="dim"))
    return grid


def _facts(runs: Sequence[AtWork], budgets: Sequence[int], narrow: bool) -> list[_Column]:
    """What stands beside the names of runs: (least width, so that a number that grows moves nothing, side, texts)."""
    digits = max(map(len, map(str, budgets)), default=1)
    scores = [_score(run) for run in runs]
    return [
        (6, "left", [f"seed {run.seed}" for run in runs]),
        (2 * digits + 1, "right", [_step(run) for run in runs]),
        (5 if narrow else 22, "right", [score.rpartition(" ")[2] if narrow else score for score in scores]),
        (7, "right", [_age(run) for run in runs]),
    ]


def _taken(columns: Sequence[_Column]) -> int:
    """Columns of the terminal that the facts take, with the gaps before them."""
    return sum(_GAP + max(least, *map(cell_len, texts)) for least, _, texts in columns)


def _fitted(name: str, task: str, width: int) -> str:
    """A name cut to a width in its task, which tells runs apart less than model and variant do, at first in its word.

    >>> _fitted("adding_problem length=20 gru", "adding_problem length=20", 20)
    'addin… length=20 gru'
    >>> _fitted("adding_problem length=20 gru", "adding_problem length=20", 10)
    'addin… gru'
    """
    rest = name.removeprefix(task)
    word, space, more = task.partition(" ")
    room = width - cell_len(rest)
    if room <= cell_len(space + more) + 1:
        word, space, more = task, "", ""
    cut = Text(word)
    cut.truncate(max(room - cell_len(space + more), 1), overflow="ellipsis")
    return f"{cut.plain}{space}{more}{rest}"


def _step(run: AtWork) -> str:
    return f"{run.step}/{run.budget}" if run.step else "starting" if run.alive else ""


def _score(run: AtWork) -> str:
    return "" if run.score is None else f"{readable(run.metric)} {score_text(run.score)}"


def _age(run: AtWork) -> str:
    if not run.alive:
        return "stopped" if run.heard_s is None else f"silent for {spoken(run.heard_s)}"
    if run.heard_s is not None:
        return f"heard {spoken(run.heard_s)} ago"
    return _clock(run.elapsed_s) if run.step else ""


def _clock(seconds: float) -> str:
    """Seconds as a clock shows them.

    >>> _clock(62), _clock(3723)
    ('1:02', '1:02:03')
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def _phase(state: SweepState) -> str:
    if state.gone:
        return "finished"
    if not state.living:
        return "not running"
    heard = f", last heard {spoken(state.heard_s)} ago" if state.heard_s is not None else ""
    lanes = count(state.announcement.lanes, "lane")
    return f"{PHASES.get(state.phase, state.phase)}, {lanes}, for {spoken(state.elapsed_s)}{heard}"


def _notes(state: SweepState) -> list[Text]:
    known = {"completed"} if state.living or state.gone else {"completed", "interrupted"}  # told in full beside it
    bad = {status: number for status, number in state.statuses.items() if status not in known}
    styles = {"diverged": "yellow", "interrupted": "yellow"}
    notes = [Text(f"{number} {status}", style=styles.get(status, "red")) for status, number in sorted(bad.items())]
    if state.left_s is not None and state.phase in ("training", "checking"):
        notes.append(Text(f"{about(state.left_s) if round(state.left_s) else 'a moment'} left"))
    return notes


def _resume(state: SweepState) -> str:
    left = state.planned - state.finished
    if not left:
        return "all its runs are done"
    again = f"; resume with: {readable(state.announcement.command)}" if state.announcement.command else ""
    return f"interrupted with {count(left, 'run')} to go{again}"


def headline(state: SweepState) -> str:
    """Where a sweep stands, in one plain line."""
    counts = f"{state.done}/{state.total}" if state.total else f"{state.finished}/{state.planned} runs done"
    words = [f"{readable(state.announcement.title)}: {_phase(state)}", counts, *(note.plain for note in _notes(state))]
    if not state.living and not state.gone:
        words.append(_resume(state))
    return "; ".join(words)


def plain_lines(state: SweepState) -> list[str]:
    """A snapshot in plain lines: where the sweep stands, and each run at work."""
    runs = []
    for run in state.at_work:
        step = f"step {_step(run)}" if run.step else _step(run)
        facts = ", ".join(filter(None, (step, _score(run), _age(run))))
        runs.append(f"  {readable(run.name)} seed {run.seed}: {facts}")
    return [headline(state), *runs]


def ended_lines(state: SweepState) -> list[str]:
    """A line for each run that ended since the last look."""
    number = state.finished - sum(outcome.status not in CONTINUED for _, outcome in state.ended)
    lines = []
    for planned, outcome in state.ended:
        number += outcome.status not in CONTINUED
        lines.append(f"{number:>{len(str(state.planned))}}/{state.planned}  {_ended(state, planned, outcome)}")
    return lines


def _ended(state: SweepState, planned: Planned, outcome: Outcome) -> str:
    took = f"  ({spoken(outcome.duration_s)})" if outcome.duration_s else ""
    name = readable(state.announcement.names[planned.cell])
    return f"{name} seed {planned.seed}: {readable(outcome.told)}{took}"
