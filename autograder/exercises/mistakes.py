"""Misconceptions, each written as an edit of a right answer.

What a student writes who holds one is the right answer with some words changed. That
keeps a page of mistakes readable, gives each a source text for the sample class, and
makes sure that it differs from the right answer in nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autograder.judge import Misconception

Edits = Mapping[str, str]


def mistakes(
    right: str, wrong: Mapping[str, tuple[Edits | Sequence[Edits], str]]
) -> tuple[Misconception, ...]:
    """Make misconceptions of the right answer whose source is ``right``.

    Args:
        right: the source of a right answer.
        wrong: maps the name of each to its edits, from old words to new ones, and to
            the sentence that helps who made it. A mistake that is made in several ways
            has several edits.

    Raises:
        ValueError: where the words that an edit changes do not stand there.
    """
    made = []
    for name, (ways, sentence) in wrong.items():
        for edits in [ways] if isinstance(ways, Mapping) else ways:
            source = _edited(right, edits, name)
            function = function_of(source)
            made.append(Misconception(name, sentence, function, source.strip()))
    return tuple(made)


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
