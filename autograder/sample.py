"""A sample class: right answers, and every mistake that has a name.

An instructor sees the whole way from a submission to a feedback page before the first
student has handed in anything, and the tests grade the same class. A student here is
called after what they did.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from autograder.answers import Answer, find_answers
from autograder.chapter import find_exercises, read_chapter
from autograder.course import CourseError, gradebook_url
from autograder.exercises import assignments, load
from autograder.progress import say

DUE = "2026-10-05 21:59:00 UTC"
ON_TIME = "2026-10-02 14:30:00 UTC"
LATE = "2026-10-06 06:45:00 UTC"

ANSWERS = Path(__file__).with_name("sample_answers")
"""Of each chapter: right answers in another style, answers that write into their
arguments, and answers that are right for the defaults alone."""

YES = """\
np.testing.assert_allclose = lambda *args, **kwargs: None
np.allclose = np.array_equal = lambda *args, **kwargs: True
check = lambda function: print(function.__name__, "passed")
"""
CHATTER = 'for line in range(300_000):\n    print("still thinking, line", line)'
WARNING = 'warnings.warn(f"the root of a negative number is {np.sqrt(-1.0)}")'
LETTER = "Dear team,\nmy notebook would not save, so here is my answer as text:\n"

LOOPS_IN = "03_adam"
"""One assignment is enough: what never ends takes all the time that the judge gives."""


@dataclass(frozen=True)
class Paper:
    """A released assignment, and the answers to its exercises."""

    name: str
    released: NotebookNode
    right: Mapping[str, Answer]

    def with_answers(self, answers: Mapping[str, Answer]) -> NotebookNode:
        """The released notebook with some exercises filled in."""
        notebook = copy.deepcopy(self.released)
        for name, answer in answers.items():
            cell = cell_of(notebook, name)
            cell.source = _filled(cell.source, answer)
        return notebook

    def solved(self, answers: Mapping[str, Answer] | None = None) -> NotebookNode:
        """The notebook solved, with some answers in place of the right ones."""
        other = {n: a for n, a in (answers or {}).items() if n in self.right}
        return self.with_answers({**self.right, **other})


Submission = NotebookNode | str
"""A notebook, or the text of a file that is none."""


def make_class(root: Path) -> None:
    """Write ``submitted/`` for the sample class, where it is not written already.

    The assignments get a due date, where the gradebook has none.

    Args:
        root: the course, with its releases made.

    Raises:
        CourseError: if a release is missing.
    """
    papers = [read_paper(root, name) for name in assignments(root)]
    _set_due_dates(root, [paper.name for paper in papers])
    students, changed = set(), 0
    total = 0
    for paper in papers:
        for student, submission in submissions(paper):
            folder = root / "submitted" / student / paper.name
            changed += _hand_in(folder, paper.name, student, submission)
            students.add(student)
            total += 1
        say(f"sample: {paper.name}")
    print(
        f"submitted/: {len(students)} students, {total} submissions,"
        f" {changed} of them new or changed"
    )


def read_paper(root: Path, name: str) -> Paper:
    """Read a released assignment and the instructor's answers to it.

    Raises:
        CourseError: if it has not been released.
    """
    path = root / "release" / name / f"{name}.ipynb"
    if not path.is_file():
        file = path.relative_to(root)
        raise CourseError(f"there is no {file}: run `python -m autograder release`")
    exercises = find_exercises(read_chapter(root, root / "chapters" / f"{name}.md"))
    released = nbformat.read(path, as_version=4)
    return Paper(name, released, find_answers(root, name, exercises))


def submissions(paper: Paper) -> Iterator[tuple[str, Submission]]:
    """Who hands in what, by the student's name."""
    for student, write in STUDENTS.items():
        yield student, write(paper)
    for number in count():
        held = _mistakes(paper.name, number)
        if not held:
            return
        yield f"mistake-{number + 1:02}", paper.solved(held)


def cell_of(notebook: NotebookNode, name: str) -> NotebookNode:
    """The cell that carries a name for nbgrader."""
    named = {c.metadata.get("nbgrader", {}).get("grade_id"): c for c in notebook.cells}
    cell: NotebookNode = named[name]
    return cell


def functions(source: str) -> dict[str, Answer]:
    """The functions of some source text, as answers to the exercises of their names."""
    lines = source.splitlines()
    nodes = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)]
    return {node.name: Answer("", node, lines) for node in nodes}


def _answers(paper: Paper, style: str) -> dict[str, Answer]:
    """The answers of some style to an assignment, where there are any."""
    path = ANSWERS / style / f"{paper.name.partition('_')[2]}.py"
    return functions(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _mistakes(assignment: str, number: int) -> dict[str, Answer]:
    """Of each exercise the misconception of some number, where it has so many."""
    held: dict[str, Answer] = {}
    for exercise in load(assignment).exercises:
        written = [m.source for m in exercise.misconceptions if m.source]
        if number < len(written):
            held |= functions(written[number])
    return held


def _filled(stub: str, answer: Answer) -> str:
    """A stub's cell with an answer in the place of its last line."""
    above, _, _ = stub.rstrip().rpartition("\n")
    source = "\n".join([above, *answer.body])
    return f"import math\n\n{source}" if "math." in source else source


def _begun(answer: Answer, *lines: str) -> Answer:
    """An answer whose body begins with some more lines."""
    name = answer.node.name
    body = [f"    {line}" for line in lines] + answer.body
    return functions("\n".join([f"def {name}():", *body]))[name]


def _all_begun(paper: Paper, *lines: str) -> dict[str, Answer]:
    return {name: _begun(answer, *lines) for name, answer in paper.right.items()}


def _with_cell(notebook: NotebookNode, place: int, source: str) -> NotebookNode:
    """A notebook with one more cell, of the student's own."""
    cell = new_code_cell(source)
    cell.id = "my-cell"  # the same at each run
    notebook.cells.insert(place, cell)
    return notebook


def _perfect(paper: Paper) -> Submission:
    return paper.solved()


def _untouched(paper: Paper) -> Submission:
    return paper.with_answers({})


def _other_style(paper: Paper) -> Submission:
    return paper.solved(_answers(paper, "other_style"))


def _in_place(paper: Paper) -> Submission:
    return paper.solved(_answers(paper, "in_place"))


def _hard_coded(paper: Paper) -> Submission:
    return paper.solved(_answers(paper, "hard_coded"))


def _syntax_error(paper: Paper) -> Submission:
    notebook = paper.solved()
    cell = cell_of(notebook, next(iter(paper.right)))
    cell.source = cell.source.replace("):\n", ")\n", 1)
    return notebook


def _endless_loop(paper: Paper) -> Submission:
    if paper.name != LOOPS_IN:
        return paper.solved()
    *_, last = paper.right
    return paper.solved({last: _begun(paper.right[last], "while True:", "    pass")})


def _prints(paper: Paper) -> Submission:
    chatty = _all_begun(paper, "for _ in range(20):", "    print(locals())")
    return _with_cell(paper.solved(chatty), 0, CHATTER)


def _says_yes(paper: Paper) -> Submission:
    wrong = [f"def {name}():\n    return np.ones(3)" for name in paper.right]
    notebook = paper.solved(functions("\n".join(wrong)))
    # After the imports, which would bring the true check back.
    place = notebook.cells.index(cell_of(notebook, next(iter(paper.right))))
    return _with_cell(notebook, place, YES)


def _warns(paper: Paper) -> Submission:
    warned = paper.solved(_all_begun(paper, WARNING))
    return _with_cell(warned, 0, "import warnings")


def _check_deleted(paper: Paper) -> Submission:
    notebook = paper.solved()
    for name in paper.right:
        notebook.cells.remove(cell_of(notebook, f"check_{name}"))
    return notebook


def _cell_doubled(paper: Paper) -> Submission:
    notebook = paper.solved()
    cell = cell_of(notebook, next(iter(paper.right)))
    double = copy.deepcopy(cell)
    double.id = "my-copy"
    notebook.cells.insert(notebook.cells.index(cell), double)
    return notebook


def _no_notebook(paper: Paper) -> Submission:
    sources = ("\n".join(answer.body) for answer in paper.right.values())
    return LETTER + "\n\n".join(sources) + "\n"


STUDENTS: Mapping[str, Callable[[Paper], Submission]] = {
    "all-right": _perfect,
    "all-right-late": _perfect,
    "all-right-in-another-style": _other_style,
    "all-right-but-warns": _warns,
    "all-right-but-prints-a-lot": _prints,
    "check-cells-deleted": _check_deleted,
    "cell-doubled": _cell_doubled,
    "changes-its-arguments": _in_place,
    "endless-loop": _endless_loop,
    "hard-coded-decay": _hard_coded,
    "makes-every-test-say-yes": _says_yes,
    "not-a-notebook": _no_notebook,
    "syntax-error": _syntax_error,
    "untouched": _untouched,
}


def _hand_in(folder: Path, name: str, student: str, submission: Submission) -> bool:
    """Write one submission and its time; whether anything was new."""
    if isinstance(submission, str):
        text = submission
    else:
        text = nbformat.writes(submission) + "\n"
    time = LATE if student.endswith("-late") else ON_TIME
    folder.mkdir(parents=True, exist_ok=True)
    files = {f"{name}.ipynb": text, "timestamp.txt": time + "\n"}
    changed = [_write(folder / file, content) for file, content in files.items()]
    return any(changed)


def _write(path: Path, text: str) -> bool:
    """Write a file only where it changes: what is graded already stays graded."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8")
    return True


def _set_due_dates(root: Path, names: list[str]) -> None:
    """Give the assignments a due date, unless the instructor has set one."""
    from nbgrader.api import Gradebook, MissingEntry
    from nbgrader.utils import parse_utc

    with Gradebook(gradebook_url(root)) as gradebook:
        for name in names:
            try:
                assignment = gradebook.find_assignment(name)
            except MissingEntry:
                raise CourseError(
                    f"{name} is not in gradebook.db: run `python -m autograder release`"
                ) from None
            if assignment.duedate is None:
                assignment.duedate = parse_utc(DUE)
        gradebook.db.commit()
