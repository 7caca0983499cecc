"""Several stores read as one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqbench.record.store import Store
from seqbench.record.stores import Stores
from seqbench.schema import Record

RECORD = Record(
    kind="learning",
    run_id="0" * 16,
    cell_id="1" * 16,
    env_id="2" * 12,
    labels={"task": "a", "model": "b", "variant": ""},
    seed=0,
    study=None,
    command="",
    config={},
    sources={},
    environment={},
    git=None,
    status="completed",
    reason=None,
    started_at="2026-01-01T00:00:00Z",
    duration_s=1.0,
    arrays={"loss": ("record",)},
)


def test_records_of_all_folders_are_read_and_those_in_two_count_once(tmp_path: Path):
    other = replace(RECORD, run_id="3" * 16, seed=1)
    for folder, records in {"one": [RECORD], "two": [RECORD, other]}.items():
        for number, record in enumerate(records):
            Store(tmp_path / folder).publish(record, {"loss": np.array([float(number)])})
    (tmp_path / "two" / "stray").write_text("")
    stores = Stores([tmp_path / "one", tmp_path / "two"])
    assert [record.seed for record in stores.records()] == [0, 1]
    assert [stores.arrays(record)["loss"].item() for record in stores.records()] == [0.0, 1.0]
    (problem,) = stores.problems
    assert problem.startswith(str(tmp_path / "two" / "stray"))


def test_nothing_is_published_to_several_folders(tmp_path: Path):
    with pytest.raises(NotImplementedError, match="use Store"):
        Stores([tmp_path, tmp_path]).publish(RECORD, {})


@pytest.mark.parametrize("change", ["collect", "set_aside"])
def test_nothing_is_moved_or_removed_in_several_folders(tmp_path: Path, change: str):
    with pytest.raises(NotImplementedError, match="use Store"):
        getattr(Stores([tmp_path, tmp_path]), change)()


def test_run_is_found_in_every_folder_that_has_it(tmp_path: Path):
    for folder, env_id in {"one": "2" * 12, "two": "4" * 12}.items():
        Store(tmp_path / folder).publish(replace(RECORD, env_id=env_id), {"loss": np.ones(1)})
    stores = Stores([tmp_path / "one", tmp_path / "two"])
    found = stores.find(RECORD.run_id)
    assert [record.env_id for record in found] == ["2" * 12, "4" * 12]
    assert [stores.arrays(record)["loss"].item() for record in found] == [1.0, 1.0]
