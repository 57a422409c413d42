"""Settings for the tests of descentlab.scale."""

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """On tensors this small, threads that wait for one another cost the most."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
