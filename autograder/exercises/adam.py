"""03_adam: inputs, properties and misconceptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from autograder.exercises.draw import (
    LARGE,
    Rng,
    above_ten,
    as_float32,
    decay,
    edge_shapes,
    positive,
    rate,
    signed,
)
from autograder.exercises.mistakes import mistakes
from autograder.judge import Case, Exercise, Run
from autograder.reference import adam as reference

ASSIGNMENT = "03_adam"


def _moments(
    rng: Rng, shape: tuple[int, ...], size: float = 1.0
) -> tuple[np.ndarray, ...]:
    """grad, m, v of one shape."""
    grad, m = signed(rng, shape, size), signed(rng, shape, size / 2)
    return grad, m, positive(rng, shape, size)


def _decays(rng: Rng) -> dict[str, float]:
    """Both decay rates, well apart, and away from their defaults."""
    return {"beta1": decay(rng, 0.2, 0.5), "beta2": decay(rng, 0.6, 0.9)}


def moments_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``update_moments``."""
    yield Case("value", "two parameters, the defaults", _moments(rng, (2,)))
    yield Case("value", "both decay rates given", _moments(rng, (2,)), _decays(rng))
    yield Case("value", "a matrix", _moments(rng, (2, 3)), _decays(rng))
    large = _moments(rng, (2,), LARGE)
    yield Case("value", "large numbers", large, _decays(rng))
    start = signed(rng, (3,)), np.zeros(3), np.zeros(3)
    yield Case("value", "the first step, from zeros", start)
    grad, m, v = _moments(rng, (3,))
    yield Case("value", "some gradients are zero", (grad * [1, 0, 0], m, v))
    yield Run("value", "30 steps, each from the last", drive=_moments_run(rng, 30))
    yield Case("dtype", "float32, the defaults", as_float32(_moments(rng, (4,))))
    yield Case(
        "dtype", "float32, both given", as_float32(_moments(rng, (4,))), _decays(rng)
    )
    for words, shape in edge_shapes():
        yield Case("edges", words, _moments(rng, shape), _decays(rng))
    extreme = {"beta1": 0.0, "beta2": 0.99999}
    yield Case("edges", "beta1 = 0, beta2 near 1", _moments(rng, (3,)), extreme)
    short = {"beta1": 0.99999, "beta2": decay(rng, 0.1, 0.4)}
    yield Case("edges", "beta1 near 1, a small beta2", _moments(rng, (3,)), short)
    yield Case("purity", "called twice", _moments(rng, (4,)), _decays(rng))


def _moments_run(rng: Rng, steps: int) -> Callable[[Callable[..., Any]], Any]:
    grads, hyper = signed(rng, (steps, 3)), _decays(rng)

    def drive(update: Callable[..., Any]) -> Any:
        m, v = np.zeros(3), np.zeros(3)
        for grad in grads:
            m, v = update(grad.copy(), m, v, **hyper)
        return m, v

    return drive


def correction_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``bias_correct``: the moment, beta and t by position."""

    def arguments(t: int, shape: tuple[int, ...] = (2,)) -> tuple[Any, ...]:
        return signed(rng, shape), decay(rng), t

    yield Case("value", "the first step", arguments(1))
    yield Case("value", "the second step", arguments(2))
    yield Case("value", "a later step", arguments(int(rng.integers(3, 8))))
    yield Case("value", "beta = 0.999, t = 5", (signed(rng, (3,)), 0.999, 5))
    yield Case("value", "beta = 0.9, t = 300", (signed(rng, (3,)), 0.9, 300))
    yield Case("value", "a matrix", arguments(4, (2, 3)))
    large = signed(rng, (2,), LARGE), decay(rng), 2
    yield Case("value", "large numbers", large)
    single = signed(rng, (4,)).astype(np.float32)
    yield Case("dtype", "float32", (single, 0.9, int(rng.integers(2, 9))))
    for words, shape in edge_shapes():
        yield Case("edges", words, arguments(3, shape))
    yield Case("edges", "beta = 0", (signed(rng, (2,)), 0.0, 1))
    yield Case("edges", "a million steps", (signed(rng, (2,)), 0.999, 1_000_000))
    for t in (0, -1, -int(rng.integers(2, 9))):
        yield Case("errors", f"t = {t}", arguments(t), raises="ValueError")
    yield Case("purity", "called twice", arguments(3, (4,)))


def _arrays(
    rng: Rng, shape: tuple[int, ...], size: float = 1.0
) -> tuple[np.ndarray, ...]:
    """theta, grad, m, v of one shape."""
    return signed(rng, shape, size), *_moments(rng, shape, size)


def _settings(rng: Rng) -> dict[str, float]:
    """Every hyper-parameter away from its default, eps as large as the root of v."""
    return {"lr": rate(rng), **_decays(rng), "eps": rate(rng, 0.05, 0.5)}


def adam_cases(rng: Rng) -> Iterator[Case]:
    """Cases of ``adam_step``."""

    def later() -> int:
        return int(rng.integers(3, 9))

    yield Case("value", "the first step, the defaults", (*_arrays(rng, (2,)), 1))
    theta, grad, _, _ = _arrays(rng, (2,))
    start = theta, grad, np.zeros(2), np.zeros(2), 1
    yield Case("value", "the first step, from zeros", start)
    hyper = _settings(rng)
    yield Case("value", "all given, t = 2", (*_arrays(rng, (2,)), 2), hyper)
    yield Case("value", "a later step", (*_arrays(rng, (3,)), later()), _settings(rng))
    yield Case("value", "a matrix", (*_arrays(rng, (2, 3)), later()), _settings(rng))
    large = {**_decays(rng), "lr": above_ten(rng), "eps": above_ten(rng)}
    arrays = _arrays(rng, (2,), LARGE)
    yield Case("value", "large numbers", (*arrays, later()), large)
    # So small a gradient that the default eps decides.
    theta, _, _, _ = _arrays(rng, (3,))
    moments = (
        signed(rng, (3,), 1e-8),
        signed(rng, (3,), 1e-8),
        positive(rng, (3,), 1e-16),
    )
    yield Case("value", "tiny gradients, the default eps", (theta, *moments, later()))
    yield Case("value", "step 400, the defaults", (*_arrays(rng, (3,)), 400))
    # The same eps, early and late: a folded correction differs by t alone.
    arrays = _arrays(rng, (3,))
    yield Case("value", "defaults but a large eps", (*arrays, later()), {"eps": 0.1})
    yield Run("value", "30 steps, each from the last", drive=_adam_run(rng, 30))
    single = as_float32(_arrays(rng, (4,)))
    yield Case("dtype", "float32, the defaults", (*single, later()))
    single = as_float32(_arrays(rng, (2, 3)))
    yield Case("dtype", "float32, all given", (*single, later()), _settings(rng))
    for words, shape in edge_shapes():
        yield Case("edges", words, (*_arrays(rng, shape), later()), _settings(rng))
    extreme = {"beta1": 0.0, "beta2": 0.0}
    yield Case(
        "edges", "no memory: beta1 = beta2 = 0", (*_arrays(rng, (3,)), 1), extreme
    )
    arrays = _arrays(rng, (3,))
    yield Case("edges", "a million steps", (*arrays, 1_000_000))
    yield Case("edges", "lr = 0", (*_arrays(rng, (3,)), 2), {"lr": 0.0})
    yield Case("purity", "called twice", (*_arrays(rng, (4,)), later()), _settings(rng))


def _adam_run(rng: Rng, steps: int) -> Callable[[Callable[..., Any]], Any]:
    theta0, grads, hyper = signed(rng, (3,)), signed(rng, (steps, 3)), _settings(rng)

    def drive(step: Callable[..., Any]) -> Any:
        theta, m, v = theta0.copy(), np.zeros(3), np.zeros(3)
        for t, grad in enumerate(grads, start=1):
            theta, m, v = step(theta, grad.copy(), m, v, t, **hyper)
        return theta, m, v

    return drive


UPDATE_MOMENTS = """
def update_moments(grad, m, v, beta1=0.9, beta2=0.999):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    return m, v
"""

AVERAGES = """\
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
"""

SECOND_MISTAKES: dict[str, Any] = {
    "betas-mixed": (
        {"beta2 * v + (1 - beta2)": "beta2 * v + (1 - beta1)"},
        "In your second average the old and the new weight do not add up to 1: two"
        " decay rates are mixed.",
    ),
    "first-in-second": (
        [
            {"beta2 * v + (1": "beta2 * m + (1"},
            {
                AVERAGES: "    v = beta2 * m + (1 - beta2) * grad**2\n"
                "    m = beta1 * m + (1 - beta1) * grad\n"
            },
        ],
        "Your second average goes on from the first: each has a state of its own.",
    ),
    "weight-squared": (
        {"(1 - beta2) * grad**2": "((1 - beta2) * grad) ** 2"},
        "You square the weight of the new term too: the gradient alone is squared.",
    ),
    "one-for-all": (
        [{"grad**2": "np.sum(grad**2)"}, {"grad**2": "np.mean(grad**2)"}],
        "Your square is one number for the whole gradient: each parameter has its own.",
    ),
}
"""What goes wrong in the second average wherever it is updated."""

FAMILY_MISTAKES: dict[str, Any] = {
    "bracket-missing": (
        [
            {
                "(1 - beta1) * grad": "1 - beta1 * grad",
                "(1 - beta2) * grad**2": "1 - beta2 * grad**2",
            },
            {"(1 - beta1) * grad": "1 - beta1 * grad"},
            {"(1 - beta2) * grad**2": "1 - beta2 * grad**2"},
        ],
        "The weight of the new term is a difference and needs a bracket: without it"
        " a 1 is added to every element.",
    ),
    "bracket-missing-in-correction": (
        [
            {"(1 - beta1**t)": "1 - beta1**t", "(1 - beta2**t)": "1 - beta2**t"},
            {"(1 - beta1**t)": "1 - beta1**t"},
            {"(1 - beta2**t)": "1 - beta2**t"},
        ],
        "Division binds more tightly than subtraction: what you divide by needs a"
        " bracket.",
    ),
    "absolute-instead-of-square": (
        [
            {"grad**2": "np.abs(grad)"},
            {"grad**2": "np.abs(grad)", "np.sqrt(v_hat)": "v_hat"},
        ],
        "You average absolute values; the second moment is another measure of size,"
        " which the root undoes later.",
    ),
    "root-in-state": (
        {
            "    v = beta2 * v + (1 - beta2) * grad**2": (
                "    v = np.sqrt(beta2 * v + (1 - beta2) * grad**2)"
            ),
            "np.sqrt(v_hat)": "v_hat",
        },
        "The root is for the step; the state keeps the squares.",
    ),
    "inverted": (
        {"m_hat / (np.sqrt": "m_hat * (np.sqrt"},
        "You multiply by the root where large gradients must give small steps.",
    ),
    "corrected-after-root": (
        {"np.sqrt(v_hat)": "np.sqrt(v) / (1 - beta2**t)"},
        "The second average is corrected before the root is taken; yours is after it.",
    ),
    "not-updated": (
        {AVERAGES: "    m, v = np.array(m), np.array(v)\n"},
        "This gradient does not enter: both averages stay as they came.",
    ),
    **SECOND_MISTAKES,
}
"""What goes wrong in Adam and in AdamW alike, as edits of lines that both have."""

MOMENTS_MISTAKES = mistakes(
    UPDATE_MOMENTS,
    {
        "betas-swapped": (
            {
                "beta1 * m + (1 - beta1)": "b * m + (1 - b)",
                "beta2 * v + (1 - beta2)": "beta1 * v + (1 - beta1)",
                "b * m + (1 - b)": "beta2 * m + (1 - beta2)",
            },
            "The two decay rates changed places: which average has the longer memory?",
        ),
        "one-beta": (
            {"beta2 * v + (1 - beta2)": "beta1 * v + (1 - beta1)"},
            "Both of your averages use the same decay rate.",
        ),
        "no-square": (
            {"grad**2": "grad"},
            "The second average has to measure the size of gradients; yours takes them"
            " with their sign.",
        ),
        "absolute-instead-of-square": (
            {"grad**2": "np.abs(grad)"},
            "You average absolute values; the second moment is another measure of"
            " size.",
        ),
        "square-of-average": (
            {"grad**2": "m**2"},
            "You square the average; the second moment averages the squares.",
        ),
        "centred": (
            {"grad**2": "(grad - m)**2"},
            "The second moment is not a variance: nothing is subtracted before the"
            " squaring.",
        ),
        "root-in-state": (
            {"v = beta2": "v = np.sqrt(beta2", "grad**2": "grad**2)"},
            "The root is for the step; the state keeps the squares.",
        ),
        "weights-swapped": (
            {
                "beta1 * m + (1 - beta1)": "(1 - beta1) * m + beta1",
                "beta2 * v + (1 - beta2)": "(1 - beta2) * v + beta2",
            },
            "Your averages forget at the rate at which they should remember: each beta"
            " and its complement changed places.",
        ),
        "sum-instead-of-average": (
            {"(1 - beta1) * ": "", "(1 - beta2) * ": ""},
            "The new gradient enters in full, as in momentum: in an average the old and"
            " the new weight add up to 1.",
        ),
        "first-sum-instead-of-average": (
            {"(1 - beta1) * ": ""},
            "The new gradient enters the first average in full, as in momentum: in an"
            " average the old and the new weight add up to 1.",
        ),
        "corrected-state": (
            {"return m, v": "return m / (1 - beta1), v / (1 - beta2)"},
            "Correction belongs to the next function; the averages that are kept stay"
            " as they are.",
        ),
        "state-ignored": (
            {"beta1 * m + ": "", "beta2 * v + ": ""},
            "Your averages start from zero at every call: m and v are not used.",
        ),
        "bracket-missing": FAMILY_MISTAKES["bracket-missing"],
        **SECOND_MISTAKES,
    },
)

BIAS_CORRECT = """
def bias_correct(moment, beta, t):
    if t < 1:
        raise ValueError(f"t counts from 1, got {t}")
    return moment / (1 - beta**t)
"""

CORRECTION_MISTAKES = mistakes(
    BIAS_CORRECT,
    {
        "exponent-missing": (
            {"beta**t": "beta"},
            "The correction has to fade as steps go by; yours is the same for every t.",
        ),
        "exponent-fixed": (
            {"beta**t": "beta**2"},
            "The correction has to fade as steps go by; your exponent is a constant.",
        ),
        "product-instead-of-power": (
            {"beta**t": "beta * t"},
            "t is an exponent, not a factor.",
        ),
        "power-of-complement": (
            {"(1 - beta**t)": "(1 - beta)**t"},
            "You raise the wrong quantity to a power: what is left of the start after t"
            " steps?",
        ),
        "shifted-step": (
            {"beta**t": "beta**(t + 1)"},
            "Your count is one ahead: here t is 1 at the first step already.",
        ),
        "shifted-back": (
            {"beta**t": "beta**(t - 1)"},
            "Your count is one behind: at the first step it divides by zero.",
        ),
        "multiplied": (
            {"moment / (": "moment * ("},
            "An average that is too small must be enlarged; you shrink it further.",
        ),
        "refuses-first-step": (
            {"t < 1": "t <= 1"},
            "t = 1 is the first step and is valid.",
        ),
        "not-corrected": (
            {" / (1 - beta**t)": ""},
            "Nothing is corrected: the moment comes back as it was.",
        ),
        "complement-missing": (
            {"(1 - beta**t)": "beta**t"},
            "You divide by what the average still lacks, not by what it has taken in.",
        ),
        "complement-multiplied": (
            {"moment / (1 - beta**t)": "moment * (1 - beta) / (1 - beta**t)"},
            "The factor 1 - beta is in the average already; here it comes twice.",
        ),
        "bracket-missing": (
            {"(1 - beta**t)": "1 - beta**t"},
            "Division binds more tightly than subtraction: what you divide by needs a"
            " bracket.",
        ),
    },
)

ADAM_STEP = """
def adam_step(theta, grad, m, v, t, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad**2
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    return theta, m, v
"""
ROOT = "(np.sqrt(v_hat) + eps)"
FOLDED = "lr * math.sqrt(1 - beta2**t) / (1 - beta1**t) * m / "

ADAM_MISTAKES = mistakes(
    ADAM_STEP,
    {
        "eps-inside-root": (
            {ROOT: "np.sqrt(v_hat + eps)"},
            "Your eps goes into the root; Adam adds it after the root is taken, the"
            " reverse of this course's RMSprop.",
        ),
        "eps-outside-fraction": (
            [
                {ROOT: "np.sqrt(v_hat) + eps"},
                {f"m_hat / {ROOT}": "(m_hat / np.sqrt(v_hat) + eps)"},
            ],
            "Division binds more tightly than addition: your eps is added to the"
            " step, not to the denominator.",
        ),
        "eps-missing": (
            {ROOT: "np.sqrt(v_hat)"},
            "Nothing guards the division where the second moment is zero: eps is not"
            " used.",
        ),
        "eps-hard-coded": (
            {"+ eps": "+ 1e-7"},
            "Changing eps changes nothing in your function: a constant stands in its"
            " place.",
        ),
        "folded-correction": (
            {f"lr * m_hat / {ROOT}": f"{FOLDED}(np.sqrt(v) + eps)"},
            "With the corrections folded into the rate, your eps meets the uncorrected"
            " root: that is another, larger eps in the first steps.",
        ),
        "folded-correction-inside-root": (
            {f"lr * m_hat / {ROOT}": f"{FOLDED}np.sqrt(v + eps)"},
            "With the corrections folded into the rate, your eps meets the uncorrected"
            " average, and it goes into the root besides: Adam does neither.",
        ),
        "not-corrected": (
            {"m / (1 - beta1**t)": "m", "v / (1 - beta2**t)": "v"},
            "The averages start at zero and are used uncorrected: the first steps have"
            " the wrong length.",
        ),
        "first-uncorrected": (
            {"m / (1 - beta1**t)": "m"},
            "Only the second average is corrected: the first starts at zero too.",
        ),
        "second-uncorrected": (
            {"v / (1 - beta2**t)": "v"},
            "Only the first average is corrected: the second starts at zero too.",
        ),
        "exponent-missing": (
            {"beta1**t": "beta1", "beta2**t": "beta2"},
            "The correction has to fade as steps go by; yours is the same for every t.",
        ),
        "product-instead-of-power": (
            {"beta1**t": "beta1 * t", "beta2**t": "beta2 * t"},
            "In the correction t is an exponent, not a factor.",
        ),
        "shifted-step": (
            {"beta1**t": "beta1**(t + 1)", "beta2**t": "beta2**(t + 1)"},
            "Your count is one ahead: here t is 1 at the first step already.",
        ),
        "power-of-complement": (
            {"(1 - beta1**t)": "(1 - beta1)**t", "(1 - beta2**t)": "(1 - beta2)**t"},
            "You raise the wrong quantity to a power: what is left of the start after t"
            " steps?",
        ),
        "multiplied": (
            {"m / (1": "m * (1", "v / (1": "v * (1"},
            "Averages that are too small must be enlarged; you shrink them further.",
        ),
        "correction-swapped": (
            {"beta1**t": "beta2**T", "beta2**t": "beta1**t", "T": "t"},
            "Each average is corrected with its own decay rate; yours changed places.",
        ),
        "corrected-state": (
            {"theta, m, v\n": "theta, m_hat, v_hat\n"},
            "You return the corrected averages, so that the next step corrects them"
            " again: keep the raw ones.",
        ),
        "betas-swapped": (
            {"beta1": "BETA", "beta2": "beta1", "BETA": "beta2"}
            | {"beta2=0.9, beta1=0.999": "beta1=0.9, beta2=0.999"},
            "The two decay rates changed places: which average has the longer memory?",
        ),
        "one-beta": (
            {"beta2 * v + (1 - beta2)": "beta1 * v + (1 - beta1)"},
            "Both of your averages use the same decay rate.",
        ),
        "old-moments": (
            {
                "    m = ": "    new_m = ",
                "    v = ": "    new_v = ",
                "theta, m, v\n": "theta, new_m, new_v\n",
            },
            "The step uses the averages from before this gradient: update them first.",
        ),
        "old-state-returned": (
            {
                "    m = ": "    new_m = ",
                "    v = ": "    new_v = ",
                "m_hat = m": "m_hat = new_m",
                "v_hat = v": "v_hat = new_v",
            },
            "You return the averages that came in, not the ones that you computed.",
        ),
        "state-ignored": (
            {"beta1 * m + ": "", "beta2 * v + ": ""},
            "Your averages start from zero at every call: m and v are not used.",
        ),
        "gradient-instead-of-moment": (
            {"lr * m_hat": "lr * grad"},
            "Your step follows the bare gradient; the average of the gradients is"
            " computed but not used.",
        ),
        "no-square": (
            [
                {"grad**2": "grad", "np.sqrt(v_hat)": "np.sqrt(np.abs(v_hat))"},
                {"grad**2": "grad"},
            ],
            "The second average has to measure the size of gradients; yours takes them"
            " with their sign.",
        ),
        "no-root": (
            {"np.sqrt(v_hat)": "v_hat"},
            "You divide by a mean square, whose unit is the gradient's unit squared: an"
            " operation is missing before the division.",
        ),
        "half-precedence": (
            {"np.sqrt(v_hat)": "v_hat**1 / 2"},
            "x**1/2 means x to the power 1, then halved: the exponent needs brackets.",
        ),
        "weights-swapped": (
            {
                "beta1 * m + (1 - beta1)": "(1 - beta1) * m + beta1",
                "beta2 * v + (1 - beta2)": "(1 - beta2) * v + beta2",
            },
            "Your averages forget at the rate at which they should remember: each beta"
            " and its complement changed places.",
        ),
        "weight-decay-added": (
            {"lr * m_hat": "lr * (m_hat", ROOT: f"{ROOT} + 0.01 * theta)"},
            "Weight decay is not part of this step: that is AdamW, two chapters on.",
        ),
        "ascent": (
            {"theta - lr": "theta + lr"},
            "You walk uphill: the step goes along the gradient.",
        ),
        "update-returned": (
            {"theta - lr": "lr"},
            "You return the step itself; the function returns the weights after it.",
        ),
        **FAMILY_MISTAKES,
        "rate-divides": (
            {"lr * m_hat": "1 / lr * m_hat"},
            "You divide by the rate: a smaller rate then makes a longer step.",
        ),
    },
)

EXERCISES = (
    Exercise(
        name="update_moments",
        points=4,
        reference=reference.update_moments,
        parts=("m", "v"),
        cases=moments_cases,
        misconceptions=MOMENTS_MISTAKES,
        where="chapter 03_adam, section Derivation, the two moving averages",
        equation="eq-adam-moments",
    ),
    Exercise(
        name="bias_correct",
        points=4,
        reference=reference.bias_correct,
        parts=("moment",),
        cases=correction_cases,
        misconceptions=CORRECTION_MISTAKES,
        where="chapter 03_adam, section Derivation, the bias of a zero start",
        equation="eq-adam-correction",
    ),
    Exercise(
        name="adam_step",
        points=8,
        reference=reference.adam_step,
        parts=("theta", "m", "v"),
        cases=adam_cases,
        misconceptions=ADAM_MISTAKES,
        where="chapter 03_adam, section Derivation, Adam's update",
        equation="eq-adam-update",
        composed=reference.adam_step_from,
    ),
)
