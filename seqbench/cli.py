"""The command line: parse, call, print, exit code. Each command imports what it needs: --help answers at once."""

import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqbench.flags import existing_store, formats_of, options_of, out_of, refuse_rest, stores_to_compare
from seqbench.outlet import complain, console, occupy, refusal, silence
from seqbench.schema import UsageError
from seqbench.usage import HELP

if TYPE_CHECKING:
    from rich.console import Console

    from seqbench.schema import Study

LISTED = {"models": "model", "tasks": "task", "sweeps": "sweep", "instruments": "instruments"}
STORE, OUT = "results/runs", "results/report"
"""Where records and the report are unless the command says otherwise; the same as in ``conf/config.yaml``."""
BROKEN_PIPE = 141
"""128 + SIGPIPE, as a shell reports a program whose reader went away."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code that --help lists."""
    words = list(sys.argv[1:] if argv is None else argv)
    occupy()
    _put_current_folder_first()
    try:
        code = _dispatch(words)
        if sys.stdout:  # None where it was closed before we began
            sys.stdout.flush()
    except UsageError as error:
        complain(f"seqbench: {error}")
        return 2
    except KeyboardInterrupt as stopped:
        done = f": {stopped}" if str(stopped) else ""
        complain(f"\nseqbench: interrupted{done}. What is done is kept; the same command resumes.")
        return 130
    except BrokenPipeError:
        silence(sys.stdout)
        return BROKEN_PIPE
    except OSError as error:  # a disk that fills up or goes away midway; a closed pipe is told apart above
        complain(f"seqbench: {refusal(error)} What is done is kept; the same command resumes.")
        silence(sys.stdout)
        return 1
    return code


def _dispatch(words: list[str]) -> int:
    if not words or any(word in ("--help", "-h") for word in words):
        print(HELP, end="")
        return 0
    if "--version" in words:
        from seqbench import __version__

        print(f"seqbench {__version__}")
        return 0
    if words and words[0] and not words[0].startswith("-") and not any(mark in words[0] for mark in "=+~"):
        return _command(words[0])(words[1:])
    return run(words)


def _command(name: str) -> Callable[[list[str]], int]:
    commands: dict[str, Callable[[list[str]], int]] = {
        "run": run,
        "plan": plan,
        "ls": ls,
        "watch": watch,
        "verify": verify,
        "report": report,
        "compare": compare,
        "choose": choose,
        "cost": cost,
        "check": check,
    }
    if name not in commands:
        raise _unknown_command(name, list(commands))
    return commands[name]


def _unknown_command(name: str, commands: list[str]) -> UsageError:
    from seqbench.config.folder import Folders, did_you_mean, guess_choice, own_folder

    choices = Folders(own=own_folder()).choices
    near = guess_choice(name, choices, close=False) or did_you_mean(name, commands) or guess_choice(name, choices)
    rule = f"a first word without '=' must be a command: {', '.join(commands)}"
    return UsageError(f"{rule}; got {name[:80]!a}.{near} See --help.")


def run(words: list[str]) -> int:
    """Train what is missing of the study."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # asked to end is interrupted: no worker is left behind
    study, console = _compose(words)
    from seqbench.sweep.engine import run as run_study

    return run_study(study, console, shlex.join(("python", "-m", "seqbench", *words)))


def plan(words: list[str]) -> int:
    """Print what would run."""
    study, console = _compose(words)
    from seqbench.sweep.bisection import explain

    explain(study, console)
    return 0


def cost(words: list[str]) -> int:
    """Measure what the cells cost in time and memory."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    from seqbench.config import compose_costs

    study, costs = compose_costs(words)
    from seqbench.sweep.costing import run as run_costs

    return run_costs(study, costs, console(steady=True))


def check(words: list[str]) -> int:
    """Compare with what was before: whether speed, learning or a count got worse."""
    for ended in (signal.SIGTERM, signal.SIGHUP):  # a terminal that is closed leaves no tree and no process either
        if signal.getsignal(ended) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(ended, signal.default_int_handler)
    from seqbench.check.command import run as run_check
    from seqbench.check.request import OPTIONS

    options, rest = options_of(words, OPTIONS, "a value")
    try:
        return run_check(options, rest, console(steady=True), complain)
    except KeyboardInterrupt:
        complain("\nseqbench: interrupted; half a check says nothing, and none of it was kept.")
        return 130
    except OSError as error:  # no room for the base, a sample or the file that tells the outcome
        complain(f"seqbench: {refusal(error)} Half a check says nothing; what is not shown above was not kept.")
        return 1


def watch(words: list[str]) -> int:
    """Show where the sweeps of a store stand, until they end."""
    options, rest = options_of(words, ("--store",))
    refuse_rest([word for word in rest if word != "--once"], "watch takes --store DIR and --once")
    from seqbench.sweep.watch import watch as watch_store

    return watch_store(existing_store((options["--store"] or [STORE])[-1]), console(), once="--once" in rest)


def verify(words: list[str]) -> int:
    """Check the contracts of every task and model that the words name."""
    study, console = _compose(words)
    from seqbench.contract import verify as verify_cell

    return max(verify_cell(cell, console) for cell in study.cells)


def ls(words: list[str]) -> int:
    """Print the name and the one-line description of every choice."""
    from seqbench.config.folder import Folders, description, did_you_mean, own_folder

    options, rest = options_of(words, ("--config-dir",))
    for word in rest:
        if word not in LISTED:
            raise UsageError(f"ls lists {', '.join(LISTED)}; got {word[:80]!a}.{did_you_mean(word, LISTED)}")
    user = options["--config-dir"]
    folders = Folders(own=own_folder(), user=Path(user[-1]) if user else None)
    for title in rest or LISTED:
        choices = folders.choices(LISTED[title])
        width = max(map(len, choices), default=0)
        print(title)
        for name, file in choices.items():
            print(f"  {name:{width}}  {description(file)}".rstrip())
        for name in folders.misnamed(LISTED[title]):
            print(f"  not listed: {name[:80]!a}, a name that Hydra's grammar cannot take. Rename its file.")
    return 0


def report(words: list[str]) -> int:
    """Write the report of a store, or of several."""
    options, rest = options_of(words, ("--store", "--out", "--format"))
    takes = "report takes --store DIR, --out DIR, --format NAMES and --strict"
    refuse_rest([word for word in rest if word != "--strict"], takes)
    stores = [existing_store(folder) for folder in options["--store"] or [STORE]]
    out = out_of(options["--out"] or [OUT], stores)
    from seqbench.report import DEFAULT, FORMATS

    formats = formats_of(options["--format"], FORMATS, DEFAULT)
    from seqbench.sweep.reporting import report as write_report

    lines, sound = write_report(stores, out, formats, bool(options["--format"]))
    print("\n".join(lines))
    return 1 if "--strict" in rest and not sound else 0


def compare(words: list[str]) -> int:
    """Print what two stores, or more, say about each other; the others are held against the first."""
    options, folders = options_of(words, ("--format",))
    formats = formats_of(options["--format"], ("table", "md", "csv", "json"), ("table",))
    stores = stores_to_compare(folders)
    from seqbench.report.comparing import print_comparisons

    return 0 if print_comparisons(stores, formats, console(), complain) else 4


def choose(words: list[str]) -> int:
    """Print, or write, the learning rates that a tuning sweep's records speak for."""
    options, rest = options_of(words, ("--store", "--out"))
    refuse_rest(rest, "choose takes --store DIR and --out FILE")
    if len(options["--store"]) != 1:
        raise UsageError(
            f"choose must have one --store DIR; got {len(options['--store'])}. Name the tuning sweep's store."
        )
    folder = existing_store(options["--store"][0])
    out = out_of(options["--out"], [folder]) if options["--out"] else None
    from seqbench.record.store import Store
    from seqbench.record.texts import write_text
    from seqbench.tuning import choose as choose_rates

    store = Store(folder)
    records = store.records(kind="learning")
    text = choose_rates(records, store.arrays, f"{len(records)} runs, records in {folder}.").text()
    if out:
        write_text(out, text, "--out")
    print(f"learning rates: {out}" if out else text, end="\n" if out else "")
    return 0


def _compose(words: list[str]) -> "tuple[Study, Console]":
    from seqbench.config import compose

    return compose(words), console(steady=True)


def _put_current_folder_first() -> None:
    """So that plugins=[mine] finds mine.py beside the user, from both entry points."""
    try:
        here = os.getcwd()
    except OSError:  # the folder was deleted under us
        return
    if not sys.path or sys.path[0] not in ("", here):
        sys.path.insert(0, here)
