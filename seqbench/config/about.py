"""What a sweep's file says of the records that it left."""

from typing import Any

from seqbench.config import compose
from seqbench.schema import UsageError


def about_sweep(studies: set[str | None]) -> dict[str, Any]:
    """Name, reference, tuning and trials, where all records come from one sweep; as ``seqbench.report.write`` takes."""
    names = studies - {None}
    name = names.pop() if len(names) == 1 else None
    if name is None:
        return {}
    try:
        study = compose([f"+sweep={name}"])
    except UsageError:  # somebody else's sweep: its file is not here
        return {"study": name}
    return {"study": name, "reference": study.reference, "tuning": study.tuning, "trials": study.trials}
