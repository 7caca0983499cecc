"""Differentiable recurrences on the library's fused kernels, or on ours that ``torch.vmap`` can batch."""

from seqbench.ops.backend import library_kernels
from seqbench.ops.observe import observing

__all__ = ["library_kernels", "observing"]
