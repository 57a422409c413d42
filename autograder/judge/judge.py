"""The judge: a notebook's bytes in, a verdict out.

The student's code runs in a sandbox and nowhere else. Where it hangs or dies, what
hung is left out, a new sandbox takes the cells from the beginning, and all else is
judged all the same: the other exercises and, where values are right, an exercise's
other groups of marks.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from autograder.judge.bubblewrap import SandboxError
from autograder.judge.evaluate import (
    Earlier,
    Trial,
    with_advice,
    without_marks,
)
from autograder.judge.exercise import Exercise
from autograder.judge.notebook import Cell, Submission, take_apart
from autograder.judge.sandbox import Ended, Forged, Limits, OutOfTime, Sandbox
from autograder.judge.verdict import ExerciseVerdict, Verdict
from descentlab.check import ERRORS, signature_advice
from descentlab.compare import Raised

LEAST = 2.0
"""Seconds that a free cell has at least: time to import Matplotlib."""
MENTIONED = 3
"""Other cells that a verdict mentions: the first are the causes of the rest."""


@dataclass(frozen=True)
class Times:
    """Seconds for one cell, for the calls of one exercise, for a whole notebook.

    Where a group of an exercise is lost to a call that does not return, the rest of the
    exercise has half the seconds once more, then a quarter, and so on.
    """

    cell: float = 15.0
    exercise: float = 10.0
    notebook: float = 120.0


def judge(
    assignment: str,
    exercises: Sequence[Exercise],
    data: bytes,
    key: bytes,
    times: Times = Times(),
    limits: Limits = Limits(),
) -> Verdict:
    """Judge one notebook.

    Args:
        data: the notebook file's bytes.
        key: the course's secret, from which and from the notebook the inputs are drawn:
            unpredictable to a student, the same whenever that notebook is judged again.

    Raises:
        NotebookError: where the bytes are no notebook.
        SandboxError: where no sandbox can be had; there is no judging without.
    """
    names = [exercise.name for exercise in exercises]
    submission = take_apart(data, names)
    seed = int.from_bytes(hmac.digest(key, data, hashlib.sha256)[:8], "big")
    sitting = _Sitting(submission, exercises, seed, times, limits)
    found = sitting.verdicts()
    return Verdict(assignment, {name: found[name] for name in names})


class _Sitting:
    """One notebook before the judge, through as many sandboxes as it takes."""

    def __init__(
        self,
        submission: Submission,
        exercises: Sequence[Exercise],
        seed: int,
        times: Times,
        limits: Limits,
    ) -> None:
        self.submission = submission
        self.exercises = {exercise.name: exercise for exercise in exercises}
        self.trials = {e.name: Trial(e, seed) for e in exercises}
        self.times = times
        self.limits = limits
        self.end = time.monotonic() + times.notebook
        self.found: dict[str, ExerciseVerdict] = {}
        self.skipped: set[int] = set()
        self.failed: dict[int, Raised] = {}
        self.lacking: dict[int, tuple[Raised, str]] = {}
        self.hung = 0
        self.ended: set[int] = set()
        self.suspects: set[int] = set()

    def verdicts(self) -> dict[str, ExerciseVerdict]:
        """Judge every exercise."""
        for name, reason in self.submission.missing.items():
            self._settle(name, "missing", reason)
        for name, reason in self.submission.rejected.items():
            self._settle(name, "rejected", reason)
        while self._left() and self._in_time():
            self._one_sandbox()
        for name in self._left():
            reason = "the notebook's time was used up before this exercise was judged"
            self._settle(name, "timeout", reason)
        return self.found

    def _left(self) -> list[str]:
        return [name for name in self.exercises if name not in self.found]

    def _in_time(self) -> bool:
        return time.monotonic() < self.end

    def _one_sandbox(self) -> None:
        """Run the cells in one sandbox, to the last exercise or to what ends it."""
        with self._sandbox() as sandbox:
            for cell in self.submission.cells:
                if not self._left():
                    return
                if cell.number in self.skipped or cell.check in self.found:
                    continue
                try:
                    self._one_cell(sandbox, cell)
                except Ended as ended:
                    # Where the whole notebook's time is up, no cell is to blame.
                    if self._in_time() and self._is_to_blame(cell, ended):
                        self._give_up(cell, ended)
                    return

    def _sandbox(self) -> Sandbox:
        """A new sandbox; one that did not start may have been killed from outside."""
        try:
            return Sandbox(self.limits)
        except SandboxError:
            return Sandbox(self.limits)

    def _is_to_blame(self, cell: Cell, ended: Ended) -> bool:
        """Whether a cell has ended a sandbox.

        The first death may be the work of something outside, or of an exercise judged
        before in the same process: the cell gets another sandbox.
        """
        if isinstance(ended, OutOfTime) or cell.number in self.suspects:
            return True
        self.suspects.add(cell.number)
        if cell.check is not None:
            self.trials[cell.check].begin_anew()
        return False

    def _one_cell(self, sandbox: Sandbox, cell: Cell) -> None:
        sandbox.allow(min(self._allowance(cell), self.end - time.monotonic()))
        if cell.check is not None:
            self.found[cell.check] = self._examine(sandbox, cell.check)
        elif cell.offered:
            sandbox.offer(cell.source)
        else:
            self._run(sandbox, cell)

    def _allowance(self, cell: Cell) -> float:
        """The seconds for a cell.

        Those for free cells are halved with each that hangs, so that a notebook full
        of long experiments leaves time for its exercises. What ended once, such as the
        imports, keeps the whole time.
        """
        if cell.check is not None:
            return self.times.exercise / 2.0 ** len(self.trials[cell.check].lost)
        if cell.exercise is not None or cell.number in self.ended:
            return self.times.cell
        return min(self.times.cell, max(LEAST, self.times.cell / 2.0**self.hung))

    def _run(self, sandbox: Sandbox, cell: Cell) -> None:
        outcome = sandbox.run(cell.name, cell.source)
        self.ended.add(cell.number)
        if outcome.raised is None:
            return
        if outcome.ended:
            self.lacking[cell.number] = outcome.raised, cell.source
        elif cell.exercise is None:
            self.failed[cell.number] = outcome.raised
        elif cell.exercise not in self.found:
            self._cell_raised(cell.exercise, outcome.raised)

    def _examine(self, sandbox: Sandbox, name: str) -> ExerciseVerdict:
        exercise = self.exercises[name]
        described = sandbox.describe(name, exercise.uses)
        if not described.is_function:
            reason = f"after its cell there is no function {name}"
            return without_marks(exercise, "error", reason)
        function = sandbox.function(name)
        judged = {use: self.found[use] for use in described.uses if use in self.found}
        wrong = [use for use, one in judged.items() if one.status != "passed"]
        own = {use: sandbox.function(use) for use in exercise.uses}
        trial = self.trials[name]
        verdict = trial.verdict(function, Earlier(own, wrong))
        verdict = replace(verdict, out_of_time=trial.out_of_time)
        if verdict.status not in ("error", "failed"):
            return verdict
        advice = signature_advice(exercise.arguments, described.parameters)
        return with_advice(verdict, [*advice, *self._other_cells(verdict)])

    def _other_cells(self, verdict: ExerciseVerdict) -> list[str]:
        """A word on cells that failed, or lacked something, where that may matter."""
        if verdict.status != "error":
            return []
        shown = str(verdict.report)
        told = {number: f"failed: {raised}" for number, raised in self.failed.items()}
        for number, (raised, source) in self.lacking.items():
            # Nobody knows what names a star would have brought.
            starred = "NameError" in shown and "import *" in source
            if str(raised) in shown or starred:
                what = f"needs something that is missing where this is graded: {raised}"
                told[number] = what
        first = sorted(told)[:MENTIONED]
        return [f"The notebook's cell number {n} {told[n]}." for n in first]

    def _cell_raised(self, name: str, raised: Raised) -> None:
        line = f" in line {raised.line}" if raised.line is not None else ""
        self._settle(name, "error", f"its cell raised{line} {raised}")
        advice = [ERRORS[kind] for kind in raised.kinds if kind in ERRORS][:1]
        self.found[name] = with_advice(self.found[name], advice)

    def _give_up(self, cell: Cell, ended: Ended) -> None:
        """Settle what hung or died, so that the next sandbox goes around it."""
        status = "timeout" if isinstance(ended, OutOfTime) else "error"
        name = cell.exercise or cell.check
        reason = str(ended)
        if status == "timeout":
            reason = f"it did not end within {self._allowance(cell):g} seconds"
        if cell.check is None:
            self.skipped.add(cell.number)
        elif self._costs_a_group(cell.check, ended, reason):
            return
        if status == "timeout":
            reason += ": is there a loop that never ends?"
        if name is None:
            self.hung += status == "timeout"
            self.failed[cell.number] = Raised((reason,), "")
        elif name not in self.found:
            self._settle(name, status, reason, self.trials[name].facts(ended))

    def _costs_a_group(self, name: str, ended: Ended, reason: str) -> bool:
        """Whether what ended in an exercise's calls costs one group of marks alone.

        Whoever writes into the judge's pipe loses all.
        """
        return not isinstance(ended, Forged) and self.trials[name].lose(ended, reason)

    def _settle(
        self,
        name: str,
        status: str,
        reason: str,
        facts: Sequence[tuple[str, str]] = (),
    ) -> None:
        verdict = without_marks(self.exercises[name], status, reason, facts)
        self.found[name] = replace(verdict, out_of_time=status == "timeout")
