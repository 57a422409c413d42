"""Tensors as NumPy sees them."""

from __future__ import annotations

import numpy as np
import torch

Tensor = torch.Tensor

HALF = frozenset({torch.bfloat16, torch.float16})
"""What NumPy's arithmetic knows badly or not at all: computed in float32."""


def wide(dtype: torch.dtype) -> torch.dtype:
    """The dtype in which a step on such parameters computes."""
    return torch.float32 if dtype in HALF else dtype


def as_array(tensor: Tensor) -> np.ndarray:
    """A tensor as an array: its own memory, where NumPy can use that."""
    tensor = tensor.detach().cpu()
    return tensor.to(wide(tensor.dtype)).numpy()


def as_tensor(array: np.ndarray, dtype: np.dtype) -> Tensor:
    """An array as a tensor, which may share its memory."""
    return torch.from_numpy(np.require(array, dtype, ["C", "W"]))
