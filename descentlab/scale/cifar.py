"""CIFAR-10 for a reader who has torchvision and a network; the course needs neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from descentlab.scale.arrays import Tensor

Split = tuple[Tensor, Tensor]


def cifar10(
    folder: str | Path = "data",
) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
    """Images and labels of CIFAR-10, downloaded once, or None and a line that says why.

    Args:
        folder: where the data are, or are put: 170 MB as an archive, as much unpacked.

    Returns:
        The images to learn from, float32 of shape ``(50000, 3, 32, 32)``, and their
        labels, 0 to 9; then the 10000 images to test on, and theirs. Each channel is
        shifted and scaled to mean 0 and deviation 1 over the images to learn from.
    """
    try:
        from torchvision.datasets import CIFAR10  # type: ignore[import-not-found]
    except ImportError as error:
        print(f"CIFAR-10 needs torchvision (pip install torchvision): {error}.")
        return None
    try:
        seen, unseen = (
            _arrays(CIFAR10(folder, train=train, download=True))
            for train in (True, False)
        )
    except (OSError, RuntimeError) as error:
        print(f"CIFAR-10 is not in {folder!r}, and could not be downloaded: {error}.")
        return None
    (images, labels), (others, answers) = seen, unseen
    mean = images.mean(dim=(0, 2, 3), keepdim=True)
    deviation = images.std(dim=(0, 2, 3), keepdim=True)
    return (images - mean) / deviation, labels, (others - mean) / deviation, answers


def _arrays(dataset: Any) -> Split:
    """A torchvision dataset, bytes ``(n, 32, 32, 3)``, as images and labels."""
    images = torch.from_numpy(dataset.data).permute(0, 3, 1, 2)
    return images.float() / 255, torch.tensor(dataset.targets)
