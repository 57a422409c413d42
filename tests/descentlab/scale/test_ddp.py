"""Several processes train one model together: DistributedDataParallel."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from descentlab.scale import optimizer
from solutions.adam import adam_step
from tests.descentlab.scale.ddp import network, train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not dist.is_available(), reason="PyTorch without distributed"),
]

PROGRAM = Path(__file__).with_name("ddp.py")


def test_two_processes_train_as_one_does_on_the_joined_batch(tmp_path):
    subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node=2",
            str(PROGRAM),
            str(tmp_path),
        ],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()},
        check=True,
        timeout=300,
    )
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    model = network()
    train(model, torch.optim.Adam(model.parameters(), lr=0.05), shares=1, share=0)
    for as_view in (False, True):
        for name, wanted in model.state_dict().items():
            assert torch.equal(first[as_view][name], second[as_view][name])
            torch.testing.assert_close(
                first[as_view][name], wanted, rtol=1e-10, atol=1e-12
            )


def test_sharded_parameters_are_refused(tmp_path):
    dist.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1
    )
    try:
        model = network()
        fully_shard(model, mesh=init_device_mesh("cpu", (1,)))
        with pytest.raises(TypeError, match="whole parameters, got a sharded one"):
            optimizer(adam_step)(model.parameters())
    finally:
        dist.destroy_process_group()
