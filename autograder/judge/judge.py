"""The judge: a notebook's bytes in, a verdict out.

The student's code runs in a sandbox and nowhere else. Where it hangs or dies, what
hung is left out, a new sandbox takes the cells from the beginning, and the other
exercises are judged all the same.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.judge.evaluate import (
    evaluate,
    signature_advice,
    with_advice,
    without_marks,
)
from autograder.judge.exercise import Exercise
from autograder.judge.notebook import Cell, Submission, take_apart
from autograder.judge.sandbox import Died, Limits, OutOfTime, Sandbox
from autograder.judge.verdict import ExerciseVerdict, Verdict
from descentlab.check import ERRORS
from descentlab.compare import Raised


@dataclass(frozen=True)
class Times:
    """Seconds for one cell, for the calls of one exercise, for a whole notebook."""

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
        self.seed = seed
        self.times = times
        self.limits = limits
        self.end = time.monotonic() + times.notebook
        self.found: dict[str, ExerciseVerdict] = {}
        self.skipped: dict[int, str] = {}
        self.failed: dict[int, Raised] = {}

    def verdicts(self) -> dict[str, ExerciseVerdict]:
        """Judge every exercise."""
        for name, reason in self.submission.missing.items():
            self._settle(name, "missing", reason)
        for name, reason in self.submission.rejected.items():
            self._settle(name, "rejected", reason)
        while self._left() and not self._one_sandbox():
            pass
        for name in self._left():
            reason = "the notebook's time was used up before this exercise"
            self._settle(name, "timeout", reason)
        return self.found

    def _left(self) -> list[str]:
        if time.monotonic() > self.end:
            return []
        return [name for name in self.exercises if name not in self.found]

    def _one_sandbox(self) -> bool:
        """Run the cells in one sandbox; whether it came through to the end."""
        with Sandbox(self.limits) as sandbox:
            for cell in self.submission.cells:
                if cell.number in self.skipped or cell.check in self.found:
                    continue
                try:
                    self._one_cell(sandbox, cell)
                except (OutOfTime, Died) as ended:
                    self._give_up(cell, ended)
                    return False
        return True

    def _one_cell(self, sandbox: Sandbox, cell: Cell) -> None:
        left = self.end - time.monotonic()
        if cell.check is not None:
            sandbox.allow(min(self.times.exercise, left))
            self.found[cell.check] = self._examine(sandbox, cell.check)
            return
        sandbox.allow(min(self.times.cell, left))
        raised = sandbox.run(cell.name, cell.source)
        if raised is not None and cell.exercise is not None:
            self._cell_raised(cell.exercise, raised)
        elif raised is not None:
            self.failed[cell.number] = raised

    def _examine(self, sandbox: Sandbox, name: str) -> ExerciseVerdict:
        exercise = self.exercises[name]
        said = sandbox.describe(name)
        if said.get("function") is not True:
            reason = f"after its cell there is no function {name}"
            return without_marks(exercise, "error", reason)
        earlier = {use: sandbox.function(use) for use in exercise.uses}
        function = sandbox.function(name)
        verdict = evaluate(exercise, function, self.seed, earlier)
        if verdict.status not in ("error", "failed"):
            return verdict
        advice = signature_advice(exercise, said.get("parameters"))
        return with_advice(verdict, [*advice, *self._failed_cells(verdict)])

    def _failed_cells(self, verdict: ExerciseVerdict) -> list[str]:
        """A word on free cells that failed, where that may be the reason."""
        if verdict.status != "error":
            return []
        return [
            f"The notebook's cell number {number} failed: {raised}."
            for number, raised in self.failed.items()
        ]

    def _cell_raised(self, name: str, raised: Raised) -> None:
        line = f" in line {raised.line}" if raised.line is not None else ""
        self._settle(name, "error", f"its cell raised{line} {raised}")
        advice = [ERRORS[kind] for kind in raised.kinds if kind in ERRORS][:1]
        self.found[name] = with_advice(self.found[name], advice)

    def _give_up(self, cell: Cell, ended: OutOfTime | Died) -> None:
        """Settle what hung or died, so that the next sandbox goes around it."""
        status = "timeout" if isinstance(ended, OutOfTime) else "error"
        name = cell.exercise or cell.check
        allowed = self.times.exercise if cell.check else self.times.cell
        if status == "timeout":
            reason = f"it did not end within {allowed:g} seconds: is there a loop that"
            reason += " never ends?"
        else:
            reason = f"Python did not survive it ({ended})"
        if cell.check is None:
            self.skipped[cell.number] = reason
        if name is not None:
            self._settle(name, status, reason)
        else:
            self.failed[cell.number] = Raised((reason,), "")

    def _settle(self, name: str, status: str, reason: str) -> None:
        self.found[name] = without_marks(self.exercises[name], status, reason)
