"""What is wrong with a store: damaged records are set aside, all else is named and left alone; no place to write."""

from seqbench.record.scratch import Scratch
from seqbench.record.store import Store
from seqbench.report.wording import count
from seqbench.schema import Options

SHOWN = 10
NO_LOCKS = (
    "store: its file system has no locks, so commands that share it train the same runs; each counts once. Start one "
    "at a time, or use a store on a local disk."
)


def refuse_unwritable(options: Options) -> None:
    """Return if records, and the report where one is asked for, can be written; leaves the disk as it was.

    Raises:
        UsageError: a folder is a file, or cannot be created or written.
    """
    Store(options.store).check_writable()
    if options.report:
        Store(options.out).check_writable("out")


def of_locks(claimed: Scratch) -> list[str]:
    """What to tell of a store without locks, where ``claimed`` is what this process has claimed in it."""
    return [NO_LOCKS] if claimed.claimed() is None else []


def set_aside(store: Store) -> list[str]:
    """Set damaged records aside; what to tell of them and of all else: how many, then at most ``SHOWN`` one by one."""
    return _lines(store.set_aside(), store.problems)


def of(store: Store) -> list[str]:
    """The same of a store that stays as it is."""
    return _lines([], store.problems)


def _lines(aside: list[str], left: list[str]) -> list[str]:
    told = [*aside, *left]
    if not told:
        return []
    counts = [f"{count(len(aside), 'damaged record')} set aside"] if aside else []
    counts += [f"{count(len(left), 'thing')} left alone"] if left else []
    more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
    return [f"store: {line}" for line in [", ".join(counts), *told[:SHOWN], *more]]
