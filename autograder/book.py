"""The book: a small Sphinx extension, and the command that builds the whole of it.

The extension stands in ``_config.yml``, so that every ``jupyter-book build .`` has it:

- Chapters run with the instructor's solutions in place of the stubs.
- A chapter runs again whenever something that it ran on has changed, and only then
  (``runs.py``).
- Chapters run side by side, before Sphinx reads the first page. A cell that fails
  ends the build, with its file and line.

``build`` adds what a book for readers needs: warnings are errors, no page is missing.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from myst_nb.core.config import NbParserConfig
from myst_nb.core.read import create_nb_reader
from myst_nb.sphinx_ import SphinxEnvType
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx_external_toc import events
from sphinx_external_toc.parsing import parse_toc_yaml

from autograder.course import CourseError
from autograder.filesystem import take_names_for_names
from autograder.progress import say
from autograder.runs import Runs, made_from
from descentlab.exercise import SOLUTIONS

QUOTE = re.compile(r"\{glue:text\}`([\w/]+)\.md::")
"""A value of another chapter's run: ``{glue:text}`03_adam.md::adam-rate:.2f` ``."""


class BookError(CourseError):
    """The book can't be built: the message says what to do."""


class ChapterError(SphinxError):
    """Cells that failed, one line each; Sphinx prints it below its category."""

    category = "The book was not built: a chapter does not run"


def build(root: Path, strict: bool = True) -> None:
    """Build the book of the course in ``root`` into ``_build/html``.

    Args:
        root: the folder of ``_config.yml`` and ``_toc.yml``.
        strict: whether a warning, or a reference to nowhere, fails the build.

    Raises:
        BookError: if Sphinx fails (it has said why on stderr) or a page is missing.
    """
    # Imported here: it takes a second that `setup` below need not spend.
    from jupyter_book.sphinx import build_sphinx

    root = root.resolve()
    html = root / "_build" / "html"
    # Not by Sphinx's logger: a minute of silence under -q looks as if nothing happened.
    say("book: reading the pages that changed")
    # `jupyter-book build` makes the same call, but ends an error with a traceback.
    failed = build_sphinx(
        root,
        html,
        noconfig=True,
        path_config=root / "_config.yml",
        confoverrides={
            "external_toc_path": (root / "_toc.yml").as_posix(),
            "latex_individualpages": False,
            "nitpicky": strict,
        },
        warningiserror=strict,
        keep_going=True,
        quiet=True,
    )
    if isinstance(failed, KeyboardInterrupt):
        raise failed
    if failed:
        # Without its record of pages read, Sphinx reads all of them the next time, and
        # repeats the warnings that it would else show only once.
        (html.parent / ".doctrees" / "environment.pickle").unlink(missing_ok=True)
        raise BookError("the book was not built: mend what is named above")
    say(f"book: {_count_pages(root, html)} pages in {html.relative_to(root)}")


def _count_pages(root: Path, html: Path) -> int:
    """Count the pages that ``_toc.yml`` names, each of which must be there."""
    names = [name.removesuffix(".md") for name in parse_toc_yaml(root / "_toc.yml")]
    missing = [name for name in names if not (html / f"{name}.html").is_file()]
    if missing:
        raise BookError(f"no page was written for {', '.join(missing)}: see _toc.yml")
    return len(names)


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this once, when it loads the extension."""
    take_names_for_names(events)
    book = Book()
    app.connect("env-get-outdated", book.find_stale)
    app.connect("env-before-read-docs", book.run_missing)
    app.connect("source-read", book.keep_text)
    app.connect("env-updated", book.note_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


@dataclass(frozen=True)
class Chapter:
    """A page that runs code.

    Attributes:
        docname: Sphinx's name of the page, such as ``"chapters/03_adam"``.
        path: its file.
        text: what stood there when the build began.
        notebook: the page as MyST-NB reads it.
        made_from: a hash of everything that a run of it depends on.
    """

    docname: str
    path: Path
    text: str
    notebook: NotebookNode
    made_from: str


class Book:
    """The chapters and their runs, followed through one build's events in order."""

    root: Path
    runs: Runs
    chapters: dict[str, Chapter]

    def find_stale(
        self,
        app: Sphinx,
        env: SphinxEnvType,
        added: set[str],
        changed: set[str],
        *_: Any,
    ) -> list[str]:
        """Drop the runs that no longer hold; return the pages to be read again."""
        # Imported here: only a build needs the exercises.
        from autograder.publish import publish

        self.root = _root(Path(app.srcdir))
        publish(self.root)
        self.runs = Runs(Path(env.mystnb_config.execution_cache_path))
        self.chapters = {c.docname: c for c in _chapters(env, self.root)}
        for chapter in self.chapters.values():
            self.runs.drop_unless(chapter.notebook, chapter.made_from)
        # What the pages were read from may be older than the cache, if a build was
        # stopped in between.
        pages = getattr(env, "made_from", {})
        now = self._pages_made_from()
        stale = [c for c in self.chapters if pages.get(c) != now[c]]
        return [*stale, *_quoting(env, {*stale, *added, *changed})]

    def run_missing(self, app: Sphinx, env: SphinxEnvType, docnames: list[str]) -> None:
        """Run those of the pages to be read that have no run which holds."""
        chapters = [self.chapters[name] for name in docnames if name in self.chapters]
        missing = [
            chapter
            for chapter in chapters
            if not self.runs.provide(chapter.notebook, chapter.path, chapter.made_from)
        ]
        if missing:
            _run_all(missing, self.runs, self.root, env.mystnb_config)

    def keep_text(self, app: Sphinx, docname: str, source: list[str]) -> None:
        """Read a chapter as it was run, though somebody may have edited it since.

        MyST-NB would run other code by itself, without the solutions. The next build
        reads the file anew.
        """
        if docname in self.chapters:
            source[0] = self.chapters[docname].text

    def note_pages(self, app: Sphinx, env: SphinxEnvType) -> None:
        """Have Sphinx keep what the pages were made from; it pickles ``env``."""
        env.made_from = self._pages_made_from()

    def _pages_made_from(self) -> dict[str, str]:
        """What each page is made from: its text, and what its cells ran on."""
        return {
            name: hashlib.sha256(f"{c.made_from}\n{c.text}".encode()).hexdigest()
            for name, c in self.chapters.items()
        }


def _root(folder: Path) -> Path:
    """The course that ``folder`` belongs to: a single page's folder is ``chapters``."""
    for place in (folder, *folder.parents):
        if (place / "solutions").is_dir():
            return place
    raise SphinxError(f"no folder solutions/ in {folder} or above it: not a course")


def _chapters(env: SphinxEnvType, root: Path) -> Iterator[Chapter]:
    """Read every page that runs code, as MyST-NB itself will read it."""
    for docname in sorted(env.found_docs):
        path = Path(env.doc2path(docname))
        text = path.read_text(encoding="utf-8")
        reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)
        if reader is None:
            continue
        notebook = reader.read(text)
        yield Chapter(docname, path, text, notebook, made_from(root, path, notebook))


def _quoting(env: SphinxEnvType, chapters: set[str]) -> Iterator[str]:
    """The pages that quote a value which a run of one of the chapters has glued."""
    for docname in sorted(env.found_docs):
        text = Path(env.doc2path(docname)).read_text(encoding="utf-8")
        folder = PurePosixPath(docname).parent
        if chapters & {str(folder / name) for name in QUOTE.findall(text)}:
            yield docname


def _run_all(
    chapters: list[Chapter], kept: Runs, root: Path, config: NbParserConfig
) -> None:
    """Run the chapters side by side and put their runs into the cache.

    All of them run to their end, so that a build which fails has still done the rest.
    """
    runs = [Run(chapter, config.execution_timeout) for chapter in chapters]
    problems = []
    # jupyter-cache's own parallel executor says nothing until the last chapter is done,
    # nor which cell failed. The kernels do the work, so a thread for each will do.
    with ThreadPoolExecutor(min(len(runs), os.cpu_count() or 1)) as pool:
        jobs = {pool.submit(run, _environment(root)): run for run in runs}
        try:
            for job in as_completed(jobs):
                problem = jobs[job].problem(job.exception(), root)
                if problem:
                    problems.append(problem)
                else:
                    _keep(kept, jobs[job])
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for run in runs:
                run.kill()
            raise
    if problems:
        raise ChapterError("\n".join(problems))


def _keep(runs: Runs, run: Run) -> None:
    chapter = run.chapter
    runs.keep(chapter.notebook, chapter.path, chapter.made_from)
    say(f"book: {chapter.path.stem}: ran in {run.seconds:.0f} s")


class Run:
    """One run of a chapter, by a kernel of its own; the outputs go into its notebook.

    Attributes:
        chapter: what is run.
        seconds: how long it took, once it is done.
    """

    def __init__(self, chapter: Chapter, timeout: int) -> None:
        self.chapter = chapter
        self.seconds = 0.0
        self._cell = 0
        self._timeout = timeout
        self._client = NotebookClient(
            chapter.notebook,
            timeout=timeout,
            resources={"metadata": {"path": str(chapter.path.parent)}},
            on_cell_start=self._start_cell,
            # Times in the cells' metadata would give the run another key.
            record_timing=False,
            # Kernels warn that they talk in plain text: here only to this machine.
            extra_arguments=["--log-level=CRITICAL"],
        )

    def __call__(self, environment: dict[str, str]) -> None:
        """Run all cells; an error leaves as nbclient raises it, for `problem`."""
        say(f"book: {self.chapter.path.stem}: running")
        start = time.perf_counter()
        self._client.execute(env=environment)
        self.seconds = time.perf_counter() - start

    def _start_cell(self, cell: NotebookNode, cell_index: int) -> None:
        self._cell = cell_index

    def kill(self) -> None:
        """End the kernel, and with it the call that waits for it."""
        provisioner = self._client.km and self._client.km.provisioner
        if isinstance(provisioner, LocalProvisioner) and provisioner.process:
            provisioner.process.kill()

    def problem(self, error: BaseException | None, root: Path) -> str:
        """Say in one line which cell failed and why; nothing if none did."""
        if error is None:
            return ""
        line = self.chapter.notebook.metadata.source_map[self._cell]
        place = self.chapter.path.relative_to(root).as_posix()
        return f"{place}:{line}: {_in_words(error, self._timeout)}"


def _environment(root: Path) -> dict[str, str]:
    """What kernels get: the solutions, and the ``descentlab`` of this folder.

    It is theirs alone. No judge that is started from the process which builds the book
    can inherit the solutions.
    """
    paths = [str(root), os.environ.get("PYTHONPATH", "")]
    own = {
        SOLUTIONS: str(root / "solutions"),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        # The debugger, which no kernel here uses, else warns about frozen modules.
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    # Kernels run side by side, one for each core. It also keeps the pages' numbers from
    # depending on how many cores a machine has.
    return {"OMP_NUM_THREADS": "1", **os.environ, **own}


def _in_words(problem: BaseException, timeout: int) -> str:
    if isinstance(problem, CellExecutionError):
        reason = problem.evalue.strip().splitlines() or [""]
        return f"the cell raises {problem.ename}: {reason[0]}"
    if isinstance(problem, CellTimeoutError):
        return (
            f"the cell takes longer than {timeout} s: make it smaller, or raise"
            " execute.timeout in _config.yml"
        )
    if isinstance(problem, NoSuchKernel):
        return f"there is no Jupyter kernel {problem.name!r}: install ipykernel"
    if isinstance(problem, DeadKernelError):
        return "the kernel died in this cell: was there enough memory?"
    raise problem
