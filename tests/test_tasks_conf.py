from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from seqbench.registry import arguments, build

CONF = Path(__file__).parent.parent / "conf"
OURS = (
    "copy_memory",
    "adding_problem",
    "time_series",
    *(f"long/{f.stem}" for f in (CONF / "task/long").glob("*.yaml")),
)


def node(*words: str) -> dict:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_container(compose("config", [*words]).task)  # type: ignore[return-value]


@pytest.mark.parametrize("name", OURS)
def test_a_task_file_holds_every_argument_of_its_class_and_builds_it(name: str):
    values = node(f"task={name}")
    task = build(values, "task")
    assert values["budget"] >= 1
    assert values["version"] == 1
    kind = values["target"].partition(":")[0].rpartition(".")[2]
    assert set(values) == set(node(f"task={kind}"))
    changed = arguments(values, "task")
    if name.startswith("long/") and "_" in name:
        assert int(name.rpartition("_")[2]) == changed["delay" if kind == "copy_memory" else "length"]
    assert task.length >= 1


def test_words_on_the_command_line_win_over_a_long_task():
    assert node("task=long/copy_15", "task.delay=7")["delay"] == 7


@pytest.mark.parametrize("name", OURS)
def test_every_value_of_a_task_file_has_a_comment(name: str):
    for line in (CONF / "task" / f"{name}.yaml").read_text().splitlines():
        assert line.startswith(("#", "defaults:", "target:", "version:")) or " # " in line, line
