"""The builds that are slowed on purpose can still be made: their lines are there, and what comes of them parses."""

import ast
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "bench"))
import slowed_builds  # noqa: E402  # pyright: ignore[reportMissingImports]


@pytest.mark.parametrize("name", slowed_builds.BUILDS)
def test_a_build_changes_one_line_of_code_that_is_there(name: str, tmp_path: Path) -> None:
    build = slowed_builds.BUILDS[name]
    file = tmp_path / build.file
    file.parent.mkdir(parents=True)
    shutil.copy(ROOT / build.file, file)
    slowed_builds.changed(tmp_path, build)
    assert ast.dump(ast.parse(file.read_text())) != ast.dump(ast.parse((ROOT / build.file).read_text()))
    with pytest.raises(ValueError, match="must hold the line once"):
        slowed_builds.changed(tmp_path, slowed_builds.Build(build.file, "no such line", "", ""))
