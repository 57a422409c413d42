"""Any step runs unchanged as a PyTorch optimizer, and a wrong one as wrong."""

import numpy as np
import pytest
import torch

from descentlab.scale import optimizer
from descentlab.steps import signature_of
from tests.exercises.forms import EXERCISES, WRONG

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


@pytest.mark.filterwarnings("ignore:.* runs as plain NumPy")
@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)], ids=str)
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-4)]
)
def test_every_right_step_trains_as_the_reference(right_step, dtype, tolerance, shape):
    got = trained(right_step.function, dtype, shape)
    wanted = trained(right_step.exercise.reference, torch.float64, shape)
    assert got.dtype == np.dtype(str(dtype).removeprefix("torch."))
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


# -- Wrong steps -----------------------------------------------------------------------

WRONG_STEPS = [
    (f"{exercise.name}-{mistake.name}", mistake.function)
    for exercise in EXERCISES.values()
    if exercise.name.endswith("_step")
    for mistake in exercise.mistakes()
] + [
    (form.function.__name__, form.function)
    for form in WRONG
    if form.exercise.name.endswith("_step")
]


def gradients_of(theta):
    """Two parameters' gradients, of both signs and with a zero."""
    return [np.sin(3 * part) * (part != 1) for part in theta]


def in_numpy(step, steps):
    """Two parameters and their states, as NumPy computes them."""
    signature = signature_of(step)
    thetas = [np.array([[1.0, -2.0, 0.3], [0.5, 4.0, -1.0]]), np.array([0.7, 1.0])]
    states = [[np.zeros_like(theta) for _ in signature.state] for theta in thetas]
    for t in range(1, steps + 1):
        for place, grad in enumerate(gradients_of(thetas)):
            arrays = [thetas[place].copy(), grad, *(s.copy() for s in states[place])]
            result = step(*arrays, *([t] if signature.takes_t else []), lr=0.05)
            results = result if signature.state else (result,)
            if not isinstance(results, tuple | list):
                raise TypeError("not as many arrays as it keeps")
            theta, *state = (np.asarray(array) for array in results)
            if len(state) != len(signature.state):
                raise TypeError("not as many arrays as it keeps")
            for array in (theta, *state):
                if array.shape != thetas[place].shape:
                    raise ValueError("another shape")
                if array.dtype.kind != "f":
                    raise TypeError("no floats")
            thetas[place] = theta.astype(np.float64)
            states[place] = [array.astype(np.float64) for array in state]
    return [array for part in zip(thetas, states, strict=True) for array in flat(part)]


def flat(part):
    theta, state = part
    return [theta, *state]


def in_pytorch(step, steps):
    """The same through ``optimizer``."""
    thetas = [
        torch.tensor(values, dtype=torch.float64, requires_grad=True)
        for values in ([[1.0, -2.0, 0.3], [0.5, 4.0, -1.0]], [0.7, 1.0])
    ]
    made = optimizer(step)(thetas, lr=0.05)
    for _ in range(steps):
        values = [theta.detach().numpy() for theta in thetas]
        for theta, grad in zip(thetas, gradients_of(values), strict=True):
            theta.grad = torch.from_numpy(grad)
        made.step()
    names = signature_of(step).state
    return [
        tensor.detach().numpy()
        for theta in thetas
        for tensor in (theta, *(made.state[theta][name] for name in names))
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "step", [step for _, step in WRONG_STEPS], ids=[name for name, _ in WRONG_STEPS]
)
def test_a_wrong_step_is_wrong_in_the_same_way(step):
    try:
        wanted = in_numpy(step, steps=3)
    except Exception as error:
        with pytest.raises(type(error)):
            in_pytorch(step, steps=3)
    else:
        got = in_pytorch(step, steps=3)
        # Some wrong steps go far and come back: what is rounded is as large as that.
        met = (array for steps in (1, 2) for array in in_numpy(step, steps))
        largest = max(1.0, *(np.abs(array).max() for array in met))
        for one, other in zip(got, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14 * largest)
