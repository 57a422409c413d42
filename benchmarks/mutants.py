"""What the checks of every exercise catch, name and accept: ``make mutants``.

Four sorts of answers meet the judge's comparison: named misconceptions, mutants that a
machine makes of right answers, right answers in other styles, and wrong ones as people
write them. The result goes to ``results/mutants.json``, which the book shows.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from autograder.course import ROOT
from autograder.exercises import assignments, load
from autograder.judge import Exercise, ExerciseVerdict
from autograder.judge.evaluate import evaluate
from autograder.mutants import SEEDS, Trial, mutants
from benchmarks.record import record
from tests.exercises.equivalent import EQUIVALENT
from tests.exercises.forms import EXERCISES, RIGHT, WRONG, is_told, right_sources

COLUMNS = {
    "misconceptions named": ("misconceptions", "named"),
    "mutants caught": ("mutants", "caught"),
    "right accepted": ("right", "accepted"),
    "wrong caught": ("wrong", "caught"),
    "wrong named": ("wrong", "named"),
}
"""The columns of the printed table: how many of a sort are what they should be."""


@dataclass(frozen=True)
class Tried:
    """One answer before the checks.

    ``held`` says of each thing that should be so whether it is; ``reason`` why a mutant
    that is not caught need not be.
    """

    sort: str
    words: str
    held: Mapping[str, bool]
    kind: str = ""
    reason: str = ""

    @property
    def is_hole(self) -> bool:
        """Whether something is not as it should be, and nothing excuses it."""
        return not (self.reason or all(self.held.values()))


def main() -> int:
    """Try everything, print a table, write the results; 1 where there is a hole."""
    names = [e.name for name in assignments(ROOT) for e in load(name).exercises]
    print(_line("", COLUMNS))
    everything: dict[str, list[Tried]] = {}
    with ProcessPoolExecutor(initializer=_silence) as pool:
        for name, tried in zip(names, pool.map(try_exercise, names), strict=True):
            everything[name] = tried
            print(_line(name, _cells(count(tried))), flush=True)
    all_tried = [each for tried in everything.values() for each in tried]
    print(_line("all", _cells(count(all_tried))))
    path = record("mutants", "make mutants", ["numpy"], results(everything))
    print(f"written to {path.relative_to(ROOT)}")
    for hole in (holes := listed(everything, lambda each: each.is_hole)):
        print(f"a hole in the checks of {hole['exercise']}: {hole['what']}")
    return int(bool(holes))


def try_exercise(name: str) -> list[Tried]:
    """All answers to one exercise, tried."""
    exercise = EXERCISES[name]
    sorts = (_misconceptions, _mutants, _right_answers, _wrong_answers)
    return [each for sort in sorts for each in sort(exercise)]


def results(everything: Mapping[str, list[Tried]]) -> dict[str, Any]:
    """What is written down: counts by exercise and kind of mutant, and exceptions."""
    all_tried = [each for tried in everything.values() for each in tried]
    kinds = sorted({each.kind for each in all_tried if each.kind})
    total = count(all_tried)
    wrong = total["wrong"]
    return {
        "draws": len(SEEDS),
        "exercises": [{"exercise": n} | count(t) for n, t in everything.items()],
        "total": {"exercises": len(everything)} | total,
        "named_share": round(wrong["named"] / wrong["all"], 4),
        "kinds": [
            {"kind": kind} | count(x for x in all_tried if x.kind == kind)["mutants"]
            for kind in kinds
        ],
        "equivalent": listed(everything, lambda each: bool(each.reason)),
        "holes": listed(everything, lambda each: each.is_hole),
    }


def count(tried: Iterable[Tried]) -> dict[str, dict[str, int]]:
    """Of each sort how many there are, and of how many each thing holds."""
    counts: dict[str, dict[str, int]] = {}
    for each in tried:
        row = counts.setdefault(each.sort, {"all": 0})
        row["all"] += 1
        for what, holds in each.held.items():
            row[what] = row.get(what, 0) + holds
        if each.sort == "mutants":
            row["equivalent"] = row.get("equivalent", 0) + bool(each.reason)
    return counts


def listed(
    everything: Mapping[str, list[Tried]], wanted: Callable[[Tried], bool]
) -> list[dict[str, str]]:
    """Single answers, each with what it is and why it is so."""
    return [
        {"exercise": name, "sort": x.sort, "what": x.words, "reason": x.reason}
        for name, tried in everything.items()
        for x in tried
        if wanted(x)
    ]


def _silence() -> None:
    """Wrong answers print, and warn of an empty mean: neither is of interest."""
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _misconceptions(exercise: Exercise) -> Iterator[Tried]:
    for mistake in exercise.mistakes():
        verdicts = _verdicts(exercise, mistake.function)
        held = {
            "caught": all(v.status != "passed" for v in verdicts),
            "named": all(list(v.misconceptions) == [mistake.name] for v in verdicts),
        }
        yield Tried("misconceptions", mistake.name, held)


def _mutants(exercise: Exercise) -> Iterator[Tried]:
    known = EQUIVALENT.get(exercise.name, {})
    trial = Trial(exercise)
    for source in right_sources(exercise).values():
        made = list(mutants(source))
        fates = trial.fates([mutant.source for mutant in made])
        for mutant, fate in zip(made, fates, strict=True):
            reason = known.get(mutant.change, "") if fate == "p" else ""
            held = {"caught": fate != "p"}
            yield Tried("mutants", mutant.change, held, mutant.kind, reason)


def _right_answers(exercise: Exercise) -> Iterator[Tried]:
    for form in (form for form in RIGHT if form.exercise is exercise):
        verdicts = _verdicts(exercise, form.function)
        held = {"accepted": all(v.status == "passed" for v in verdicts)}
        yield Tried("right", form.function.__name__, held)


def _wrong_answers(exercise: Exercise) -> Iterator[Tried]:
    for form in (form for form in WRONG if form.exercise is exercise):
        verdicts = _verdicts(exercise, form.function)
        held = {
            "caught": all(v.status != "passed" for v in verdicts),
            "named": all(is_told(form, v.report) for v in verdicts),
        }
        yield Tried("wrong", form.function.__name__, held)


def _verdicts(
    exercise: Exercise, function: Callable[..., Any]
) -> list[ExerciseVerdict]:
    return [evaluate(exercise, function, seed) for seed in SEEDS]


def _cells(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    cells = []
    for sort, what in COLUMNS.values():
        row = counts.get(sort, {"all": 0})
        same = f" + {row['equivalent']} equivalent" if row.get("equivalent") else ""
        cells.append(f"{row.get(what, 0)}{same} of {row['all']}")
    return cells


def _line(name: str, cells: Iterable[str]) -> str:
    return f"{name:<20}" + "".join(f"{cell:>30}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
