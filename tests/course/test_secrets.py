"""Nothing that readers and students get holds a solution or a hidden check."""

import html
import json
import re
import zipfile

import pytest

from autograder.course import ROOT
from autograder.exercises import assignments, load
from descentlab.scale.explain import explained
from descentlab.scale.rule import Rule
from solutions.adam import adam_step

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def handed_out(wheel, site):
    """The text of every file that is handed out, without white space, by name."""
    files = {
        str(path.relative_to(ROOT)): path.read_bytes()
        for folder in (site, ROOT / "release")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    with zipfile.ZipFile(wheel) as archive:
        files |= {f"{wheel.name}:{n}": archive.read(n) for n in archive.namelist()}
    assert len(files) > 100
    return {name: bare(name, data) for name, data in files.items()}


def bare(name, data):
    """A file's text as a reader sees it: no markup, no escapes, no white space."""
    text = data.decode(errors="ignore")
    if name.endswith(".html"):
        text = html.unescape(re.sub(r"<[^>]*>", "", text))
    if name.endswith((".ipynb", ".json")):
        text = " ".join(strings(json.loads(text)))
    return "".join(text.split())


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        for item in inner:
            yield from strings(item)


def test_the_search_sees_what_is_there(handed_out):
    """The stubs stand on the pages and in the notebooks, so they must be found."""
    stub = "".join("def adam_step(theta, grad, m, v, t, lr=1e-3, beta1=0.9".split())
    found = {name.split("/")[0] for name, text in handed_out.items() if stub in text}
    assert found == {"_build", "release"}


def test_no_line_of_a_solution(handed_out):
    lines = secret_lines(ROOT / "solutions")
    assert len(lines) > 5
    assert leaks(handed_out, lines) == []


def test_no_line_of_the_checks_and_the_oracle(handed_out):
    lines = secret_lines(ROOT / "autograder" / "exercises")
    lines |= secret_lines(ROOT / "autograder" / "reference")
    # Sentences of misconceptions are published on purpose.
    sentences = {
        "".join(mistake.sentence.split())
        for name in assignments(ROOT)
        for exercise in load(name).exercises
        for mistake in exercise.mistakes()
    }
    told = " ".join(sentences)
    assert leaks(handed_out, {x for x in lines if x.strip('",') not in told}) == []


def test_no_line_that_explains_an_exercise(handed_out):
    """A notebook prints them for who has solved it; no page does."""
    shown = explained(Rule(adam_step), "float32", {}).splitlines()
    lines = {"".join(line.split()) for line in shown[2:] if "[i] =" not in line}
    assert len(lines) > 3
    assert leaks(handed_out, lines) == []


def secret_lines(folder):
    """The lines of code that say something, as `bare` shows them."""
    chapters = "".join(
        "".join(path.read_text(encoding="utf-8").split())
        for path in (ROOT / "chapters").glob("*.md")
    )
    lines = {
        "".join(line.split())
        for path in folder.glob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith(("#", "@", '"""', "import ", "from "))
    }
    return {line for line in lines if len(line) > 20 and line not in chapters}


def leaks(files, lines):
    return [
        (name, line) for name, text in files.items() for line in lines if line in text
    ]
