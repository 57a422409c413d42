"""What a step does in NumPy, and the program that becomes of it."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from descentlab.scale import UnsupportedStep, backend, optimizer
from descentlab.scale.lists import ListKernel
from descentlab.scale.rule import Rule
from descentlab.scale.source import lines
from solutions.adam import adam_step

TOLERANCE = {"float32": 2e-6, "float64": 1e-14}
START = np.linspace(0.3, 2.1, 6).reshape(2, 3)


def recorded(step, dtype="float64", t=1, **hyper):
    """The program of a step, and its scalars."""
    rule = Rule(step)
    return rule.record(dtype, t, rule.signature.fill(hyper, rule.name))


def body(step, dtype="float64", **hyper):
    """The lines of a step, its scalars as numbers."""
    program, scalars = recorded(step, dtype, **hyper)
    names = Rule(step).arguments
    return lines(program, names, lambda place, _: (str(scalars[place]), 9))


def run_lists(step, dtype, steps=3):
    """The same by PyTorch's operations on lists of tensors, as on a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        as_lists = lambda name, program, *_: ListKernel(program, compiles=False)  # noqa: E731
        patch.setattr(backend, "_kernel", as_lists)
        return run(step, dtype, steps)


def run(step, dtype, steps=3, plain=False, **hyper):
    """Theta and the state after some steps of the optimizer on two parameters."""
    params = [
        torch.tensor(part, dtype=getattr(torch, dtype), requires_grad=True)
        for part in (START, START[0] - 0.8)
    ]
    made = optimizer(step)(params, **hyper)
    made._in_numpy = plain
    for count in range(steps):
        for param in params:
            param.grad = torch.cos(param.detach() + count)
        made.step()
    assert made._in_numpy == plain, "the program was given up"
    names = made.rule.signature.state
    return [
        [p.detach().numpy(), *[made.state[p][n].numpy() for n in names]] for p in params
    ]


def run_numpy(step, dtype, steps=3, **hyper):
    """The same in NumPy alone."""
    found = []
    rule = Rule(step)
    for part in (START, START[0] - 0.8):
        arrays = [
            part.astype(dtype),
            None,
            *[np.zeros_like(part, dtype) for _ in rule.signature.state],
        ]
        for count in range(steps):
            arrays[1] = torch.cos(torch.from_numpy(arrays[0]) + count).numpy()
            for place, array in rule(arrays, count + 1, hyper).items():
                arrays[place] = np.asarray(array).astype(dtype)
        found.append([arrays[0], *arrays[2:]])
    return found


def assert_same(got, wanted, dtype):
    for one, other in zip(got, wanted, strict=True):
        for array, expected in zip(one, other, strict=True):
            tolerance = TOLERANCE[dtype]
            np.testing.assert_allclose(array, expected, rtol=tolerance, atol=tolerance)


# -- What can be recorded --------------------------------------------------------------


def test_a_formula_keeps_its_order_and_its_brackets():
    def step(theta, grad, m, lr=0.5):
        m = m - (theta - (grad - 2.0)) * 3.0
        return theta - lr * m / (grad / 4.0) ** 2, -(m**0.5)

    assert body(step) == [
        "x0 = m[i] - (theta[i] - (grad[i] - 2.0)) * 3.0",
        "x1 = grad[i] / 4.0",
        "theta_new = theta[i] - 0.5 * x0 / (x1 * x1)",
        "m_new = -np.sqrt(x0)",
        "theta[i] = theta_new",
        "m[i] = m_new",
    ]


def test_scalars_are_inputs_and_no_part_of_the_recipe():
    one, first = recorded(adam_step, t=1, lr=1e-3)
    other, second = recorded(adam_step, t=77, lr=0.5, beta1=0.3)
    assert one == other
    assert first != second


def test_what_does_not_change_is_not_written():
    assert body(lambda theta, grad, m, lr=0.1: (theta - lr * grad, m)) == [
        "theta_new = theta[i] - 0.1 * grad[i]",
        "theta[i] = theta_new",
    ]


def test_an_input_in_the_place_of_another_is_read_before_it_is_written():
    assert body(lambda theta, grad, m, lr: (m, theta), lr=0.1) == [
        "theta_new = m[i]",
        "m_new = theta[i]",
        "theta[i] = theta_new",
        "m[i] = m_new",
    ]


def test_a_name_that_is_taken():
    def step(theta, grad, scalars, theta_new, lr=0.1):
        return theta - lr * grad, scalars + grad, theta_new * grad

    assert_same(run(step, "float64"), run_numpy(step, "float64"), "float64")


def in_place(theta, grad, m, v, lr=0.1):
    kept = m
    m *= 0.9
    m += 0.1 * grad
    np.multiply(v, 0.5, out=v)
    np.add(v, grad * grad, out=v)
    theta -= lr * kept / np.sqrt(v + 1e-8)
    return theta, m, v


def copies(theta, grad, m, lr=0.1):
    new = m.copy()
    new[...] = 0.9 * new + grad
    other = np.copy(new)
    other[:] = 0.0
    third = np.empty_like(m)
    np.copyto(third, new)
    return theta - lr * (third + other), m + (new - m)


def masks(theta, grad, m, lr=0.1):
    small = (np.abs(grad) < 0.5) & ~(grad > 0.2) | np.isnan(grad)
    step = np.where(small, grad, np.sign(grad))
    step[m > 0.3] = 0.25
    ratio = np.zeros_like(grad)
    np.divide(grad, theta, out=ratio, where=theta != 0)
    return theta - lr * step * (theta > 0.1) - lr * ratio, m + small.astype(m.dtype)


def bounds(theta, grad, m, lr=0.1):
    grad = np.clip(grad, -0.5, 0.5)
    m = np.maximum(m, grad.clip(None, 0.4))
    return np.minimum(theta - lr * grad, 1.9), np.fmax(m, -0.3)


def functions(theta, grad, m, lr=0.1):
    bent = (
        np.tanh(grad) + np.exp(-theta) * np.log1p(np.abs(grad)) + np.arctan2(grad, 2.0)
    )
    return theta - lr * np.hypot(bent, m), np.logaddexp(m, np.cos(grad)) / np.pi


def powers(theta, grad, m, t, lr=0.1):
    m = m + np.abs(grad) ** 1.5 + np.abs(grad) ** (1 / t) + 0.9**grad
    root = (1 + grad**2) ** -0.5 + (1 + abs(m)) ** -1 + np.power(abs(grad), 3)
    return theta - lr * root**0.5 * grad**1 * 2.0**-m, np.square(m) + m**0


def filled(theta, grad, m, lr=0.1):
    rates = np.full_like(theta, lr) * np.ones_like(theta)
    return theta - rates * grad, np.full_like(m, grad) + np.zeros_like(m, dtype=m.dtype)


def numbers(theta, grad, m, t, lr=0.1):
    kind = theta.dtype.type
    m = kind(0.9) * m + (1 - kind(0.9)) * grad
    return theta - kind(lr) * m / kind(math.sqrt(1 + t)), m


def shapes(theta, grad, m, lr=0.1):
    if theta.shape != grad.shape:
        raise ValueError("theta and grad must have the same shape")
    return theta - lr * grad[...], +m + abs(grad)


def crossed(theta, grad, m, lr=0.1):
    return m, theta


def lion(theta, grad, m, lr=0.01):
    step = np.sign(0.9 * m + 0.1 * grad)
    return theta - lr * (step + 0.1 * theta), 0.99 * m + 0.01 * grad


def amsgrad(theta, grad, m, v, top, t, lr=0.01):
    m, v = 0.9 * m + 0.1 * grad, 0.99 * v + 0.01 * grad**2
    top = np.maximum(top, v)
    with np.errstate(divide="ignore"):
        root = np.sqrt(top / (1 - 0.99**t)) + 1e-8
    return theta - lr / (1 - 0.9**t) * m / root, m, v, top


def nadam(theta, grad, m, v, t, lr=0.01):
    now, then = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * k)) for k in (t, t + 1))
    m, v = 0.9 * m + 0.1 * grad, 0.99 * v + 0.01 * grad * grad
    ahead = then * m / (1 - now * then) + (1 - now) * grad / (1 - now)
    return theta - lr * ahead / (np.sqrt(v / (1 - 0.99**t)) + 1e-8), m, v


def radam(theta, grad, m, v, t, lr=0.01):
    m, v = 0.9 * m + 0.1 * grad, 0.9 * v + 0.1 * grad**2
    most = 2 / (1 - 0.9) - 1
    rho = most - 2 * t * 0.9**t / (1 - 0.9**t)
    m_hat = m / (1 - 0.9**t)
    if rho <= 2.5:
        return theta - lr * m_hat, m, v
    rect = math.sqrt((rho - 2) * most / ((most - 2) * rho))
    return theta - lr * rect * m_hat / (np.sqrt(v / (1 - 0.9**t)) + 1e-8), m, v


def sophia(theta, grad, m, h, lr=0.01):
    m, h = 0.9 * m + 0.1 * grad, 0.9 * h + 0.1 * grad * grad
    return theta - lr * np.clip(m / np.maximum(h, 1e-12), -1.0, 1.0), m, h


def chosen(theta, grad, m, lr=0.1):
    sign = np.where(grad > 0, 1.0, -1.0).astype(theta.dtype)
    return theta - lr * sign, np.where(m > grad, m, 0.0)


def asked(theta, grad, m, lr=0.1):
    if not isinstance(theta, np.ndarray) or isinstance(lr, str):
        return theta, m
    return theta - lr * grad, m + grad


STEPS = [
    lion,
    amsgrad,
    nadam,
    radam,
    sophia,
    chosen,
    asked,
    crossed,
    in_place,
    copies,
    masks,
    bounds,
    functions,
    powers,
    filled,
    numbers,
    shapes,
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_ordinary_numpy_is_recorded(step, dtype):
    with warnings.catch_warnings(action="error"):
        got = run(step, dtype)
    assert_same(got, run_numpy(step, dtype), dtype)
    assert_same(run_lists(step, dtype), run_numpy(step, dtype), dtype)
    assert_same(run(step, dtype, plain=True), run_numpy(step, dtype), dtype)


def test_nan_goes_where_numpy_lets_it_go():
    def step(theta, grad, m, lr=0.1):
        return theta - lr * np.sign(grad), np.maximum(np.minimum(grad, 1.0), m)

    param = torch.ones(2, dtype=torch.float64, requires_grad=True)
    param.grad = torch.tensor([math.nan, 2.0], dtype=torch.float64)
    made = optimizer(step)([param])
    made.step()
    np.testing.assert_array_equal(param.detach(), [math.nan, 0.9])
    np.testing.assert_array_equal(made.state[param]["m"], [math.nan, 1.0])


def test_a_long_loop_is_no_deep_expression():
    def step(theta, grad, lr=1e-3):
        for _ in range(400):
            theta = theta - lr * grad
        return theta

    assert_same(
        run(step, "float64", steps=1), run_numpy(step, "float64", steps=1), "float64"
    )


# -- Rules at random -------------------------------------------------------------------

UNARY = [
    np.negative, np.abs, np.square, np.sign, np.tanh, np.sin, np.arctan, np.ceil,
    lambda x: np.sqrt(np.abs(x)), lambda x: np.log1p(np.abs(x)), lambda x: x**2,
    lambda x: np.exp(-np.abs(x)), lambda x: np.abs(x) ** 0.5, lambda x: x**3,
    lambda x: (x * x + 1) ** -0.5, lambda x: np.power(np.abs(x), 1.5), np.copy,
    lambda x: np.clip(x, -0.5, 1.5), lambda x: np.zeros_like(x) + x, lambda x: +x,
    lambda x: np.float64(0.5) * x, lambda x: np.float32(0.25) * x, lambda x: 2 - x,
    lambda x: x.astype("float64").astype(x.dtype), lambda x: np.full_like(x, 0.7) - x,
]  # fmt: skip
BINARY = [
    np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.hypot, np.arctan2,
    lambda x, y: x / (1 + y * y), lambda x, y: np.where(x > y, x, 0.5 * y),
    lambda x, y: x * (y > 0), lambda x, y: (x <= y) * x + ~(x <= y) * y,
    lambda x, y: np.where(np.abs(x) < 1, y, -1.0), lambda x, y: np.copysign(x, y),
    lambda x, y: np.add(x, y, out=np.empty_like(x + y)),
]  # fmt: skip


@st.composite
def rules(draw):
    """A step as a list of operations, each on two of the values before it."""
    operations = draw(
        st.lists(
            st.tuples(
                st.sampled_from(UNARY + BINARY),
                st.integers(0, 100),
                st.integers(0, 100),
                st.sampled_from([0.3, 1.0, -0.7, 2]),
                st.booleans(),
            ),
            min_size=1,
            max_size=12,
        )
    )

    def step(theta, grad, m, t, lr=0.1):
        values = [theta, grad, m]
        for function, first, second, number, changes in operations:
            x, y = values[first % len(values)], values[second % len(values)]
            new = function(x) if function in UNARY else function(x, y * (number / t))
            new = np.clip(new, -3.0, 3.0)
            if changes and len(values) > 3 and values[-1].dtype == new.dtype:
                values[-1] += new  # in place: whoever shares that array sees it
            values.append(new)
        update, state = values[-1], values[-2]
        return theta - lr * update.astype(theta.dtype), state.astype(theta.dtype) * 0.5

    return step


@given(rules(), st.sampled_from(["float32", "float64"]))
def test_all_ways_agree_with_numpy_on_any_rule(step, dtype):
    wanted = run_numpy(step, dtype, steps=2)
    assert_same(run(step, dtype, steps=2), wanted, dtype)
    assert_same(run_lists(step, dtype, steps=2), wanted, dtype)
    assert_same(run(step, dtype, steps=2, plain=True), wanted, dtype)


# -- What cannot be recorded -----------------------------------------------------------


def first_set(x):
    x = x.copy()
    x[0] = 1.0
    return x


def negatives_halved(x):
    x = x.copy()
    x[x < 0] = 0.5 * x[x < 0]
    return x


def swallowed(x):
    try:
        return x / x.max()
    except Exception:
        return x


REFUSED = {
    "it uses np.sum;": lambda x: x / np.sum(x * x),
    "it uses np.linalg.norm;": lambda x: x / np.linalg.norm(x),
    "it uses np.add.reduce;": lambda x: x / np.add.reduce(x, axis=None),
    "it uses np.cbrt;": np.cbrt,
    "it uses an array's .sum;": lambda x: x / x.sum(),
    "it uses an array's .size;": lambda x: x / x.size,
    "it uses an array's .reshape;": lambda x: x.reshape(-1).reshape(x.shape),
    "it uses an array's .max;": swallowed,
    "it uses np.where with one argument;": lambda x: x * np.where(x > 0)[0].size,
    "it calls np.add with dtype=;": lambda x: np.add(x, x, dtype=x.dtype),
    "it asks for an array's length;": lambda x: x / len(x),
    "it uses np.all;": lambda x: x if np.all(x > 0) else -x,
    "it makes an array of an array": lambda x: np.array(x) * 0.5,
    "it loops over an array;": lambda x: np.stack([row * 2.0 for row in x]),
    "it takes elements out of an array;": negatives_halved,
    "it sets single elements;": first_set,
    "it uses the numbers of an array's shape;": lambda x: x + np.zeros(x.shape),
    "it computes with an array that is not": lambda x: x + np.ones(1),
    "it makes int64 of an array;": lambda x: x + (x * 4).astype(int),
    "it uses out= with an array of its own;": lambda x: np.add(
        x, x, out=np.ones((2, 3))
    ),
}


def step_with(function):
    """A step that applies a function to the gradient."""

    def step(theta, grad, m, lr=0.1):
        return theta - lr * function(grad), m + 0.5 * grad

    return step


def parameter(values, dtype=torch.float64, device="cpu"):
    made = torch.tensor(values, dtype=dtype, device=device).requires_grad_()
    made.grad = torch.ones_like(made) * 0.25 + made.detach()
    return made


@pytest.mark.parametrize(("words", "function"), REFUSED.items(), ids=REFUSED)
def test_what_cannot_be_recorded_runs_on_numpy_and_says_so_once(words, function):
    step = step_with(function)
    param = parameter(START - 1)
    grad, theta = param.grad.numpy().copy(), param.detach().numpy().copy()
    made = optimizer(step)([param])
    with pytest.warns(UserWarning) as told:
        made.step()
        made.step()
    (warning,) = told
    assert str(warning.message).startswith("step runs as plain NumPy, slower: ")
    assert words in str(warning.message)
    # It stands where the step is written.
    assert warning.filename == __file__
    assert warning.lineno == step.__code__.co_firstlineno
    wanted = theta - 0.1 * function(grad) - 0.1 * function(grad)
    np.testing.assert_allclose(param.detach(), wanted, rtol=1e-14)
    np.testing.assert_allclose(made.state[param]["m"], grad, rtol=1e-14)


SCALAR_ONLY = {
    "it branches on an array's values": lambda x: x if x > 0 else -x,
    "it makes a Python number of an array": lambda x: x * math.exp(x),
}


@pytest.mark.parametrize(("words", "function"), SCALAR_ONLY.items(), ids=SCALAR_ONLY)
def test_what_numpy_does_with_one_element_alone(words, function):
    param = parameter(-1.0)
    made = optimizer(step_with(function))([param])
    with pytest.warns(UserWarning, match=words):
        made.step()
    np.testing.assert_allclose(param.item(), -1 - 0.1 * function(np.float64(-0.75)))


@pytest.mark.parametrize("function", [np.linalg.norm, lambda x: x / x.max()])
def test_on_a_gpu_it_is_an_error(function):
    # The device that computes nothing stands for a GPU.
    param = parameter([1.0, 2.0], device="meta")
    with pytest.raises(
        UnsupportedStep, match=r"step can't run on meta: it uses .*; each"
    ):
        optimizer(step_with(function))([param]).step()


def test_on_another_device_the_lines_run():
    made = optimizer(adam_step)([parameter([1.0, 2.0], device="meta")])
    made.step()
    (state,) = made.state.values()
    assert (state["t"], state["m"].device.type) == (1, "meta")


def test_an_array_of_an_earlier_call():
    kept = []

    def step(theta, grad, lr=0.1):
        kept.append(grad)
        return theta - lr * kept[0]

    param = parameter([1.0, 2.0])
    made = optimizer(step)([param])
    made.step()
    with pytest.raises(UnsupportedStep, match="array of an earlier call"):
        made.rule.record("float64", 2, {"lr": 0.1})


# -- Dtypes ----------------------------------------------------------------------------


def folded(theta, grad, m, t, lr=0.1):
    m = 0.9 * m + grad
    return theta - lr * np.sqrt(1 - 0.9**t) * m, m


@pytest.mark.parametrize("plain", [False, True])
def test_a_numpy_number_widens_float32_and_that_is_told(plain):
    assert folded(*[np.ones(2, np.float32)] * 3, t=1)[0].dtype == np.float64

    def step(theta, grad, m, t, lr=0.1):
        return folded(theta, grad, m, t, lr)

    with pytest.warns(UserWarning) as told:
        got = run(step, "float32", plain=plain)
    (warning,) = told
    words = "step returns theta as float64 for theta as float32, so it is rounded."
    assert str(warning.message).startswith(words)
    assert_same(got, run_numpy(folded, "float32"), "float32")


def where_of_numbers(theta, grad, m, lr=0.1):
    return theta - lr * np.where(grad > 0, 1.0, -1.0), m


def noise(theta, grad, m, lr=0.1):
    rng = np.random.default_rng(0)
    return theta - lr * (grad + rng.normal(size=theta.shape)), m


@pytest.mark.filterwarnings("ignore:noise runs as plain NumPy")
@pytest.mark.parametrize(
    ("step", "words"),
    [
        (where_of_numbers, "np.where with two Python numbers makes float64"),
        (noise, r"random noise, .*add \.astype\(theta\.dtype\)"),
    ],
)
def test_the_cause_of_float64_is_told(step, words):
    param = parameter([1.0, -2.0], torch.float32)
    with pytest.warns(UserWarning, match=words) as told:
        optimizer(step)([param]).step()
    assert not any("1 - beta2" in str(warning.message) for warning in told)


def test_float64_is_not_told_of():
    with warnings.catch_warnings(action="error"):
        assert_same(run(folded, "float64"), run_numpy(folded, "float64"), "float64")


@pytest.mark.parametrize("kind", [bool, int, complex])
def test_a_result_that_holds_no_floats(kind):
    def step(theta, grad, m, lr=0.1):
        return theta - lr * grad, (m > 0) if kind is bool else (grad * 4).astype(kind)

    param = parameter([1.0, 2.0])
    with pytest.raises(TypeError, match="each result has the dtype of theta"):
        optimizer(step)([param]).step()


# -- explain ---------------------------------------------------------------------------


def test_adam_explained(capsys):
    optimizer(adam_step).explain()
    assert capsys.readouterr().out == (
        "# adam_step, element by element (float32): the loop that is compiled\n"
        "for i in range(theta.size):\n"
        "    m_new = beta1 * m[i] + (1 - beta1) * grad[i]\n"
        "    v_new = beta2 * v[i] + (1 - beta2) * (grad[i] * grad[i])\n"
        "    x2 = lr * (m_new / (1 - beta1**t))"
        " / (np.sqrt(v_new / (1 - beta2**t)) + eps)\n"
        "    theta_new = theta[i] - x2\n"
        "    theta[i] = theta_new\n"
        "    m[i] = m_new\n"
        "    v[i] = v_new\n"
    )


def test_explained_without_a_default_and_with_numbers(capsys):
    def step(theta, grad, lr, decay=0.5):
        return theta - lr * (grad + -((1 - decay * lr) ** 2) * theta) / 3

    optimizer(step).explain(dtype="float64")
    assert capsys.readouterr().out.splitlines()[2].strip() == (
        "theta_new = theta[i] - lr * (grad[i] + -(1 - decay * lr)**2 * theta[i]) / 3"
    )


def test_explained_where_nothing_can_be_recorded(capsys):
    optimizer(step_with(np.linalg.norm)).explain()
    line = "# step runs as plain NumPy: it uses np.linalg.norm; each element"
    assert capsys.readouterr().out.startswith(line)


def test_explained_where_t_has_to_be_whole(capsys):
    def step(theta, grad, t, lr=0.1):
        return theta - lr * sum(0.5**i for i in range(t)) * grad

    optimizer(step).explain()
    assert "theta_new = theta[i] - lr * 1.0 * grad[i]" in capsys.readouterr().out
