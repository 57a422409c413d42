"""A step function, called on NumPy's arrays or on proxies of them."""

from __future__ import annotations

import inspect
import types
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from descentlab.scale.formula import Formulas, Number, Record, shown, watch
from descentlab.scale.tracer import Program, record
from descentlab.steps import StepSignature, signature_of

FLOAT64 = (
    "Something in it makes float64 arrays (random noise, np.where with two Python"
    " numbers, a NumPy number such as np.sqrt(2.0)): add .astype(theta.dtype)"
)


MOST_FORMULAS = 4
"""Programs of a step, in each dtype, whose numbers are computed by formulas."""


class Rule:
    """A step function ``step(theta, grad, *state, [t,] lr, ...)`` and its signature."""

    def __init__(self, step: Callable[..., Any]) -> None:
        self.step = step
        self.signature: StepSignature = signature_of(step)
        self.name: str = getattr(step, "__name__", type(step).__name__)
        self.arguments = ("theta", "grad", *self.signature.state)
        self._told: set[str] = set()
        self._last: dict[str, Program] = {}
        self._formulas: dict[str, list[tuple[Program, Formulas]]] = {}
        self._called: set[str] = set()

    def __call__(
        self, arrays: Sequence[Any], t: Any, hyper: Mapping[str, Any]
    ) -> dict[int, Any]:
        """Make a step: the new arrays, each under the place of the one it replaces.

        Raises:
            TypeError: where it does not return as many arrays as it keeps.
        """
        count = (t,) if self.signature.takes_t else ()
        result = self.step(*arrays, *count, **hyper)
        results = result if self.signature.state else (result,)
        wanted = 1 + len(self.signature.state)
        if type(results) not in (tuple, list) or len(results) != wanted:
            arrays_word = "array" if wanted == 1 else "arrays"
            raise TypeError(
                f"{self.name} must return {wanted} {arrays_word}: the new theta and its"
                f" state ({', '.join(self.signature.state) or 'none'})"
            )
        places = (0, *range(2, wanted + 1))
        return dict(zip(places, results, strict=True))

    def record(
        self, dtype: str, t: int, hyper: Mapping[str, Any]
    ) -> tuple[Program, list[Any]]:
        """The step as a program, and its scalars at ``t``.

        The function is called, unless it is known to do what it did in an earlier call
        with other numbers, and how those follow from ``t`` and ``hyper``.

        Raises:
            UnsupportedStep: where the step does what cannot be recorded.
        """
        known = self._formulas.setdefault(dtype, [])
        for program, formulas in known:
            scalars = formulas(t, hyper)
            if scalars is not None:
                return program, scalars
        if len(known) < MOST_FORMULAS and dtype not in self._called:
            found = self._with_formulas(dtype, t, hyper)
            if found:
                known.append(found)
            else:
                self._called.add(dtype)
        return self.called(dtype, t, hyper)

    def called(
        self, dtype: str, t: Any, hyper: Mapping[str, Any]
    ) -> tuple[Program, list[Any]]:
        """The program and the scalars of one call of the function.

        Raises:
            UnsupportedStep: where the step does what cannot be recorded.
        """
        inputs, last = len(self.arguments), self._last.get(dtype)
        program, scalars = record(
            lambda *arrays: self(arrays, t, hyper), dtype, inputs, last
        )
        self._last[dtype] = program
        return program, scalars

    def _with_formulas(
        self, dtype: str, t: int, hyper: Mapping[str, Any]
    ) -> tuple[Program, Formulas] | None:
        """A call with numbers that remember their formulas; None if that leads nowhere.

        There are two such calls, which have to do the same.
        """
        is_function = isinstance(self.step, types.FunctionType)
        watched = watch(self.step) if is_function else None
        if watched is None or any(type(v) not in (int, float) for v in hyper.values()):
            return None
        found = []
        for _ in range(2):
            calls = Record()
            named = {name: Number(v, name, calls) for name, v in hyper.items()}
            try:
                program, scalars = self.called(dtype, Number(t, "t", calls), named)
            except Exception:
                return None  # it comes again when the function is called with numbers
            if calls.escaped:
                return None
            found.append((program, list(map(shown, scalars)), calls.conditions))
        if found[0] != found[1]:
            return None
        return program, Formulas(scalars, calls, hyper, watched)

    def run(
        self, arrays: Sequence[np.ndarray], t: int, hyper: Mapping[str, Any]
    ) -> dict[int, np.ndarray]:
        """Make a step on arrays of NumPy.

        Raises:
            TypeError, ValueError: where a result does not fit the array it replaces.
        """
        theta = arrays[0]
        results = {p: np.asarray(r) for p, r in self(arrays, t, hyper).items()}
        for place, result in results.items():
            if result.shape != theta.shape:
                raise ValueError(
                    f"{self.name} returns {self.arguments[place]} of shape"
                    f" {result.shape} for theta of shape {theta.shape}: each result has"
                    " the shape of theta"
                )
            self.check_dtype(place, result.dtype.name, theta.dtype.name, FLOAT64)
        return results

    def check(self, program: Program) -> None:
        """Check the dtypes of a program's results, as ``check_dtype`` does."""
        dtype = program.dtype(0)
        for place, node in program.results:
            self.check_dtype(place, program.dtype(node), dtype, program.widened)

    def check_dtype(self, place: int, got: str, wanted: str, why: str) -> None:
        """Refuse results that are no floats; warn once of another precision."""
        if got == wanted:
            return
        what = f"{self.name} returns {self.arguments[place]} as {got} for theta as"
        if np.dtype(got).kind != "f":
            raise TypeError(f"{what} {wanted}: each result has the dtype of theta")
        self.tell(f"{what} {wanted}, so it is rounded. {why}".rstrip())

    def tell(self, message: str) -> None:
        """Warn once, at the line where the step is defined."""
        if message not in self._told:
            self._told.add(message)
            warn_at(self.step, message)


def warn_at(function: Callable[..., Any], message: str) -> None:
    """Warn at the line where a function is defined: it has to be changed there."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        warnings.warn(message, stacklevel=3)
    else:
        place = code.co_filename, code.co_firstlineno
        warnings.warn_explicit(message, UserWarning, *place)
