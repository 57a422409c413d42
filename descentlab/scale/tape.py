"""A step function of NumPy, written down operation by operation.

The function is called on stand-ins for its arrays. They implement NumPy's protocols for
foreign arrays (NEP 13 and NEP 18), so that each operation on one ends up here, is
written on the tape, and gives another stand-in. No element is ever computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from descentlab.scale.operations import (
    DTYPES,
    POWERS,
    kind_of,
    loop_of,
    where_dtype,
)

ELEMENTWISE = "each element of a step has to follow from the same element of its arrays"
LIKE_THETA = "np.zeros_like(theta) and its kin make arrays that fit"
PURE = "hand arrays on as results of the step"
SELECT = "np.where(condition, a, b) chooses for each element"
OTHER = "arithmetic, np.sqrt, np.where and the like have a counterpart in PyTorch"

NAMED = {name: np.dtype(name) for name in DTYPES}

ARITHMETIC = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "truediv"}
"""What most lines of most steps consist of, and what Python calls it."""

PLAIN: dict[tuple[str, Any], str] = {
    (dtype, other): dtype
    for dtype in ("float32", "float64")
    for other in (dtype, int, float)
}
"""An array and an operand whose arithmetic needs no look at NumPy's rules: its dtype
stays."""

Node = tuple[str, tuple[int, ...], str]
"""An operation, the nodes that it works on (for an input or a scalar: its place), and
the dtype of what it gives."""


class Untapeable(Exception):
    """The step does what no tape can hold; the message says what, and how else."""


class Recipe(NamedTuple):
    """What a step does, but for the values of its scalars.

    ``results`` pairs the place of an input with the node that replaces it; an input
    that stays as it was is left out.
    """

    nodes: tuple[Node, ...]
    results: tuple[tuple[int, int], ...]

    def dtype(self, node: int) -> str:
        """The dtype of a node."""
        return self.nodes[node][2]


class Tape:
    """The operations of one call, in order, and the scalars that they met."""

    def __init__(self, dtype: str, inputs: int) -> None:
        self.nodes: list[Node] = [("input", (place,), dtype) for place in range(inputs)]
        self.scalars: list[Any] = []
        self.refusal: Untapeable | None = None
        self.inputs = [StandIn(self, place, dtype) for place in range(inputs)]

    def write(self, operation: str, operands: tuple[int, ...], dtype: str) -> StandIn:
        """Add an operation; what stands for its result."""
        self.nodes.append((operation, operands, dtype))
        return StandIn(self, len(self.nodes) - 1, dtype)

    def refuse(self, what: str, instead: str) -> NoReturn:
        """Give up. Kept as well as raised: the step may catch what it calls."""
        self.refusal = Untapeable(f"{what}; {instead}")
        raise self.refusal

    def scalar(self, value: Any, dtype: str) -> int:
        """The node of a number that the step brings along: another one each time."""
        self.nodes.append(("scalar", (len(self.scalars),), dtype))
        self.scalars.append(value)
        return len(self.nodes) - 1

    def cast(self, array: StandIn, dtype: str) -> StandIn:
        """An array in another dtype."""
        if dtype not in DTYPES:
            self.refuse(f"it makes {dtype} of an array", "keep to theta's dtype")
        return (
            array if array._dtype == dtype else self.write(dtype, (array._node,), dtype)
        )

    def kind(self, value: Any) -> Any:
        """What NumPy's rules for dtypes need to know of an operand."""
        if isinstance(value, StandIn):
            if value._tape is not self:
                self.refuse("it uses an array of an earlier call", PURE)
            return value.dtype
        kind = kind_of(value)
        if kind is None:
            self.refuse(f"it computes with {described(value)}", LIKE_THETA)
        return kind

    def operand(self, value: Any, dtype: str) -> int:
        """The node of an operand whose operation computes in ``dtype``."""
        if type(value) is not StandIn:
            return self.scalar(value, dtype)
        if value._tape is not self:
            self.refuse("it uses an array of an earlier call", PURE)
        return value._node if value._dtype == dtype else self.cast(value, dtype)._node

    def apply(self, ufunc: np.ufunc, *values: Any) -> StandIn:
        """One elementwise operation."""
        loop = loop_of(ufunc, *[self.kind(value) for value in values])
        if loop is None:
            self.refuse(f"it uses np.{ufunc.__name__}", OTHER)
        name, inside, result = loop
        if name == "power":
            name, values = _power(*values)
        operands = tuple([self.operand(value, inside) for value in values])
        if name == "positive":
            return StandIn(self, operands[0], result)
        return self.write(name, operands, result)

    def where(self, condition: Any, yes: Any, no: Any) -> StandIn:
        """``np.where`` with its three arguments."""
        dtype = where_dtype(self.kind(yes), self.kind(no))
        self.kind(condition)
        mask = self.operand(condition, "bool")
        operands = mask, self.operand(yes, dtype), self.operand(no, dtype)
        return self.write("where", operands, dtype)

    def finish(self, results: dict[int, Any]) -> Recipe:
        """The recipe that puts these results in the place of inputs."""
        if self.refusal is not None:
            raise self.refusal
        found = []
        for place, value in results.items():
            if not isinstance(value, StandIn) or value._tape is not self:
                self.refuse(f"it returns {described(value)}", LIKE_THETA)
            if value._node != place:
                found.append((place, self._computed(value)))
        return Recipe(tuple(self.nodes), tuple(found))

    def _computed(self, array: StandIn) -> int:
        """A node whose value is computed, be it by multiplying with one.

        The compiled loop must not merely move values between arrays that it also
        writes: PyTorch's compiler gets the order wrong (seen with version 2.13).
        """
        bare = array._node
        while self.nodes[bare][0] in DTYPES:
            (bare,) = self.nodes[bare][1]
        if self.nodes[bare][0] != "input":
            return array._node
        one: StandIn = array * 1.0
        return one._node


class StandIn(NDArrayOperatorsMixin):
    """What a step gets in place of an array: it has a dtype, and no elements.

    Like an array it can be changed in place: then it stands for another node.
    """

    __slots__ = ("_dtype", "_node", "_tape")

    def __init__(self, tape: Tape, node: int, dtype: str) -> None:
        self._tape = tape
        self._node = node
        self._dtype = dtype

    @property
    def dtype(self) -> np.dtype[Any]:
        """As an array has it."""
        return NAMED[self._dtype]

    @property
    def shape(self) -> Shape:
        """To be compared; its numbers differ from parameter to parameter."""
        return Shape(self._tape)

    def copy(self, order: str = "C") -> StandIn:
        """Another stand-in, which can be changed apart from this one."""
        return StandIn(self._tape, self._node, self._dtype)

    def astype(self, dtype: Any, *_: Any, **__: Any) -> StandIn:
        """In another dtype; a copy in any case, as a change in place may follow."""
        return self._tape.cast(self, np.dtype(dtype).name).copy()

    def clip(self, low: Any = None, high: Any = None, out: Any = None) -> StandIn:
        """As ``np.clip``."""
        return _clip(self._tape, self, low, high, out)

    def assign(self, value: StandIn) -> StandIn:
        """Take a value in place, as ``out=`` and ``+=`` do."""
        if not np.can_cast(value.dtype, self.dtype, "same_kind"):
            what = f"it puts {value.dtype} into an array of {self.dtype}"
            self._tape.refuse(what, "convert with astype first")
        self._node = self._tape.operand(value, self._dtype)
        return self

    def __copy__(self) -> StandIn:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> StandIn:
        return self.copy()

    def __pow__(self, exponent: Any) -> Any:
        number = type(exponent) in (int, float) and self._dtype != "bool"
        if number and exponent in POWERS:  # the short way
            return self._tape.write(POWERS[exponent], (self._node,), self._dtype)
        return np.power(self, exponent)

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *values: Any, **more: Any
    ) -> StandIn:
        tape = self._tape
        if method == "__call__" and not more:  # the short way
            return tape.apply(ufunc, *values)
        if method != "__call__":
            tape.refuse(f"it uses np.{ufunc.__name__}.{method}", ELEMENTWISE)
        (out,) = more.pop("out", None) or (None,)
        mask = more.pop("where", True)
        if more:
            tape.refuse(f"it calls np.{ufunc.__name__} with {next(iter(more))}=", OTHER)
        return _into(tape, tape.apply(ufunc, *values), out, mask)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any
    ) -> Any:
        handler = FUNCTIONS.get(function)
        if handler is None:
            name = f"{function.__module__}.{function.__name__}".replace(
                "numpy", "np", 1
            )
            self._tape.refuse(f"it uses {name}", ELEMENTWISE)
        return handler(self._tape, *args, **kwargs)

    def __setitem__(self, key: Any, value: Any) -> None:
        tape = self._tape
        everywhere = key is Ellipsis or (isinstance(key, slice) and key == slice(None))
        if not everywhere and not (isinstance(key, StandIn) and key.dtype == bool):
            tape.refuse("it sets single elements", ELEMENTWISE)
        if not everywhere and isinstance(value, StandIn):
            tape.refuse("it sets the elements that a mask selects", SELECT)
        new = value if isinstance(value, StandIn) else _full_like(tape, self, value)
        self.assign(new if everywhere else tape.where(key, new, self))

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        self._tape.refuse(
            "it makes an array of an array (np.array, np.asarray)",
            "theta.copy() copies, theta.astype(dtype) converts",
        )

    def __bool__(self) -> NoReturn:
        self._tape.refuse("it branches on an array's values", SELECT)

    def __float__(self) -> NoReturn:
        self._tape.refuse(
            "it makes a Python number of an array",
            "NumPy's functions (np.sqrt, np.exp, ...) take whole arrays",
        )

    __int__ = __index__ = __complex__ = __float__

    def __len__(self) -> NoReturn:
        self._tape.refuse("it asks for an array's length", ELEMENTWISE)

    def __iter__(self) -> NoReturn:
        self._tape.refuse("it loops over an array", "operate on whole arrays")

    def __getitem__(self, key: Any) -> StandIn:
        if key is not Ellipsis:
            self._tape.refuse("it takes elements out of an array", SELECT)
        return self

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__") or not hasattr(np.ndarray, name):
            raise AttributeError(f"'numpy.ndarray' object has no attribute '{name}'")
        self._tape.refuse(f"it uses an array's .{name}", ELEMENTWISE)


def _give_operators(name: str, short: str) -> None:
    """Let a stand-in's operators go the short way, which makes few calls."""
    plainly = getattr(np, name)

    def apply(one: StandIn, other: Any, turned: bool) -> Any:
        """Write ``one ∘ other`` down, or ``other ∘ one``."""
        tape, kind = one._tape, type(other)
        array = kind is StandIn
        dtype = PLAIN.get((one._dtype, other._dtype if array else kind))
        if dtype is None or (array and other._tape is not tape):
            return plainly(other, one) if turned else plainly(one, other)
        nodes = tape.nodes
        if array:
            node = other._node
        else:
            node = len(nodes)
            nodes.append(("scalar", (len(tape.scalars),), dtype))
            tape.scalars.append(other)
        operands = (node, one._node) if turned else (one._node, node)
        nodes.append((name, operands, dtype))
        return StandIn(tape, len(nodes) - 1, dtype)

    def operate(self: StandIn, other: Any) -> Any:
        return apply(self, other, False)

    def operate_from_right(self: StandIn, other: Any) -> Any:
        return apply(self, other, True)

    def operate_in_place(self: StandIn, other: Any) -> StandIn:
        return self.assign(apply(self, other, False))

    setattr(StandIn, f"__{short}__", operate)
    setattr(StandIn, f"__r{short}__", operate_from_right)
    setattr(StandIn, f"__i{short}__", operate_in_place)


for _name, _short in ARITHMETIC.items():
    _give_operators(_name, _short)


class Shape:
    """The shape of a stand-in: equal to any other one, and otherwise unknown."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) or self._refuse()

    def _refuse(self, *_: Any) -> NoReturn:
        self._tape.refuse("it uses the numbers of an array's shape", LIKE_THETA)

    __hash__ = __len__ = __iter__ = __getitem__ = __index__ = _refuse


def described(value: Any) -> str:
    """A value that a tape does not take, in words."""
    if isinstance(value, np.ndarray):
        return "an array that is not its argument"
    if isinstance(value, StandIn):
        return "an array of an earlier call"
    return f"a {type(value).__name__} where an array belongs"


def _power(base: Any, exponent: Any) -> tuple[str, tuple[Any, ...]]:
    """A power as a faster operation, where there is one."""
    if isinstance(base, StandIn) and not isinstance(exponent, StandIn):
        if float(exponent) == 1.0:
            return "positive", (base,)
        if float(exponent) in POWERS:
            return POWERS[float(exponent)], (base,)
    return "power", (base, exponent)


def _into(tape: Tape, new: StandIn, out: Any, mask: Any = True) -> StandIn:
    """What an operation gives, put into ``out`` where there is one."""
    if out is None and mask is True:
        return new
    if not isinstance(out, StandIn):
        what = "where= without out=" if out is None else "out= with an array of its own"
        tape.refuse(f"it uses {what}", LIKE_THETA)
    return out.assign(new if mask is True else tape.where(mask, new, out))


def _where(tape: Tape, condition: Any, *values: Any) -> StandIn:
    if len(values) != 2:
        tape.refuse("it uses np.where with one argument", SELECT)
    return tape.where(condition, *values)


def _clip(
    tape: Tape, array: Any, a_min: Any = None, a_max: Any = None, out: Any = None
) -> StandIn:
    for ufunc, bound in ((np.maximum, a_min), (np.minimum, a_max)):
        array = array if bound is None else tape.apply(ufunc, array, bound)
    return _into(tape, array, out)


def _zeros_like(tape: Tape, array: StandIn, dtype: Any = None, **_: Any) -> StandIn:
    name = array._dtype if dtype is None else np.dtype(dtype).name
    return tape.write("zeros", (tape.cast(array, name)._node,), name)


def _full_like(
    tape: Tape, array: StandIn, fill_value: Any, dtype: Any = None, **_: Any
) -> StandIn:
    zeros = _zeros_like(tape, array, dtype)
    if isinstance(fill_value, StandIn):
        return fill_value.astype(zeros.dtype)
    nodes = zeros._node, tape.operand(fill_value, zeros._dtype)
    return tape.write("add", nodes, zeros._dtype)


def _ones_like(tape: Tape, array: StandIn, dtype: Any = None, **_: Any) -> StandIn:
    return _full_like(tape, array, 1.0, dtype)


def _copy(tape: Tape, array: StandIn, **_: Any) -> StandIn:
    return array.copy()


def _copyto(tape: Tape, target: Any, source: Any, where: Any = True, **_: Any) -> None:
    value = source if isinstance(source, StandIn) else _full_like(tape, target, source)
    _into(tape, value, target, where)


def _shape(tape: Tape, array: StandIn) -> Shape:
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
    function: Callable[..., dict[int, Any]], dtype: str, inputs: int
) -> tuple[Recipe, list[Any]]:
    """Write down what a function does with its arrays.

    Args:
        function: takes as many arrays as there are inputs; what it returns maps the
            places of those that change to their new values.
        dtype: of the arrays, by name.
        inputs: how many there are.

    Returns:
        The recipe, and the scalars that belong to this very call.

    Raises:
        Untapeable: where the function does what a tape can't hold.
    """
    tape = Tape(dtype, inputs)
    try:
        results = function(*tape.inputs)
    except Exception:
        # NumPy may have replaced the exception that refused by one of its own.
        if tape.refusal is not None:
            raise tape.refusal from None
        raise
    return tape.finish(results), tape.scalars
