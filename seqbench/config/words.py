"""The words of a command line and of a sweep: read with Hydra's grammar, refused where they are unsafe."""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

from seqbench.config.folder import GROUPS, Choices, did_you_mean, guess_choice
from seqbench.schema import UsageError

MAX_CHARACTERS = 20_000
MAX_KEY = 100
MAX_BRACKETS = 100
MAX_VALUES = 10_000
"""Values of one swept key, and cells of one study, at most."""
ROOT_KEYS = (
    "seeds", "lengths", "bisect", "device", "store", "out", "lanes", "plugins", "rerun", "reuse", "checkpoint_s",
    "scale", "cost", "report",
)  # fmt: skip
"""Keys of ``config.yaml`` beside the groups; they are named in answers to words that are no configuration at all."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """One ``key=value`` or ``key=value,value``.

    Attributes:
        key: a group ("model") or a dotted key ("model.width").
        values: plain values, more than one where the key is swept.
        prefix: "", "+", "++" or "~".
        origin: where it stands, for messages: "" for the command line, else " (in sweep NAME)".
    """

    key: str
    values: tuple[Any, ...]
    prefix: str = ""
    origin: str = ""

    def single(self) -> Any:
        """The value of a key that cannot be swept."""
        if len(self.values) != 1:
            listed = ",".join(render(value) for value in self.values[:10])
            lists = ("seeds", "lengths", "plugins")
            advice = f"write {self.key}=[{listed}]" if self.key in lists else "run the command once for each"
            raise UsageError(f"{self.key} must be one value; got {listed}{self.origin}. Instead {advice}.")
        return self.values[0]


def split(words: Sequence[str]) -> tuple[Path | None, list[str]]:
    """The folder of ``--config-dir`` (None without one) and the other words, each safe to print and to parse."""
    folder, texts = None, []
    remaining = iter([_safe(word) for word in words])
    for word in remaining:
        name, equals, value = word.partition("=")
        if name in ("--config-dir", "-cd"):
            if folder is not None:
                raise UsageError(f"--config-dir must be given once; got {word} as well. Remove one of them.")
            folder = _folder(value if equals else next(remaining, ""))
        elif word.startswith("-"):
            raise _unknown_flag(word, next(remaining, ""))
        else:
            texts.append(word)
    return folder, texts


def parse(texts: Iterable[str], choices: Choices, origin: str = "") -> dict[str, Word]:
    """Key -> word, in the order given; ``choices(group)`` are the names that ``glob(*)`` picks from.

    Raises:
        UsageError: a word is not Hydra's grammar, is unsafe, or repeats a key.
    """
    parsed: dict[str, Word] = {}
    for text in texts:
        word = _parse_one(_safe(text), choices, origin)
        if word.key in parsed:
            raise UsageError(f"each key must be given once; got {word.key} twice{origin}. Remove one of them.")
        parsed[word.key] = word
    return parsed


def render(value: Any) -> str:
    """The text that Hydra's grammar reads as ``value``.

    >>> render([1, "a b", None, True]), render("1")
    ("[1,'a b',null,true]", "'1'")
    """
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ",".join(render(item) for item in value) + "]"
    if not isinstance(value, str):
        return repr(value)
    bare = value.replace("_", "a").replace("/", "a").replace(".", "a").replace("-", "a")
    plain = bare.isascii() and bare.isalnum() and value[0].isalpha()
    if plain and value.lower() not in ("null", "true", "false", "nan", "inf"):
        return value
    return QuotedString(value, Quote.single).with_quotes()


def _safe(word: str) -> str:
    shown = ascii(word if len(word) <= 80 else word[:77] + "...")
    if len(word) > MAX_CHARACTERS:
        raise UsageError(f"a word must have at most {MAX_CHARACTERS} characters; got {len(word)}: {shown}. Shorten it.")
    if max(word.count(bracket) for bracket in "[{(") > MAX_BRACKETS:
        raise UsageError(f"a word must have at most {MAX_BRACKETS} brackets of a kind; got {shown}. Shorten it.")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in word):
        raise UsageError(f"a word must be valid UTF-8; got {shown}. Type it again.")
    if not word.isprintable():
        raise UsageError(f"a word must not hold control characters; got {shown}. Remove them.")
    if not word.strip():
        raise UsageError("a word must be key=value; got an empty word. Remove it.")
    if "_target_" in word:
        raise UsageError(f"_target_ is never read; got {shown}. Choose a class by task=NAME or model=NAME.")
    if "${" in word:
        raise UsageError(
            f"a value must be plain, without interpolation '${{...}}'; got {shown}. Write the value itself."
        )
    return word


def _folder(text: str) -> Path:
    if not text:
        raise UsageError("--config-dir must be followed by a folder; got nothing. Write --config-dir DIR.")
    return Path(text)


def _unknown_flag(word: str, following: str) -> UsageError:
    name, _, value = word.lstrip("-").replace("-", "_").partition("=")
    value = value or (following if "=" not in following else "")
    if name in ("m", "multirun"):
        return UsageError(f"{word} is not needed: values with commas are swept as they are. Remove it.")
    near = did_you_mean(name, (*GROUPS, *ROOT_KEYS, "model.learning_rate", "train.steps", "train.batch_size"))
    rule = f"an option must be --config-dir, --help or --version; got {word}."
    if near:
        key = near.split("'")[1]
        return UsageError(f"{rule} All else is Hydra's style key=value: try {key}={value or 'value'}.")
    meant = did_you_mean(word.partition("=")[0], ("--config-dir", "--help", "--version"))
    others = " Other options belong to a command, which comes first (report --format md); all else is key=value."
    return UsageError(f"{rule}{meant or others} See --help.")


def _parse_one(text: str, choices: Choices, origin: str) -> Word:
    if "=" not in text and not text.startswith("~"):
        raise _bare_word(text, choices)
    try:
        override = OverridesParser.create().parse_override(text)
    except (HydraException, ValueError, ArithmeticError, RecursionError) as error:
        reason = (str(error).splitlines() or ["nested too deeply"])[0][:120]
        raise UsageError(
            f"a word must be key=value in Hydra's grammar; got {text[:80]!r}{origin} ({reason}). "
            f"Put a value with special characters between quotes: key=\"'...'\"."
        ) from error
    key = override.key_or_group
    _check_key(key, override.package, text, origin)
    prefix = {"CHANGE": "", "ADD": "+", "FORCE_ADD": "++", "DEL": "~"}[override.type.name]
    values = () if prefix == "~" else _values(key, override, choices, origin)
    return Word(key=key, values=values, prefix=prefix, origin=origin)


def _check_key(key: str, package: str | None, text: str, origin: str) -> None:
    if package is not None:
        raise UsageError(f"a key must not name a package with '@'; got {text[:80]!r}{origin}. Remove the @ part.")
    if key.replace("/", ".").partition(".")[0] == "hydra":
        raise UsageError(
            f"of Hydra's own settings only hydra/launcher and hydra.launcher.OPTION are taken, from the command line; "
            f"got {text[:80]!r}{origin}. Remove it."
        )
    if len(key) > MAX_KEY:
        raise UsageError(f"a key must have at most {MAX_KEY} characters; got {len(key)}{origin}. Check it.")
    if not key:
        raise UsageError(f"a word must be key=value; got {text[:80]!r}{origin}. Name the key.")


def _bare_word(text: str, choices: Choices) -> UsageError:
    near = guess_choice(text, choices) or did_you_mean(text, (*GROUPS, *ROOT_KEYS)) or " See --help."
    return UsageError(f"a word must be key=value, and a subcommand comes first; got {text[:80]!r}.{near}")


def _values(key: str, override: Any, choices: Choices, origin: str) -> tuple[Any, ...]:
    """The plain values of a parsed override; one, unless the key is swept."""
    if not override.is_sweep_override():
        return (_plain(key, override.value(), origin),)
    if override.is_interval_sweep():
        raise UsageError(
            f"{key} must be a finite set of values; got an interval{origin}. Write {key}=a,b or range(a,b)."
        )
    if override.value_type.name == "GLOB_CHOICE_SWEEP":
        return tuple(override.value().filter(list(choices(key)))) or _no_values(key, "none", origin)
    values = tuple(itertools.islice(_swept(key, override, origin), MAX_VALUES + 1))
    if not 1 <= len(values) <= MAX_VALUES:
        _no_values(key, "more" if values else "none", origin)
    return tuple(_plain(key, value, origin) for value in values)


def _no_values(key: str, got: str, origin: str) -> NoReturn:
    raise UsageError(f"{key} must have 1 to {MAX_VALUES} values; got {got}{origin}. Check the range or pattern.")


def _swept(key: str, override: Any, origin: str) -> Iterator[Any]:
    """A range finds out only when it runs that its step is zero."""
    try:
        yield from override.sweep_iterator()
    except (HydraException, ValueError, ArithmeticError) as error:
        raise UsageError(f"{key} must be a range with an end; got one without{origin} ({error}). Check it.") from error


def _plain(key: str, value: Any, origin: str) -> Any:
    if isinstance(value, Mapping):
        raise UsageError(
            f"{key} must be a plain value; got a mapping{origin}. Give its keys one by one: {key}.name=value."
        )
    if isinstance(value, list):
        return [_plain(key, item, origin) for item in value]
    return getattr(value, "text", value)  # a QuotedString of a swept value
