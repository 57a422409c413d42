"""Settings for the tests of descentlab.scale."""

import pytest
import torch

from descentlab.scale import kernel


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """On tensors this small, threads that wait for one another cost the most."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def compiled(monkeypatch):
    """Compile every kernel, however few elements it has."""
    monkeypatch.setattr(kernel, "COMPILE_FROM", 2)
    yield
    assert kernel.Compiler.works, "nothing was compiled: is there a C++ compiler?"
