"""A step function, called on NumPy's arrays or on proxies of them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from descentlab.scale.tracer import Program, record
from descentlab.steps import StepSignature, signature_of

FLOAT64 = (
    "Something in it makes float64 arrays (random noise, np.where with two Python"
    " numbers, a NumPy number such as np.sqrt(2.0)): add .astype(theta.dtype)"
)


class Rule:
    """A step function ``step(theta, grad, *state, [t,] lr, ...)`` and its signature."""

    def __init__(self, step: Callable[..., Any]) -> None:
        self.step = step
        self.signature: StepSignature = signature_of(step)
        self.name: str = getattr(step, "__name__", type(step).__name__)
        self.arguments = ("theta", "grad", *self.signature.state)
        self._told: set[str] = set()
        self._last: dict[str, Program] = {}

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
        self, dtype: str, t: Any, hyper: Mapping[str, Any]
    ) -> tuple[Program, list[Any]]:
        """The step as a program, and the scalars of this call.

        Raises:
            UnsupportedStep: where the step does what cannot be recorded.
        """
        inputs, last = len(self.arguments), self._last.get(dtype)
        program, scalars = record(
            lambda *arrays: self(arrays, t, hyper), dtype, inputs, last
        )
        self._last[dtype] = program
        return program, scalars

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
