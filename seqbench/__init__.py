"""seqbench: a benchmark and comparison harness for sequence architectures."""

__version__ = "0.1.0"
