"""Run under torchrun by test_ddp.py: trains on this process's share of each batch.

Usage: ddp.py FOLDER. Writes the weights of each process to FOLDER/RANK.pt.
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from descentlab.scale import optimizer
from solutions.adam import adam_step

STEPS = 6


def network():
    torch.manual_seed(0)
    layers = nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)
    return nn.Sequential(*layers).double()


def train(model, opt, shares, share):
    """Steps on every so-many-th point of each batch."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(STEPS):
        points = torch.randn(12, 4, generator=generator, dtype=torch.float64)
        opt.zero_grad()
        (model(points[share::shares]) ** 2).mean().backward()
        opt.step()


def main():
    dist.init_process_group("gloo")
    rank, ranks = dist.get_rank(), dist.get_world_size()
    saved = {}
    for as_view in (False, True):
        model = DistributedDataParallel(network(), gradient_as_bucket_view=as_view)
        train(model, optimizer(adam_step)(model.parameters(), lr=0.05), ranks, rank)
        saved[as_view] = model.module.state_dict()
    torch.save(saved, Path(sys.argv[1], f"{rank}.pt"))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
