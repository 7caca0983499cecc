import hashlib
from pathlib import Path

import pytest

from seqbench.registry import source_sha256
from seqbench.schema import UsageError


def test_a_plugin_that_cannot_be_found_is_refused():
    with pytest.raises(UsageError, match=r"plugins must be modules that can be found; got 'nothere'"):
        source_sha256("seqbench.models.gru:GRU", ("nothere",))


def test_a_plugin_that_can_be_found_is_not():
    assert len(source_sha256("seqbench.models.gru:GRU", ("tests",))) == 64


@pytest.mark.parametrize("first_line", ["1 / 0", "raise SystemExit(3)"])
def test_finding_a_module_runs_no_code_of_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first_line: str):
    (tmp_path / "odd_package").mkdir()
    (tmp_path / "odd_package" / "__init__.py").write_text(first_line)
    (tmp_path / "odd_package" / "layer.py").write_text("class Layer: ...")
    monkeypatch.syspath_prepend(str(tmp_path))
    digest = source_sha256("odd_package.layer:Layer", ("odd_package",))
    assert digest == hashlib.sha256(b"class Layer: ...").hexdigest()
    with pytest.raises(UsageError, match=r"odd_package\.other"):
        source_sha256("odd_package.other:Layer", ("odd_package",))
