"""Outcomes written down by nbgrader: gradebook, autograded notebook, feedback page.

nbgrader's own steps run for one student after the other, on objects that are made
once. Each leaves something that tells whether it came to its end: the autograded
notebook is written after the gradebook and names its verdict, and a page has an end.
"""

from __future__ import annotations

import errno
import logging
import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import nbgrader.api as api
from nbconvert.writers.files import FilesWriter
from nbgrader.api import (
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    InvalidEntry,
    MissingEntry,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.converters.base import BaseConverter, NbGraderException
from nbgrader.utils import rmtree
from sqlalchemy.exc import DatabaseError, IntegrityError
from tornado.log import app_log
from traitlets import default

from autograder.course import CourseError, gradebook_fault, open_course
from autograder.folders import FileFault
from autograder.gradebook import SubmissionExporter, forget_marks
from autograder.verdicts import Verdicts

# nbgrader opens its database anew at each step, and without this SQLAlchemy forgets all
# that it worked out about it: a third of the time.
api.create_engine = cache(api.create_engine)
# Nor need it ask each time for each of the gradebook's tables whether it is there.
api.Base.metadata.create_all = cache(api.Base.metadata.create_all)

MACHINE = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
)
"""Errors of the machine's, which the next student would meet as well."""

Marks = dict[str, dict[str, float | None]]
"""By student and exercise; None where there is none."""


class Exporter(SubmissionExporter):
    """Reads submissions whose verdicts are there: no sandbox is needed for it."""

    def probe(self) -> None:
        """Leave it to who judges."""


class OnePass(Autograde):
    """nbgrader's ``Autograde``, which writes a submission down once.

    nbgrader itself puts it in order, writes it, reads it and then has it graded.
    """

    @default("preprocessors")
    def _steps(self) -> Any:
        return self.autograde_preprocessors

    def convert_single_notebook(self, notebook_filename: str) -> None:
        """Grade one notebook."""
        BaseConverter.convert_single_notebook(self, notebook_filename)


class Recorder:
    """Writes down what the judge said of one assignment, a student at a time.

    Raises:
        CourseError: if the assignment is not released.
    """

    def __init__(self, root: Path, assignment: str, verdicts: Verdicts) -> None:
        course = open_course(root)
        # What goes wrong is told by who calls, in one line.
        course.log_level = logging.CRITICAL
        app_log.setLevel(logging.CRITICAL)
        course.coursedir.assignment_id = assignment
        self.root = root
        self.assignment = assignment
        self.coursedir = course.coursedir
        try:
            self.autograde = _ready(OnePass, course, exporter_class=Exporter)
        except NbGraderException as refusal:
            raise CourseError(str(refusal)) from None
        self.autograde.exporter.verdicts = verdicts
        self.feedback = _ready(GenerateFeedback, course)
        self.by_hand: dict[str, list[str]] = {}

    def marks(self) -> Marks:
        """What the gradebook holds of the judge's marks; ``by_hand`` gets a person's.

        Raises:
            CourseError: if it does not know the assignment.
        """
        found: Marks = defaultdict(dict)
        with self._at_work(), Gradebook(self.coursedir.db_url) as gradebook:
            try:
                assignment = gradebook.find_assignment(self.assignment)
            except MissingEntry:
                advice = f"run `python -m autograder release {self.assignment}`"
                raise CourseError(f"gradebook.db does not know it: {advice}") from None
            graded = Grade.auto_score, Grade.manual_score, Grade.extra_credit
            for student, cell, score, *own in _all(gradebook, assignment, *graded):
                found[student][cell.removeprefix("check_")] = score
                if own != [None, None]:
                    self.by_hand.setdefault(student, []).append(f"{cell} {own}")
            words = Comment.manual_comment
            for student, cell, comment in _all(gradebook, assignment, words):
                if comment:
                    self.by_hand.setdefault(student, []).append(f"{cell} {comment}")
        return found

    def record(self, student: str) -> None:
        """Write the verdict on a student's submission into the gradebook."""
        with self._at_work():
            self._refuse_time(student)
            self._convert(self.autograde, student)

    def tell(self, student: str) -> None:
        """Write a student's feedback page."""
        with self._at_work():
            self._convert(self.feedback, student)

    def withdraw(self, student: str) -> None:
        """Leave a student without marks of the judge's, and without a page."""
        names = {"notebook": self.assignment, "assignment": self.assignment}
        with self._at_work():
            with suppress(MissingEntry):
                url = self.coursedir.db_url
                forget_marks({**names, "student": student, "db_url": url})
            for converter in (self.autograde, self.feedback):
                self._remove(converter, student)

    def _refuse_time(self, student: str) -> None:
        """Raise if nbgrader cannot tell when it was handed in.

        An empty file will do for grading, but the formgrader's list of the class fails.
        """
        folder = self.autograde._format_source(self.assignment, student)
        file = Path("submitted", student, self.assignment, "timestamp.txt")
        try:
            known = self.coursedir.get_existing_timestamp(folder)
        except OSError:
            raise
        except Exception:
            # It means to raise an error of its own, and fails at that.
            known = None
        if known is None and file.exists():
            raise FileFault(
                f"{file} is not a time such as 2026-11-24 18:00:00 UTC, in plain text"
            )

    def _convert(self, converter: Any, student: str) -> None:
        """One student's part of ``convert_notebooks``, which keeps errors to itself."""
        names = self.assignment, student
        source = converter._format_source(*names)
        converter.notebooks = [os.path.join(source, f"{self.assignment}.ipynb")]
        try:
            if not converter.init_destination(*names):
                return
            converter.run_pre_convert_hook()
            converter.init_assignment(*names)
            for notebook in converter.notebooks:
                converter.convert_single_notebook(notebook)
            converter.set_permissions(*names)
            converter.run_post_convert_hook()
        except BaseException:
            self._remove(converter, student)
            raise

    def _remove(self, converter: Any, student: str) -> None:
        folder = converter._format_dest(self.assignment, student)
        if os.path.exists(folder):
            rmtree(folder)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        """Work in the course's folder; what the machine refuses is told in one line."""
        try:
            with chdir(self.root):
                yield
        except (DatabaseError, InvalidEntry) as error:
            # nbgrader hands some of the database's errors on as its own.
            cause = error.__context__ if isinstance(error, InvalidEntry) else error
            if isinstance(cause, IntegrityError) or not isinstance(
                cause, DatabaseError
            ):
                raise
            raise CourseError(gradebook_fault(self.root, cause.orig)) from None
        except OSError as error:
            if error.errno not in MACHINE:
                raise
            where = error.filename or self.root
            raise CourseError(
                f"{where} cannot be read or written: {error.strerror}"
            ) from None


def _all(gradebook: Any, assignment: Any, *columns: Any) -> Any:
    """Columns of all grades, or of all comments, after the student and the cell."""
    kind = columns[0].class_
    return (
        gradebook.db.query(SubmittedAssignment.student_id, BaseCell.name, *columns)
        .filter(SubmittedAssignment.assignment_id == assignment.id)
        .filter(SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .filter(kind.notebook_id == SubmittedNotebook.id)
        .filter(BaseCell.id == kind.cell_id)
        .order_by(BaseCell.name)
    )


def _ready(kind: type[BaseConverter], course: NbGraderAPI, **settings: Any) -> Any:
    """One of nbgrader's converters, as its ``start`` leaves it."""
    converter = kind(course.coursedir, parent=course, force=True, **settings)
    own = {"parent": converter, "config": converter.config}
    converter.writer = FilesWriter(**own)
    converter.exporter = converter.exporter_class(**own)
    for preprocessor in converter.preprocessors:
        converter.exporter.register_preprocessor(preprocessor)
    return converter
