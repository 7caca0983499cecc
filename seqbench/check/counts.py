"""Counts against counts: without noise, so any that grew is a regression where the two can be compared at all."""

from collections.abc import Iterator, Mapping
from typing import Any

from seqbench.check.finding import Finding
from seqbench.check.wording import amount

Counts = Mapping[str, Mapping[str, Any]]
"""Name -> "value" and what it "depends_on" beside the code: "code" (nothing) or "torch" (its build, and Python's)."""

FIXED = ("parameters", "declared FLOPs")
"""What a count's name ends with that must not change at all: fewer of them is another model, not a better one."""
TORCH = ("torch", "torch_git", "architecture", "python")
"""Facts of an environment that decide which operators run."""
RECOUNTED = "what is counted was changed: counts.py, or what it imports from beside it; --save renews a baseline"


def compare(
    base: Counts,
    head: Counts,
    base_facts: Mapping[str, Any],
    head_facts: Mapping[str, Any],
    sources: tuple[str | None, str | None] = (None, None),
) -> list[Finding]:
    """One finding for each count of either side.

    Args:
        base: counts.
        head: counts.
        base_facts: the base's environment, of which ``TORCH`` must agree for counts that depend on torch.
        head_facts: the head's.
        sources: hashes of the script that counted the base, and the head; None where that is not known.
    """
    differ = [name for name in TORCH if _minor(name, base_facts.get(name)) != _minor(name, head_facts.get(name))]
    told = ", ".join(f"{name} {base_facts.get(name)} and {head_facts.get(name)}" for name in differ)
    other_torch = f"needs the same torch and Python; got {told}" if differ else None
    recounted = RECOUNTED if None not in sources and len(set(sources)) > 1 else None
    return list(_findings(base, head, {"code": recounted, "torch": recounted or other_torch}))


def _minor(name: str, version: Any) -> Any:
    """Python 3.11.4 and 3.11.9 call the same functions."""
    return ".".join(str(version).split(".")[:2]) if name == "python" else version


def _findings(base: Counts, head: Counts, apart: Mapping[str, str | None]) -> Iterator[Finding]:
    """Findings; ``apart`` says of each that a count may depend on why such counts cannot be compared."""
    for name in sorted({*base, *head}):
        before, after = (side.get(name, {}).get("value") for side in (base, head))
        why = apart[(head.get(name) or base[name])["depends_on"]]
        if before is None or after is None:
            says = "new: not in the base" if before is None else "gone: not counted any more"
            yield Finding(kind="count", name=name, verdict="not comparable", says=says, base=before, head=after)
        elif why:
            yield Finding(kind="count", name=name, verdict="not comparable", says=why, base=before, head=after)
        else:
            yield _judged(name, before, after)


def _judged(name: str, before: float, after: float) -> Finding:
    change = after - before
    worse = change != 0 if name.endswith(FIXED) else change > 0
    says = f"{amount(abs(change))} {'more' if change > 0 else 'fewer'}" if change else "equal"
    return Finding(
        kind="count",
        name=name,
        verdict="regressed" if worse else "fine",
        says=says,
        base=before,
        head=after,
        change=change,
    )
