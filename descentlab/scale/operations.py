"""What NumPy's elementwise operations are called in a compiled loop and in PyTorch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

COMPARISON, SUM, PRODUCT, SIGN, POWER, ATOM = range(6)
"""How tightly an expression binds, as in Python."""

DTYPES = {"float32", "float64", "bool"}
"""What a program computes with."""


class Form(NamedTuple):
    """An operation on numbers as an expression of Python that Numba compiles.

    ``rank`` says how tightly it binds, ``needs`` how tightly each operand has to, so as
    to stand there without brackets.
    """

    template: str
    rank: int
    needs: tuple[int, ...]


def _function(name: str, operands: int) -> Form:
    places = ", ".join(f"{{{place}}}" for place in range(operands))
    return Form(f"{name}({places})", ATOM, (COMPARISON,) * operands)


def _operator(sign: str, rank: int) -> Form:
    # a - (b - c) needs its brackets, (a - b) - c does not; a < b < c would be wrong.
    return Form(f"{{0}} {sign} {{1}}", rank, (max(rank, SUM), rank + 1))


SAME_NAME = {
    1: (
        "sqrt exp exp2 expm1 log log1p log2 log10 sin cos tan arcsin arccos arctan sinh"
        " cosh tanh arcsinh arccosh arctanh floor ceil trunc rint isfinite isinf isnan"
        " signbit logical_not sign reciprocal"
    ),
    2: (
        "maximum minimum fmax fmin hypot arctan2 copysign logaddexp fmod"
        " remainder logical_and logical_or logical_xor"
    ),
}
"""By the number of operands: what the loop calls as NumPy does."""

POWER_FORM = Form("{0} ** {1}", POWER, (ATOM, SIGN))

FORMS: dict[str, Form] = {
    **{
        name: _function(f"np.{name}", operands)
        for operands, names in SAME_NAME.items()
        for name in names.split()
    },
    "absolute": _function("abs", 1),
    "fabs": _function("abs", 1),
    "float_power": POWER_FORM,
    "power": POWER_FORM,
    "bitwise_and": _function("np.logical_and", 2),
    "bitwise_or": _function("np.logical_or", 2),
    "bitwise_xor": _function("np.logical_xor", 2),
    "invert": _function("np.logical_not", 1),
    "negative": Form("-{0}", SIGN, (SIGN,)),
    "positive": Form("+{0}", SIGN, (SIGN,)),
    "square": Form("{0} * {0}", PRODUCT, (SIGN,)),
    "multiply": _operator("*", PRODUCT),
    "divide": _operator("/", PRODUCT),
    "add": _operator("+", SUM),
    "subtract": _operator("-", SUM),
    "greater": _operator(">", COMPARISON),
    "greater_equal": _operator(">=", COMPARISON),
    "less": _operator("<", COMPARISON),
    "less_equal": _operator("<=", COMPARISON),
    "equal": _operator("==", COMPARISON),
    "not_equal": _operator("!=", COMPARISON),
    # What is no ufunc of NumPy's.
    "where": Form("({1} if {0} else {2})", ATOM, (COMPARISON,) * 3),
    "inverse_root": Form("np.reciprocal(np.sqrt({0}))", ATOM, (COMPARISON,)),
    "cube": Form("{0} * {0} * {0}", PRODUCT, (SIGN,)),
    "float32": _function("float32", 1),
    "float64": _function("float64", 1),
    "bool": _function("bool", 1),
}
"""Every operation that a program can hold."""

OTHER_NAME = {
    "absolute": "abs",
    "fabs": "abs",
    "rint": "round",
    "float_power": "pow",
    "power": "pow",
    "bitwise_and": "logical_and",
    "bitwise_or": "logical_or",
    "bitwise_xor": "logical_xor",
    "invert": "logical_not",
    "equal": "eq",
    "inverse_root": "rsqrt",
    "float32": "Tensor.float",
    "float64": "Tensor.double",
    "bool": "Tensor.bool",
}
"""What PyTorch calls otherwise than NumPy does."""


def in_pytorch(operation: str) -> Callable[..., torch.Tensor]:
    """An operation as a function of tensors."""
    if operation == "cube":
        return lambda x: x * x * x
    if operation == "sign":  # NumPy's sign of NaN is NaN, PyTorch's is 0
        return lambda x: torch.where(x.isnan(), x, torch.sign(x))
    found: Any = torch
    for name in OTHER_NAME.get(operation, operation).split("."):
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]


POWERS = {
    2.0: "square",
    0.5: "sqrt",
    -1.0: "reciprocal",
    -0.5: "inverse_root",
    3.0: "cube",
}
"""Exponents with a faster form; any other may change from step to step."""


@functools.cache
def loop_of(ufunc: np.ufunc, *kinds: Any) -> tuple[str, str, str] | None:
    """An operation's name, the dtype in which NumPy computes it, and its result's.

    Args:
        ufunc: the operation.
        kinds: for each operand its dtype, or the Python type of a bare number.

    Returns:
        All by name; None where a program has no such operation or dtype.

    Raises:
        TypeError: where NumPy has none either.
    """
    if ufunc.nout != 1 or ufunc.__name__ not in FORMS:
        return None
    *operands, result = ufunc.resolve_dtypes((*kinds, None))
    loop = np.result_type(*operands).name
    known = {loop, result.name} <= DTYPES and len(set(operands)) == 1
    return (ufunc.__name__, loop, result.name) if known else None


@functools.cache
def where_dtype(*kinds: Any) -> str:
    """The dtype of ``np.where`` over two values, given as in ``loop_of``."""
    values = [
        kind(0) if isinstance(kind, type) else np.zeros(1, kind) for kind in kinds
    ]
    return np.where(np.ones(1, bool), *values).dtype.name


def kind_of(number: Any) -> Any:
    """How NumPy sees a number: its dtype, or ``int`` or ``float`` if it is Python's.

    A Python number takes the dtype of the array beside it, a NumPy one keeps its own.
    Anything else gives None.
    """
    if isinstance(number, np.generic) or (
        isinstance(number, np.ndarray) and number.ndim == 0
    ):
        return number.dtype if number.dtype.kind in "biuf" else None
    if isinstance(number, bool):
        return np.dtype(bool)
    return next((kind for kind in (int, float) if isinstance(number, kind)), None)
