"""Hostile input by number: text, records, CSV files and words of a command line; and the rule that all of it must keep.

A case is a function of ``Random(f"{kind}/{number}")`` alone, so that a failure is replayed by its number.
"""

import hashlib
import json
import signal
import string
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import pytest

from seqbench.record.record import CHECKSUM, canonical
from seqbench.schema import UsageError

CASES, SOAK_CASES, PORTION, SOAK_PORTION = 2_000, 100_000, 500, 2_000
LIMIT_S = 5.0
"""Of processor time, so that a busy machine fails no case; one that waits for ever meets the limit of its test."""
LONGEST_MESSAGE = 2_000


# ------------------------------------------------------------------ running cases


def portions(cases: int = CASES, soak: int = SOAK_CASES, portion: int = PORTION) -> list[Any]:
    """Ranges of case numbers, one a test: the first ``cases`` always, those up to ``soak`` in a soak run."""
    always = [range(start, min(start + portion, cases)) for start in range(0, cases, portion)]
    more = [range(start, min(start + SOAK_PORTION, soak)) for start in range(cases, soak, SOAK_PORTION)]
    return [
        *(_param(numbers, pytest.mark.slow) for numbers in always),
        *(_param(numbers, pytest.mark.soak) for numbers in more),
    ]


def _param(numbers: range, *marks: Any) -> Any:
    return pytest.param(numbers, marks=marks, id=f"{numbers.start}-{numbers.stop}")


def run(kind: str, numbers: Iterable[int], case: Callable[[Random], Any]) -> list[Any]:
    """What ``case`` returned for every number; a failure says which number it was and how to try it alone."""

    def too_slow(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"took longer than {LIMIT_S} s")

    handler = signal.signal(signal.SIGPROF, too_slow)
    number, found = -1, []
    try:
        for number in numbers:
            signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
            found.append(case(Random(f"{kind}/{number}")))
    except (Exception, pytest.fail.Exception) as error:
        found_out = f"{type(error).__name__}: {str(error)[:500]!a}"
        alone = f'fuzz.run("{kind}", [{number}], case)'
        raise AssertionError(f"case {number} of {kind}: {found_out}; alone: {alone}") from error
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)
    return found


def refused(call: Callable[[], Any]) -> str | None:
    """The message with which a call refuses its input, None where it accepts it; anything else is a failure."""
    try:
        call()
    except ValueError as error:
        if type(error) not in (UsageError, ValueError):  # such as a UnicodeDecodeError that nobody translated
            raise
        check_message(str(error))
        return str(error)
    return None


def check_message(message: str) -> None:
    """One line that a terminal can print, neither empty nor endless."""
    assert message.strip(), "the message is empty"
    assert message.isprintable(), f"not printable: {message[:LONGEST_MESSAGE]!a}"
    assert len(message) <= LONGEST_MESSAGE, f"{len(message)} characters: {message[:200]!a}..."


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Path -> (size, time of change) of everything below a folder."""
    found = ((path, path.lstat()) for path in folder.rglob("*"))
    return {str(path): (state.st_size, state.st_mtime_ns) for path, state in found}


# ------------------------------------------------------------------ text

HOSTILE = (
    "<script>alert(1)</script>", "</script>", "<img src=x onerror=alert(2)>", "]]>", "<!--", "-->", "</title>",
    "</style>", "<svg/onload=alert(3)>", "&lt;", "&#x3c;b&#x3e;", "' onmouseover='x", '" onmouseover="x',
    "](javascript:alert(4))", "[a](javascript:alert(5))", "![a](http://example.org/x)", "<http://example.org>", "|",
    "||", "\\|", "`", "```", "**", "# ", "- ", "\x1b[31m", "\x1b]8;;http://example.org\x07", "\x9b2J", "\x07",
    "\x00", "\x7f", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\u0085", "\ud800", "\U0010ffff", "..",
    "../../etc/passwd", "/", "\\", "C:\\", "=cmd|' /C calc'!A0", "=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1",
    "\n=1", "\n", "\r\n", "\t", " ", '"', '""', "'", ",", ";", "$x^2$", "$", "%s", "{0}", "{{7*7}}", "{% raw %}",
    "${oc.env:HOME}", "__class__", "_x", "[bold red]", "[/]", ":smile:", "null", "nan", "1e999", "א", "مرحبا", "日本語",
    "e\u0301", "🧠", "ﷺ", "A" * 300,
)  # fmt: skip


def text(random: Random, longest: int = 10_000) -> str:
    """Text that means something to a browser, a terminal, a spreadsheet, Markdown, YAML or a file system."""
    kind = random.random()
    if kind < 0.65:
        parts = [random.choice(HOSTILE) for _ in range(random.choice((1, 1, 2, 3)))]
        parts.insert(random.randrange(len(parts) + 1), random.choice(("", "x", "gru")))
        return "".join(parts)
    if kind < 0.9:
        return "".join(_character(random) for _ in range(random.randint(1, 12)))
    if kind < 0.97:
        return "".join(random.choices(string.printable, k=random.randint(1, 40)))
    return (random.choice(HOSTILE) * longest)[: random.choice((200, 1000, longest))]


def _character(random: Random) -> str:
    high = random.choice((0x7F, 0xFF, 0x2FFF, 0xFFFF, 0x10FFFF))
    return chr(random.randint(0, high))


# ------------------------------------------------------------------ records


def odd_value(random: Random) -> Any:
    """A value that JSON has, of any type and size."""
    return random.choice((
        lambda: None, lambda: True, lambda: random.randint(-(2**70), 2**70), lambda: -1, lambda: 0, lambda: 1e308,
        lambda: -0.0, lambda: 1e-320, lambda: text(random, 300), lambda: "", lambda: [], lambda: {},
        lambda: [1, "a", None], lambda: {"": 1}, lambda: {text(random, 50): [text(random, 50)]},
        lambda: nested(random.randint(2, 60)), lambda: [[]], lambda: {"median": "x"},
    ))()  # fmt: skip


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def changed_document(random: Random, document: dict[str, Any], changes: int = 3) -> dict[str, Any]:
    """A record's document with some of its values, at any depth, replaced, removed or added; its checksum is right."""
    changed = json.loads(json.dumps(document))
    for _ in range(random.randint(1, changes)):
        node = changed
        while True:
            keys = list(range(len(node))) if isinstance(node, list) else list(node)
            if not keys:
                break
            key = random.choice(keys)
            if isinstance(node[key], dict | list) and node[key] and random.random() < 0.7:
                node = node[key]
                continue
            _change(random, node, key)
            break
    return signed(changed)


def _change(random: Random, node: Any, key: Any) -> None:
    kind = random.random()
    if kind < 0.75:
        node[key] = odd_value(random)
    elif kind < 0.9:
        del node[key]
    elif isinstance(node, dict):
        node[text(random, 50)] = odd_value(random)
    else:
        node.append(odd_value(random))


def signed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the checksum that belongs to it."""
    content = {key: value for key, value in document.items() if key != CHECKSUM}
    return content | {CHECKSUM: hashlib.sha256(canonical(content).encode()).hexdigest()}


def changed_bytes(random: Random, content: bytes) -> bytes:
    """Bytes that a disk, an editor or a stranger has been at."""
    at, end = sorted(random.choices(range(len(content) + 1), k=2))
    part = random.choice(_TOKENS) if random.random() < 0.6 else random.randbytes(random.randint(1, 20))
    return random.choice((
        lambda: content[:at],
        lambda: content[at:],
        lambda: content[:at] + content[end:],
        lambda: content[:at] + part + content[at:],
        lambda: content[:at] + part + content[at + len(part) :],
        lambda: content[:at] + content[at:end] * random.randint(2, 4) + content[end:],
        lambda: content[:at] + bytes([content[at % len(content)] ^ (1 << random.randrange(8))]) + content[at + 1 :],
        lambda: content.decode("utf-8", "replace").encode(random.choice(("utf-16", "utf-8-sig", "utf-32"))),
        lambda: content.replace(random.choice((b"1", b'"', b":", b"{", b"e", b",")), part, random.randint(1, 5)),
        lambda: part * random.choice((1, 50, 3000)),
    ))()  # fmt: skip


_TOKENS = (
    b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"null", b"{", b"}", b"[" * 2000, b'"', b'\\u0000', b"\\ud800",
    b"\x00", b"\xff\xfe", b"\xc3\x28", b"// x", b"true", b"-", b"1.", b"0x1F", b",", b'{"a":', b"'", b"\r\n",
    b"\xef\xbb\xbf",
)  # fmt: skip


# ------------------------------------------------------------------ CSV files

_CELLS = (
    "",
    "NA",
    "nan",
    "inf",
    "1e999",
    "1,5",
    "1.234,5",
    "1_000",
    "0x10",
    "two",
    "--",
    "1e5",
    "1 000",
    "٣",
    "½",
    '"',
    "=1+1",
    "1\x00",
    "\n",
)
_TIMES = (
    "2024-01-01",
    "01/02/2024",
    "2024-13-01",
    "soon",
    "2024-01-01T00:00:00Z",
    "0",
    "-1",
    "1e400",
    "9999-12-31",
    "24:00",
)
_ENCODINGS = (
    *["utf-8"] * 30,
    "utf-8-sig",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-32",
    "latin-1",
    "cp1252",
    "shift-jis",
)


def csv_file(random: Random) -> bytes:
    """A table as CSV; some are right, the others have faults of cells, rows, dialect or encoding."""
    num_columns, num_rows = random.randint(1, 4), random.choice((0, 1, 2, 12, 40, 150))
    names = [f"{random.choice('ab')}{column}" for column in range(num_columns)]
    if random.random() < 0.2:
        names[-1] = random.choice(("a0", "", " ", "1", text(random, 300)))
    rows = [[f"{random.gauss(0, 10):.4g}" for _ in names] for _ in range(num_rows)]
    for row, cells in enumerate(rows):
        cells[0] = str(row)
    if rows and random.random() < 0.15:
        random.choice(rows)[0] = random.choice(_TIMES)
    for _ in range(random.choice((0, 0, 0, 0, 1, 3, 30)) if rows else 0):
        cells = random.choice(rows)
        if cells:
            cells[random.randrange(len(cells))] = random.choice(_CELLS) if random.random() < 0.8 else text(random, 300)
    if rows and random.random() < 0.1:
        cells = random.choice(rows)
        random.choice(
            (cells.clear, lambda cells=cells: cells.append("1"), lambda cells=cells: cells.__delitem__(slice(1)))
        )()
    content = _written(random, [names, *rows])
    return changed_bytes(random, content) if content and random.random() < 0.1 else content


def _written(random: Random, rows: list[list[str]]) -> bytes:
    separator, end = random.choice("," * 20 + ";\t|"), random.choice((*["\n"] * 12, "\r\n", "\r\n", "\r", "\n\n"))
    quoted = random.random() < 0.8  # an unquoted separator or newline in a cell is one more fault
    lines = (separator.join(_quote(cell) if quoted else cell for cell in row) for row in rows)
    whole = end.join(lines) + random.choice(("", end, end * 3))
    return whole.encode(random.choice(_ENCODINGS), random.choice(("replace", "ignore")))


def _quote(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if any(c in cell for c in ',;\t|"\r\n') else cell


def csv_options(random: Random) -> dict[str, Any]:
    """Keys of the time series task that read a file."""
    some = random.choice((["a1"], ["b2"], ["a0", "a1"], [], ["a1", "a1"], ["OT"], "a1", [text(random, 100)], [""]))
    choices: dict[str, Any] = {
        "columns": some,
        "time_column": random.choice(("a0", "b0", "a0", "b0", "a1", "", text(random, 100))),
        "gaps": random.choice(("allow", "refuse", "allow", "refuse", "fill", text(random, 50))),
    }
    return {key: value for key, value in choices.items() if random.random() < 0.25}


def series_options(random: Random) -> dict[str, Any]:
    """Keys of the time series task that cut a series into windows and parts."""
    number = random.choice((1, 2, 3, 10, 0, -1, 10**6, 2**63))
    splits = random.choice(
        ([0.6, 0.2, 0.2], [20, 10, 10], [1, 1, 1], [0.0, 0.5, 0.5], [1e300, 1.0, 1.0], [0.5, 1, 1], [], [9, 9])
    )
    choices = {
        "window": number,
        "horizon": random.choice((1, 2, 0)),
        "season": random.choice((1, 3, number)),
        "splits": splits,
    }
    return {key: value for key, value in choices.items() if random.random() < 0.4}


# ------------------------------------------------------------------ words of a command line

_KEYS = (
    "seeds", "device", "store", "out", "lanes", "plugins", "rerun", "scale", "cost", "report", "task", "model",
    "train", "instruments", "model.width", "model.learning_rate", "model.embed", "model.embed_size", "model.target",
    "task.delay", "task.version", "task.path", "task.budget", "train.steps", "train.clip", "train.batch_size",
    "sweep", "study.name", "study.tuned", "study.scales", "sead", "model.widht", "hydra.run.dir", "hydra/launcher",
    "hydra", "hydra.searchpath", "_target_", "model._target_", "model._args_", "a.b.c.d", "a/b", "task/long", ".",
    "..", "a..b", "", "1", "é", "null", "model.0", "study", "config", "defaults", "instruments.gradient_profile",
)  # fmt: skip
_VALUES = (
    "3", "-1", "0", "1.5", "1e400", "nan", "true", "null", "gru", "lstm", "copy_memory", "time_series", "smoke", "x",
    "a,b", "1,2,3", "gru,lstm", "[1,2]", "[gru,lstm]", "[", "]", "[[[]]]", "{a:1}", "{a:{b:[1]}}", "{", "'a", '"a',
    "'a b'", "''", "\\,", "\\", "range(1,9)", "range(9)", "range(1,9,0)", "range(1,99999999999)", "range(1.5,3)",
    "choice(1,2)", "choice(gru,lstm)", "interval(0,1)", "glob(*)", "glob([*,a])", "glob(x)", "shuffle(1,2)",
    "sort(2,1)", "sort(a,1)", "tag(x,1,2)", "int(3.5)", "float(x)", "bool(maybe)", "str(3)", "json_str('{')",
    "extend_list(1)", "${oc.env:HOME}", "${seeds}", "${now:%Y}", "${", "$", "_target_", "os.system", "os:system",
    "../..", "/dev/zero", "/", "~", "~root", "99999999999999999999", "0x10", "1_000", "1,", ",", "=", "==", "a=b",
    ":", "a:b", "@", "%", "#", "!", "&x", "*x", "!!python/x", "cpu", "cuda", "auto", "tpu", "missing", "all",
    "[mine]", "[os]", "[seqbench]", "[1]", "[..]", "https://example.org/a.csv",
)  # fmt: skip
_WHOLE = (
    "gru", "smoke", "plan", "run", "--help=x", "-m", "--multirun", "--config-dir", "--config-dir=.",
    "--config-dir=/dev", "-cd", "--cfg", "job", "--seed", "3", "-c", "--resolve", "--package", "--hydra-help",
    "--info", "--store", "--out=x", "-", "--", "=", "~", "+", "++", "~model", "~task=x", "@", "model@x=gru",
    "model@:x=gru", "task@_global_=x", "+task@x=copy_memory", "~hydra/launcher", "+hydra.job.name=x",
)  # fmt: skip


def words(random: Random) -> list[str]:
    """Words of a command line: Hydra's grammar, its faults, other programs' options, and text that is none of these."""
    start = random.choice(([], [], [], ["task=time_series", "task.source=csv"], ["+sweep=smoke"], ["model=gru,lstm"]))
    return [*start, *(_word(random) for _ in range(random.choice((1, 1, 1, 2, 3))))]


def _word(random: Random) -> str:
    kind = random.random()
    if kind < 0.08:
        return random.choice(_WHOLE)
    if kind < 0.12:
        return text(random, 25_000)
    key = random.choice(_KEYS) if random.random() < 0.95 else text(random, 200)
    value = random.choice(_VALUES) if random.random() < 0.9 else text(random, 25_000)
    if kind < 0.6:  # nearly right: the questions behind the grammar are reached
        return random.choice(("", "", "", "", "", "+", "++", "~")) + f"{random.choice(_KEYS[:34])}={value}"
    if random.random() < 0.15:
        value = random.choice(
            ("[{0},{0}]", "{{a:{0}}}", "choice({0},{0})", "'{0}'", '"{0}"', "{0},{0}", "sort({0})", "({0})")
        ).format(value)
    if random.random() < 0.05:
        value = random.choice(("[", "{a:", "(", "sort(", "'", "\\")) * random.randint(1, 300)
    separator = random.choice(("=", "=", "=", "=", "= ", " = ", "", "==", ":"))
    return random.choice(("", "", "", "", "+", "++", "~", "+ ")) + key + separator + value
