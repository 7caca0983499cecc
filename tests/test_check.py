"""The command ``check`` from outside: a toy project under git, real processes, exit codes and what is left behind."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from seqbench import cli
from seqbench.check import against, command, commits, history, programs, samples, session, suite, training
from seqbench.check.finding import Finding, Outcome
from seqbench.check.verdict import Design
from seqbench.record.environment import environment
from seqbench.schema import UsageError

TOY = """
def work(n=30_000):
    total = 0
    for i in range(n):
        total += i
    return total

def rest(n=30_000):
    return sum(range(n))
"""
BENCH = """
import toy

def test_work(benchmark):
    benchmark(toy.work)

def test_rest(benchmark):
    benchmark(toy.rest)
"""
COUNTS = """
import json, toy
counts = {"results of work": {"value": toy.work(10), "depends_on": "code"}}
print(json.dumps({"environment": %s, "counts": counts}))
"""
QUICK = Design(pairs=2, confirm_pairs=2, suspect_level=0.5, false_alarms=0.25, least_effect=0.5)
"""Few pairs and wide levels, for a slowdown that no noise hides."""


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody else's project, without a pyproject file, with its code in src/ and one commit."""
    root = tmp_path / "project"
    for folder in ("src", "bench"):
        (root / folder).mkdir(parents=True)
    (root / "src/toy.py").write_text(TOY)
    (root / "bench/test_toy.py").write_text(BENCH)
    (root / "bench/counts.py").write_text(COUNTS % repr(environment()))
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    monkeypatch.chdir(root)
    monkeypatch.setattr(command, "Design", lambda: QUICK)
    return root


def left_behind(root: Path) -> tuple[str, int]:
    return git(root, "status", "--porcelain"), len(git(root, "worktree", "list").splitlines())


# ------------------------------------------------------------------ against a commit


@pytest.mark.slow
def test_a_slowdown_is_found_and_named_and_nothing_is_left_behind(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "src/toy.py").write_text(TOY.replace("range(n):", "range(3 * n):"))
    assert cli.main(["check", "--against", "main", "--format", "json"]) == 3
    found = json.loads(capfd.readouterr().out)
    verdicts = {one["name"].rpartition("::")[2]: one["verdict"] for one in found["findings"]}
    assert verdicts["test_work"] == "regressed"
    assert verdicts["test_rest"] != "regressed"
    assert verdicts["results of work"] == "regressed", "it counts more too"
    worse = next(one for one in found["findings"] if one["name"].endswith("test_work"))
    assert worse["change"] > 0.5
    assert len(found["raw"]["first"]) == 4
    assert left_behind(project) == (" M src/toy.py\n", 1)


@pytest.mark.soak
def test_what_is_the_same_is_no_regression(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "src/toy.py").write_text(TOY + "\n# a comment\n")
    assert cli.main(["check", "--against", "HEAD", "--out", "found.md", "--format", "md"]) in (0, 4)
    assert (project / "found.md").read_text().startswith("### check: ")
    assert "REGRESSED" not in capfd.readouterr().out


def test_counts_alone_take_no_samples(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--against", "HEAD", "--counts"]) == 0
    assert "1 count equal" in capfd.readouterr().out
    (project / "src/toy.py").write_text(TOY.replace("total += i", "total += 2 * i"))
    assert cli.main(["check", "--against", "HEAD", "--counts"]) == 3
    assert "results of work" in capfd.readouterr().out


def test_a_base_without_the_suite_is_not_compared(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    git(project, "mv", "bench", "speed")
    assert cli.main(["check", "--against", "HEAD", "--suite", "speed"]) == 4
    told = capfd.readouterr().out
    assert "the base has no benchmark in speed" in told
    assert "the base cannot be counted" in told
    assert "check: inconclusive: 3 not comparable" in told


def test_counts_that_only_the_base_has_are_no_pass(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = session.Session(findings=[Finding(kind="time", name="bench/a.py::test_a", verdict="fine", says="")])
    monkeypatch.setattr(session, "compare", lambda *words: timed)
    assert cli.main(["check", "--against", "HEAD"]) == 0
    (project / "bench/counts.py").unlink()
    assert cli.main(["check", "--against", "HEAD"]) == 4
    assert "gone: only the base counts" in capfd.readouterr().out


@pytest.mark.parametrize(
    "printed",
    [
        '{"environment": 3, "counts": {}}',
        '{"environment": {"cpu": NaN}, "counts": {"a": {"value": 1, "depends_on": "code"}}}',
        '{"environment": {}, "counts": {"a": {"value": 1%s, "depends_on": "code"}}}' % ("0" * 400),
        "[]",
        "no JSON",
    ],
)
def test_counts_that_are_none_are_refused_in_one_line(
    project: Path, capfd: pytest.CaptureFixture[str], printed: str
) -> None:
    (project / "bench/counts.py").write_text(f"print({printed!r})")
    assert cli.main(["check", "--against", "HEAD", "--counts"]) == 2
    assert "bench/counts.py must print its counts in the working tree; got: " in capfd.readouterr().err


@pytest.mark.parametrize("ended", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_leaves_nothing_behind(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, ended: signal.Signals
) -> None:
    def interrupted(base: programs.Side, *rest: object) -> None:
        assert (base.root / "src/toy.py").is_file()
        signal.raise_signal(ended)

    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup would have the test ignore it, and the check with it
    monkeypatch.setattr(session, "compare", interrupted)
    try:
        assert cli.main(["check", "--against", "HEAD"]) == 130
    finally:
        signal.signal(signal.SIGHUP, before)
    assert "none of it was kept" in capfd.readouterr().err
    assert left_behind(project) == ("", 1)


def test_hooks_of_the_users_do_not_run(project: Path) -> None:
    hook = project / ".git/hooks/post-checkout"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert cli.main(["check", "--against", "HEAD", "--counts"]) == 0


def test_a_tree_that_was_half_made_is_forgotten_and_no_other(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(project, "worktree", "add", "--quiet", "--detach", str(project.parent / "on a disk that is away"))
    (project.parent / "on a disk that is away").rename(project.parent / "elsewhere")
    true = commits.git

    def interrupted(folder: Path, *words: str) -> str:
        told = true(folder, *words)
        if words[:2] == ("worktree", "add"):
            (Path(words[-2]) / ".git").unlink()
            raise KeyboardInterrupt
        return told

    monkeypatch.setattr(commits, "git", interrupted)
    assert cli.main(["check", "--against", "HEAD"]) == 130
    assert left_behind(project) == ("", 2), "the user's own is still known"


def test_the_base_lies_on_the_file_system_of_the_working_tree(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == project.stat().st_dev:
        pytest.skip("there is no second file system, /dev/shm")
    with commits.checked_out(project, "HEAD") as (tree, _):
        assert tree.is_relative_to(tempfile.gettempdir())
    monkeypatch.setattr(tempfile, "tempdir", str(memory))
    with commits.checked_out(project, "HEAD") as (tree, _):
        assert tree.is_relative_to(project / ".git")
        assert git(tree, "status", "--porcelain") == git(project, "status", "--porcelain") == ""
    assert cli.main(["check", "--against", "HEAD", "--counts"]) == 0
    assert left_behind(project) == ("", 1)
    assert not list((project / ".git").glob("seqbench-*"))


def test_two_environments_import_what_each_has_installed(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["check", "--base-python", sys.executable, "--counts"]) == 2, "toy is installed in neither"
    monkeypatch.setenv("PYTHONPATH", str(project / "src"))
    other = interpreter(project.parent / "other", TOY.replace("total += i", "total += 2 * i"))
    assert cli.main(["check", "--base-python", other, "--counts"]) == 0
    assert "45 fewer" in capfd.readouterr().out
    assert cli.main(["check", "--base-python", sys.executable, "--counts"]) == 5, "nothing differs"
    told = " ".join(capfd.readouterr().out.split())
    assert "both environments have the same toy" in told
    assert "check: NOT ALL COMPARED: 1 fine, 1 not run" in told


def interpreter(folder: Path, toy: str) -> str:
    """Another environment: this one, with a toy installed before all else."""
    folder.mkdir()
    (folder / "toy.py").write_text(toy)
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="{folder}:$PYTHONPATH" exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return str(python)


@pytest.fixture
def flat(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project with its code at the top, slower than what was committed, and without counts."""
    git(project, "rm", "--quiet", "--cached", "src/toy.py", "bench/counts.py")
    for file in ("src/toy.py", "bench/counts.py"):
        (project / file).unlink()
    (project / "toy.py").write_text(TOY.replace("range(n):", "range(3 * n):"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return project


@pytest.mark.slow
@pytest.mark.parametrize("first", ["pythonpath", "package"])
def test_two_environments_are_timed_with_what_each_has_installed(
    flat: Path, capfd: pytest.CaptureFixture[str], first: str
) -> None:
    if first == "pythonpath":  # either puts the tree before what is installed
        (flat / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    else:
        (flat / "bench/__init__.py").touch()
    other = interpreter(flat.parent / "other", TOY)
    assert cli.main(["check", "--base-python", other, "--format", "json"]) == 3
    findings = json.loads(capfd.readouterr().out)["findings"]
    verdicts = {one["name"].rpartition("::")[2]: one["verdict"] for one in findings}
    assert verdicts["test_work"] == "regressed", "the tree's is slower than the installed one"


def test_a_tree_that_goes_before_what_an_environment_has_installed_is_refused(
    flat: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (flat / "conftest.py").write_text(f"import sys; sys.path.insert(0, {str(flat)!r})")
    other = interpreter(flat.parent / "other", TOY)
    assert cli.main(["check", "--base-python", other]) == 2
    told = capfd.readouterr().err
    assert f"got toy from '{flat}/toy.py', although '{other}' has '{flat.parent}/other/toy.py'" in told


@pytest.fixture
def elsewhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project with its code in lib/, and an interpreter that has the working tree's installed, as editable."""
    git(project, "mv", "src", "lib")
    git(project, "commit", "--quiet", "-m", "moved")
    python = project.parent / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{project}/lib" exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    return project


@pytest.mark.parametrize("words", [["--counts"], []])
def test_a_base_that_would_run_the_code_of_the_working_tree_is_refused(
    elsewhere: Path, capfd: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert cli.main(["check", "--against", "HEAD", *words]) == 2
    told = capfd.readouterr().err
    assert f"got toy from '{elsewhere}/lib/toy.py', the working tree's" in told
    assert left_behind(elsewhere) == ("", 1)


def test_where_both_sides_run_what_is_installed_it_is_said(
    elsewhere: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (elsewhere / "lib").rename(tmp_path / "installed")
    python = Path(sys.executable)
    python.write_text(python.read_text().replace(f"{elsewhere}/lib", f"{tmp_path}/installed"))
    assert cli.main(["check", "--against", "HEAD", "--counts"]) == 5
    told = " ".join(capfd.readouterr().out.split())
    assert "nothing of the working tree was compared: toy lie outside it" in told


@pytest.mark.slow
def test_a_helper_in_the_tree_hides_no_package_that_is_installed(
    elsewhere: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "installed").mkdir()
    (tmp_path / "installed/toy.py").write_text(TOY)
    python = Path(sys.executable)
    python.write_text(python.read_text().replace(f"{elsewhere}/lib", f"{tmp_path}/installed"))
    (elsewhere / "aid.py").write_text("from toy import work")
    (elsewhere / "bench/test_toy.py").write_text(BENCH.replace("import toy", "import aid, toy"))
    (elsewhere / "bench/counts.py").unlink()
    git(elsewhere, "add", ".")
    git(elsewhere, "commit", "--quiet", "-m", "a helper")
    (elsewhere / "lib/toy.py").write_text(TOY.replace("range(n):", "range(3 * n):"))
    assert cli.main(["check", "--against", "HEAD"]) == 5
    assert "both sides ran what is installed, not lib/toy.py" in " ".join(capfd.readouterr().out.split())


@pytest.mark.slow
def test_where_the_base_has_not_its_own_code_it_is_refused(
    elsewhere: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (elsewhere / "lib").rename(tmp_path / "installed")
    python = Path(sys.executable)
    python.write_text(python.read_text().replace(f"{elsewhere}/lib", f"{tmp_path}/installed"))
    (elsewhere / "toy.py").write_text(TOY)  # the base has it in lib/, where nothing looks
    (elsewhere / "bench/counts.py").unlink()
    assert cli.main(["check", "--against", "HEAD"]) == 2
    assert f"got toy from '{tmp_path}/installed/toy.py', which is installed" in capfd.readouterr().err


def test_a_compiled_part_that_only_the_working_tree_has_is_told(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    package = project / "src/toy"
    package.mkdir()
    (project / "src/toy.py").rename(package / "__init__.py")
    (project / ".gitignore").write_text("*.so\n")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "a package")
    assert cli.main(["check", "--against", "HEAD", "--counts"]) == 0
    (package / "_fast.so").write_bytes(b"what git does not keep")
    assert cli.main(["check", "--against", "HEAD", "--counts"]) == 5
    told = " ".join(capfd.readouterr().out.split())
    assert "only the working tree has src/toy/_fast.so, which no commit holds" in told


@pytest.mark.parametrize("mode", ["--bitwise", "--learning"])
def test_training_of_what_is_installed_on_both_sides_is_no_comparison(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(training, "train", lambda *words: pytest.fail("nothing is to be trained"))
    assert cli.main(["check", mode, "--against", "HEAD"]) == 5
    told = " ".join(capfd.readouterr().out.split())
    assert "nothing of the working tree was compared: numpy, seqbench, torch lie outside it" in told


# ------------------------------------------------------------------ against a baseline


def test_a_baseline_is_saved_and_compared_with(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--baseline", "m.json", "--save"]) == 0
    assert cli.main(["check", "--baseline", "m.json"]) == 0
    (project / "src/toy.py").write_text(TOY.replace("total += i", "total += 2 * i"))
    assert cli.main(["check", "--baseline", "m.json"]) == 3
    assert "45 more" in capfd.readouterr().out
    (project / "bench/accepted.yaml").write_text(
        "- {name: results of work, most: 45, reason: twice as good, author: A, expires: 2999-01-01}\n"
    )
    assert cli.main(["check", "--baseline", "m.json"]) == 0
    assert "twice as good" in capfd.readouterr().out


def test_what_is_accepted_is_accepted_once(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    entry = "- {name: %s, most: 45, reason: twice as good, author: A, expires: 2999-01-01}\n"
    check = ["check", "--against", "main", "--counts"]
    assert cli.main(["check", "--baseline", "m.json", "--save"]) == 0
    (project / "src/toy.py").write_text(TOY.replace("total += i", "total += 2 * i"))
    (project / "bench/accepted.yaml").write_text(entry % "results of work" + entry % "bench/gone.py::test_a")
    assert cli.main(check) == 0
    assert "accepted, but not compared here: bench/gone.py::test_a" in " ".join(capfd.readouterr().out.split())
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "accepted")
    assert cli.main(["check", "--baseline", "m.json"]) == 0, "this base has not moved"
    assert cli.main(["check", "--baseline", "new.json", "--save"]) == 0
    (project / "src/toy.py").write_text(TOY.replace("total += i", "total += 3 * i  # longer: not what is compiled"))
    for words in (check, ["check", "--baseline", "new.json"]):
        assert cli.main(words) == 3, "another 45 more"
        assert "what A accepted is in the base already" in " ".join(capfd.readouterr().out.split())
    assert cli.main(["check", "--baseline", "m.json"]) == 3, "and of this one 90"
    document = json.loads((project / "new.json").read_text())
    (project / "new.json").write_text(json.dumps({**document, "commit": "a" * 40}))
    assert cli.main(["check", "--baseline", "new.json"]) == 0
    assert "is not in this clone" in " ".join(capfd.readouterr().out.split())


def test_what_counts_is_of_the_baseline_too(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--baseline", "m.json", "--save"]) == 0
    script = project / "bench/counts.py"
    script.write_text(script.read_text().replace("toy.work(10)", "toy.work(20)"))
    for words in (["--baseline", "m.json"], ["--against", "HEAD", "--counts"]):
        assert cli.main(["check", *words]) == 4, "it is no growth"
        assert "what is counted was changed" in " ".join(capfd.readouterr().out.split())
    assert cli.main(["check", "--baseline", "m.json", "--save"]) == 0
    assert cli.main(["check", "--baseline", "m.json"]) == 0


def test_fewer_counts_are_fine_and_only_a_baseline_can_be_renewed(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["check", "--baseline", "m.json", "--save"]) == 0
    (project / "src/toy.py").write_text(TOY.replace("total += i", "total += 0 * i"))
    assert cli.main(["check", "--against", "HEAD", "--counts"]) == 0
    told = capfd.readouterr().out
    assert "45 fewer" in told
    assert "--save" not in told
    assert cli.main(["check", "--baseline", "m.json"]) == 0
    assert "--save makes it the baseline" in capfd.readouterr().out


# ------------------------------------------------------------------ files that cannot be written


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--against", "HEAD", "--out", "src"], "--out must be a file that can be written; got 'src' (Is a directory)"),
        (["--against", "HEAD", "--out", "src/toy.py/x"], "got 'src/toy.py/x' (Not a directory)"),
        (["--against", "HEAD", "--history", "src/toy.py/x"], "--history must be a file that can be written"),
        (["--baseline", "src/toy.py/x", "--save"], "--baseline must be a file that can be written"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_measured(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    monkeypatch.setattr(programs, "run_python", lambda *words: pytest.fail("nothing is to be measured"))
    assert cli.main(["check", *words]) == 2
    assert told in capfd.readouterr().err
    assert left_behind(project) == ("", 1)


def test_a_disk_that_is_full_in_the_end_loses_no_outcome(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*words: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert cli.main(["check", "--against", "HEAD", "--counts", "--out", "found.json", "--format", "json"]) == 1
    told = capfd.readouterr()
    assert "check: no regression: 1 fine" in told.out
    assert "cannot use 'found.json' (No space left on device)" in told.err
    assert left_behind(project) == ("", 1)


def test_a_session_is_kept_where_its_outcome_cannot_be_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*words: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    fine = Finding(kind="time", name="a", verdict="fine", says="equal")
    now = against.session_of(against.here(), {"a": 1.0})
    outcome = Outcome(base="HEAD", head="working tree", findings=(fine,), session=now)
    monkeypatch.setattr(command, "_compared", lambda *words: outcome)
    monkeypatch.setattr(command, "write_text", full)
    assert cli.main(["check", "--against", "HEAD", "--out", "found.txt", "--history", "past.jsonl"]) == 1
    assert [session["seconds"] for session in history.of_machine(project / "past.jsonl", now["env_id"])] == [{"a": 1.0}]


def test_what_is_no_baseline_is_not_replaced_by_one(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    past = project / "past.jsonl"
    past.write_text('{"days": "of measuring"}\n')
    assert cli.main(["check", "--baseline", "past.jsonl", "--save"]) == 2
    assert "--save must not replace what is no baseline; got 'past.jsonl'" in capfd.readouterr().err
    assert past.read_text() == '{"days": "of measuring"}\n'


def test_a_device_is_written_into_and_not_replaced(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pipe = project / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert cli.main(["check", "--against", "HEAD", "--counts", "--out", "pipe"]) == 0
    assert b"1 count equal" in os.read(reader, 10_000)
    os.close(reader)
    assert pipe.is_fifo()


def test_no_room_for_the_base_is_one_message(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*words: object, **named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    assert cli.main(["check", "--against", "HEAD"]) == 1
    told = capfd.readouterr().err
    assert "'/tmp/x' (No space left on device). Make room" in told
    assert "what is not shown above was not kept" in told


@pytest.mark.slow
def test_times_against_past_days_are_advice_until_there_are_ten(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["check", "--baseline", "m.json", "--save"]) == 0
    assert cli.main(["check", "--baseline", "m.json"]) == 0
    assert "times: not compared; --history FILE" in capfd.readouterr().out
    monkeypatch.setattr(session, "BLOCKS", 1)
    words = ["check", "--baseline", "m.json", "--history", "h.jsonl"]
    assert cli.main(words) == 0
    told = capfd.readouterr()
    assert "0 days of this machine; advice, no gate: that takes 10 days" in told.out
    assert "Timing bench in 4 fresh processes" in told.err
    (kept,) = history.read(project / "h.jsonl")
    assert set(kept["seconds"]) == {"bench/test_toy.py::test_work", "bench/test_toy.py::test_rest"}
    assert kept["sources"] == {name: suite.source_hash(project, name) for name in kept["seconds"]}
    assert None not in kept["sources"].values()
    for day in range(1, 11):  # as if it had been four times as fast, within 2 %
        seconds = {name: value / 4 * (1 + 0.02 * (-1) ** day) for name, value in kept["seconds"].items()}
        history.add(project / "h.jsonl", {**kept, "at": f"2026-01-{day:02d}T12:00:00+00:00", "seconds": seconds})
    lines = (project / "h.jsonl").read_text().splitlines()
    (project / "h.jsonl").write_text("\n".join(lines[1:]) + "\n")
    assert cli.main(words) == 3
    told = " ".join(capfd.readouterr().out.split())
    assert "slower than past days explain" in told
    assert "10 days of this machine; red by mistake in at most 0.4 % of checks" in told
    assert len(history.read(project / "h.jsonl")) == 10, "what regressed does not become what is usual"
    entry = "- {name: %s, most: 900, reason: so be it, author: A, expires: 2999-01-01}\n"
    (project / "bench/accepted.yaml").write_text(entry % "test_work" + entry % "test_rest")
    assert cli.main(words) == 0
    assert "2 accepted" in capfd.readouterr().out
    last = history.read(project / "h.jsonl")[-1]
    assert set(last["accepted"]) == set(kept["seconds"]), "unless it is accepted"
    assert cli.main(words) == 0
    assert "0 days of history" in " ".join(capfd.readouterr().out.split()), "another level begins"
    for day in range(1, 11):  # and ten days later, four times as slow again
        seconds = {name: value / 4 * (1 + 0.02 * (-1) ** day) for name, value in last["seconds"].items()}
        history.add(project / "h.jsonl", {**kept, "at": f"2026-02-{day:02d}T12:00:00+00:00", "seconds": seconds})
    assert cli.main(words) == 3
    assert "what A accepted is in the base already" in " ".join(capfd.readouterr().out.split())


def test_a_session_in_which_all_is_skipped_is_no_pass_and_is_not_kept(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["check", "--baseline", "m.json", "--save"]) == 0
    monkeypatch.setattr(session, "BLOCKS", 1)
    skip = "import pytest\n\npytestmark = pytest.mark.skip('no GPU')\n"
    (project / "bench/test_toy.py").write_text(skip + BENCH)
    capfd.readouterr()
    assert cli.main(["check", "--baseline", "m.json", "--history", "h.jsonl", "--format", "json"]) == 5
    found = json.loads(capfd.readouterr().out)
    says = [one["says"] for one in found["findings"] if one["verdict"] == "not run"]
    assert says == ["is skipped in the head: Skipped: no GPU"] * 2
    assert found["session"] is None
    assert not (project / "h.jsonl").exists()


# ------------------------------------------------------------------ sides that cannot be run


@pytest.mark.parametrize(("broken", "why"), [("print(", "SyntaxError"), ("import nothing_so_named", "No module named")])
def test_a_suite_that_cannot_be_read_says_why(
    project: Path, capfd: pytest.CaptureFixture[str], broken: str, why: str
) -> None:
    (project / "bench/test_new.py").write_text(broken)
    assert cli.main(["check", "--against", "HEAD"]) == 2
    told = capfd.readouterr().err
    assert "--suite must run in the working tree; got: bench/test_new.py: " in told
    assert why in told
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "broken")
    (project / "bench/test_new.py").unlink()
    assert cli.main(["check", "--against", "HEAD"]) == 5, "no change is compared as long as that is so"
    told = " ".join(capfd.readouterr().out.split())
    assert "the base's suite cannot be run: bench/test_new.py" in told
    assert why in told


def test_a_base_that_lacks_what_its_suite_needs_is_no_pass(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "bench/test_toy.py").write_text("import pytest\n\npytest.importorskip('compiled')\n" + BENCH)
    git(project, "commit", "--quiet", "--all", "-m", "needs what is built in the working tree alone")
    (project / "src/compiled.py").touch()
    assert cli.main(["check", "--against", "HEAD"]) == 5
    told = " ".join(capfd.readouterr().out.split())
    assert "the base's suite cannot be run: bench/test_toy.py: Skipped: could not import 'compiled'" in told


@pytest.mark.parametrize("lacking", ["base", "head"])
def test_a_file_that_is_skipped_whole_on_one_side_is_not_run(project: Path, lacking: str) -> None:
    (project / "bench/test_more.py").write_text("import pytest\n\npytest.importorskip('compiled')\n" + BENCH)
    sides = {}
    for name in ("base", "head"):
        root = shutil.copytree(project, project.parent / name)
        sides[name] = programs.Side(name=name, root=root, python=Path(sys.executable))
        if name != lacking:
            (root / "src/compiled.py").touch()
    names, apart = session._comparable(samples.Bench(sides, Path("bench"), random.Random(0)))
    assert names == ["bench/test_toy.py::test_rest", "bench/test_toy.py::test_work"]
    why = f"is skipped in the {lacking}: Skipped: could not import 'compiled': No module named 'compiled'"
    assert {finding.name: (finding.verdict, finding.says) for finding in apart} == {
        "bench/test_more.py::test_rest": ("not run", why),
        "bench/test_more.py::test_work": ("not run", why),
    }


def test_a_suite_that_ends_its_process_is_told(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "bench/test_toy.py").write_text("import os; os._exit(0)")
    assert cli.main(["check", "--against", "HEAD"]) == 2
    assert "--suite must run in the working tree; got: the process was ended from within" in capfd.readouterr().err


def test_an_interpreter_that_is_none_and_a_folder_that_is_new_are_told(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "python").write_text("no program")
    (project / "python").chmod(0o755)
    assert cli.main(["check", "--against", "HEAD", "--base-python", "python"]) == 5
    assert "cannot be started" in " ".join(capfd.readouterr().out.split())
    (project / "new/seqbench").mkdir(parents=True)
    (project / "new/seqbench/__init__.py").touch()
    monkeypatch.chdir(project / "new")
    assert cli.main(["check", "--learning", "--against", "HEAD"]) == 2
    assert "cannot be started" in capfd.readouterr().err


# ------------------------------------------------------------------ wrong usage


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "must know what to compare with"),
        (["--against"], "--against must be followed by a value"),
        (["--against", "nowhere"], "must name a commit of this repository; got 'nowhere'. git branch --all, git tag"),
        (["--against", "--upload-pack=x"], "followed by a value"),
        (["--against", "HEAD", "--baseline", "x"], "Choose one"),
        (["--against", "HEAD", "--suite", "none"], "--suite must be a folder of benchmarks"),
        (["--against", "HEAD", "--suite", "src", "--counts"], "--suite must be a folder that holds counts.py"),
        (["--against", "HEAD", "--format", "pdf"], "--format must be one of text, md, json"),
        (["--against", "HEAD", "--base-python", "nowhere"], "must be a Python interpreter"),
        (["--against", "HEAD", "--accepted", "none"], "--accepted must be a file"),
        (["--against", "HEAD", "--pairs", "5"], "even number from 8 to 500; got '5'"),
        (["--against", "HEAD", "--pairs", "6"], "even number from 8 to 500; got '6'"),
        (["--against", "HEAD", "--pairs", "9" * 5000], "even number from 8 to 500"),
        (["--against", "HEAD", "--out", "x", "--history", "./x"], "must be two files"),
        (["--baseline", "none.json"], "must be a baseline that check has written"),
        (["--save"], "must have the file to write"),
        (["--baseline", "x", "--save", "--out", "y"], "no use for --out; got both"),
        (["--baseline", "x", "--save", "--format", "md"], "no use for --format"),
        (["--baseline", "x", "--save", "--accepted", "bench/accepted.yaml"], "no use for --accepted"),
        (["--bitwise"], "must have what to compare with"),
        (["--learning"], "two stores, or --against"),
        (["--learning", "a", "b"], "existing folders of records; got 'a'"),
        (["--learning", "bench", "src", "src"], "two stores, base and head, or none; got 3"),
        (["--learning", "bench", "src"], "must have runs to compare"),
        (["--learning", "bench", "src", "--against", "HEAD"], "two stores, or --against REF; got both"),
        (["--learning", "bench", "src", "--counts"], "no part of --learning"),
        (["--bitwise", "--against", "HEAD", "--baseline", "x"], "Choose one"),
        (["--bitwise", "--against", "HEAD", "--history", "x"], "are of times"),
        (["--against", "HEAD", "--counts", "--pairs", "8"], "are of times"),
        (["--baseline", "x", "--pairs", "8"], "need a base"),
        (["--against", "HEAD", "--suite", "../bench"], "below the current folder; got '../bench'"),
        (["--against", "HEAD", "--suite", "/tmp"], "below the current folder"),
        (["--against", "HEAD", "--history", "src/toy.py"], "--history must be a file of past sessions"),
        (["what"], "check takes --against"),
        (["--fast"], "check takes --against"),
    ],
)
def test_wrong_words_are_refused_in_one_line(
    project: Path, capfd: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    assert cli.main(["check", *words]) == 2
    error = capfd.readouterr().err
    assert told in error
    assert "Traceback" not in error
    assert left_behind(project) == ("", 1)


def test_outside_a_repository_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bench").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(commits, "git", _no_repository)
    assert cli.main(["check", "--against", "HEAD"]) == 2
    assert "not a git repository" in capfd.readouterr().err


def _no_repository(folder: Path, *words: str) -> str:
    raise UsageError("git rev-parse must work here; got 'fatal: not a git repository'.")


# ------------------------------------------------------------------ processes


def test_what_a_process_starts_ends_with_it(tmp_path: Path) -> None:
    side = programs.Side(name="here", root=tmp_path, python=Path(sys.executable))
    child = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
    number = int(programs.run_python(side, "-c", f"{child}; print(p.pid)"))
    until = time.monotonic() + 10
    while _lives(number):
        assert time.monotonic() < until, "it must have been killed"
        time.sleep(0.02)


def _lives(number: int) -> bool:
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_failure_tells_its_last_words(tmp_path: Path) -> None:
    side = programs.Side(name="here", root=tmp_path, python=Path(sys.executable))
    with pytest.raises(programs.ProgramError, match="ValueError: no\\\\x1b"):
        programs.run_python(side, "-c", "raise ValueError('no\\x1b[31m')")
    with pytest.raises(programs.ProgramError, match="printed no JSON"):
        programs.run_json(side, "-c", "print('text')")


def test_processes_have_one_thread_and_nothing_of_a_git_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    found = programs.Side(name="here", root=tmp_path, python=Path("python")).environment()
    assert "GIT_DIR" not in found
    assert found["OMP_NUM_THREADS"] == "1"
    assert found["PYTHONPATH"].split(os.pathsep)[0] == str(tmp_path)


def test_a_side_has_the_users_modules_behind_its_own(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the working tree are its own: the base would else find there what it has not yet."""
    git(project, "mv", "src", "lib")
    git(project, "commit", "--quiet", "-m", "moved")
    (project / "lib/toy.py").write_text(TOY.replace("total += i", "total += 2 * i"))
    helpers = project.parent / "helpers"
    helpers.mkdir()
    (helpers / "helper.py").write_text("")
    (project / "bench/counts.py").write_text("import helper\n" + COUNTS % repr(environment()))
    git(project, "commit", "--quiet", "-m", "needs help", "bench/counts.py")
    for lib in ("lib", str(project / "lib")):
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([lib, str(helpers)]))
        assert cli.main(["check", "--against", "HEAD", "--counts"]) == 3, "each side counts its own lib"


def test_a_tree_that_has_compiled_files_starts_like_one_that_has_none(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / f"__pycache__/module.{sys.implementation.cache_tag}.pyc").write_bytes(b"not compiled")
    side = programs.Side(name="here", root=tmp_path, python=Path(sys.executable))
    for _ in range(2):  # the first process compiles, the second has what it left
        where = Path(programs.run_python(side, "-c", "import module; print(module.__cached__)").strip())
        assert where.exists()
        assert not where.is_relative_to(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["__pycache__", "module.py"]


def test_likely_causes_are_what_differs_and_a_busy_machine() -> None:
    base, head = {"torch": "2.12.0", "python": "3.11.9", "load": 0.5}, {"torch": "2.13.0", "python": "3.11.9"}
    found = list(against.causes({"base": base, "head": {**head, "load": 1000.0}}))
    assert found[0] == "torch 2.12.0 in the base, 2.13.0 in the head"
    assert found[1].startswith("the machine was busy: load 1000.0")
    assert list(against.causes({"base": base, "head": {**base, "load": against.OURS}})) == []


def test_likely_causes_are_told_of_counts_too(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "bench/counts.py").write_text(COUNTS % 'json.load(open("facts.json"))')
    facts = {**environment(), "numpy": "1.0", "platform": "another", "memory_bytes": 1}
    (project / "facts.json").write_text(json.dumps(facts))
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "another environment")
    assert cli.main(["check", "--baseline", "m.json", "--save"]) == 0
    (project / "facts.json").write_text(json.dumps(environment()))
    (project / "src/toy.py").write_text(TOY.replace("total += i", "total += 2 * i"))
    for words in (["--baseline", "m.json"], ["--against", "HEAD", "--counts"]):
        assert cli.main(["check", *words]) == 3
        told = " ".join(capfd.readouterr().out.split())
        assert f"likely cause: numpy 1.0 in the base, {environment()['numpy']} in the head" in told
        assert "platform" not in told


def test_a_sample_tells_how_many_threads_its_benchmarks_use(project: Path) -> None:
    torch = "types.SimpleNamespace(get_num_threads=lambda: 2)"  # importing the real one takes seconds
    (project / "bench/test_toy.py").write_text(f"import sys, types\nsys.modules['torch'] = {torch}\n{BENCH}")
    side = programs.Side(name="here", root=project, python=Path(sys.executable))
    bench = samples.Bench({"head": side}, Path("bench"), random.Random(0))
    bench.collect("head")
    assert bench.facts["head"]["threads"] == 2
