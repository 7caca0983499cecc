"""Several stores read as one, for a report over machines or over months."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from seqbench.record.reading import folder_name
from seqbench.record.store import Store
from seqbench.schema import Record


class Stores(Store):
    """The records of several folders; a record that two of them hold counts once. For reading only."""

    def __init__(self, roots: Sequence[Path | str]) -> None:
        super().__init__(roots[0])
        self.parts = [Store(root) for root in roots]
        self._owners: dict[str, Store] = {}

    def records(self, kind: str | None = None) -> list[Record]:
        """All readable records, by folder name."""
        if len(self.parts) == 1:  # and no table of a hundred thousand names
            return self.parts[0].records(kind)
        self._owners, found = {}, {}
        for store in self.parts:
            for record in store.records(kind):
                name = folder_name(record)
                if name not in found:
                    self._owners[name], found[name] = store, record
        return [found[name] for name in sorted(found)]

    def find(self, run_id: str, env_id: str | None = None) -> list[Record]:
        """The readable records of one run, by environment and attempt; those of earlier folders first."""
        found: dict[str, Record] = {}
        for store in self.parts:
            for record in store.find(run_id, env_id):
                if found.setdefault(folder_name(record), record) is record:
                    self._owners[folder_name(record)] = store
        return sorted(found.values(), key=lambda record: (record.env_id, record.attempt))

    def arrays(self, record: Record) -> dict[str, np.ndarray]:
        """The arrays of a record, from the store it was read from."""
        return self._owners.get(folder_name(record), self.parts[0]).arrays(record)

    @property
    def problems(self) -> list[str]:
        """One sentence for each thing in the folders that is not a readable record."""
        return [f"{store.root}/{problem}" for store in self.parts for problem in store.problems]

    def publish(self, record: Record, arrays: Mapping[str, np.ndarray]) -> Path:
        """Refused: which of the folders should take it?"""
        raise NotImplementedError("a record is published to one store, not to several; use Store")

    def collect(self) -> int:
        """Refused, as ``publish`` is."""
        raise NotImplementedError("several stores are only read; use Store")

    def set_aside(self) -> list[str]:
        """Refused, as ``publish`` is."""
        raise NotImplementedError("several stores are only read; use Store")
