"""Misconceptions, each written as an edit of a right answer.

What a student writes who holds one is the right answer with some words changed. That
keeps a page of mistakes readable, gives each a source text for the sample class, and
makes sure that it differs from the right answer in nothing else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograder.judge import Misconception

Edits = Mapping[str, str]

THRESHOLDS = (1, 5, 10)
"""At which students clip gradients out of habit."""
CLIPPED = {
    "grad": "grad = np.clip(grad, -{0}, {0})",
    "grads": "grads = [np.clip(grad, -{0}, {0}) for grad in grads]",
    "per_example_grads": "per_example_grads = np.clip(per_example_grads, -{0}, {0})",
    "grad_fn": "slope = grad_fn\n"
    "    grad_fn = lambda theta: np.clip(slope(theta), -{0}, {0})",
}
"""The line that clips a gradient before anything else, by the name that it has."""


def mistakes(
    right: str, wrong: Mapping[str, tuple[Edits | Sequence[Edits], str]]
) -> tuple[Misconception, ...]:
    """Make misconceptions of the right answer whose source is ``right``.

    Args:
        right: the source of a right answer.
        wrong: maps the name of each to its edits, from old words to new ones, and to
            the sentence that helps who made it. A mistake that is made in several ways
            has several edits.

    Wherever there is a gradient it may also be clipped first, which is added.

    Raises:
        ValueError: where the words that an edit changes do not stand there.
    """
    made = []
    for name, (ways, sentence) in {**wrong, **_clipped_first(right)}.items():
        for edits in [ways] if isinstance(ways, Mapping) else ways:
            source = _edited(right, edits, name)
            function = function_of(source)
            made.append(Misconception(name, sentence, function, source.strip()))
    return tuple(made)


def _clipped_first(right: str) -> dict[str, tuple[Sequence[Edits], str]]:
    """The mistake of clipping a gradient first, if the right answer takes one."""
    head = right[: right.index("):\n") + 2].strip()
    lines = [line for name, line in CLIPPED.items() if re.search(rf"\b{name}\b", head)]
    ways = [
        {head: f"{head}\n    {line.format(threshold)}"}
        for line in lines
        for threshold in THRESHOLDS
    ]
    sentence = (
        "You clip the gradient before you use it: here it enters as it is, however"
        " large its elements are."
    )
    return {"gradient-clipped": (ways, sentence)} if ways else {}


def _edited(source: str, edits: Edits, name: str) -> str:
    for old, new in edits.items():
        if old not in source:
            raise ValueError(f"misconception {name}: {old!r} is not in the answer")
        source = source.replace(old, new)
    return source


def function_of(source: str) -> Any:
    """The last function that some source text defines."""
    namespace: dict[str, Any] = {"np": np, "math": math}
    exec(compile(source, "<answer>", "exec"), namespace)
    return list(namespace.values())[-1]
