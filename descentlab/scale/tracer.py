"""A step function of NumPy, recorded operation by operation.

The function is called on proxies of its arrays. They implement NumPy's protocols for
foreign arrays (NEP 13 and NEP 18), so each operation on one ends up here, is recorded,
and gives another proxy. No element is ever computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from descentlab.scale.formula import Number
from descentlab.scale.operations import (
    DTYPES,
    POWERS,
    kind_of,
    loop_of,
    where_dtype,
)

ELEMENTWISE = "each element of a step has to follow from the same element of its arrays"
LIKE_THETA = "np.zeros_like(theta) and its kin make arrays that fit"
PURE = "pass arrays on as results of the step"
SELECT = "np.where(condition, a, b) chooses for each element"
OTHER = "arithmetic, np.sqrt, np.where and the like can be compiled"

NUMPY_NUMBER = (
    "A NumPy number such as np.sqrt(1 - beta2**t) turns arrays into float64: make it a"
    " Python number, float(np.sqrt(...))"
)
TWO_NUMBERS = (
    "np.where with two Python numbers makes float64: write"
    " np.where(...).astype(theta.dtype)"
)

NAMED = {name: np.dtype(name) for name in DTYPES}

ARITHMETIC = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv"}
"""The operations that most steps consist of, and Python's names for them."""

Node = tuple[str, tuple[int, ...], str]
"""An operation, the nodes of its operands (for an input or a scalar: its place), and
the dtype of its result."""


class UnsupportedStep(Exception):
    """The step does what cannot be recorded; the message names it and what to do."""


class Program(NamedTuple):
    """What a step does, except for the values of its scalars.

    ``results`` pairs the place of an input with the node that replaces it; an input
    that stays as it was is left out. ``widened`` says what turned float32 into float64.
    """

    nodes: tuple[Node, ...]
    results: tuple[tuple[int, int], ...]
    widened: str = ""

    def dtype(self, node: int) -> str:
        """The dtype of a node."""
        return self.nodes[node][2]


class Tracer:
    """The operations of one call, in order, and the scalars that they met."""

    def __init__(self, dtype: str, inputs: int) -> None:
        self.nodes: list[Node] = [("input", (place,), dtype) for place in range(inputs)]
        self.scalars: list[Any] = []
        self.widened = ""
        self.refusal: UnsupportedStep | None = None
        self.inputs = [Proxy(self, place, dtype) for place in range(inputs)]

    def write(self, operation: str, operands: tuple[int, ...], dtype: str) -> Proxy:
        """Add an operation, and make the proxy of its result."""
        self.nodes.append((operation, operands, dtype))
        return Proxy(self, len(self.nodes) - 1, dtype)

    def refuse(self, what: str, instead: str) -> NoReturn:
        """Give up. Kept as well as raised, because the step may catch exceptions."""
        self.refusal = UnsupportedStep(f"{what}; {instead}")
        raise self.refusal

    def scalar(self, value: Any, dtype: str) -> int:
        """The node of a number, whose value may differ from step to step."""
        self.nodes.append(("scalar", (len(self.scalars),), dtype))
        self.scalars.append(value)
        return len(self.nodes) - 1

    def cast(self, array: Proxy, dtype: str) -> Proxy:
        """An array in another dtype."""
        if dtype not in DTYPES:
            self.refuse(f"it makes {dtype} of an array", "keep to theta's dtype")
        return (
            array if array._dtype == dtype else self.write(dtype, (array._node,), dtype)
        )

    def kind(self, value: Any) -> Any:
        """What NumPy's rules for dtypes need to know of an operand."""
        if isinstance(value, Proxy):
            if value._tracer is not self:
                self.refuse("it uses an array of an earlier call", PURE)
            return value.dtype
        kind = kind_of(value)
        if kind is None:
            self.refuse(f"it computes with {described(value)}", LIKE_THETA)
        return kind

    def operand(self, value: Any, dtype: str) -> int:
        """The node of an operand whose operation computes in ``dtype``."""
        if type(value) is not Proxy:
            if dtype == "float64" and isinstance(value, np.generic | np.ndarray):
                self.widened = self.widened or NUMPY_NUMBER
            return self.scalar(value, dtype)
        if value._tracer is not self:
            self.refuse("it uses an array of an earlier call", PURE)
        return value._node if value._dtype == dtype else self.cast(value, dtype)._node

    def apply(self, ufunc: np.ufunc, *values: Any) -> Proxy:
        """One elementwise operation."""
        loop = loop_of(ufunc, *[self.kind(value) for value in values])
        if loop is None:
            self.refuse(f"it uses np.{ufunc.__name__}", OTHER)
        name, inside, result = loop
        if name == "power":
            name, values = _power(*values)
        operands = tuple([self.operand(value, inside) for value in values])
        if name == "positive":
            return Proxy(self, operands[0], result)
        return self.write(name, operands, result)

    def where(self, condition: Any, yes: Any, no: Any) -> Proxy:
        """``np.where`` with its three arguments."""
        dtype = where_dtype(self.kind(yes), self.kind(no))
        if (
            dtype == "float64"
            and not isinstance(yes, Proxy)
            and not isinstance(no, Proxy)
        ):
            self.widened = self.widened or TWO_NUMBERS
        self.kind(condition)
        mask = self.operand(condition, "bool")
        operands = mask, self.operand(yes, dtype), self.operand(no, dtype)
        return self.write("where", operands, dtype)

    def finish(self, results: dict[int, Any], last: Program | None) -> Program:
        """The program that puts these results in the place of inputs."""
        if self.refusal is not None:
            raise self.refusal
        found = []
        for place, value in results.items():
            if type(value) is not Proxy or value._tracer is not self:
                self.refuse(f"it returns {described(value)}", LIKE_THETA)
            if value._node != place:
                found.append((place, value._node))
        made = Program(tuple(self.nodes), tuple(found), self.widened)
        return last if made == last and last else made


class Proxy(NDArrayOperatorsMixin):
    """What a step gets in place of an array: it has a dtype, and no elements.

    Like an array it can be changed in place: then it refers to another node.
    """

    __slots__ = ("_dtype", "_node", "_tracer")
    is_proxy = True

    # A step that asks isinstance(theta, np.ndarray) must get the answer that it gets
    # for an array, or it would silently go another way.
    __class__ = property(lambda self: np.ndarray)

    def __init__(self, tracer: Tracer, node: int, dtype: str) -> None:
        self._tracer = tracer
        self._node = node
        self._dtype = dtype

    @property
    def dtype(self) -> np.dtype[Any]:
        """As an array has it."""
        return NAMED[self._dtype]

    @property
    def shape(self) -> Shape:
        """Can be compared; its numbers differ from parameter to parameter."""
        return Shape(self._tracer)

    def copy(self, order: str = "C") -> Proxy:
        """Another proxy, which can be changed apart from this one."""
        return Proxy(self._tracer, self._node, self._dtype)

    def astype(self, dtype: Any, *_: Any, **__: Any) -> Proxy:
        """In another dtype; a copy in any case, as a change in place may follow."""
        return self._tracer.cast(self, np.dtype(dtype).name).copy()

    def clip(self, low: Any = None, high: Any = None, out: Any = None) -> Proxy:
        """As ``np.clip``."""
        return _clip(self._tracer, self, low, high, out)

    def assign(self, value: Proxy) -> Proxy:
        """Take a value in place, as ``out=`` and ``+=`` do."""
        if not np.can_cast(value.dtype, self.dtype, "same_kind"):
            what = f"it puts {value.dtype} into an array of {self.dtype}"
            self._tracer.refuse(what, "convert with astype first")
        self._node = self._tracer.operand(value, self._dtype)
        return self

    def __copy__(self) -> Proxy:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Proxy:
        return self.copy()

    def __pow__(self, exponent: Any) -> Any:
        number = type(exponent) in (int, float) and self._dtype != "bool"
        if number and exponent in POWERS:  # the short way
            return self._tracer.write(POWERS[exponent], (self._node,), self._dtype)
        return np.power(self, exponent)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *values: Any, **more: Any
    ) -> Proxy:
        tracer = self._tracer
        if method == "__call__" and not more:  # the short way
            return tracer.apply(ufunc, *values)
        if method != "__call__":
            tracer.refuse(f"it uses np.{ufunc.__name__}.{method}", ELEMENTWISE)
        (out,) = more.pop("out", None) or (None,)
        mask = more.pop("where", True)
        if more:
            tracer.refuse(
                f"it calls np.{ufunc.__name__} with {next(iter(more))}=", OTHER
            )
        return _into(tracer, tracer.apply(ufunc, *values), out, mask)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        handler = FUNCTIONS.get(function)
        if handler is None:
            name = f"{function.__module__}.{function.__name__}".replace(
                "numpy", "np", 1
            )
            self._tracer.refuse(f"it uses {name}", ELEMENTWISE)
        return handler(self._tracer, *args, **kwargs)

    def __setitem__(self, key: Any, value: Any) -> None:
        tracer = self._tracer
        everywhere = key is Ellipsis or (isinstance(key, slice) and key == slice(None))
        if not everywhere and not (isinstance(key, Proxy) and key.dtype == bool):
            tracer.refuse("it sets single elements", ELEMENTWISE)
        if not everywhere and isinstance(value, Proxy):
            tracer.refuse("it sets the elements that a mask selects", SELECT)
        new = value if isinstance(value, Proxy) else _full_like(tracer, self, value)
        self.assign(new if everywhere else tracer.where(key, new, self))

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        self._tracer.refuse(
            "it makes an array of an array (np.array, np.asarray)",
            "theta.copy() copies, theta.astype(dtype) converts",
        )

    def __bool__(self) -> NoReturn:
        self._tracer.refuse("it branches on an array's values", SELECT)

    def __float__(self) -> NoReturn:
        self._tracer.refuse(
            "it makes a Python number of an array",
            "NumPy's functions (np.sqrt, np.exp, ...) take whole arrays",
        )

    __int__ = __index__ = __complex__ = __float__

    def __len__(self) -> NoReturn:
        self._tracer.refuse("it asks for an array's length", ELEMENTWISE)

    def __iter__(self) -> NoReturn:
        self._tracer.refuse("it loops over an array", "operate on whole arrays")

    def __getitem__(self, key: Any) -> Proxy:
        if key is not Ellipsis:
            self._tracer.refuse("it takes elements out of an array", SELECT)
        return self

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        self._tracer.refuse(f"it uses an array's .{name}", ELEMENTWISE)


SCALARS = {int, float, Number}
"""What takes the dtype of the array beside it."""


def _operator(name: str, turned: bool) -> Callable[[Proxy, Any], Any]:
    """An operator of proxies: what most steps consist of, without NumPy's protocol.

    Args:
        name: what NumPy calls it.
        turned: whether the proxy is the second operand.
    """
    ufunc = getattr(np, name)

    def operate(self: Proxy, other: Any) -> Any:
        tracer, dtype, kind = self._tracer, self._dtype, type(other)
        nodes = tracer.nodes
        if kind is Proxy and other._dtype == dtype and other._tracer is tracer:
            node = other._node
        elif kind in SCALARS and dtype != "bool":
            node = len(nodes)
            nodes.append(("scalar", (len(tracer.scalars),), dtype))
            tracer.scalars.append(other)
        else:
            return ufunc(other, self) if turned else ufunc(self, other)
        if dtype == "bool":
            return ufunc(self, other)
        nodes.append(
            (name, (node, self._node) if turned else (self._node, node), dtype)
        )
        return Proxy(tracer, len(nodes) - 1, dtype)

    return operate


def _in_place(operate: Callable[[Proxy, Any], Any]) -> Callable[[Proxy, Any], Proxy]:
    return lambda self, other: self.assign(operate(self, other))


for _name, _short in ARITHMETIC.items():
    setattr(Proxy, f"__{_short}__", _operator(_name, turned=False))
    setattr(Proxy, f"__r{_short}__", _operator(_name, turned=True))
    setattr(Proxy, f"__i{_short}__", _in_place(_operator(_name, turned=False)))


class Shape:
    """The shape of a proxy: equal to that of any other one, and otherwise unknown."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) or self._refuse()

    def _refuse(self, *_: Any) -> NoReturn:
        self._tracer.refuse("it uses the numbers of an array's shape", LIKE_THETA)

    __hash__ = __len__ = __iter__ = __getitem__ = __index__ = _refuse


def described(value: Any) -> str:
    """A value that cannot be recorded, in words."""
    if isinstance(value, np.ndarray):
        return "an array that is not its argument"
    if isinstance(value, Proxy):
        return "an array of an earlier call"
    return f"a {type(value).__name__} where an array belongs"


def _power(base: Any, exponent: Any) -> tuple[str, tuple[Any, ...]]:
    """A power as a faster operation, where there is one."""
    if isinstance(base, Proxy) and not isinstance(exponent, Proxy):
        if float(exponent) == 1.0:
            return "positive", (base,)
        if float(exponent) in POWERS:
            return POWERS[float(exponent)], (base,)
    return "power", (base, exponent)


def _into(tracer: Tracer, new: Proxy, out: Any, mask: Any = True) -> Proxy:
    """What an operation gives, put into ``out`` where there is one."""
    if out is None and mask is True:
        return new
    if not isinstance(out, Proxy):
        what = "where= without out=" if out is None else "out= with an array of its own"
        tracer.refuse(f"it uses {what}", LIKE_THETA)
    return out.assign(new if mask is True else tracer.where(mask, new, out))


def _where(tracer: Tracer, condition: Any, *values: Any) -> Proxy:
    if len(values) != 2:
        tracer.refuse("it uses np.where with one argument", SELECT)
    return tracer.where(condition, *values)


def _clip(
    tracer: Tracer, array: Any, a_min: Any = None, a_max: Any = None, out: Any = None
) -> Proxy:
    for ufunc, bound in ((np.maximum, a_min), (np.minimum, a_max)):
        array = array if bound is None else tracer.apply(ufunc, array, bound)
    return _into(tracer, array, out)


def _full_like(
    tracer: Tracer, array: Proxy, fill_value: Any, dtype: Any = None, **_: Any
) -> Proxy:
    name = array._dtype if dtype is None else np.dtype(dtype).name
    if isinstance(fill_value, Proxy):
        return fill_value.astype(name)
    if name not in DTYPES:
        tracer.refuse(f"it makes {name} of an array", "keep to theta's dtype")
    return Proxy(tracer, tracer.operand(fill_value, name), name)


def _zeros_like(tracer: Tracer, array: Proxy, dtype: Any = None, **_: Any) -> Proxy:
    return _full_like(tracer, array, 0.0, dtype)


def _ones_like(tracer: Tracer, array: Proxy, dtype: Any = None, **_: Any) -> Proxy:
    return _full_like(tracer, array, 1.0, dtype)


def _copy(tracer: Tracer, array: Proxy, **_: Any) -> Proxy:
    return array.copy()


def _copyto(
    tracer: Tracer, target: Any, source: Any, where: Any = True, **_: Any
) -> None:
    value = source if isinstance(source, Proxy) else _full_like(tracer, target, source)
    _into(tracer, value, target, where)


def _shape(tracer: Tracer, array: Proxy) -> Shape:
    return array.shape


FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.where: _where,
    np.clip: _clip,
    np.zeros_like: _zeros_like,
    np.empty_like: _zeros_like,
    np.ones_like: _ones_like,
    np.full_like: _full_like,
    np.copy: _copy,
    np.copyto: _copyto,
    np.shape: _shape,
}
"""What a step may call beside ufuncs."""


def record(
    function: Callable[..., dict[int, Any]],
    dtype: str,
    inputs: int,
    last: Program | None = None,
) -> tuple[Program, list[Any]]:
    """Record what a function does with its arrays.

    Args:
        function: takes as many arrays as there are inputs; what it returns maps the
            places of those that change to their new values.
        dtype: of the arrays, by name.
        inputs: how many there are.
        last: the program that was recorded last. If it is the same again, this very
            object is returned, which is found faster.

    Returns:
        The program, and the scalars of this very call.

    Raises:
        UnsupportedStep: where the function does what cannot be recorded.
    """
    tracer = Tracer(dtype, inputs)
    try:
        results = function(*tracer.inputs)
    except Exception:
        # NumPy may have replaced the exception that refused by one of its own.
        if tracer.refusal is not None:
            raise tracer.refusal from None
        raise
    return tracer.finish(results, last), tracer.scalars
