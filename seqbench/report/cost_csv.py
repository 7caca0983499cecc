"""``costs.csv``: one line a measurement, every quantity with median and interval."""

import csv
import io
from collections.abc import Sequence

from seqbench.report.costs import Entry, ratio
from seqbench.report.wording import readable
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
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    estimates = [f"{key}{end}" for key in (*KEYS, "gemm_share", "unflushed_ratio") for end in ("", "_low", "_high")]
    head = ["env_id", "task", "model", "variant", "backend", "what", "twin", "length", *PLAIN, "flops_forward"]
    writer.writerow([*head, "rounds", "status", *estimates])
    for entry in entries:
        writer.writerow(_line(entry))
    return stream.getvalue()


def _line(entry: Entry) -> list[object]:
    status = "completed" if entry.records else entry.failed.status if entry.failed else ""
    names = [readable(text) for text in (entry.task, entry.model, entry.variant)]
    line = [entry.env_id, *names, entry.backend, entry.what, int(entry.twin), entry.length or entry.asked]
    line += [readable(value) if isinstance(value := entry.first(key), str) else value for key in PLAIN]
    line += [entry.flops, len(entry.records), status]
    unflushed = ratio(entry, entry, "unflushed_s", "step_s")
    found = [*map(entry.estimate, KEYS), entry.share_of_gemm(), unflushed.estimate if unflushed else None]
    return [*line, *(value for estimate in found for value in _three(estimate))]


def _three(found: Estimate | None) -> list[object]:
    if found is None:
        return ["", "", ""]
    return [found.value, *(found.interval or ("", ""))]
