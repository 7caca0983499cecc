"""A mapping that shares its keys with others: of a hundred thousand summaries the keys are held once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class Row(Mapping[str, Any]):
    """A row of a table, seen as a mapping.

    Args:
        at: key -> position, shared by the rows of the table.
        values: one for each key.

    Raises:
        ValueError: there are more or fewer values than keys.

    >>> Row({"score": 0, "steps": 1}, [0.5, 100])
    {'score': 0.5, 'steps': 100}
    """

    __slots__ = ("_at", "_values")

    def __init__(self, at: Mapping[str, int], values: Sequence[Any]) -> None:
        if len(at) != len(values):
            raise ValueError(f"a row must have a value for each of {len(at)} keys; got {len(values)}.")
        self._at = at
        self._values = values

    def __getitem__(self, key: str) -> Any:
        return self._values[self._at[key]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)

    def __repr__(self) -> str:
        return repr(dict(self))
