"""Whose code each side runs: an environment may hand both the same, and the two would be equal whatever was changed."""

import json
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

from seqbench.check import commits, suite
from seqbench.check.finding import Finding
from seqbench.check.programs import ProgramError, Side, run_python
from seqbench.report.wording import readable
from seqbench.schema import UsageError

FIND = """
import importlib.util, json, sys, sysconfig
sys.path[:] = [place for place in sys.path if place]  # the current folder belongs to no environment
modules = {}
for name in sys.argv[1:]:
    try:
        spec = importlib.util.find_spec(name)
    except Exception:
        spec = None
    if spec is not None:
        modules[name] = [*(spec.submodule_search_locations or ()), spec.origin]
paths = sysconfig.get_paths()
installed = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
print(json.dumps({"modules": modules, "installed": installed}))
"""
"""Where modules would be imported from; none of them is."""
EVERYBODYS = frozenset({*sys.stdlib_module_names, "pytest", "pytest_benchmark"})


@dataclass(frozen=True, kw_only=True)
class Code:
    """Where a side imports its modules from.

    Attributes:
        modules: name of a top-level module -> its file and folders, resolved.
        installed: folders of what its environment has installed, which may lie in a tree.
    """

    modules: Mapping[str, tuple[Path, ...]]
    installed: tuple[Path, ...]

    def below(self, name: str, folder: Path) -> Path | None:
        """The first place of a module below a folder where nothing is installed; None where it has none."""
        return next((place for place in self.modules.get(name, ()) if self._is_own(place, folder)), None)

    def _is_own(self, place: Path, folder: Path) -> bool:
        return place.is_relative_to(folder) and not any(place.is_relative_to(one) for one in self.installed)


def code(told: Mapping[str, Any]) -> Code:
    """What a process has told: "modules", name -> its places or null, and the folders of what is "installed"."""
    places = {
        name: tuple(Path(one).resolve() for one in ones if one and Path(one).is_absolute())
        for name, ones in told["modules"].items()
    }
    return Code(
        modules={name: ones for name, ones in places.items() if ones},
        installed=tuple(Path(folder).resolve() for folder in told["installed"]),
    )


def found(side: Side, names: Collection[str]) -> Code:
    """Where a side would import modules from, if no program had a say in it.

    Args:
        side: where.
        names: of modules, without dots.
    """
    try:
        return code(json.loads(run_python(side, "-c", FIND, *sorted(names))))
    except (ProgramError, ValueError):  # it cannot be run, which is told where it is measured
        return Code(modules={}, installed=())


def of_suite(side: Side, folder: Path) -> set[str]:
    """Names of the modules that the benchmarks of a side import, without everybody's."""
    return suite.imported(side.root / folder) - EVERYBODYS


def judge(
    base: Side, head: Side, before: Code, after: Code, names: Collection[str], folder: Path | None = None
) -> list[Finding]:
    """What must be known of whose code the two sides ran.

    Args:
        base: a side; where it is another commit, its root lies in a checkout of its own.
        head: the other.
        before: where the base imports modules from.
        after: the same of the head.
        names: of modules that are compared, without dots.
        folder: the suite, whose own modules are no part of what is compared; None without one.

    Returns:
        Findings "not run" where no change of the code can show.

    Raises:
        UsageError: the base would run what is the head's.
    """
    beside = {name for name in after.modules if folder and _beside(after, name, head.root, folder)}
    names = sorted({*names} - beside)
    known = [name for name in names if name in after.modules]
    told = list((_of_commits if head.imports_root else _of_environments)(base, head, before, after, known))
    if not known and not told:
        says = "the benchmarks import no code but their own: whose it is that their processes run is not known"
        told = [Finding(kind="code", name="code", verdict="not comparable", says=says, advisory=True)]
    return told


def _beside(after: Code, name: str, root: Path, folder: Path) -> bool:
    place = (root / folder).resolve()
    place = place if place.is_dir() else place.parent
    return place != root.resolve() and after.below(name, place) is not None


def _not_run(name: str, says: str) -> Finding:
    return Finding(kind="code", name=name, verdict="not run", says=says)


# ------------------------------------------------------------------ two commits


def _of_commits(base: Side, head: Side, before: Code, after: Code, known: list[str]) -> Iterator[Finding]:
    """Each side must run the code of its own tree."""
    tree = commits.top_folder(head.root).resolve()
    depth = len(head.root.resolve().relative_to(tree).parts)
    base_tree = [base.root, *base.root.parents][depth].resolve()
    for name in sorted(before.modules):
        place = before.below(name, tree)
        if place and not place.is_relative_to(base_tree):
            raise _foreign(name, place, "the working tree's")
        if after.below(name, tree) and not before.below(name, base_tree):
            raise _foreign(name, before.modules[name][0], "which is installed")
    own = [name for name in known if after.below(name, tree)]
    for name in own:
        if built := _built(after, name, tree, base_tree):
            says = f"only the working tree has {built}, which no commit holds: build both, and name the --base-python"
            yield _not_run(name, says)
    others = {name: source for name in known if name not in own and (source := _source(tree, name))}
    for name, source in others.items():
        yield _not_run(name, f"both sides ran what is installed, not {source}; {MEND}")
    if known and not own and not others:
        listed = readable(", ".join(known))
        yield _not_run("code", f"nothing of the working tree was compared: {listed} lie outside it; {MEND}")


MEND = "each finds its own at the top of the project, in src/, or where pytest's pythonpath says"


def _foreign(name: str, place: Path, whose: str) -> UsageError:
    return UsageError(
        f"--against must run the base's own code; got {name} from {str(place)[:120]!a}, {whose}. "
        "What lies at the top of the project or in src/ is found in either; else name the base's --base-python."
    )


def _built(after: Code, name: str, tree: Path, base_tree: Path) -> Path | None:
    """A compiled part of a module, made in the working tree and missing in the base's, which may do without."""
    folders = [place for place in after.modules[name] if place.is_relative_to(tree) and place.is_dir()]
    compiled = (
        file.relative_to(tree)
        for folder in folders
        for suffix in EXTENSION_SUFFIXES
        for file in sorted(folder.rglob(f"*{suffix}"))
    )
    return next((file for file in compiled if not (base_tree / file).exists()), None)


def _source(tree: Path, name: str) -> str | None:
    """A file of the working tree that is the source of a top-level module; what lies inside a package is none."""
    patterns = [f":(glob)**/{name}.py", f":(glob)**/{name}/__init__.py"]
    for file in commits.git(tree, "ls-files", "-z", "--", *patterns).split("\0")[:-1]:
        path = tree / file
        around = path.parent.parent if path.name == "__init__.py" else path.parent
        if path.is_file() and not (around / "__init__.py").is_file():
            return file
    return None


# ------------------------------------------------------------------ two environments


def _of_environments(base: Side, head: Side, before: Code, after: Code, known: list[str]) -> Iterator[Finding]:
    """Each side must run what its environment has installed."""
    root = head.root.resolve()
    for side, ran in ((base, before), (head, after)):
        alone = found(side, known)
        for name in known:
            place, others = ran.below(name, root), alone.modules.get(name)
            if place and others and place not in others:
                raise UsageError(
                    f"--base-python must run what each environment has installed; got {name} from "
                    f"{str(place)[:120]!a}, although {side.name[:120]!a} has {str(others[0])[:120]!a}. "
                    "Remove what puts the tree first, as a conftest.py that changes sys.path."
                )
    same = [name for name in known if before.modules.get(name) == after.modules[name]]
    if known and same == known:
        yield _not_run("code", f"both environments have the same {readable(', '.join(known))}: nothing differs")
        return
    for name in same:
        if after.below(name, root):
            says = "the working tree's on both sides: what was compared is what else is installed"
            yield Finding(kind="code", name=name, verdict="not comparable", says=says, advisory=True)
