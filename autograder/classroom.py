"""A whole class at once: every submission to an assignment judged and written down.

Workers judge, this process alone writes. What a run leaves behind at any moment is
whole, or the next run does it again: a run may be interrupted, or killed.
"""

from __future__ import annotations

import gc
import json
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import partial
from pathlib import Path

from tqdm import tqdm

from autograder.course import CourseError
from autograder.exercises import load
from autograder.folders import FileFault, Folders
from autograder.judge import SandboxError, Verdict
from autograder.lock import alone
from autograder.outcomes import KINDS, Outcome, as_csv, kind, outcome_of, table
from autograder.verdicts import Verdicts, handed_in
from autograder.workers import GraderFault, Workers, cluster, in_short, threads

AHEAD = 3
"""Notebooks handed out for each worker: one in work, and some lest it should wait."""
BAR = "{desc} {bar} {n_fmt}/{total_fmt}, {remaining} left{postfix}"
"""The progress bar, which fits a terminal of 80 columns with all its counts."""
ASK = 5.0
"""Seconds without a verdict, after which it is asked whether anybody still works."""


def grade_class(
    root: Path,
    assignment: str,
    count: int | None = None,
    scheduler: str | None = None,
    force: bool = False,
    csv: Path | None = None,
) -> int:
    """Grade what was handed in to an assignment, and print a table.

    Args:
        root: the course.
        count: how many are judged at once; None for one a processor.
        scheduler: the address of a Dask cluster that is to judge instead.
        force: judge and write down anew what has not changed.
        csv: a file for the marks of the whole class.

    Returns:
        0 where all that was handed in is graded; 1 where some could not be, each of
        which is listed; 3 where a fault of the grader's own left one without marks.

    Raises:
        UnknownAssignment, SandboxError, CourseError: with one line each.
        KeyboardInterrupt: with a word on how far it came.
    """
    load(assignment)
    workers = threads(root, count) if scheduler is None else cluster(scheduler)
    with alone(root), workers as at_work:
        run = Classroom(root, assignment, at_work, force)
        run.run()
    print(run.summary())
    if csv is not None and run.outcomes:
        _write(csv, as_csv(run.outcomes))
    return 3 if run.faults else 1 if run.unusable or run.strays else 0


class Classroom:
    """One run over a class: what is to be done, and what was."""

    def __init__(
        self, root: Path, assignment: str, workers: Workers, force: bool
    ) -> None:
        self.root = root
        self.assignment = assignment
        self.workers = workers
        self.force = force
        self.verdicts = Verdicts(root)
        self.folders = Folders(root, assignment, self.verdicts)
        self.outcomes: dict[str, Outcome] = {}
        self.faults: dict[str, str] = {}
        self.unusable: dict[str, str] = {}
        self.strays: list[str] = []
        self.graded = 0
        self.todo: deque[str] = deque()
        self.untold: list[str] = []
        self.running: dict[Future[Verdict], tuple[str, str]] = {}

    def run(self) -> None:
        """Judge and write down what is left to do.

        Raises:
            CourseError: where something stops it; what was written down stays.
            KeyboardInterrupt: with a word on how far it came.
        """
        self._survey()
        try:
            self._hand_out()
            # Sandboxes are at work while nbgrader is imported, which takes seconds.
            from autograder.record import Recorder

            # What was imported stays: no need to look through it for garbage.
            gc.freeze()
            self.recorder = Recorder(self.root, self.assignment, self.verdicts)
            self._believe(self.recorder.marks())
            self._write_down()
        except (CourseError, SandboxError) as error:
            raise CourseError(f"{error} ({self._so_far()})") from None
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"interrupted ({self._so_far()})") from None

    def summary(self) -> str:
        """What became of the class."""
        same = len(self.outcomes) - self.graded
        told = f"{self.assignment}: {self.graded} graded"
        parts = [f"{told}, {same} graded before and unchanged" if same else told]
        if self.outcomes:
            found = Counter(kind(outcome) for outcome in self.outcomes.values())
            parts.append(table(list(self.outcomes.values())))
            parts.append(", ".join(f"{found[word]} {word}" for word in KINDS))
        if self.strays:
            parts.append(_listed("not graded, for its name or its place:", self.strays))
        if self.unusable:
            parts.append(_listed("not graded:", sorted(self.unusable.values())))
        parts += [self._fault(reason) for reason in sorted(set(self.faults.values()))]
        return "\n\n".join(parts)

    def _fault(self, reason: str) -> str:
        students = sorted(name for name, why in self.faults.items() if why == reason)
        example = self.folders.file("submitted", students[0]).relative_to(self.root)
        return (
            f"not graded, by a fault of the grader's own: {', '.join(students)}"
            f" ({reason}; `python -m autograder grade {self.assignment} {example}`"
            " may tell more)"
        )

    def _so_far(self) -> str:
        left = len(self.todo) + len(self.running)
        return f"{self.graded} graded, {left} left: run it again for the rest"

    def _survey(self) -> None:
        """Tell what is to be done from what lies there."""
        for student in self.folders.students():
            outcome = None if self.force else self.folders.recorded(student)
            if outcome is None:
                self.todo.append(student)
                continue
            self.outcomes[student] = outcome
            if not self.folders.told(student):
                self.untold.append(student)
        self.strays = self.folders.strays()
        if not (self.todo or self.outcomes or self.strays):
            where = f"submitted/STUDENT/{self.assignment}/{self.assignment}.ipynb"
            raise CourseError(f"nothing was handed in: there is no {where}")

    def _believe(self, marks: Mapping[str, Mapping[str, float | None]]) -> None:
        """Do again what the gradebook does not hold as notebooks and pages say it."""
        for student, outcome in list(self.outcomes.items()):
            if marks.get(student) != {name: m.score for name, m in outcome.items()}:
                del self.outcomes[student]
                self.todo.append(student)
        self.told, given = self.folders.told_by_hand(), self.recorder.by_hand
        self.untold = [
            student
            for student in self.outcomes
            if student in self.untold
            or given.get(student, []) != self.told.get(student, [])
        ]

    def _hand_out(self) -> None:
        """Give the workers something to do."""
        while self.todo and len(self.running) < AHEAD * self.workers.count:
            student = self.todo.popleft()
            name, future = self._verdict_on(student)
            self.running[future] = student, name

    def _verdict_on(self, student: str) -> tuple[str, Future[Verdict]]:
        """The name of a verdict, and the verdict when it is there."""
        future: Future[Verdict] = Future()
        try:
            data = handed_in(self.folders.file("submitted", student))
        except OSError as error:
            file = self.folders.file("submitted", student).relative_to(self.root)
            reason = FileFault(f"{file} cannot be read: {error.strerror}")
            future.set_exception(reason)
            return "", future
        name = self.verdicts.name(self.assignment, data)
        known = None if self.force else self.verdicts.find(name)
        if known is None:
            return name, self.workers.submit(name, self.assignment, data)
        future.set_result(known)
        return name, future

    def _judged(self) -> Iterator[Future[Verdict]]:
        """What the workers are done with, as it comes in."""
        self._hand_out()
        while self.running:
            done, _ = wait(self.running, ASK, FIRST_COMPLETED)
            if not done:
                self.workers.check()
            for future in done:
                yield future
                del self.running[future]
                self._hand_out()

    def _write_down(self) -> None:
        """Write each verdict down as it comes in, and show how far it is."""
        counts = Counter(dict.fromkeys(KINDS, 0))
        with tqdm(
            total=len(self.untold) + len(self.todo) + len(self.running),
            desc=self.assignment,
            bar_format=BAR,
            disable=None,
            dynamic_ncols=True,
        ) as bar:
            for student in self.untold:
                self._try(student, partial(self._tell, student))
                bar.update()
            for future in self._judged():
                student, name = self.running[future]
                self._try(student, partial(self._grade, student, name, future))
                if student in self.outcomes:
                    counts[kind(self.outcomes[student])] += 1
                shown = ", ".join(f"{counts[word]} {word}" for word in KINDS)
                bar.set_postfix_str(shown, refresh=False)
                bar.update()

    def _grade(self, student: str, name: str, future: Future[Verdict]) -> None:
        verdict = self._result(future)
        self.verdicts.keep(name, verdict)
        self.recorder.record(student)
        self._tell(student)
        self.outcomes[student] = outcome_of(verdict)
        self.graded += 1

    def _tell(self, student: str) -> None:
        """Write a student's page, and note what a person had given by then."""
        self.recorder.tell(student)
        given = self.recorder.by_hand.get(student, [])
        if given != self.told.get(student, []):
            self.told[student] = given
            _write(self.folders.by_hand, json.dumps(self.told))

    def _result(self, future: Future[Verdict]) -> Verdict:
        own = CourseError, SandboxError
        known: tuple[type[Exception], ...] = (*own, FileFault, *self.workers.faults)
        try:
            return future.result()
        except known:
            raise
        except Exception as error:
            raise CourseError(
                f"the workers cannot do it ({in_short(error)}): are they and their"
                " scheduler alive, with this course and its environment?"
            ) from None

    def _try(self, student: str, work: Callable[[], None]) -> None:
        """Do something for a student; a fault there is no reason to stop."""
        try:
            work()
        except (CourseError, SandboxError):
            raise
        except FileFault as error:
            self.unusable[student] = str(error)
            self._withdraw(student)
        except Exception as error:
            own = isinstance(error, GraderFault)
            self.faults[student] = str(error) if own else in_short(error)
            self._withdraw(student)

    def _withdraw(self, student: str) -> None:
        self.outcomes.pop(student, None)
        self.recorder.withdraw(student)


def _listed(words: str, lines: Sequence[str]) -> str:
    """Some words and a line for each of a list."""
    return "\n  ".join([words, *lines])


def _write(path: Path, text: str) -> None:
    """Write a file, whole or not at all."""
    draft = path.with_name(f"{path.name}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise CourseError(f"{path} cannot be written: {error.strerror}") from None
