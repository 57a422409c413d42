"""The book: a small Sphinx extension, and the command that builds the whole of it.

The extension stands in ``_config.yml``, so that every ``jupyter-book build .`` has it:

- Chapters run with the instructor's solutions in place of the stubs.
- A chapter runs again whenever something that it ran on has changed. By itself the
  execution cache looks at code cells and kernel alone, and a changed solution would
  leave the old numbers on a page.
- Chapters run side by side, before Sphinx reads the first page. A cell that fails
  ends the build, with its file and line.

``build`` adds what a book for readers needs: warnings are errors, no page is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePosixPath
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from jupyter_cache.cache.main import JupyterCacheBase
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
from sphinx_external_toc.parsing import parse_toc_yaml

from autograder.course import CourseError
from descentlab.exercise import SOLUTIONS

LEDGER = "made_from.json"
"""The file in the cache's folder that says what each run in the cache was made from."""

PACKAGES = ("matplotlib", "numpy", "torch")
"""What a page's numbers and figures depend on besides the course's own code."""

MENTION = re.compile(r"\b\d\d_[a-z_]+\b")
"""An assignment named in a chapter's code: ``recall("03_adam", "adam_step")``."""


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
    _say("reading the pages that changed")
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
    _say(f"{_count_pages(root, html)} pages in {html.relative_to(root)}")


def _count_pages(root: Path, html: Path) -> int:
    """Count the pages that ``_toc.yml`` names, each of which must be there."""
    names = [name.removesuffix(".md") for name in parse_toc_yaml(root / "_toc.yml")]
    missing = [name for name in names if not (html / f"{name}.html").is_file()]
    if missing:
        raise BookError(f"no page was written for {', '.join(missing)}: see _toc.yml")
    return len(names)


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this once, when it loads the extension."""
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
        key: jupyter-cache's hash of its code cells and kernel.
        made_from: a hash of everything else that it runs on.
    """

    docname: str
    path: Path
    text: str
    notebook: NotebookNode
    key: str
    made_from: str


class Book:
    """The chapters and their runs, followed through one build's events in order."""

    root: Path
    cache: JupyterCacheBase
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
        self.cache = get_cache(env.mystnb_config.execution_cache_path)
        self.chapters = {c.docname: c for c in _chapters(env, self.root, self.cache)}
        ledger = _read_ledger(self.cache)
        for chapter in self.chapters.values():
            if ledger.get(chapter.key) != chapter.made_from:
                with suppress(KeyError):  # it never ran
                    record = self.cache.match_cache_notebook(chapter.notebook)
                    self.cache.remove_cache(record.pk)
        # What the pages were read from may be older than the cache, if a build was
        # stopped in between.
        pages = getattr(env, "made_from", {})
        now = self._pages_made_from()
        stale = [c for c in self.chapters if pages.get(c) != now[c]]
        return [*stale, *_quoting(env, {*stale, *added, *changed})]

    def run_missing(self, app: Sphinx, env: SphinxEnvType, docnames: list[str]) -> None:
        """Run those of the pages to be read that have no run in the cache."""
        cached = {record.hashkey for record in self.cache.list_cache_records()}
        chapters = [self.chapters[name] for name in docnames if name in self.chapters]
        missing = [chapter for chapter in chapters if chapter.key not in cached]
        if missing:
            _run_all(missing, self.cache, self.root, env.mystnb_config)

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


def _chapters(
    env: SphinxEnvType, root: Path, cache: JupyterCacheBase
) -> Iterator[Chapter]:
    """Read every page that runs code, as MyST-NB itself will read it."""
    base = _made_from_package(root)
    for docname in sorted(env.found_docs):
        path = Path(env.doc2path(docname))
        text = path.read_text(encoding="utf-8")
        reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)
        if reader is None:
            continue
        notebook = reader.read(text)
        made_from = base.copy()
        for file in _own_files(root, path.stem, notebook):
            _add_file(made_from, root, file)
        _, key = cache.create_hashed_notebook(notebook)
        yield Chapter(docname, path, text, notebook, key, made_from.hexdigest())


def _made_from_package(root: Path) -> Any:
    """The hash of what every chapter runs on: Python, the packages, ``descentlab``."""
    made_from = hashlib.sha256(platform.python_version().encode())
    for package in PACKAGES:
        with suppress(PackageNotFoundError):  # without PyTorch, pages lack a section
            made_from.update(f"{package} {version(package)}\n".encode())
    package_folder = root / "descentlab"
    data = (file for file in (package_folder / "data").rglob("*") if file.is_file())
    for file in sorted([*package_folder.rglob("*.py"), *data]):
        _add_file(made_from, root, file)
    return made_from


def _quoting(env: SphinxEnvType, chapters: set[str]) -> Iterator[str]:
    """The pages that quote a value which a run of one of the chapters has glued."""
    for docname in sorted(env.found_docs):
        text = Path(env.doc2path(docname)).read_text(encoding="utf-8")
        folder = PurePosixPath(docname).parent
        if chapters & {str(folder / name) for name in QUOTE.findall(text)}:
            yield docname


def _own_files(root: Path, assignment: str, notebook: NotebookNode) -> list[Path]:
    """What a chapter runs on alone: solutions, recalled ones too, check's cases.

    One that loads results of experiments runs on all of them.
    """
    code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    names = {assignment, *MENTION.findall(code)}
    modules = (root / "solutions" / f"{n.partition('_')[2]}.py" for n in sorted(names))
    cases = root / "descentlab" / "published" / f"{assignment}.json"
    results = (root / "descentlab" / "results").glob("*.json")
    loaded = sorted(results) if "results" in code else ()
    return [file for file in (*modules, cases, *loaded) if file.is_file()]


def _add_file(made_from: Any, root: Path, file: Path) -> None:
    made_from.update(f"\n{file.relative_to(root).as_posix()}\n".encode())
    made_from.update(file.read_bytes())


def _read_ledger(cache: JupyterCacheBase) -> dict[str, str]:
    """For each key of a run in the cache, what the run was made from."""
    try:
        ledger: dict[str, str] = json.loads((cache.path / LEDGER).read_text())
    except (OSError, ValueError):
        return {}  # A run of unknown origin counts as stale.
    return ledger


def _note_run(cache: JupyterCacheBase, chapter: Chapter) -> None:
    known = {record.hashkey for record in cache.list_cache_records()}
    ledger = {k: v for k, v in _read_ledger(cache).items() if k in known}
    ledger[chapter.key] = chapter.made_from
    (cache.path / LEDGER).write_text(json.dumps(ledger, indent=1))


def _run_all(
    chapters: list[Chapter], cache: JupyterCacheBase, root: Path, config: NbParserConfig
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
                    _keep(cache, jobs[job])
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for run in runs:
                run.kill()
            raise
    if problems:
        raise ChapterError("\n".join(problems))


def _keep(cache: JupyterCacheBase, run: Run) -> None:
    bundle = CacheBundleIn(
        run.chapter.notebook,
        str(run.chapter.path),
        data={"execution_seconds": run.seconds},
    )
    cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
    _note_run(cache, run.chapter)
    _say(f"{run.chapter.path.stem}: ran in {run.seconds:.0f} s")


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
        _say(f"{self.chapter.path.stem}: running")
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


def _say(line: str) -> None:
    # Not Sphinx's logger: a minute of silence under -q looks as if nothing happened.
    # In one piece, since chapters speak at the same time.
    sys.stderr.write(f"book: {line}\n")
    sys.stderr.flush()
