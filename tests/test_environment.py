import getpass
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from seqbench.record.environment import KEYS, cpu_signature, env_id, environment, git_state


def test_environment_holds_the_listed_facts_and_nothing_else() -> None:
    assert tuple(environment()) == KEYS


def test_environment_names_neither_host_nor_user_nor_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s3cret-value")
    text = json.dumps({key: value for key, value in environment().items() if key != "platform"})
    assert "s3cret-value" not in text
    assert platform.node() not in json.dumps(environment())
    assert getpass.getuser() not in text
    assert str(Path.home()) not in text


def test_environment_is_the_same_before_and_after_torch_is_imported() -> None:
    code = (
        "from seqbench.record.environment import environment as e; a = e(); import torch; {}; assert a == e(), (a, e())"
    )
    fresh = (
        "import seqbench.record.environment as m; m._torch_build.cache_clear(); assert a['torch'] == torch.__version__"
    )
    subprocess.run([sys.executable, "-c", code.format(fresh)], check=True, timeout=60)


def test_environment_does_not_import_torch() -> None:
    code = "import sys; from seqbench.record.environment import *; environment(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_lane_pinned_to_one_core_has_the_environment_of_its_machine() -> None:
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot pin a process")
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
    code += "from seqbench.record.environment import *; print(env_id(environment()))"
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True)
    assert done.stdout.strip() == env_id(environment())


@pytest.mark.parametrize("key", ["cpu", "cpu_signature", "architecture", "cores", "torch", "threads", "gpu"])
def test_env_id_changes_with_machine_class_torch_and_threads(key: str) -> None:
    here = environment()
    assert env_id(here) != env_id(here | {key: "other"})
    assert len(env_id(here)) == 12


def test_env_id_ignores_what_cannot_change_a_result_on_the_same_machine_class() -> None:
    here = environment()
    assert env_id(here) == env_id(here | {"memory_bytes": 1, "platform": "other", "python": "3.12.0"})


def test_env_id_of_an_environment_told_before_the_signature_of_the_processor_is_what_it_was() -> None:
    old = {key: value for key, value in environment().items() if key != "cpu_signature"}
    assert env_id(old) == env_id(old | {"cpu_signature": None})
    assert env_id(old) != env_id(old | {"cpu_signature": "family 1"})


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        ("processor\t: 0\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: X\n", "cpu family 6, model 143"),
        ("processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n", "CPU implementer 0x41, CPU part 0xd40"),
        ("model name : X\ncpu family :\n", None),
        ("", None),
    ],
)
def test_processors_of_one_name_are_told_apart(text: str, signature: str | None) -> None:
    assert cpu_signature(text) == signature


def git(folder: Path, *words: str) -> None:
    command = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
    subprocess.run(command, check=True, capture_output=True, timeout=30)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "package")
    git(tmp_path, "commit", "-q", "-m", "first")
    return package


def test_git_state_knows_a_clean_checkout_from_a_changed_one(checkout: Path) -> None:
    state = git_state(checkout)
    assert state is not None
    assert state["clean"] is True
    assert len(state["commit"]) == 40
    (checkout.parent / "new.py").write_text("x = 1")
    assert git_state(checkout) == {"commit": state["commit"], "clean": False}


def test_records_that_a_sweep_adds_to_a_checkout_leave_it_clean(checkout: Path) -> None:
    for name, is_clean in (("results/reference/runs/a/record.json", True), ("package/results/new.py", False)):
        file = checkout.parent / name
        file.parent.mkdir(parents=True)
        file.write_text("{}")
        state = git_state(checkout)
        assert state is not None
        assert state["clean"] is is_clean


def test_package_that_a_surrounding_checkout_does_not_track_has_no_git_state(checkout: Path) -> None:
    installed = checkout.parent / "venv" / "package"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("")
    assert git_state(installed) is None


def test_no_git_state_outside_a_checkout_or_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "__init__.py").write_text("")
    assert git_state(tmp_path) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state() is None


def test_variables_of_a_git_hook_do_not_point_elsewhere(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = git_state(checkout)
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    assert git_state(checkout) == expected
