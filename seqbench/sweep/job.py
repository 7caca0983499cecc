"""What a worker process is asked to do. No torch: the parent makes these."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from seqbench.record import environment as env
from seqbench.record.record import cell_id, run_id
from seqbench.record.scratch import Scratch
from seqbench.schema import Cell, Measurement

PREFLIGHT_S = 300.0
"""Seconds that a preflight or a cost measurement may take; less where ``train.timeout_s`` gives a whole run less."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a worker is asked to do; plain data, sent to its process.

    Attributes:
        kind: "preflight" checks a cell and times its step, "learning" trains one member, "cost" measures the cell.
        seed: the member's seed, None where there is none.
        measurement: what is measured of the cell; of a preflight, what is to be measured later.
        store: folder of records. attempt: number of this attempt.
        checkpoint_s: seconds between checkpoints, None for none.
        wait: whether to wait where another process trains this run; else the job ends at once with a "busy" message.
        expected_s: estimated seconds, for the order and the progress.
        code: hashes of the code and data that the sweep began with (``same.code_of``); with others nothing is trained.
    """

    kind: Literal["preflight", "learning", "cost"]
    cell: Cell
    seed: int | None = None
    measurement: Measurement | None = None
    store: str = ""
    attempt: int = 1
    checkpoint_s: float | None = None
    wait: bool = False
    expected_s: float = 0.0
    code: Mapping[str, str] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """Identity of the run or measurement."""
        return run_id(self.config(), self.seed, "cost" if self.kind == "cost" else "learning")

    @property
    def cell_id(self) -> str:
        """Identity of what this run or measurement is a replicate of."""
        measured = {} if self.measurement is None else {"cost": self.measurement.setting()}
        return cell_id(self.cell.identity() | measured)

    def config(self) -> dict[str, Any]:
        """What a record says was asked for, but for the seed."""
        measured = {} if self.measurement is None else {"cost": asdict(self.measurement)}
        return self.cell.identity() | measured

    @property
    def limit_s(self) -> float | None:
        """Wall-clock seconds after which the process is ended; None sets no limit."""
        timeout_s = self.cell.train.timeout_s
        return timeout_s if self.kind == "learning" else min(PREFLIGHT_S, timeout_s or PREFLIGHT_S)

    def scratch(self) -> Scratch:
        """The private files of the run while it is not finished."""
        return Scratch(self.store, f"{self.run_id}-{env.env_id(env.environment())}")
