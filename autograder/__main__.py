"""The command line: ``python -m autograder COMMAND``."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path

from autograder.course import ROOT, CourseError, forgive_encodings, gradebook_fault

# nbformat's validator would make a grammar of web addresses, which takes a second and a
# half at each start; a notebook's schema has none.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 2 for what cannot be done, 3 for our fault."""
    forgive_encodings()
    options = _parser().parse_args(arguments)
    try:
        status = options.run(options) or 0
        sys.stdout.flush()
        return status
    except _refusals() as refusal:
        print(f"autograder: {refusal}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"autograder: {str(interrupt) or 'interrupted'}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Who reads what is printed went away, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:
        if words := _no_fault(error):
            print(f"autograder: {words}", file=sys.stderr)
            return 2
        traceback.print_exc()
        print("autograder: a fault of the grader's own, see above", file=sys.stderr)
        return 3


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m autograder")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    grade = commands.add_parser("grade", help="grade one notebook, without a gradebook")
    grade.add_argument("assignment", help="such as 03_adam")
    grade.add_argument("notebook", type=Path, help="the student's notebook")
    grade.add_argument("--json", action="store_true", help="print one JSON object")
    grade.set_defaults(run=_grade)

    classroom = commands.add_parser("class", help="grade a whole class at once")
    classroom.add_argument("assignment", help="such as 03_adam")
    judges = classroom.add_mutually_exclusive_group()
    judges.add_argument(
        "--workers", type=_count, metavar="N", help="judge N at once, not one a core"
    )
    judges.add_argument(
        "--scheduler", metavar="ADDRESS", help="let a running Dask cluster judge"
    )
    classroom.add_argument(
        "--force", action="store_true", help="grade anew what has not changed, too"
    )
    classroom.add_argument("--csv", type=Path, metavar="FILE", help="write marks there")
    classroom.set_defaults(run=_class)

    release = commands.add_parser("release", help="make source/ and release/")
    release.add_argument("assignment", nargs="*", help="all where none is named")
    release.set_defaults(run=_release)

    term = commands.add_parser("term", help="put a class away and begin with none")
    term.add_argument("name", help="of the class that is over, such as 2026-autumn")
    term.set_defaults(run=_term)

    for name, run, words in (
        ("publish", _publish, "write the published cases of check()"),
        ("book", _book, "build the book into _build/html"),
        ("sample", _sample, "make a sample class in submitted/"),
        ("grades", _grades, "print the gradebook as a table"),
        ("sandbox", _sandbox, "say whether this machine can grade"),
    ):
        commands.add_parser(name, help=words).set_defaults(run=run)
    return parser


def _grade(options: argparse.Namespace) -> None:
    from autograder.grade import grade, table
    from autograder.judge import NotebookError

    try:
        verdict = grade(options.assignment, _bytes(options.notebook))
    except NotebookError as error:
        raise NotebookError(f"{options.notebook}: {error}") from None
    if options.json:
        print(json.dumps(verdict.to_json(), indent=1))
    else:
        print(table(verdict))


def _class(options: argparse.Namespace) -> int:
    from autograder.classroom import grade_class
    from autograder.term import refuse_unfinished

    refuse_unfinished(ROOT)
    return grade_class(
        ROOT,
        options.assignment,
        options.workers,
        options.scheduler,
        options.force,
        options.csv,
    )


def _release(options: argparse.Namespace) -> None:
    from autograder.release import release
    from autograder.term import refuse_unfinished

    refuse_unfinished(ROOT)
    for path in release(ROOT, options.assignment):
        print(path.relative_to(ROOT))


def _term(options: argparse.Namespace) -> None:
    from autograder.term import put_away

    kept = put_away(ROOT, options.name).relative_to(ROOT)
    print(f"put away in {kept}/; submitted/ is empty, gradebook.db is new")


def _publish(options: argparse.Namespace) -> None:
    from autograder.publish import publish

    publish(ROOT)


def _book(options: argparse.Namespace) -> None:
    from autograder.book import build

    build(ROOT)


def _sample(options: argparse.Namespace) -> None:
    from autograder.sample import make_class
    from autograder.term import refuse_unfinished

    refuse_unfinished(ROOT)
    make_class(ROOT)


def _grades(options: argparse.Namespace) -> None:
    from autograder.gradebook import print_grades
    from autograder.term import refuse_unfinished

    refuse_unfinished(ROOT)
    print_grades(ROOT)


def _sandbox(options: argparse.Namespace) -> None:
    from autograder.judge.sandbox import Sandbox

    with Sandbox() as sandbox:
        print(f"this machine can grade: {sandbox.program} makes a sandbox")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"at least 1, not {number}")
    return number


def _bytes(path: Path) -> bytes:
    """What a file holds, to one byte more than a notebook may have."""
    from autograder.judge.notebook import MAX_SIZE

    try:
        with path.open("rb") as file:
            return file.read(MAX_SIZE + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CourseError(f"{path} cannot be read: {reason}") from None


def _refusals() -> tuple[type[Exception], ...]:
    """The errors that say in one line what cannot be done, of the modules in use."""
    names = {
        "autograder.book": "BookError",
        "autograder.exercises": "UnknownAssignment",
        "autograder.judge": "NotebookError SandboxError",
        "autograder.release": "ReleaseError",
    }
    loaded = ((sys.modules.get(m), classes.split()) for m, classes in names.items())
    found = [getattr(m, c) for m, classes in loaded if m is not None for c in classes]
    return (CourseError, *found)


def _no_fault(error: Exception) -> str:
    """What to say of an error that no module of ours names, and that is not ours."""
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        package = error.name.partition(".")[0]
        if package not in ("autograder", "descentlab", "solutions"):
            return (
                f"{sys.executable} has no {package}: use the course's own Python (`make"
                " course` once, then `source .venv/bin/activate` in each new terminal)"
            )
    kind = type(error)
    # Locked, read-only, on a full disk, or no database; not imported for its name.
    database = kind.__name__ in ("DatabaseError", "OperationalError")
    if database and kind.__module__ == "sqlalchemy.exc":
        return gradebook_fault(ROOT, getattr(error, "orig", error))
    return ""


if __name__ == "__main__":
    status = main()
    if any(not thread.daemon for thread in threading.enumerate()[1:]):
        # A class was stopped, and its threads still wait for sandboxes, which end with
        # this process: an ordinary end would wait for them.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
