"""Several processes train one model together: DistributedDataParallel."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from descentlab import problems
from descentlab.scale import optimizer
from solutions.adam import adam_step
from tests.descentlab.scale.ddp import network, train

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not dist.is_available(), reason="PyTorch without distributed"),
]

PROGRAM = Path(__file__).with_name("ddp.py")


def torchrun(processes, *command, cwd=None):
    """Run a program in several processes."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    subprocess.run(
        [*launcher, f"--nproc-per-node={processes}", *map(str, command)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd()},
        cwd=cwd,
        check=True,
        timeout=300,
    )


def test_two_processes_train_as_one_does_on_the_joined_batch(tmp_path):
    torchrun(2, PROGRAM, tmp_path)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    model = network()
    train(model, torch.optim.Adam(model.parameters(), lr=0.05), shares=1, share=0)
    for as_view in (False, True):
        for name, wanted in model.state_dict().items():
            assert torch.equal(first[as_view][name], second[as_view][name])
            torch.testing.assert_close(
                first[as_view][name], wanted, rtol=1e-10, atol=1e-12
            )


@pytest.fixture
def script(tmp_path):
    """The script of the book's page, in a folder beside the step that it imports."""
    page = Path("chapters/devices.md").read_text(encoding="utf-8")
    (source,) = re.findall("```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "train.py").write_text(source, encoding="utf-8")
    shutil.copy("solutions/adam.py", tmp_path / "my_steps.py")
    return tmp_path / "train.py"


def test_the_script_of_the_page(script):
    weights = []
    for processes in (1, 2):
        torchrun(processes, script, cwd=script.parent)
        weights.append(torch.load(script.parent / "net.pt"))
    images, labels = map(torch.from_numpy, problems.digits())
    one, two = weights
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-3)
    hidden = torch.relu(images.flatten(1) @ two["1.weight"].T + two["1.bias"])
    read = (hidden @ two["3.weight"].T + two["3.bias"]).argmax(1)
    assert (read == labels).float().mean() > 0.95


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
