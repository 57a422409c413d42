"""Properties of functions that draw at random, for exercises with many right results.

Each calls a learner's function and says in words what it finds. The words are coarse on
purpose: two functions with one mistake get the same ones, whatever they drew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from descentlab.compare import Property, Seed, describe

# As text: NumPy imports its generators when one is first named, which takes a while.
Draw = Callable[[int, int, "np.random.Generator"], Any]

PARTITIONS = 12
"""How many draws must be partitions: a small batch in a random place shows in them."""

REPEATS = 120
SURPRISE = 22.0
"""What frequencies over ``REPEATS`` draws may tell against even chances, in nats.

By Chernoff's bound an event that is as frequent as it should be tells more with
probability 2 exp(-22), that is 6e-10, at most."""


def _partition(draw: Draw, n: int, batch_size: int, seed: Seed) -> tuple[str, str]:
    """The sizes of the batches, and whether they hold each index once."""
    starts = range(0, n, batch_size)
    plain = [np.arange(i, min(i + batch_size, n)) for i in starts]
    sizes, right = [len(row) for row in plain], _look(plain, n)
    for rng in _generators(seed, PARTITIONS):
        found = _look(draw(n, batch_size, rng), n, sizes)
        if found != right:
            return found
    return right


def _look(result: Any, n: int, sizes: Sequence[int] = ()) -> tuple[str, str]:
    rows = _rows(result, n)
    if isinstance(rows, str):
        return rows, "not told"
    found = [len(row) for row in rows]
    moved = found != list(sizes) and sorted(found) == sorted(sizes)
    words = "a smaller one before the last" if moved else _sizes(found)
    return words, _indices(np.sort(np.concatenate([np.zeros(0), *rows])), n)


def _rows(result: Any, n: int) -> list[np.ndarray] | str:
    """The batches as float arrays, or what stands there in their place."""
    if not isinstance(result, (list, tuple)):
        return f"{describe(result)}, no list"
    for row in result:
        array = (
            isinstance(row, np.ndarray) and row.ndim == 1 and row.dtype.kind in "iuf"
        )
        if not array and not _is_row_of_numbers(row):
            return f"a list that holds {describe(row)}"
    if sum(map(len, result)) > n:
        return f"more than {n} indices in all"
    return [np.asarray(row, dtype=float) for row in result]


def _is_row_of_numbers(row: Any) -> bool:
    return isinstance(row, (list, tuple)) and all(
        isinstance(x, (int, np.integer, float)) for x in row
    )


def _sizes(sizes: Sequence[int]) -> str:
    if not sizes:
        return "none"
    shown = ", ".join(map(str, sizes[:12]))
    return f"of size {shown}{', ...' if len(sizes) > 12 else ''}"


def _indices(indices: np.ndarray, n: int) -> str:
    """In words, how a sorted array of indices differs from ``range(n)``."""
    if np.array_equal(indices, np.arange(n)):
        return f"each of range({n}) once"
    if not np.isin(indices, np.arange(n)).all():
        return f"some that are not in range({n})"
    if len(np.unique(indices)) < len(indices):
        return "some more than once"
    return "some left out"


def _draws(draw: Draw, n: int, batch_size: int, seed: Seed) -> tuple[str, ...]:
    """What changes from draw to draw, and what does not."""
    rng, same, other = seed.generator(), seed.generator(), Seed(seed + 1).generator()
    first = _order(draw(n, batch_size, rng), n)
    later = [_order(draw(n, batch_size, g), n) for g in (same, other, rng)]
    counted = "as counted" if first == list(range(n)) else "mixed"
    seen = ("the same batches" if x == first else "other batches" for x in later)
    return counted, *seen


def _order(result: Any, n: int) -> list[float]:
    """All indices in their order; none where there are no batches."""
    rows = _rows(result, n)
    return [] if isinstance(rows, str) else [float(x) for row in rows for x in row]


def _chances(draw: Draw, n: int, batch_size: int, seed: Seed) -> tuple[str, str]:
    """Whether any index may come in any batch, beside any other."""
    number = np.zeros((REPEATS, n))  # of the batch that holds an index
    for i, rng in enumerate(_generators(seed, REPEATS)):
        rows = _rows(draw(n, batch_size, rng), n)
        if isinstance(rows, str) or _look(rows, n)[1] != f"each of range({n}) once":
            return ("no partition",) * 2
        for k, row in enumerate(rows):
            number[i, row.astype(int)] = k
    batches = -(-n // batch_size)
    alone = np.mean(number[..., None] == np.arange(batches), axis=0)
    together = np.mean(number[:, :, None] == number[:, None], axis=0)
    pairs = together[np.triu_indices(n, 1)]
    sizes = np.bincount(np.arange(n) // batch_size)
    share = np.sum(sizes * (sizes - 1)) / (n * (n - 1))
    return _even(alone, sizes / n), _even(pairs, np.float64(share))


def _even(seen: np.ndarray, due: Any) -> str:
    """Whether the frequencies of events are as due, by their relative entropy."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [p * np.log(p / q) for p, q in ((seen, due), (1 - seen, 1 - due))]
    told = REPEATS * np.sum(np.nan_to_num(parts, posinf=np.inf), axis=0)
    return "even" if np.all(told <= SURPRISE) else "uneven"


def _kinds(draw: Draw, n: int, batch_size: int, seed: Seed) -> tuple[str]:
    """What kind of array the batches are."""
    result = draw(n, batch_size, seed.generator())
    rows = _rows(result, n)
    if isinstance(rows, str):
        return (rows,)
    if not all(isinstance(row, np.ndarray) for row in result):
        return ("lists of numbers",)
    dtypes = [row.dtype for row in result]
    strange = [dtype.name for dtype in dtypes if dtype.kind not in "iu"]
    return (f"arrays of {strange[0] if strange else 'integers'}",)


def _generators(seed: Seed, count: int) -> list[np.random.Generator]:
    return [Seed(seed + i).generator() for i in range(count)]


PROPERTIES = {
    found.name: found
    for found in (
        Property("partition", ("the batches", "their indices"), _partition),
        Property(
            "draws",
            ("the order", "one seed twice", "another seed", "the next epoch"),
            _draws,
        ),
        Property("chances", ("index and batch", "index and index"), _chances),
        Property("kinds", ("the batches",), _kinds),
    )
}
"""The properties by name: a published case names the one that it is about."""
