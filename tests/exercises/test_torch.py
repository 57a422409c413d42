"""A right step, however it is written, runs unchanged as a PyTorch optimizer."""

import numpy as np
import pytest
import torch

from descentlab.scale import optimizer

STEPS = 20


def trained(step, dtype, shape):
    """The weights after some steps on a quadratic, with noise in the gradients."""
    rng = np.random.default_rng(5)
    theta = torch.ones(shape, dtype=dtype, requires_grad=True)
    made = optimizer(step)([theta], lr=0.05)
    for noise in rng.normal(size=(STEPS, *shape)):
        theta.grad = theta.detach() + torch.as_tensor(noise, dtype=dtype)
        made.step()
    return theta.detach().numpy()


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)], ids=str)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-4)]
)
def test_every_right_step_trains_as_the_reference(right_step, dtype, tolerance, shape):
    got = trained(right_step.function, dtype, shape)
    wanted = trained(right_step.exercise.reference, torch.float64, shape)
    assert got.dtype == np.dtype(str(dtype).removeprefix("torch."))
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)
