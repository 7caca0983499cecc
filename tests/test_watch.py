"""Where sweeps stand, read from hand-made stores, and from a real sweep that is killed."""

import errno
import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from seqbench import cli
from seqbench.record.reading import folder_name
from seqbench.record.scratch import FOLDER, Scratch
from seqbench.record.store import Store
from seqbench.report.markdown import escaped
from seqbench.schema import Options, Record, Status, Study, UsageError
from seqbench.sweep import engine, followed, outcome, state
from seqbench.sweep.drawing import block, ended_lines, headline, plain_lines
from seqbench.sweep.entry import (
    Announcement,
    Planned,
    SweepEntry,
    announcement,
    entered,
    machine,
)
from seqbench.sweep.job import Job
from seqbench.sweep.progress import Progress, View
from seqbench.sweep.state import AtWork, StoreWatch, SweepState
from tests.toys import cell

ROOT = Path(__file__).parents[1]
SEEDS = tuple(range(6))
COMMAND = "python -m seqbench +sweep=toy"


def job(root: Path, seed: int) -> Job:
    return Job(kind="learning", cell=cell("Mean", seeds=SEEDS, budget=100), seed=seed, store=str(root))


def made(root: Path, seed: int, status: Status = "completed", **changes: Any) -> Record:
    record = outcome.record(job(root, seed), status, None if status == "completed" else "it broke", None)
    if status == "completed":
        summary = {"score": 0.25, "solved": True, "steps_to_solve": 40, "steps": 60, "train_s": 1.0, "evaluate_s": 0.5}
        record = replace(record, summary=summary, task={"score": "mse"}, duration_s=2.0)
    return replace(record, **changes)


def announced(root: Path, seeds: Sequence[int] = SEEDS, **changes: Any) -> Announcement:
    runs = [Planned(run_id=job(root, seed).run_id, cell=0, seed=seed, expected_s=4.0) for seed in seeds]
    env_id = made(root, 0).env_id
    said = announcement([job(root, 0).cell], runs, command=COMMAND, env_id=env_id, lanes=2, again=False)
    return replace(said, **changes)


def begun(root: Path, key: str = "toy", **changes: Any) -> SweepEntry:
    entry = SweepEntry(root, key)
    entry.begin()
    entry.announce(announced(root, **changes), "training")
    return entry


def working(root: Path, seed: int, step: int = 40) -> Scratch:
    scratch = job(root, seed).scratch()
    assert scratch.claim()
    scratch.tell({"step": step, "budget": 100, "score": 0.5, "metric": "mse", "elapsed_s": 3.0})
    return scratch


def test_every_state_of_a_run_is_told_apart(tmp_path: Path):
    begun(tmp_path)
    for seed, status in enumerate(("completed", "failed", "timeout")):
        Store(tmp_path).publish(made(tmp_path, seed, status), {})  # type: ignore[arg-type]
    alive, stopped = working(tmp_path, 3), working(tmp_path, 4)
    stopped.release()
    (found,) = StoreWatch(tmp_path).look()
    assert found.statuses == {"completed": 1, "failed": 1, "timeout": 1}
    assert [(run.seed, run.alive, run.step, run.budget, run.score) for run in found.at_work] == [
        (3, True, 40, 100, 0.5),
        (4, False, 40, 100, 0.5),
    ]
    assert 3.0 <= found.at_work[0].elapsed_s < 10.0
    assert (found.living, found.finished, found.planned, found.phase) == (True, 3, 6, "training")
    alive.release()


def test_a_run_that_was_claimed_and_has_said_nothing_is_starting(tmp_path: Path):
    begun(tmp_path)
    job(tmp_path, 0).scratch().claim()
    (found,) = StoreWatch(tmp_path).look()
    assert [run.step for run in found.at_work] == [0]
    assert "adding_problem mean seed 0: starting" in "\n".join(plain_lines(found))


def test_the_time_left_follows_the_pace_of_the_runs_that_are_done(tmp_path: Path):
    begun(tmp_path, seeds=range(3))
    watch = StoreWatch(tmp_path)
    assert watch.look()[0].left_s == pytest.approx(3 * 4.0 / 2)
    Store(tmp_path).publish(made(tmp_path, 0), {})
    pace = (1.2 + 2.0) / (1.2 + 4.0)  # took half the time expected, beside a tenth of the whole that counts as on time
    assert watch.look()[0].left_s == pytest.approx(2 * 4.0 * pace / 2)
    Store(tmp_path).publish(made(tmp_path, 1), {})
    slow = watch.look()[0].left_s
    assert slow == pytest.approx(4.0 * (1.2 + 4.0) / (1.2 + 8.0)), "one run cannot be split among two lanes"


def test_a_run_that_takes_longer_than_it_should_slows_the_pace_of_the_others(tmp_path: Path):
    following = followed.Followed("sweep-a", announced(tmp_path, lanes=1), (0, 0), None)
    late = AtWork(
        run_id=job(tmp_path, 0).run_id,
        name="",
        seed=0,
        budget=1,
        alive=True,
        heard_s=None,
        elapsed_s=12.0,
        expected_s=4.0,
    )
    assert following.left_s([late]) == pytest.approx(5 * 4.0 * (2.4 + 12.0) / (2.4 + 4.0))
    on_time = replace(late, elapsed_s=3.0)
    assert following.left_s([on_time]) == pytest.approx(6 * 4.0 - 3.0)


def test_while_a_run_is_at_work_there_is_never_no_time_left(tmp_path: Path):
    begun(tmp_path)
    (state,) = StoreWatch(tmp_path).look()
    assert "; a moment left" in headline(replace(state, left_s=0.4))
    assert "; about 1 s left" in headline(replace(state, left_s=0.6))


def test_a_run_is_told_once_and_only_after_the_watcher_came(tmp_path: Path):
    begun(tmp_path)
    watch = StoreWatch(tmp_path)
    Store(tmp_path).publish(made(tmp_path, 2), {})
    assert ended_lines(watch.look()[0]) == ["1/6  adding_problem mean seed 2: mse 0.250, solved after 40 steps  (2 s)"]
    assert ended_lines(watch.look()[0]) == []
    Store(tmp_path).publish(made(tmp_path, 1, "interrupted"), {})
    Store(tmp_path).publish(made(tmp_path, 0, "failed"), {})
    assert ended_lines(watch.look()[0]) == [
        "2/6  adding_problem mean seed 0: failed: it broke",
        "2/6  adding_problem mean seed 1: interrupted: it broke",
    ]


def test_a_later_attempt_takes_the_place_of_an_earlier_one_and_older_ones_do_not_count(tmp_path: Path):
    Store(tmp_path).publish(made(tmp_path, 0, "failed"), {})
    runs = (Planned(run_id=job(tmp_path, 0).run_id, cell=0, seed=0, known=(folder_name(made(tmp_path, 0)),)),)
    begun(tmp_path, runs=runs)
    watch = StoreWatch(tmp_path)
    assert watch.look()[0].statuses == {}
    Store(tmp_path).publish(made(tmp_path, 0, "killed", attempt=2), {})
    assert watch.look()[0].statuses == {"killed": 1}
    Store(tmp_path).publish(made(tmp_path, 0, attempt=3), {})
    assert watch.look()[0].statuses == {"completed": 1}


def test_records_of_other_environments_count_only_where_the_sweep_accepts_them(tmp_path: Path):
    Store(tmp_path).publish(made(tmp_path, 0, env_id="0" * 12), {})
    entry = begun(tmp_path)
    assert StoreWatch(tmp_path).look()[0].finished == 0
    entry.announce(announced(tmp_path, env_id=None), "training")
    assert StoreWatch(tmp_path).look()[0].finished == 1


def test_a_result_counts_more_than_what_another_environment_only_tried(tmp_path: Path):
    tried = made(tmp_path, 0, "interrupted", env_id="0" * 12)
    again = made(tmp_path, 0, "interrupted", env_id="0" * 12, attempt=2)
    Store(tmp_path).publish(tried, {})
    runs = (Planned(run_id=job(tmp_path, 0).run_id, cell=0, seed=0, known=(folder_name(tried),)),)
    begun(tmp_path, env_id=None, runs=runs)
    watch = StoreWatch(tmp_path)
    assert watch.look()[0].statuses == {}
    Store(tmp_path).publish(made(tmp_path, 0), {})
    assert watch.look()[0].statuses == {"completed": 1}
    Store(tmp_path).publish(again, {})
    assert watch.look()[0].statuses == {"completed": 1}


def test_jobs_side_by_side_shorten_the_time_that_is_left(tmp_path: Path):
    following = followed.Followed("sweep-a", announced(tmp_path, lanes=1), (0, 0), None)
    alive = AtWork(run_id="x", name="", seed=0, budget=1, alive=True, heard_s=None)
    assert following.left_s([alive]) == pytest.approx(24.0)
    assert following.left_s([alive] * 3) == pytest.approx(8.0)


def test_without_locks_a_sweep_lives_as_long_as_it_is_heard_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def flock(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    entry = begun(tmp_path)
    Scratch(tmp_path, f"{job(tmp_path, 0).run_id}-{made(tmp_path, 0).env_id}").claim()
    monkeypatch.setattr("seqbench.record.scratch.fcntl.flock", flock)
    (look,) = StoreWatch(tmp_path).look()
    assert look.living
    assert look.at_work[0].alive
    long_ago = time.time() - 1000
    for file in (tmp_path / FOLDER).iterdir():
        os.utime(file, (long_ago, long_ago))
    (look,) = StoreWatch(tmp_path).look()
    assert not look.living
    assert not look.at_work[0].alive
    entry.leave()


def test_what_cannot_be_read_is_a_failure_that_hides_nothing(tmp_path: Path):
    begun(tmp_path)
    (Store(tmp_path).publish(made(tmp_path, 0), {}) / "record.json").write_text("{")
    Store(tmp_path).publish(made(tmp_path, 1), {})
    assert StoreWatch(tmp_path).look()[0].statuses == {"unreadable": 1, "completed": 1}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda said: said.pop("runs"),
        lambda said: said.update(runs=[["a", 7, 0, [], 0.0, None]]),
        lambda said: said.update(runs=[[["a"], 0, 0, [], 0.0, None]]),
        lambda said: said.update(runs=[["a", 0, 0, 1, 0.0, None]]),
        lambda said: said.update(title=3),
        lambda said: said.update(more=1),
        lambda said: said.update(names=None),
    ],
)
def test_an_entry_that_is_none_is_passed_over(spoil: Callable[[dict], object], tmp_path: Path):
    said = announced(tmp_path).document()
    assert Announcement.read(said) == announced(tmp_path)
    spoil(said)
    assert Announcement.read(said) is None
    Scratch(tmp_path, "sweep-abc").save(said, {})
    assert StoreWatch(tmp_path).look() == []


def test_a_look_reads_what_is_new_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for number in range(20_000):
        os.mkdir(tmp_path / f"{number:016x}-{'0' * 12}")
    begun(tmp_path)
    Store(tmp_path).publish(made(tmp_path, 0), {})
    read: list[str] = []
    judge = state.judge
    monkeypatch.setattr(state, "judge", lambda folder, reader: (read.append(folder), judge(folder, reader))[1])
    watch = StoreWatch(tmp_path)
    watch.look()
    assert len(read) == 1
    spent = []
    for _ in range(5):
        began = time.process_time()
        watch.look()
        spent.append(time.process_time() - began)
    assert len(read) == 1
    assert min(spent) < 0.04, "100,000 folders would take longer than 0.2 s"
    Store(tmp_path).publish(made(tmp_path, 1), {})
    assert watch.look()[0].finished == 2
    assert len(read) == 2


def test_a_plan_of_many_runs_that_are_done_is_followed_quickly(tmp_path: Path):
    runs = tuple(Planned(run_id=f"{n:016x}", cell=0, seed=n, expected_s=1.0) for n in range(20_000))
    following = followed.Followed("sweep-a", announced(tmp_path, runs=runs), (0, 0), None)
    for run in runs[:10_000]:
        following.outcomes[run.run_id] = followed.Outcome(
            run_id=run.run_id, name=f"{run.run_id}-{'0' * 12}", status="completed", told="", duration_s=1.0
        )
    following.news()
    taken = []
    for _ in range(3):  # the interpreter may collect what earlier tests left, once
        began = time.process_time()
        assert following.left_s([]) == pytest.approx(5_000)
        assert following.statuses() == {"completed": 10_000}
        assert following.news() == []
        taken.append(time.process_time() - began)
    assert min(taken) < 0.1


# ------------------------------------------------------------------ entries of sweeps


def end_with(error: BaseException, store: Path) -> None:
    with entered(SweepEntry(store, "toy")) as entry:
        entry.announce(announced(store), "training")
        raise error


def test_an_entry_goes_when_its_sweep_finishes_and_stays_when_it_is_interrupted(tmp_path: Path):
    entry = SweepEntry(tmp_path, "toy")
    with entered(entry):
        entry.announce(announced(tmp_path), "training")
        assert StoreWatch(tmp_path).look()[0].living
    assert list((tmp_path / FOLDER).iterdir()) == []
    with pytest.raises(KeyboardInterrupt):
        end_with(KeyboardInterrupt(), tmp_path)
    (found,) = StoreWatch(tmp_path).look()
    assert not found.living
    assert f"interrupted with 6 runs to go; resume with: {COMMAND}" in headline(found)


def test_a_refused_sweep_leaves_nothing_not_even_the_folders_it_made(tmp_path: Path):
    with pytest.raises(UsageError):
        end_with(UsageError("no"), tmp_path / "deep" / "store")
    assert list(tmp_path.iterdir()) == []


def test_the_same_command_takes_the_place_of_its_dead_entry_and_not_of_a_living_one(tmp_path: Path):
    first = begun(tmp_path)
    second = begun(tmp_path)
    assert second.name == f"{first.name}-2"
    first.leave()
    assert begun(tmp_path).name == first.name
    assert len(StoreWatch(tmp_path).look()) == 2
    assert [found.key for found in StoreWatch(tmp_path, only=second.name).look()] == [second.name]


def test_an_entry_that_was_never_begun_says_nothing(tmp_path: Path):
    entry = SweepEntry(tmp_path / "store", "toy")
    entry.announce(announced(tmp_path), "training")
    entry.say("reporting")
    entry.finish()
    assert list(tmp_path.iterdir()) == []


def test_dead_entries_whose_runs_are_all_planned_again_are_removed(tmp_path: Path):
    small, large, alive = (
        begun(tmp_path, "small", seeds=(0, 1)),
        begun(tmp_path, "large"),
        begun(tmp_path, "alive", seeds=(0,)),
    )
    small.leave()
    large.leave()
    mine = begun(tmp_path, "mine", seeds=(0, 1, 2))
    assert {found.key for found in StoreWatch(tmp_path).look()} == {large.name, alive.name, mine.name}


def test_a_sweep_that_finished_is_told_of_once_more_with_its_last_records(tmp_path: Path):
    entry, watch = begun(tmp_path), StoreWatch(tmp_path)
    watch.look()
    Store(tmp_path).publish(made(tmp_path, 0), {})
    entry.finish()
    (found,) = watch.look()
    assert (found.gone, found.living, found.finished) == (True, False, 1)
    assert headline(found) == "toy: finished; 1/6 runs done".replace("toy", found.announcement.title)
    assert watch.look() == []


def test_a_sweep_of_another_machine_is_judged_by_when_it_was_last_heard_of(tmp_path: Path):
    entry = begun(tmp_path, machine="elsewhere")
    run = working(tmp_path, 0)
    run.release()
    entry.leave()
    (found,) = StoreWatch(tmp_path).look()
    assert found.living
    assert found.at_work[0].alive
    assert "heard 0 s ago" in "\n".join(plain_lines(found))
    old = time.time() - 600
    for name in (entry.name, run.name):
        os.utime(tmp_path / FOLDER / f"{name}.json", (old, old))
    (found,) = StoreWatch(tmp_path).look()
    assert not found.living
    assert "silent for 10 min 0 s" in "\n".join(plain_lines(found))


def test_seconds_since_an_earlier_process_spoke_are_not_counted_as_work(tmp_path: Path):
    run = working(tmp_path, 0)
    old = time.time() - 3600
    os.utime(tmp_path / FOLDER / f"{run.name}.json", (old, old))
    begun(tmp_path)
    assert StoreWatch(tmp_path).look()[0].at_work[0].elapsed_s == 3.0


# ------------------------------------------------------------------ what is drawn


def drawn(found: SweepState, width: int, height: int = 24) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, no_color=True)
    console.print(block([found], console))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_the_block_fits_every_terminal_and_cuts_names_not_numbers(tmp_path: Path):
    begun(tmp_path, names=("copy_50 " + "a very long variant " * 5,), tasks=("copy_50",))
    working(tmp_path, 0)
    (found,) = StoreWatch(tmp_path).look()
    for width in (60, 80, 120, 200):
        lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in drawn(found, width)]
        assert max(map(cell_len, lines)) <= width
        row = next(line for line in lines if "40/100" in line)
        assert "…" in row
        assert "0.500" in row


@pytest.mark.parametrize("width", [36, 40, 55, 60, 80, 120])
@pytest.mark.parametrize("task", ["adding_problem", "time_series source=csv path=a_long_name.csv time_column=date"])
def test_a_narrow_terminal_cuts_the_task_and_never_the_model_or_the_seed(width: int, task: str, tmp_path: Path):
    begun(tmp_path, names=(f"{task} transformer",), tasks=(task,))
    working(tmp_path, 0)
    (found,) = StoreWatch(tmp_path).look()
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in drawn(found, width)]
    assert max(map(cell_len, lines)) <= width
    row = next(line for line in lines if "40/100" in line)
    assert " transformer  " in row
    assert "  seed 0 " in row
    assert ("…" in row) == (task not in row)


def test_more_runs_than_lines_are_counted(tmp_path: Path):
    begun(tmp_path)
    (found,) = StoreWatch(tmp_path).look()
    one = AtWork(run_id="", name="a", seed=0, budget=9, alive=True, heard_s=None)
    many = replace(found, at_work=tuple(replace(one, seed=seed) for seed in range(50)))
    lines = drawn(many, 80, height=24)
    assert len(lines) <= 24
    assert any("and 32 more" in line for line in lines)


def test_names_are_printed_as_they_are_and_cannot_command_the_terminal(tmp_path: Path):
    begun(tmp_path, names=("a [red]b[/] \x1b[2J",), tasks=("a",), title="[bold]\x1b[2Jx")
    working(tmp_path, 0)
    (found,) = StoreWatch(tmp_path).look()
    text = "\n".join([*drawn(found, 120), *plain_lines(found)])
    assert "a [red]b[/] ?[2J" in text
    assert "\x1b[2J" not in text


def test_a_pipe_gets_a_line_for_each_run_and_no_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("seqbench.sweep.progress.LOOK_S", 0.0)
    begun(tmp_path)
    stream = io.StringIO()
    with View(Console(file=stream, width=120), StoreWatch(tmp_path)) as view:
        view.tick()
        Store(tmp_path).publish(made(tmp_path, 0), {})
        view.tick()
        view.tick()
        Store(tmp_path).publish(made(tmp_path, 1), {})
    assert stream.getvalue().splitlines() == [
        "1/6  adding_problem mean seed 0: mse 0.250, solved after 40 steps  (2 s)",
        "2/6  adding_problem mean seed 1: mse 0.250, solved after 40 steps  (2 s)",
    ]


def test_silence_in_a_pipe_is_broken_by_where_the_sweep_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("seqbench.sweep.progress.LOOK_S", 0.0)
    monkeypatch.setattr("seqbench.sweep.progress.PLAIN_EVERY_S", -1.0)
    begun(tmp_path)
    stream = io.StringIO()
    console = Console(file=stream, width=120)
    with View(console, StoreWatch(tmp_path)) as view, Progress(console, "measuring", 3) as progress:
        view.tick()
        progress.advance()
        progress.tick()
    assert "0/6 runs done; about 12 s left" in stream.getvalue()
    assert [line for line in stream.getvalue().splitlines() if "measuring" in line] == [
        "measuring: 1/3 done",
        "measuring: 3/3 done",  # as it ends
    ]


# ------------------------------------------------------------------ the command


def test_once_prints_one_snapshot(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    begun(tmp_path)
    working(tmp_path, 0)
    assert cli.main(["watch", "--once", "--store", str(tmp_path)]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert "training, 2 lanes, for 0 s; 0/6 runs done; about" in first
    assert second.startswith("  adding_problem mean seed 0: step 40/100, mse 0.500, 0:0")


def test_several_sweeps_on_a_store_are_all_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    begun(tmp_path, "one", title="one")
    begun(tmp_path, "two", title="two").leave()
    assert cli.main(["watch", f"--store={tmp_path}", "--once"]) == 0
    one, two = capsys.readouterr().out.splitlines()
    assert one.startswith("one: training")
    assert two.startswith("two: not running; 0/6 runs done; interrupted with 6 runs to go")


def test_a_sweep_that_ends_between_the_first_two_looks_is_told_as_it_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    entry = begun(tmp_path)
    monkeypatch.setattr("seqbench.sweep.watch._snapshot", lambda *_: entry.leave())
    assert cli.main(["watch", "--store", str(tmp_path)]) == 0
    assert "not running; 0/6 runs done; interrupted with 6 runs to go" in capsys.readouterr().out


def test_watching_ends_at_once_where_nothing_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert cli.main(["watch", "--store", str(tmp_path)]) == 0
    assert "No sweep is at work" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--store", "nowhere"], "--store must be an existing folder of records; got 'nowhere'"),
        (["--store", "file"], "--store must be an existing folder of records; got 'file'"),
        (["--store", "a" * 5000], "--store must be an existing folder"),
        (["--store"], "--store must be followed by a path; got nothing"),
        (["--twice"], "watch takes --store DIR and --once; got '--twice'"),
        (["task=gru"], "watch takes --store DIR and --once; got 'task=gru'"),
    ],
)
def test_bad_input_is_one_message(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert cli.main(["watch", *words]) == 2
    assert told in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def seqbench(*words: str) -> list[str]:
    return [sys.executable, "-m", "seqbench", *words]


def test_a_sweep_that_is_killed_is_told_as_not_running_and_how_to_resume(tmp_path: Path):
    store = str(tmp_path / "store")
    words = ("task=smoke/adding_8", "model=rnn", "train.steps=20000", "seeds=3", f"store={store}", "lanes=1",
             "report=false", "cost=false", "device=cpu")  # fmt: skip
    sweep = subprocess.Popen(seqbench(*words), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    watch = StoreWatch(store)
    try:
        await_(lambda: any(run.alive and run.step for found in watch.look() for run in found.at_work))
        onlooker = subprocess.Popen(seqbench("watch", "--store", store), cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert onlooker.stdout is not None
        assert "training, 1 lane" in onlooker.stdout.readline()
    finally:
        os.kill(sweep.pid, signal.SIGKILL)
        sweep.wait()
    rest, _ = onlooker.communicate(timeout=90)
    assert onlooker.returncode == 0
    assert "not running; 0/3 runs done; interrupted with 3 runs to go; resume with: python -m seqbench task=" in rest
    await_(lambda: not any(run.alive for found in watch.look() for run in found.at_work))
    done = subprocess.run(seqbench("watch", "--once", f"--store={store}"), cwd=ROOT, capture_output=True, text=True)
    assert "adding_8 rnn steps=20000 seed 0: step " in done.stdout
    assert done.stdout.rstrip().endswith("stopped")
    planned = subprocess.run(seqbench("plan", *words), cwd=ROOT, capture_output=True, text=True).stdout
    assert "stopped after step " in planned
    assert "continues from its checkpoint" in planned
    assert "seeds 1, 2: missing" in planned


def test_a_sweep_that_is_done_leaves_no_entry_and_tells_how_busy_its_lanes_were(tmp_path: Path):
    options = Options(
        store=str(tmp_path), out="", lanes=2, rerun="missing", cost=False, report=False, checkpoint_s=None
    )  # fmt: skip
    study = Study(
        name=None, description="", reference=None, tuning="", cells=(cell("Mean", seeds=(0, 1)),), options=options
    )  # fmt: skip
    stream = io.StringIO()
    assert engine.run(study, Console(file=stream, width=160)) == 0
    lines = stream.getvalue().splitlines()
    assert [line[:4] for line in lines if " seed " in line] == ["1/2 ", "2/2 "]
    assert any(re.fullmatch(r"[0-9]+% of the lanes' time was training and evaluation\.", line) for line in lines)
    assert list((tmp_path / FOLDER).glob("sweep-*")) == []


def await_(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_this_machine_has_one_name():
    assert machine() == machine() != ""


def test_report_of_a_sweep_at_work_says_so_before_any_number(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    runs, words = tmp_path / "runs", ["report", "--store", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    entry = begun(runs)
    assert cli.main(words) == 2
    assert "1 sweep was at work in the store: 6 of 6 planned runs were not finished." in capsys.readouterr().err
    Store(runs).publish(made(runs, 0), {})
    assert cli.main(words) == 0
    said = "When this was written, 1 sweep was at work in the store: 5 of 6 planned runs were not finished."
    assert said in (tmp_path / "out" / "report.md").read_text()[:2000]
    entry.finish()
    assert cli.main(words) == 0
    assert "at work" not in (tmp_path / "out" / "report.md").read_text()


def test_report_of_a_sweep_that_was_interrupted_says_so_and_how_to_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    runs, words = tmp_path / "runs", ["report", "--store", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    entry = begun(runs)
    entry.leave()
    said = "When this was written, 1 sweep was not at work any more: {} of 6 planned runs were not finished."
    command = announced(runs).command
    assert command
    assert cli.main(words) == 2
    assert said.format(6) in capsys.readouterr().err
    for seed in range(6):
        Store(runs).publish(made(runs, seed), {})
        assert cli.main(words) == 0
        text = (tmp_path / "out" / "report.md").read_text()
        assert (said.format(5 - seed) in text) == (seed < 5)
        assert (f"What trains these: {escaped(command)}\n" in text) == (seed < 5)
    assert "at work" not in text
