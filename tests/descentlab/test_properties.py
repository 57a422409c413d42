"""Properties: the same words for all that is right, telling ones for what is not."""

import numpy as np
import pytest

from descentlab.compare import Case, Foreign, Seed, attempt, examine
from descentlab.properties import PROPERTIES

SEED = Seed(7)


def cut(order, batch_size):
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]


def right(n, batch_size, rng):
    return cut(rng.permutation(n), batch_size)


def found(name, draw, n=10, batch_size=3):
    return PROPERTIES[name].find(draw, n, batch_size, SEED)


def constant(result):
    return lambda n, batch_size, rng: result


# -- Partitions ------------------------------------------------------------------------

ONCE = "each of range(10) once"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (cut(np.arange(10), 3), ("of size 3, 3, 3, 1", ONCE)),
        (tuple(cut(np.arange(9, -1, -1), 3)), ("of size 3, 3, 3, 1", ONCE)),
        (cut(list(range(10)), 3), ("of size 3, 3, 3, 1", ONCE)),
        (cut(np.arange(10), 5), ("of size 5, 5", ONCE)),
        (cut(np.arange(10), 3)[::-1], ("a smaller one before the last", ONCE)),
        (cut(np.arange(9), 3), ("of size 3, 3, 3", "some left out")),
        (cut(np.arange(10) // 2, 3), ("of size 3, 3, 3, 1", "some more than once")),
        (
            cut(np.arange(10) + 1, 3),
            ("of size 3, 3, 3, 1", "some that are not in range(10)"),
        ),
        (
            cut(np.array([0.5, *range(1, 10)]), 3),
            ("of size 3, 3, 3, 1", "some that are not in range(10)"),
        ),
        ([], ("none", "some left out")),
        ([np.arange(11)], ("more than 10 indices in all", "not told")),
        (None, ("None, no list", "not told")),
        (
            np.arange(10),
            ("ndarray of dtype int64 and shape (10,), no list", "not told"),
        ),
        (Foreign("an object"), ("an object, no list", "not told")),
        ([3, 4], ("a list that holds 3", "not told")),
        (["012"], ("a list that holds an object of type str", "not told")),
        (
            [np.zeros((2, 1))],
            ("a list that holds ndarray of dtype float64 and shape (2, 1)", "not told"),
        ),
    ],
    ids=str,
)
def test_what_a_partition_is(result, words):
    assert found("partition", constant(result)) == words


@pytest.mark.parametrize("n", [0, 1, 9, 10])
@pytest.mark.parametrize("batch_size", [1, 3, 20])
def test_every_right_draw_is_a_partition(n, batch_size):
    wanted = found("partition", right, n, batch_size)
    assert found("partition", lambda *a: cut(np.arange(a[0]), a[1]), n, batch_size)
    assert wanted[1] == f"each of range({n}) once"


def test_one_bad_draw_among_many_is_seen():
    calls = iter(range(100))

    def draw(n, batch_size, rng):
        return right(n - (next(calls) == 5), batch_size, rng)

    assert found("partition", draw) == ("of size 3, 3, 3", "some left out")


def test_many_batches_are_told_in_a_few_words():
    sizes, _ = found("partition", right, n=40, batch_size=1)
    assert sizes == "of size 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ..."


# -- Draws -----------------------------------------------------------------------------

SAME, OTHER = "the same batches", "other batches"


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (right, ("mixed", SAME, OTHER, OTHER)),
        (lambda n, b, rng: cut(np.arange(n), b), ("as counted", SAME, SAME, SAME)),
        (
            lambda n, b, rng: cut(np.random.default_rng(0).permutation(n), b),
            ("mixed", SAME, SAME, SAME),
        ),
        (
            lambda n, b, rng: cut(np.random.default_rng().permutation(n), b),
            ("mixed", OTHER, OTHER, OTHER),
        ),
        (
            lambda n, b, rng: right(n, b, rng.spawn(1)[0]),
            ("mixed", SAME, OTHER, OTHER),
        ),
    ],
    ids=["right", "unshuffled", "own seed", "unseeded", "spawned"],
)
def test_what_changes_from_draw_to_draw(draw, words):
    assert found("draws", draw, n=40, batch_size=8) == words


# -- Chances ---------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "batch_size"), [(6, 2), (4, 1), (7, 3), (5, 8)])
@pytest.mark.parametrize("seed", range(5))
def test_a_fair_shuffle_gives_even_chances(n, batch_size, seed):
    chances = PROPERTIES["chances"].find(right, n, batch_size, Seed(seed))
    assert chances == ("even", "even")


def shuffled_batches(n, batch_size, rng):
    batches = cut(np.arange(n), batch_size)
    return [batches[i] for i in rng.permutation(len(batches))]


def shuffled_within(n, batch_size, rng):
    return [rng.permutation(batch) for batch in cut(np.arange(n), batch_size)]


def rotated(n, batch_size, rng):
    return cut(np.roll(np.arange(n), rng.integers(n)), batch_size)


def never_in_place(n, batch_size, rng):
    """Sattolo's shuffle, which moves every index: the well-known slip in a loop."""
    order = np.arange(n)
    for i in range(n - 1, 0, -1):
        j = rng.integers(i)
        order[[i, j]] = order[[j, i]]
    return cut(order, batch_size)


@pytest.mark.parametrize(
    ("draw", "n", "batch_size", "words"),
    [
        (shuffled_batches, 6, 2, ("even", "uneven")),
        (shuffled_within, 6, 2, ("uneven", "uneven")),
        (rotated, 6, 2, ("even", "uneven")),
        (never_in_place, 4, 1, ("uneven", "even")),
        (constant([np.arange(5)]), 6, 2, ("no partition", "no partition")),
    ],
    ids=["batches", "within", "rotated", "never in place", "none"],
)
def test_an_unfair_shuffle_does_not(draw, n, batch_size, words):
    assert found("chances", draw, n, batch_size) == words


# -- Kinds -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (cut(np.arange(4, dtype=np.uint8), 2), "arrays of integers"),
        (cut(np.arange(4, dtype=np.int32), 2), "arrays of integers"),
        (cut(np.arange(4.0), 2), "arrays of float64"),
        ([[0, 1], [2, 3]], "lists of numbers"),
        ([np.array([0, 1]), [2, 3]], "lists of numbers"),
        (None, "None, no list"),
    ],
    ids=str,
)
def test_what_kind_of_arrays_the_batches_are(result, words):
    assert found("kinds", constant(result), n=4, batch_size=2) == (words,)


# -- In a case -------------------------------------------------------------------------


def test_a_case_compares_the_property():
    case = Case("value", "any", (10, 3, SEED), through=PROPERTIES["partition"])
    wanted = case.play(right)
    assert examine(right, case, wanted, [0.0, 0.0])[1] is None
    _, fault = examine(constant([]), case, wanted, [0.0, 0.0], parts=("batches",))
    assert (fault.kind, fault.part, fault.got) == ("value", "the batches", "none")


def test_what_the_function_raises_is_the_answer():
    def draw(n, batch_size, rng):
        raise KeyError("no")

    for property in PROPERTIES.values():
        answer = attempt(draw, Case("value", "any", (10, 3, SEED), through=property))
        assert answer.raised.kinds[0] == "KeyError"


def test_a_seed_is_a_fresh_generator_at_each_call():
    case = Case("value", "drawn", (SEED,))
    drawn = [attempt(lambda rng: rng.random(), case).result for _ in range(2)]
    assert drawn == [np.random.default_rng(7).random()] * 2
    assert repr(SEED) == "default_rng(7)"
