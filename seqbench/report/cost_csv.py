"""``costs.csv``: one line a measurement, every quantity with median and interval."""

from collections.abc import Sequence

from seqbench.report.comma import csv_lines
from seqbench.report.costs import Entry, ratio
from seqbench.statistics.seeds import Estimate

KEYS = (
    "step_s",
    "forward_s",
    "backward_s",
    "unflushed_s",
    "tokens_per_s",
    "peak_bytes",
    "peak_forward_bytes",
    "reserved_bytes",
    "stream_s",
    "gemm_flops_per_s",
    "energy_j",
    "data_s",
)
PLAIN = ("batch_size", "parameters", "state_bytes", "kernel")


def costs_csv(entries: Sequence[Entry]) -> str:
    """The lines of all entries; an empty cell where something was not measured, or has no interval."""
    estimates = [f"{key}{end}" for key in (*KEYS, "gemm_share", "unflushed_ratio") for end in ("", "_low", "_high")]
    head = ["env_id", "task", "model", "variant", "backend", "what", "twin", "length", *PLAIN, "flops_forward"]
    return "".join(csv_lines([*head, "rounds", "status", *estimates], map(_line, entries)))


def _line(entry: Entry) -> list[object]:
    status = "completed" if entry.records else entry.failed.status if entry.failed else ""
    line = [
        entry.env_id,
        entry.task,
        entry.model,
        entry.variant,
        entry.backend,
        entry.what,
        int(entry.twin),
        entry.length or entry.asked,
    ]
    line += [entry.first(key) for key in PLAIN]
    line += [entry.flops, len(entry.records), status]
    unflushed = ratio(entry, entry, "unflushed_s", "step_s")
    found = [*map(entry.estimate, KEYS), entry.share_of_gemm(), unflushed.estimate if unflushed else None]
    return [*line, *(value for estimate in found for value in _three(estimate))]


def _three(found: Estimate | None) -> list[object]:
    if found is None:
        return ["", "", ""]
    return [found.value, *(found.interval or ("", ""))]
