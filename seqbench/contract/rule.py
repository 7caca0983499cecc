"""What a broken rule says."""

BATCH = 3
"""Sequences of the batch that checks run on."""
MAX_TOLD = 300
"""Characters of what came, or of an exception's text, that are told."""


class ContractError(Exception):
    """A task or an architecture breaks a rule: its name, what was expected, what came."""

    def __init__(self, rule: str, expected: str, got: str) -> None:
        super().__init__(f"contract {rule}: expected {expected}; got {one_line(got)}")


def expect(true: bool, rule: str, expected: str, got: object) -> None:
    """Raise ContractError unless ``true``."""
    if not true:
        raise ContractError(rule, expected, str(got))


def one_line(text: str) -> str:
    r"""A text as one printable line that no terminal obeys, cut where it is long.

    >>> one_line("two\nlines, one \x1b[31mred")
    'two lines, one \\x1b[31mred'
    """
    line = " ".join(text[: 10 * MAX_TOLD].split())
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    return line if len(line) <= MAX_TOLD else f"{line[:MAX_TOLD]}..."
