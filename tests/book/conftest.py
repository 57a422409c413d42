"""A course of two tiny chapters, with the repository's own settings and package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

TOC = """\
format: jb-book
root: chapters/index
chapters:
  - file: chapters/02_rmsprop
  - file: chapters/03_adam
  - file: chapters/bibliography
"""

CHAPTER = """\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# {title}

Prose of the first edition {{cite:p}}`kingma2015adam`.

$$
\\theta_t = \\theta_{{t-1}} - \\eta\\, g_t
$$ (eq-{title})

```{{code-cell}} ipython3
from descentlab import exercise, glue, recall

@exercise
def {function}(theta):
    raise NotImplementedError
```

```{{code-cell}} ipython3
glue("{title}-value", {function}(1.0))
```

By {{eq}}`eq-{title}` the value is {{glue:text}}`{title}-value:.2f`.
"""

FIGURE = """
```{code-cell} ipython3
---
mystnb:
  figure:
    caption: A line.
    name: fig-rmsprop-line
  image:
    alt: A line.
---
from descentlab import figures
figures.plt.plot([0, 1])
figures.plt.show()
```

```{code-cell} ipython3
---
mystnb:
  figure:
    caption: Two panels.
    name: fig-rmsprop-panels
  image:
    alt: Two panels.
---
figures.plt.subplots(1, 2, figsize=(7.5, 3.2))
figures.plt.show()
```

{cite:t}`zhang2019three`, and no longer {cite:p}`zhang2019lookahead`.
"""

RECALL = """
```{code-cell} ipython3
recall("02_rmsprop", "rmsprop_step")(1.0)
```

```{code-cell} ipython3
:tags: [remove-output]

print("for the notebook", "alone")
```
"""

SOLUTION = """\
def {function}(theta):
    only_the_instructor_knows = {value}  # MARKER of a solution
    return only_the_instructor_knows * theta
"""


@dataclass
class Course:
    """A course in a folder of its own."""

    root: Path

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def build(self, *command: str) -> Build:
        """Build with `jupyter-book build -W -n --keep-going`, or as `command` says."""
        jupyter_book = Path(sys.executable).with_name("jupyter-book")
        strict = (str(jupyter_book), "build", ".", "-W", "-n", "--keep-going")
        done = subprocess.run(
            command or strict,
            cwd=self.root,
            # The extension is the repository's, not a copy in the course.
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
        )
        return Build(done.returncode, done.stdout, done.stderr)

    def page(self, name: str) -> str:
        html = self.root / "_build" / "html" / "chapters" / f"{name}.html"
        return html.read_text(encoding="utf-8")


@dataclass
class Build:
    """What one build said."""

    status: int
    stdout: str
    stderr: str

    @property
    def ran(self) -> set[str]:
        return set(re.findall(r"^book: (\w+): running$", self.stderr, re.MULTILINE))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Course, Build]:
    """The tiny course after its first build, by `autograder.book.build`: only read."""
    # No tool may take the folder's name for a pattern.
    root = tmp_path_factory.mktemp("course") / "Kurs [DL] (1) für Übungen"
    root.mkdir()
    shutil.copy(REPOSITORY / "_config.yml", root)
    for folder in ("_static", "descentlab"):
        ignored = shutil.ignore_patterns("__pycache__", "published")
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=ignored)
    (root / "_toc.yml").write_text(TOC)
    (root / "chapters").mkdir()
    shutil.copy(REPOSITORY / "chapters" / "references.bib", root / "chapters")
    (root / "chapters" / "index.md").write_text(
        "# Index\n\n{doc}`02_rmsprop` {glue:text}`03_adam.md::adam-value:.3f`\n"
    )
    (root / "chapters" / "bibliography.md").write_text(
        "# Bibliography\n\n```{bibliography}\n```\n"
    )
    (root / "solutions").mkdir()
    for name, function, value, more in (
        ("02_rmsprop", "rmsprop_step", 0.25, FIGURE),
        ("03_adam", "adam_step", 0.75, RECALL),
    ):
        title = name.partition("_")[2]
        chapter = CHAPTER.format(title=title, function=function)
        (root / "chapters" / f"{name}.md").write_text(chapter + more)
        solution = SOLUTION.format(function=function, value=value)
        (root / "solutions" / f"{title}.py").write_text(solution)
    course = Course(root)
    script = (
        "import os; from pathlib import Path; from autograder.book import build\n"
        "if __name__ == '__main__':\n"
        "    build(Path('.'))\n"
        "    print('left in the environment:', os.environ.get('DESCENTLAB_SOLUTIONS'))"
    )
    return course, course.build(sys.executable, "-c", script)


@pytest.fixture
def course(built: tuple[Course, Build], tmp_path: Path) -> Course:
    """The built course once more, to be changed; its runs are in its cache."""
    course = Course(tmp_path / built[0].root.name)
    shutil.copytree(built[0].root, course.root)
    return course
