"""From the words of a command line to a checked study: ``compose(words)``. No torch."""

from collections.abc import Sequence
from pathlib import Path

from seqbench.schema import Costs, Study


def compose(words: Sequence[str], config_dir: Path | None = None) -> Study:
    """The study that the words ask for; every value is checked, nothing is written.

    Args:
        words: ``key=value`` in Hydra's grammar, and ``--config-dir DIR``; no words ask for the default cell.
        config_dir: the user's own folder of configuration files, as ``--config-dir`` gives it.

    Raises:
        UsageError: the first thing that is wrong: the rule, what arrived, what to do.
    """
    from seqbench.config.study import read_study  # late: `ls` reads the folder only, and must not wait for Hydra

    return read_study(words, config_dir)


def compose_costs(words: Sequence[str]) -> tuple[Study, Costs]:
    """The study that the words of ``cost`` ask for, and what is to be measured of its cells; nothing is written.

    Raises:
        UsageError: the first thing that is wrong.
    """
    from seqbench.config.costs import read_costs

    return read_costs(words)
