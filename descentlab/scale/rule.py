"""A step function, called on NumPy's arrays or on stand-ins for them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from descentlab.scale.tape import Recipe, record
from descentlab.steps import StepSignature, signature_of


class Rule:
    """A step function ``step(theta, grad, *state, [t,] lr, ...)`` and what it says."""

    def __init__(self, step: Callable[..., Any]) -> None:
        self.step = step
        self.signature: StepSignature = signature_of(step)
        self.name: str = getattr(step, "__name__", type(step).__name__)
        self._told: set[str] = set()

    @cached_property
    def identifier(self) -> str:
        """The name, as a function of PyTorch can have it."""
        return self.name if self.name.isidentifier() else "step"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names of its arrays."""
        return "theta", "grad", *self.signature.state

    @property
    def results(self) -> tuple[str, ...]:
        """The names of the arrays that it returns."""
        return "theta", *self.signature.state

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
        wanted = len(self.results)
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
    ) -> tuple[Recipe, list[Any]]:
        """The step as a recipe, and the scalars of this call.

        Raises:
            Untapeable: where no recipe can say what it does.
        """
        inputs = len(self.arguments)
        return record(lambda *arrays: self(arrays, t, hyper), dtype, inputs)

    def run(
        self, arrays: Sequence[np.ndarray], t: int, hyper: Mapping[str, Any]
    ) -> dict[int, np.ndarray]:
        """Make a step on arrays of NumPy.

        Raises:
            TypeError, ValueError: for results that are no such arrays.
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
            self.check_dtype(place, result.dtype.name, theta.dtype.name)
        return results

    def check_dtype(self, place: int, got: str, wanted: str) -> None:
        """Refuse results that are no floats; tell once of another precision."""
        if got == wanted:
            return
        name = self.arguments[place]
        what = f"{self.name} returns {name} as {got} for theta as {wanted}"
        if np.dtype(got).kind != "f":
            raise TypeError(f"{what}: each result has the dtype of theta")
        self.tell(
            f"{what}, so it is rounded. A NumPy number such as np.sqrt(1 - beta2**t)"
            " turns arrays into float64: make it a Python number, float(np.sqrt(...))"
            if got == "float64"
            else f"{what}: each result should have the dtype of theta"
        )

    def tell(self, message: str) -> None:
        """Warn once, at the line where the step is defined."""
        if message not in self._told:
            self._told.add(message)
            warn_at(self.step, message)


def warn_at(function: Callable[..., Any], message: str) -> None:
    """Warn at the line where a function is defined: there one has to look."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        warnings.warn(message, stacklevel=3)
    else:
        place = code.co_filename, code.co_firstlineno
        warnings.warn_explicit(message, UserWarning, *place)
