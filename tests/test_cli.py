"""The command line: what it prints, its exit codes, and what it does not load."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from seqbench import cli
from seqbench.record.store import Store
from seqbench.schema import UsageError
from tests import simulated

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


def in_a_process(code: str, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """``code`` with ``main`` at hand, in a fresh process without this one's torch."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = f"import sys; from seqbench.cli import main; {code}"
    return subprocess.run(
        [sys.executable, "-c", program, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 0),
        (["--help"], 0),
        (["ls"], 0),
        (["--version"], 0),
        (["sead=3"], 2),
        (["rnu"], 2),
        (["plan", "--seed", "3"], 2),
    ],
)
def test_answers_that_need_no_torch_do_not_load_it_and_leave_nothing_behind(
    words: list[str], code: int, empty_folder: Path
):
    report = "code = main(); print('LOADED', 'torch' in sys.modules, 'matplotlib' in sys.modules, code)"
    done = in_a_process(report, *words, folder=empty_folder)
    assert done.stdout.splitlines()[-1] == f"LOADED False False {code}"
    assert "Traceback" not in done.stderr
    assert list(empty_folder.iterdir()) == []


@pytest.mark.parametrize("words", [["--help"], ["ls"], ["--version"]])
def test_help_and_ls_do_not_wait_for_hydra(words: list[str], empty_folder: Path):
    done = in_a_process("main(); print('hydra' in sys.modules)", *words, folder=empty_folder)
    assert done.stdout.splitlines()[-1] == "False"


def test_the_module_is_the_command_line(empty_folder: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "seqbench", "--version"]
    done = subprocess.run(command, cwd=empty_folder, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"seqbench {__import__('seqbench').__version__}\n")


def test_a_command_without_a_word_is_asked_for_help_and_trains_nothing(
    capsys: pytest.CaptureFixture[str], empty_folder: Path
):
    assert cli.main([]) == 0
    assert capsys.readouterr().out == cli.HELP
    assert list(empty_folder.iterdir()) == []


def test_help_names_every_command_and_every_exit_code(capsys: pytest.CaptureFixture[str]):
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    for part in (
        "(none)",
        "plan",
        "ls",
        "cost",
        "verify",
        "report",
        "compare",
        "choose",
        "--config-dir",
        "+sweep=",
        "exit codes",
    ):
        assert part in text
    for part in ("130", "lengths=", "rounds=", "backends=", "seconds="):
        assert part in text
    assert text.count("  python -m seqbench ") == 5
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    "example", [shlex.split(line)[3:] for line in cli.HELP.splitlines() if line.startswith("  python -m seqbench ")]
)
def test_the_examples_of_the_help_are_understood(example: list[str]):
    from seqbench.config import compose, compose_costs

    found = compose_costs(example[1:])[0] if example[0] == "cost" else compose([w for w in example if w != "plan"])
    assert found.cells


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["rnu"], "'run'"),
        (["gru"], "'model=gru'"),
        (["gruu"], "'model=gru'"),
        (["smoke"], "'+sweep=smoke'"),
        (["costs"], "'cost'"),
        (["ls", "model"], "'models'"),
        (["ls", "models", "--config-dir", "nowhere"], "nowhere"),
        (["ls", "--config-dir"], "followed by a path"),
        (["report", "--store", "nowhere"], "'nowhere'"),
        (["report", "--out"], "followed by a path"),
        (["report", "seeds=3"], "seeds=3"),
        (["report", "--stoer", "a"], "got '--stoer'. Did you mean '--store'?"),
        (["watch", "--onse"], "Did you mean '--once'?"),
        (["choose"], "one --store"),
        (["--frmat", "md"], "got --frmat. Other options belong to a command, which comes first (report --format md)"),
        (["--hlep"], "got --hlep. Did you mean '--help'?"),
        (["--sede", "3"], "try seeds=3."),
        (["cost", "task=adding_problem", "seeds=3"], "cost must be given no seeds"),
        (["choose", "--store", "nowhere"], "'nowhere'"),
        (["\udcff"], "udcff"),
        (["\x1b[31m"], "x1b"),
        (["--config-dir", ".", "plan"], "a subcommand comes first"),
        ([""], "empty"),
    ],
)
def test_a_wrong_command_is_one_message_and_exit_code_2(
    words: list[str], part: str, capsys: pytest.CaptureFixture[str], empty_folder: Path
):
    assert cli.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("seqbench: ")
    assert err.count("\n") == 1
    assert part in err
    assert list(empty_folder.iterdir()) == []


def test_ls_prints_names_with_the_first_comment_line_of_their_files(
    capsys: pytest.CaptureFixture[str], empty_folder: Path
):
    (empty_folder / "conf/model").mkdir(parents=True)
    (empty_folder / "conf/model/my_layer.yaml").write_text("# A layer of mine.\nwidth: 3\n")
    assert cli.main(["ls", "models", "--config-dir", "conf"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "models"
    assert any(line.split() == ["my_layer", "A", "layer", "of", "mine."] for line in lines)
    assert cli.main(["ls"]) == 0
    text = capsys.readouterr().out
    assert [line for line in text.splitlines() if not line.startswith(" ")] == [
        "models",
        "tasks",
        "sweeps",
        "instruments",
    ]
    assert "@package" not in text


def test_ls_names_files_that_no_word_can_choose(capsys: pytest.CaptureFixture[str], empty_folder: Path):
    (empty_folder / "conf/model").mkdir(parents=True)
    for name in ("a|<b>x", "two words", "1e5"):
        (empty_folder / f"conf/model/{name}.yaml").write_text("# Mine.\nwidth: 3\n")
    assert cli.main(["ls", "models", "--config-dir", "conf"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if "two words" in line] == ["two words    Mine."]
    refused = "a name that Hydra's grammar cannot take. Rename its file."
    assert lines[-2:] == [f"not listed: {name!r}, {refused}" for name in ("1e5", "a|<b>x")]
    assert cli.main(["plan", "model='a|<b>x'", "--config-dir", "conf"]) == 2
    assert "model must be one of attention, gru" in capsys.readouterr().err


def test_a_name_that_no_file_has_is_told_where_files_of_ones_own_are_found(
    capsys: pytest.CaptureFixture[str], empty_folder: Path
):
    told = "A YAML file of your own, model/NAME.yaml, is found in the folder that --config-dir names."
    for words, own, near in (
        (["model=mine"], True, False),
        (["model=grux"], False, True),
        (["model=mine", "--config-dir", "."], False, False),
    ):
        assert cli.main(["verify", *words]) == 2
        said = capsys.readouterr().err
        assert (told in said, "Did you mean 'model=gru'?" in said) == (own, near)


@pytest.mark.parametrize("key", ["store", "out"])
def test_plan_refuses_folders_that_a_sweep_would_refuse(
    key: str, capsys: pytest.CaptureFixture[str], empty_folder: Path
):
    (empty_folder / "file").write_text("mine")
    assert cli.main(["plan", f"{key}=file"]) == 2
    assert f"{key} must be a folder that can be written; got 'file'" in capsys.readouterr().err
    assert list(empty_folder.iterdir()) == [empty_folder / "file"]


def test_every_choice_of_ours_says_what_it_is():
    from seqbench.config.folder import Folders, description, own_folder

    folders = Folders(own=own_folder())
    for group in ("model", "task", "sweep", "train", "instruments", "tuned"):
        for name, file in folders.choices(group).items():
            assert description(file), f"{group}/{name}.yaml must begin with a comment line that says what it is"


def test_the_exit_code_is_that_of_the_engine(monkeypatch: pytest.MonkeyPatch):
    import seqbench.sweep.engine

    seen = []
    monkeypatch.setattr(seqbench.sweep.engine, "run", lambda study, *_: seen.append(study) or 1)
    assert cli.main(["seeds=2"]) == 1
    assert cli.main(["run", "seeds=2"]) == 1
    assert [study.cells[0].seeds for study in seen] == [(0, 1), (0, 1)]


def test_an_interruption_says_how_to_resume(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def interrupted(words: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run", interrupted)
    assert cli.main(["run"]) == 130
    assert "the same command resumes" in capsys.readouterr().err


def test_an_interruption_while_a_module_is_made_is_exit_code_130_too(empty_folder: Path):
    text = """\
import runpy
from seqbench import cli

def run(words):
    exec("raise KeyboardInterrupt")

cli.run = run
runpy.run_module("seqbench", run_name="__main__")
"""
    (empty_folder / "stopped.py").write_text(text)
    command = [sys.executable, "-m", "stopped", "run"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)
    assert done.returncode == 130
    assert "the same command resumes" in done.stderr


def test_a_folder_that_is_deleted_while_a_sweep_is_at_work_is_told(empty_folder: Path):
    (empty_folder / "here").mkdir()
    # os.getcwd is what multiprocessing asks when it starts a worker
    code = """
import os
from seqbench import cli
cli.run = lambda words: [os.rmdir(os.getcwd()), os.getcwd()]
sys.exit(main(["run"]))
"""
    done = in_a_process(code, folder=empty_folder / "here")
    assert done.returncode == 1
    assert done.stderr == (
        "seqbench: the current folder must exist; it was deleted meanwhile. Change to another one. "
        "What is done is kept; the same command resumes.\n"
    )


def test_a_complaint_that_nobody_can_read_changes_no_exit_code(empty_folder: Path):
    code = "import os; os.dup2(os.open('/dev/full', os.O_WRONLY), 2); sys.exit(main(['plan', 'sead=3']))"
    assert in_a_process(code, folder=empty_folder).returncode == 2


def test_a_reader_that_goes_away_is_no_traceback(empty_folder: Path):
    code = "import os; r, w = os.pipe(); os.close(r); os.dup2(w, 1); sys.exit(main(['ls']))"
    done = in_a_process(code, folder=empty_folder)
    assert (done.returncode, done.stderr) == (141, "")


def test_verify_reports_the_worst_of_its_cells(monkeypatch: pytest.MonkeyPatch):
    import seqbench.contract

    codes = iter([0, 1, 0])
    monkeypatch.setattr(seqbench.contract, "verify", lambda cell, console: next(codes))
    assert cli.main(["verify", "model.width=8,16,32"]) == 1


def test_the_folder_that_the_user_stands_in_comes_first(empty_folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "path", ["/elsewhere"])
    cli.main(["--version"])
    assert sys.path[0] == str(empty_folder)


def test_defaults_of_report_are_those_of_the_configuration():
    from seqbench.config import compose

    options = compose([]).options
    assert (options.store, options.out) == (cli.STORE, cli.OUT)


def test_report_passes_its_stores_on(monkeypatch: pytest.MonkeyPatch, empty_folder: Path):
    import seqbench.report.files as files

    seen = []

    def write_report(store: object, out: Path, *, formats: tuple[str, ...], **_: object) -> dict[str, list[Path]]:
        seen.append((store, out))
        return {name: [out] for name in formats}

    monkeypatch.setattr(files, "write_report", write_report)
    for name in ("a", "b"):
        (empty_folder / name).mkdir()
    assert cli.main(["report", "--store", "a", "--store=b", "--out", "page"]) == 0
    ((store, out),) = seen
    assert [part.root for part in store.parts] == [Path("a"), Path("b")]
    assert out == Path("page")


@pytest.mark.parametrize(
    "words",
    [
        ["report", "--store", "a", "--out", "a"],
        ["report", "--store", "b", "--store", "a", "--out", "a/page"],
        ["choose", "--store", "a", "--out", "a/tuned.yaml"],
        ["model=gru", "store=a", "out=a"],
        ["plan", "model=gru", "store=a", "out=a/page"],
        ["cost", "model=gru", "store=a", "out=a"],
    ],
)
def test_a_page_inside_the_store_is_refused_and_nothing_is_written(
    words: list[str], empty_folder: Path, capsys: pytest.CaptureFixture[str]
):
    for name in ("a", "b"):
        Store(empty_folder / name).publish(*simulated.learning("copy_10", "gru", 0))
    before = sorted(empty_folder.rglob("*"))
    assert cli.main(words) == 2
    assert "out must lie outside the store 'a', which is for records alone; got 'a" in capsys.readouterr().err
    assert sorted(empty_folder.rglob("*")) == before


def test_report_names_a_file_of_each_format_that_was_asked_for(empty_folder: Path, capsys: pytest.CaptureFixture[str]):
    Store(empty_folder / "a").publish(*simulated.learning("copy_10", "gru", 0))
    assert cli.main(["report", "--store", "a", "--out", "page", "--format", "latex,json"]) == 0
    assert capsys.readouterr().out == "report: page/report.tex, page/report.json\n"


@pytest.mark.parametrize(("foreign", "words", "code"), [(1, [], 0), (1, ["--strict"], 1), (0, ["--strict"], 0)])
def test_report_names_what_is_no_record_and_is_strict_where_asked(
    foreign: int, words: list[str], code: int, empty_folder: Path, capsys: pytest.CaptureFixture[str]
):
    Store(empty_folder / "a").publish(*simulated.learning("copy_10", "gru", 0))
    for number in range(foreign):
        (empty_folder / "a" / f"notes {number}").write_text("mine")
    assert cli.main(["report", "--store", "a", "--out", "page", "--format", "csv", *words]) == code
    told = capsys.readouterr().out.splitlines()
    left = ["store: 1 thing left alone", "store: a/notes 0: is not a record; move it out of the store"]
    assert told == ["report: page/runs.csv", *left[: 2 * foreign]]


def test_choose_refuses_a_store_without_trials(empty_folder: Path):
    (empty_folder / "a").mkdir()
    with pytest.raises(UsageError, match="tune_long_seq"):
        cli.choose(["--store", "a"])


@pytest.mark.parametrize(
    ("out", "code", "said"),
    [("/dev/full", 1, "cannot use '/dev/full' (No space left on device)"), (".", 2, "--out must be a file that can")],
)
def test_choose_on_a_full_disk_is_no_wrong_usage_and_a_folder_in_place_of_a_file_is(
    out: str, code: int, said: str, capsys: pytest.CaptureFixture[str]
):
    trials = str(ROOT / "results" / "reference" / "tune_long_seq")
    assert cli.main(["choose", "--store", trials, "--out", out]) == code
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
