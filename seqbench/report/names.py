"""What records are called: labels and their order; of several labels of one thing the one that tables print."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from seqbench.schema import Record, without_length

FIRST = ("rnn", "lstm", "gru", "attention", "transformer")
"""Architectures that lead every table, in the order of their age; all others follow by name."""


class Label(NamedTuple):
    """What a record is called."""

    task: str
    model: str
    variant: str
    common: str = ""
    """Words of the variant that every name of a report has, and that none of them repeats."""

    @property
    def name(self) -> str:
        """Model and variant as one text."""
        return full_name(self.model, less(self.variant, self.common))


def full_name(model: str, variant: str) -> str:
    """What tables and legends print.

    >>> full_name("gru", ""), full_name("gru", "learning_rate=0.1")
    ('gru', 'gru (learning_rate=0.1)')
    """
    return f"{model} ({variant})" if variant else model


def label_of(record: Record, common: str = "") -> Label:
    """The label of a record, which need not be one that we wrote."""
    labels = record.labels
    return Label(labels.get("task", "?"), labels.get("model", "?"), labels.get("variant") or "", common)


def common_words(records: Sequence[Record]) -> str:
    """What the variants of all records say alike, such as ``train=smoke``: to be said once, and not in every name.

    Empty where without it two names would be the same.
    """
    variants = {record.labels.get("variant") or "" for record in records}
    shared = [word for word in _words(min(variants, default="")) if all(word in _words(other) for other in variants)]
    common = " ".join(shared)
    if not common:
        return ""
    names = {(label.model, label.variant) for label in map(label_of, records)}
    return common if len({(model, less(variant, common)) for model, variant in names}) == len(names) else ""


@lru_cache(4096)
def less(variant: str, common: str) -> str:
    """A variant without the words that all share.

    >>> less("learning_rate=0.1 train=smoke", "train=smoke"), less("clip=[1, 2]", "")
    ('learning_rate=0.1', 'clip=[1, 2]')
    """
    shared = _words(common)
    return " ".join(word for word in _words(variant) if word not in shared)


def _words(variant: str) -> list[str]:
    """The overrides of which a variant is made; a value may hold spaces."""
    return re.split(r" (?=[^ =]+=)", variant) if variant else []


def plainest(labels: Iterable[Label], reference: str | None = None) -> Label:
    """Of several labels of one configuration the one that spells out least of it; its task is any of theirs.

    That of the study's ``reference`` comes before all others: what the page compares with must be found by its name.

    >>> mine, gru = Label("copy_10", "mine", ""), Label("copy_10", "gru", "")
    >>> plainest([mine, gru]).name, plainest([mine, gru], "mine").name
    ('gru', 'mine')
    """

    def order(own: Label) -> tuple[Any, ...]:
        return own.model != reference, model_order(own.model), len(own.variant), natural(own.variant)

    return min(labels, key=order)


def task_name(records: Sequence[Record]) -> str:
    """What most of the runs call their task, its length named where any of them does."""
    labels = Counter(label_of(record).task for record in records)
    bare: Counter[str] = Counter()
    for label, number in labels.items():
        bare[without_length(label)] += number
    most = min(bare, key=lambda label: (-bare[label], natural(label)))
    return max((label for label in labels if without_length(label) == most), key=lambda label: (len(label), label))


def model_order(model: str) -> tuple[int, tuple[Any, ...]]:
    """Sort key of architectures: the five of ``FIRST``, then by name."""
    return (FIRST.index(model) if model in FIRST else len(FIRST)), natural(model)


@lru_cache(4096)
def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which copy_10 comes before copy_100 and after copy_9.

    >>> sorted(["copy_100", "copy_9", "copy_10"], key=natural)
    ['copy_9', 'copy_10', 'copy_100']
    """
    parts = re.split(r"([0-9]+)", name)
    return tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts if part)


def environment_names(records: Iterable[Record]) -> dict[str, str]:
    """env_id -> "A", "B", ...: short names in the order of the ids."""
    ids = sorted({record.env_id for record in records})
    return {env_id: chr(65 + i) if i < 26 else f"E{i + 1}" for i, env_id in enumerate(ids)}
