"""The chapters' runs in the execution cache, and which of them still hold.

jupyter-cache finds a run by the chapter's code cells, all their metadata included, and
by nothing else. Both are wrong for a course: a changed solution would leave the old
numbers on a page, and a check that is worth another point would run the chapter anew.
So a ledger beside the cache says what each run was made from, and a run holds as long
as that is the same.
"""

from __future__ import annotations

import copy
import hashlib
import json
import platform
import re
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbformat import NotebookNode

CACHE = Path("_build", ".jupyter_cache")
"""The cache's folder in the course, where Jupyter Book puts it."""

LEDGER = "made_from.json"
"""The file in the cache's folder that says what each run in the cache was made from."""

PACKAGES = ("matplotlib", "numpy", "torch")
"""What a page's numbers and figures depend on besides the course's own code."""

MENTION = re.compile(r"\b\d\d_[a-z_]+\b")
"""An assignment named in a chapter's code: ``recall("03_adam", "adam_step")``."""

TAGS = {"raises-exception", "skip-execution"}
"""The tags that change what a run does; all other metadata is about how a cell looks,
or what nbgrader makes of it."""


def made_from(root: Path, path: Path, notebook: NotebookNode) -> str:
    """A hash of all that a run of a chapter depends on.

    That is the code of its cells, Python and the packages, ``descentlab``, the
    solutions, those of recalled chapters too, and the published cases. A chapter that
    loads results of experiments depends on all of them.

    Args:
        root: the course.
        path: the chapter's file.
        notebook: the chapter, as MyST-NB reads it.
    """
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    code = "\n".join(cell.source for cell in cells)
    names = {path.stem, *MENTION.findall(code)}
    modules = (root / "solutions" / f"{n.partition('_')[2]}.py" for n in sorted(names))
    cases = root / "descentlab" / "published" / f"{path.stem}.json"
    results = (root / "descentlab" / "results").glob("*.json")
    loaded = sorted(results) if "results" in code else ()
    files = (file for file in (*modules, cases, *loaded) if file.is_file())
    run = [notebook.metadata.get("kernelspec")]
    run += [(c.source, sorted(TAGS & set(c.metadata.get("tags") or ()))) for c in cells]
    return _hash(root, files, _package(root), json.dumps(run))


def _package(root: Path) -> str:
    """The hash of what every chapter runs on: Python, the packages, ``descentlab``."""
    about = [platform.python_version()]
    for package in PACKAGES:
        with suppress(PackageNotFoundError):  # without PyTorch, pages lack a section
            about.append(f"{package} {version(package)}")
    folder = root / "descentlab"
    data = (file for file in (folder / "data").rglob("*") if file.is_file())
    return _hash(root, sorted([*folder.rglob("*.py"), *data]), *about)


def _hash(root: Path, files: Iterable[Path], *words: str) -> str:
    found = hashlib.sha256("\n".join(words).encode())
    for file in files:
        found.update(f"\n{file.relative_to(root).as_posix()}\n".encode())
        found.update(file.read_bytes())
    return found.hexdigest()


class Runs:
    """The runs in a cache.

    Args:
        folder: the cache's; it is made where there is none.
    """

    def __init__(self, folder: Path) -> None:
        self._cache = get_cache(folder)

    def key(self, notebook: NotebookNode) -> str:
        """What jupyter-cache, and so MyST-NB, will look a run of a chapter up by."""
        return str(self._cache.create_hashed_notebook(notebook)[1])

    def drop_unless(self, notebook: NotebookNode, made_from: str) -> None:
        """Remove the run that MyST-NB would take, if it was made from anything else."""
        if self._ledger().get(self.key(notebook)) != made_from:
            with suppress(KeyError):  # it never ran
                record = self._cache.match_cache_notebook(notebook)
                self._cache.remove_cache(record.pk)

    def provide(self, notebook: NotebookNode, path: Path, made_from: str) -> bool:
        """Whether there is a run that holds, where MyST-NB will find it.

        A run of a chapter whose metadata alone was different is entered once more for
        the chapter as it is.
        """
        found = self.find(made_from)
        if found is None:
            return False
        if self.key(notebook) not in self._keys():
            ran = (cell for cell in found.cells if cell.cell_type == "code")
            notebook = copy.deepcopy(notebook)
            for cell in notebook.cells:
                if cell.cell_type == "code":
                    old = next(ran)
                    cell.outputs = old.outputs
                    cell.execution_count = old.execution_count
            self.keep(notebook, path, made_from)
        return True

    def find(self, made_from: str) -> NotebookNode | None:
        """The code cells of a run that was made from the same, if there is one."""
        keys = self._keys()
        for key, known in self._ledger().items():
            if known == made_from and key in keys:
                with suppress(KeyError):  # its file is gone
                    ran: NotebookNode = self._cache.get_cache_bundle(keys[key]).nb
                    return ran
        return None

    def keep(self, notebook: NotebookNode, path: Path, made_from: str) -> None:
        """Put a run into the cache, and note what it was made from."""
        bundle = CacheBundleIn(notebook, str(path))
        self._cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        keys = self._keys()
        ledger = {k: known for k, known in self._ledger().items() if k in keys}
        ledger[self.key(notebook)] = made_from
        (self._cache.path / LEDGER).write_text(json.dumps(ledger, indent=1))

    def _keys(self) -> dict[str, int]:
        """The record of each run, by its key."""
        records = self._cache.list_cache_records()
        return {record.hashkey: record.pk for record in records}

    def _ledger(self) -> dict[str, str]:
        """For each key of a run in the cache, what the run was made from."""
        try:
            found: dict[str, str] = json.loads((self._cache.path / LEDGER).read_text())
        except (OSError, ValueError):
            return {}  # a run of unknown origin counts as stale
        return found
