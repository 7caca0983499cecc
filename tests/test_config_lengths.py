"""The words ``lengths`` and ``bisect``: the same task at several lengths."""

from dataclasses import replace
from itertools import pairwise

import pytest

from seqbench.config import compose, compose_costs
from seqbench.config.folder import Folders, own_folder
from seqbench.registry import build
from seqbench.schema import UsageError, length_key
from tests import user_folder

empty_folder = user_folder.empty_folder
pytestmark = pytest.mark.usefixtures("empty_folder")


def test_the_dependency_sweep_is_five_models_at_six_spaced_lengths_with_five_seeds():
    study = compose(["+sweep=dependency"])
    assert len(study.cells) == 30
    assert {len(cell.seeds) for cell in study.cells} == {5}
    lengths = sorted({cell.length for cell in study.cells if cell.length})
    assert len(lengths) == 6
    assert {b / a for a, b in pairwise(lengths)} == {2.0}
    assert len({cell.curve for cell in study.cells}) == 5
    assert study.bisection is not None
    assert study.bisection.ratio == 1.1


def test_another_task_takes_the_lengths_in_its_own_unit():
    cells = compose(["+sweep=dependency", "task=copy_memory,adding_problem", "model=gru", "lengths=[5,20,80]"]).cells
    assert [cell.task.get("delay", cell.task.get("length")) for cell in cells] == [5, 20, 80] * 2
    assert [cell.labels["task"] for cell in cells[:3]] == [f"copy_memory delay={n}" for n in (5, 20, 80)]


def test_every_length_is_named_in_its_label_which_is_no_part_of_its_runs():
    study = compose(["lengths=[10,20,40]", "task=copy_memory", "task.alphabet=4", "bisect=1.5", "model=gru"])
    named = [f"copy_memory delay={n} alphabet=4" for n in (10, 20, 40)]
    assert [cell.labels["task"] for cell in study.cells] == named
    (alone,) = compose(["task=copy_memory", "task.alphabet=4", "model=gru"]).cells
    assert alone.labels["task"] == "copy_memory alphabet=4"
    assert (alone.identity(), alone.command) == (study.cells[1].identity(), study.cells[1].command)
    assert study.bisection is not None
    assert study.bisection.at(study.cells[0], 20).labels == study.cells[1].labels


def test_a_length_that_follows_is_the_cell_that_its_own_command_asks_for():
    study = compose(["+sweep=dependency", "model=gru", "task=copy_memory", "model.width=8"])
    assert study.bisection is not None
    made = study.bisection.at(study.cells[0], 28)
    (again,) = compose([*made.command.split()[3:]]).cells
    assert made.identity() == again.identity()
    assert (made.labels, made.curve) == (again.labels, study.cells[0].curve)
    assert (made.seeds, made.study) == ((0, 1, 2, 3, 4), "dependency")
    before = replace(study.cells[0], sources={"task": "0" * 64, "model": "1" * 64})
    assert study.bisection.at(before, 28).sources == before.sources  # of the code that the sweep began with


def test_lengths_are_runs_like_any_other():
    study = compose(["lengths=[10,20,40]", "model=gru"])
    assert study.bisection is None
    assert study.cells[0].identity() == compose(["task.delay=10", "model=gru"]).cells[0].identity()


def test_cost_at_its_own_lengths_takes_none_of_the_sweep():
    study, costs = compose_costs(["+sweep=dependency", "model=gru", "lengths=[64,128]"])
    assert (len(study.cells), costs.lengths) == (1, (64, 128))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lengths=[10,20]"], r"lengths must be at least 3 lengths, e.g. \[10,20,40\], or null; got \[10,20\]"),
        (["lengths=[]"], "lengths must be at least 3 lengths"),
        (["lengths=[20,10,40]"], r"lengths must be rising; got \[20,10,40\]"),
        (["lengths=[10,10,40]"], "lengths must be rising"),
        (["lengths=[10,20.5,40]"], "lengths must be whole numbers from 1"),
        (["lengths=[0,10,20]"], "lengths must be whole numbers from 1"),
        (["lengths=10"], r"lengths must be null or a list|lengths must be a list"),
        (["lengths=10,20,40"], r"Instead write lengths=\[10,20,40\]"),
        (["lengths=[10,20,40]", "bisect=1"], "bisect must be above 1"),
        (["bisect=1.1"], "bisect must be null where no lengths"),
        (["lengths=[10,20,40]", "task=time_series"], "task=time_series has none. Choose another task"),
        (["lengths=[10,20,40]", "task=copy_memory", "task.delay=5"], "lengths sets task.delay and so does task.delay="),
    ],
)
def test_bad_lengths_are_refused_in_words(words: list[str], message: str):
    with pytest.raises(UsageError, match=message):
        compose(words)


def test_the_key_of_the_length_is_what_the_task_itself_calls_its_length():
    own = Folders(own=own_folder())
    found = set()
    for name in own.choices("task"):
        (cell,) = compose([f"task={name}"]).cells
        if key := length_key(cell.task):
            task, longer = build(cell.task, "task"), build({**cell.task, key: 28}, "task")
            assert vars(task.at(28)) == vars(longer)
            found.add(key)
    assert found == {"delay", "length"}
