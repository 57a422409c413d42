"""From a function to the verdict on it.

The function may be any callable: the student's behind a pipe, or a wrong variant in a
test of the checks themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from autograder.judge.exercise import (
    WEIGHTS,
    Exercise,
    Misconception,
    Run,
)
from autograder.judge.sandbox import Ended, OutOfTime, shapes
from autograder.judge.verdict import ExerciseVerdict
from descentlab.check import (
    any_result,
    case_facts,
    clearest,
    earlier_advice,
    failure_facts,
    general_advice,
    group_lines,
    mistake_advice,
    parts_advice,
    shield_advice,
)
from descentlab.compare import (
    GROUPS,
    Answer,
    Case,
    Fault,
    Foreign,
    agrees,
    appraise,
    ask,
    attempt,
    shielded,
)
from descentlab.report import Line, Report


@dataclass(frozen=True)
class Played:
    """A case, what was expected, what came of it.

    ``ended`` tells that the call ended the sandbox.
    """

    case: Case
    expected: Any
    tolerance: Any
    answer: Answer
    fault: Fault | None
    ended: bool = False


@dataclass(frozen=True)
class Earlier:
    """The student's own functions of earlier exercises, by name.

    ``wrong`` names those that the function in question calls, and that are not right.
    """

    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    wrong: Sequence[str] = ()


class Place(NamedTuple):
    """A case by its number, and whether earlier functions worked on copies in it."""

    number: int
    on_copies: bool


class Trial:
    """An exercise's cases, and what has come of them so far.

    It outlives a sandbox: after a call that ended one, the next takes up where that was
    left, and a group of marks that such a call costs is played no further.

    Args:
        seed: where the inputs are drawn from.
    """

    def __init__(self, exercise: Exercise, seed: int) -> None:
        self.exercise = exercise
        self.cases = list(exercise.cases(np.random.default_rng(seed)))
        self.played: dict[Place, Played] = {}
        self.lost: dict[Place, Ended] = {}

    def verdict(
        self, function: Callable[..., Any], earlier: Earlier = Earlier()
    ) -> ExerciseVerdict:
        """Play the cases on a function and judge the answers.

        Where it calls functions that are wrong, and does better if they work on copies,
        that is what it earns: it is not to blame for what they do to its arrays.

        Args:
            earlier: what else the student wrote.

        Raises:
            Ended: where a call ends the sandbox; its ``place`` tells which.
        """
        verdict = self._verdict(function, earlier)
        if verdict.status == "passed" or not earlier.wrong:
            return verdict
        on_copies = shielded(function, earlier.wrong)
        again = self._verdict(on_copies, Earlier(), on_copies=True)
        if again.score > verdict.score:
            return with_advice(again, [shield_advice(earlier.wrong)])
        return verdict

    def begin_anew(self) -> None:
        """Forget what was played, but for the groups that are lost."""
        self.played = {place: self.played[place] for place in self.lost}

    def lose(self, ended: Ended, reason: str) -> bool:
        """Let a call that ended the sandbox cost its group, and no more.

        Returns:
            Whether it does: values count for all, so that without them all is lost.
        """
        if ended.place is None:
            return False
        case = self.cases[ended.place.number]
        if case.group == "value" and not ended.place.on_copies:
            return False
        fault = Fault("endless", reason)
        if case.raises is not None:
            fault = Fault("silent", f"{reason}, where {case.raises} was expected")
        self.played[ended.place] = Played(case, None, None, Answer(), fault, True)
        self.lost[ended.place] = ended
        return True

    def facts(self, ended: Ended) -> list[tuple[str, str]]:
        """What shows the call that ended the sandbox, if it was one."""
        if ended.place is None:
            return []
        case = self.cases[ended.place.number]
        return case_facts(self.exercise.name, self.exercise.arguments, case)

    @property
    def out_of_time(self) -> bool:
        """Whether a group was lost for want of time."""
        return any(isinstance(ended, OutOfTime) for ended in self.lost.values())

    def _verdict(
        self, function: Callable[..., Any], earlier: Earlier, on_copies: bool = False
    ) -> ExerciseVerdict:
        values = self._play("value", function, on_copies)
        if any(item.fault for item in values):
            return _no_marks(self.exercise, values, earlier)
        played = [x for group in GROUPS for x in self._play(group, function, on_copies)]
        return _marks(self.exercise, played, earlier)

    def _play(
        self, group: str, function: Callable[..., Any], on_copies: bool
    ) -> list[Played]:
        """Play the cases of a group that were not played yet."""
        found = []
        for number, case in enumerate(self.cases):
            if case.group != group:
                continue
            place = Place(number, on_copies)
            if place not in self.played:
                try:
                    self.played[place] = play(self.exercise, function, case)
                except Ended as ended:
                    ended.place = place
                    raise
            found.append(self.played[place])
            if place in self.lost:
                break
        return found


def evaluate(
    exercise: Exercise,
    function: Callable[..., Any],
    seed: int,
    earlier: Earlier = Earlier(),
) -> ExerciseVerdict:
    """The verdict on a function, as ``Trial`` has it, where nothing ends a sandbox."""
    return Trial(exercise, seed).verdict(function, earlier)


def play(exercise: Exercise, function: Callable[..., Any], case: Case) -> Played:
    """Play one case of an exercise on a function.

    Most answers are as near to the oracle's as rounding allows. How far from it one may
    be takes many more plays of the oracle, and is asked only where it matters.
    """
    answer, fault = ask(function, case)
    demands = exercise.demands(case, strict=True)
    if fault is None and case.raises is None:
        fault = appraise(answer, case, *demands)
        if fault is not None:
            demands = exercise.demands(case)
            fault = appraise(answer, case, *demands)
    expected, tolerance, *_ = demands
    return Played(case, expected, tolerance, answer, fault)


def without_marks(
    exercise: Exercise,
    status: str,
    reason: str,
    facts: Sequence[tuple[str, str]] = (),
) -> ExerciseVerdict:
    """The verdict on a function that could not be played, with the reason."""
    lines = [Line(False, reason)]
    report = Report(_headline(exercise, 0.0, status), False, lines, facts)
    return ExerciseVerdict(0.0, exercise.points, status, report)


def with_advice(verdict: ExerciseVerdict, sentences: Sequence[str]) -> ExerciseVerdict:
    """The verdict with sentences put before its advice."""
    report = verdict.report
    advice = (*sentences, *report.advice)
    return replace(verdict, report=replace(report, advice=advice))


def _no_marks(
    exercise: Exercise,
    values: Sequence[Played],
    earlier: Earlier,
) -> ExerciseVerdict:
    """The verdict where numbers are wrong: no marks, and the likeliest reason."""
    first, fault = clearest((x, x.case, x.fault) for x in values)
    status = "failed"
    if fault.kind == "raised":
        status = "error"
    elif isinstance(first.answer.result, Foreign):
        status = "rejected"
    put_together = _is_put_together(exercise, values, earlier)
    mistake = None if put_together else name_mistake(exercise, values)
    if put_together:
        advice = [
            "This function itself puts the parts together rightly: the mistake is in"
            f" your {' or '.join(earlier.wrong)}, which it calls. Mend that first."
        ]
    else:
        advice = [mistake_advice(mistake.name, mistake.sentence)] if mistake else []
        advice += _advice(first, values)
    # In a run, what is wrong of one step makes all of the next wrong.
    single = [x for x in values if not isinstance(x.case, Run)]
    played = [(x.answer.result, x.expected, x.tolerance) for x in single]
    advice += parts_advice(exercise.parts, played)
    if earlier.wrong and not put_together:
        advice.append(earlier_advice(earlier.wrong))
    report = Report(
        _headline(exercise, 0.0, status),
        False,
        group_lines((item.case, item.fault) for item in values),
        failure_facts(exercise.name, exercise.arguments, first.case, fault),
        advice,
        exercise.where,
        exercise.link,
        [mistake.name] if mistake else [],
    )
    return ExerciseVerdict(0.0, exercise.points, status, report)


def _marks(
    exercise: Exercise, played: Sequence[Played], earlier: Earlier
) -> ExerciseVerdict:
    """The verdict where the numbers are right: each group earns its share."""
    lines = group_lines((item.case, item.fault) for item in played)
    groups = {item.case.group for item in played}
    lost = {item.case.group for item in played if item.fault}
    whole = sum(WEIGHTS[group] for group in groups)
    earned = sum(WEIGHTS[group] for group in groups - lost)
    score = exercise.points * earned / whole
    if not lost:
        report = Report(_headline(exercise, score, "passed"), True, lines)
        return ExerciseVerdict(score, exercise.points, "passed", report)
    # Whatever else is wrong, a call that never returns is to be seen.
    shown = [x for x in played if x.ended] or played
    first, fault = clearest((x, x.case, x.fault) for x in shown)
    report = Report(
        _headline(exercise, score, "partial"),
        False,
        lines,
        failure_facts(exercise.name, exercise.arguments, first.case, fault),
        _advice(first, played)
        + ([earlier_advice(earlier.wrong)] if earlier.wrong else []),
    )
    return ExerciseVerdict(score, exercise.points, "partial", report)


def name_mistake(exercise: Exercise, values: Sequence[Played]) -> Misconception | None:
    """The misconception that gives the student's answer in every case."""
    if all(item.answer.raised for item in values):
        return None
    for mistake in exercise.mistakes():
        if _explains(mistake.function, values):
            return mistake
    return None


def _explains(function: Callable[..., Any], values: Sequence[Played]) -> bool:
    """Whether a function does in every case what the student's did."""
    return all(agrees(item.answer, attempt(function, item.case)) for item in values)


def _is_put_together(
    exercise: Exercise, values: Sequence[Played], earlier: Earlier
) -> bool:
    """Whether the fault lies in the earlier functions of the student's alone.

    The oracle, built from the student's own earlier functions, gives the student's
    numbers: then this function is right, and one of those is not.
    """
    if exercise.composed is None or not earlier.wrong:
        return False
    parts = {name: _shape_kept(earlier.functions[name]) for name in exercise.uses}
    built = exercise.composed(**parts)
    if any(_is_stub(item, built) for item in values):
        return False
    return _explains(built, values)


def _is_stub(item: Played, built: Callable[..., Any]) -> bool:
    """Whether a function, and no part that it calls, raised NotImplementedError."""
    raised = item.answer.raised
    if raised is None or raised.kinds[0] != "NotImplementedError":
        return False
    return attempt(built, item.case).raised != raised


def _shape_kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """A student's function whose results may go into the judge's own arithmetic.

    Arrays of other shapes than it was given could, broadcast, fill the judge's memory.
    """

    def kept(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if not shapes(result) <= shapes(args):
            raise ValueError("a result of another shape than the arguments")
        return result

    return kept


def _advice(item: Played, played: Sequence[Played]) -> list[str]:
    assert item.fault is not None
    raised = item.answer.raised
    some_result = any_result(x.answer for x in played)
    advice = general_advice(item.fault, raised, some_result)
    if raised is not None and raised.line is not None and not item.case.raises:
        advice.append(f"The error comes from line {raised.line} of its cell.")
    return advice


def _headline(exercise: Exercise, score: float, status: str) -> str:
    return (
        f"{exercise.name}: {round(score, 2):g} of {exercise.points} points ({status})"
    )
