"""Whose code a side runs: an environment may hand the base that of the working tree, and the two would be equal."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path

from seqbench.check import commits
from seqbench.check.programs import ProgramError, Side, run_python
from seqbench.schema import UsageError

FIND = """
import importlib.util, json, sys, sysconfig
found = []
for name in sys.argv[1:]:
    try:
        spec = importlib.util.find_spec(name)
    except Exception:
        spec = None
    if spec is not None:
        found += [(name, place) for place in (spec.origin, *(spec.submodule_search_locations or ())) if place]
paths = sysconfig.get_paths()
print(json.dumps([[paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")], found]))
"""
"""Where modules would be imported from; none of them is."""
NOT_OURS = "nothing that the benchmarks import lies in the working tree: both sides may have timed what is installed"


def check_own_code(base: Side, head: Side, names: Collection[str]) -> str | None:
    """What must be known of where a base, another commit of the working tree, imports these modules from.

    Args:
        base: its root lies in a checkout of its own.
        head: the working tree.
        names: of modules, without dots.

    Returns:
        A note where neither side imports any of them from its own tree.

    Raises:
        UsageError: the base would import one from the working tree.
    """
    tree = commits.top_folder(head.root).resolve()
    depth = len(head.root.resolve().relative_to(tree).parts)
    base_tree = [base.root, *base.root.parents][depth].resolve()
    for name, place in _places(base, names):
        if place.is_relative_to(tree) and not place.is_relative_to(base_tree):
            raise UsageError(
                f"--against must run the base's own code; got {name} from {str(place)[:120]!a}, the working tree's. "
                "What lies at the top of the project or in src/ is found in either; else name the base's --base-python."
            )
    ours = any(place.is_relative_to(tree) for _, place in _places(head, names))
    return None if ours or not names else NOT_OURS


def _places(side: Side, names: Collection[str]) -> Iterator[tuple[str, Path]]:
    """Module and file or folder that it is imported from, without what its environment has installed."""
    try:
        installed, found = json.loads(run_python(side, "-c", FIND, *sorted(names)))
    except (ProgramError, ValueError):  # it cannot be run, which is told where it is measured
        return
    for name, place in found:
        path = Path(place).resolve()
        if Path(place).is_absolute() and not any(path.is_relative_to(Path(folder).resolve()) for folder in installed):
            yield name, path
