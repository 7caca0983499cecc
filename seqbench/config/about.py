"""What a sweep's file says of the records that it left."""

from typing import Any

from seqbench.config import compose
from seqbench.schema import Study, UsageError


def about_sweep(studies: set[str | None]) -> dict[str, Any]:
    """Name, reference, tuning and trials, where all records come from one sweep; as ``seqbench.report.write`` takes.

    Of several sweeps: what they agree on, without a name, and the trials of all.
    """
    names = sorted(name for name in studies if name is not None)
    found = [_study(name) for name in names]
    known = [study for study in found if study is not None]
    if len(known) < len(found) or not found:
        return {"study": names[0]} if len(names) == 1 else {}
    references, sentences = {study.reference for study in known}, {study.tuning for study in known}
    return {
        "study": names[0] if len(names) == 1 else None,
        "reference": references.pop() if len(references) == 1 else None,
        "tuning": sentences.pop() if len(sentences) == 1 else "",
        "trials": {pair: trials for study in known for pair, trials in study.trials.items()},
    }


def _study(name: str) -> Study | None:
    """The study that a sweep's file describes; None where it is somebody else's, whose file is not here."""
    try:
        return compose([f"+sweep={name}"])
    except UsageError:
        return None
