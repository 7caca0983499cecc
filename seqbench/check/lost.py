"""Runs that did not complete: as steps and skill they show only where the base solves, or has some skill."""

from collections.abc import Iterator, Mapping, Sequence

from seqbench.check.finding import Finding
from seqbench.report.wording import count


def findings(name: str, base: Mapping[int, str], head: Mapping[int, str]) -> Iterator[Finding]:
    """Runs that completed in the base alone, which are a regression, and those that did not complete there.

    Args:
        name: of the cell.
        base: seed -> status and reason of a run that did not complete, "" of one that did.
        head: the same of the other side.

    >>> [found] = findings("gru on copy", {0: "", 1: ""}, {0: "", 1: "oom (4 GB)"})
    >>> found.verdict, found.says
    ('regressed', 'not in the head: seed 1: oom (4 GB)')
    """
    seeds = sorted(base.keys() & head.keys())
    done = [seed for seed in seeds if not base[seed]]
    lost = [seed for seed in done if head[seed]]
    name = f"{name}: runs that complete"
    if lost:
        yield Finding(
            kind="learning",
            name=name,
            verdict="regressed",
            says=f"not in the head: {_told(lost, head)}",
            base=len(done),
            head=len(done) - len(lost),
            unit="runs",
            change=-len(lost),
        )
    if len(done) < len(seeds):
        says = f"not in the base: {_told([seed for seed in seeds if base[seed]], base)}"
        yield Finding(kind="learning", name=name, verdict="not comparable", says=says)


def _told(seeds: Sequence[int], whys: Mapping[int, str]) -> str:
    """The first of them with its reason, and how many more there are."""
    more = f", and {count(len(seeds) - 1, 'more run')}" if len(seeds) > 1 else ""
    return f"seed {seeds[0]}: {whys[seeds[0]]}{more}"
