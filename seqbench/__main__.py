"""``python -m seqbench``."""

import sys

from seqbench.cli import main

if __name__ == "__main__":
    sys.exit(main())
