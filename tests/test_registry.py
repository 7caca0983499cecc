import pytest

from seqbench.registry import source_sha256
from seqbench.schema import UsageError


def test_a_plugin_that_cannot_be_found_is_refused():
    with pytest.raises(UsageError, match=r"plugins must be modules that can be found; got 'nothere'"):
        source_sha256("seqbench.models.gru:GRU", ("nothere",))


def test_a_plugin_that_can_be_found_is_not():
    assert len(source_sha256("seqbench.models.gru:GRU", ("tests",))) == 64
