"""``python -m seqbench``."""

import sys
from collections import namedtuple

from seqbench.cli import main

if __name__ == "__main__":
    code = main()
    # An interrupt that came while text was run, as modules do that make data classes, would let CPython die of SIGINT
    # here, though main caught it and has an exit code. Running text once more, as a named tuple does, lets it forget.
    namedtuple("_", ())
    sys.exit(code)
