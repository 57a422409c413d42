"""The sandbox: what it does for the judge, and what code inside cannot do."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from autograder.course import ROOT
from autograder.judge import SandboxError
from autograder.judge import sandbox as module
from autograder.judge.sandbox import (
    Described,
    Died,
    Limits,
    OutOfTime,
    Sandbox,
)
from descentlab.compare import Foreign, RemoteError
from tests.nobody import as_nobody

pytestmark = pytest.mark.sandbox

SMALL = Limits(memory=1 << 30, seconds=20, file_size=1 << 20, disk=4 << 20)
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def shared():
    """One sandbox for the tests that leave it as it was."""
    with Sandbox(SMALL) as sandbox:
        yield sandbox


@pytest.fixture
def own():
    """A sandbox for a test that may break it."""
    with Sandbox(SMALL) as sandbox:
        yield sandbox


@pytest.fixture
def call(shared):
    """Run a cell that defines f, and call f."""

    def run_and_call(source, *args, sandbox=shared, **kwargs):
        sandbox.allow(30)
        outcome = sandbox.run("<cell 1>", source)
        assert outcome.raised is None, outcome.raised
        return sandbox.function("f")(*args, **kwargs)

    return run_and_call


@pytest.fixture
def tried(call):
    """What an expression gives in the sandbox, or the name of its error."""

    def evaluate(expression, setup=""):
        lines = [setup, "def f():", "    try:", f"        return repr(({expression}))"]
        lines += ["    except BaseException as error:"]
        lines += ["        return f'{type(error).__name__}: {error}'"]
        return call("import os\n" + "\n".join(lines))

    return evaluate


# Cells


def test_cells_share_one_namespace_as_in_a_notebook(shared):
    assert shared.run("<cell 1>", "a = 2").raised is None
    assert shared.run("<cell 2>", "def f(x):\n    return a * x").raised is None
    assert shared.function("f")(21) == 42


def test_a_cell_that_fails_says_what_and_where(shared):
    outcome = shared.run("<cell 3>", "x = 1\n\ny = x / 0")
    assert not outcome.ended
    assert outcome.raised.kinds[:2] == ("ZeroDivisionError", "ArithmeticError")
    assert outcome.raised.message == "division by zero"
    assert outcome.raised.line == 3
    assert shared.run("<cell 4>", "y = x + 1").raised is None


def test_a_syntax_error_has_its_line_and_runs_nothing(shared):
    outcome = shared.run("<cell 3>", "unlucky = 1\ndef f(:\n    pass")
    assert outcome.raised.kinds[0] == "SyntaxError"
    assert outcome.raised.line == 2
    assert "NameError" in str(shared.run("<cell 4>", "unlucky").raised)


@pytest.mark.parametrize(
    "source",
    [
        "raise SystemExit(0)",
        "raise KeyboardInterrupt",
        "raise GeneratorExit",
        "class Odd(BaseException):\n    def __str__(self):\n        1 / 0\nraise Odd",
        "f = lambda n: f(n + 1)\nf(0)",
        "\x00",
        "x = '\ud800'\nraise ValueError(x)",
        "(" * 500 + ")" * 500,
    ],
    ids=["exit", "interrupt", "generator", "odd", "deep", "null", "surrogate", "nest"],
)
def test_whatever_a_cell_raises_the_next_one_runs(shared, source):
    assert shared.run("<cell 1>", source).raised is not None
    assert shared.run("<cell 2>", "pass").raised is None


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\ng = 1",
        "%%time\ng = 1",
        "%%time\n%matplotlib inline\ng = 1",
        "%%capture out\ng = 1",
        "%time g = 1",
        "!ls /\ng = 1",
        "!pip install numpy\ng = 1",
        "%pip install numpy\ng = 1",
        "files = !ls\ng = 1",
        "len?\ng = 1",
        "%load_ext autoreload\n%autoreload 2\ng = 1",
        "get_ipython().run_line_magic('matplotlib', 'inline')\ng = 1",
        "display(3)\ng = 1",
        "help(len)\ng = 1",
        "from IPython.display import Markdown\ndisplay(Markdown('x'))\ng = 1",
        "if __name__ == '__main__':\n    g = 1",
        "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\ng = 1",
        "print('x' * 10_000_000)\ng = 1",
        "import sys\nsys.stderr.write('x' * 100_000)\ng = 1",
        "import warnings\nwarnings.warn('careful')\ng = 1",
        "x = 1;\ng = x",
        "g = 1\r\nh = 2\r\n",
        "# только комментарий, é\nβ = 1\ng = β",
    ],
    ids=lambda source: source.partition("\n")[0][:40],
)
def test_what_stands_in_notebooks_runs(shared, source):
    assert shared.run("<cell 1>", "g = 0").raised is None
    outcome = shared.run("<cell 2>", source)
    assert (outcome.raised, outcome.ended) == (None, True)
    assert shared.run("<cell 3>", "assert g == 1").raised is None


@pytest.mark.parametrize("magic", ["%%bash", "%%html", "%%writefile x.py", "%%timeit"])
def test_a_cell_of_another_kind_does_nothing(shared, magic):
    assert shared.run("<cell 1>", f"{magic}\nraise ValueError").raised is None


def test_a_promise_of_future_holds_for_later_cells(own):
    own.run("<cell 1>", "from __future__ import annotations")
    outcome = own.run("<cell 2>", "def f(x: NoSuchType) -> AlsoNone:\n    return x")
    assert outcome.raised is None


def test_without_the_promise_annotations_are_evaluated(own):
    outcome = own.run("<cell 1>", "def f(x: NoSuchType):\n    return x")
    assert outcome.raised.kinds[0] == "NameError"


def test_a_package_that_is_not_here_stops_only_its_own_import(own):
    source = "import torch\nfrom scipy import stats\nimport numpy as np\nx = np.ones(2)"
    outcome = own.run("<cell 1>", source)
    assert outcome.ended
    assert outcome.raised.message == "No module named 'torch'"
    assert own.run("<cell 2>", "x + 1").raised is None


def test_an_import_that_fails_inside_a_function_stops_only_what_calls_it(own):
    source = "def g():\n    import torch\n    return 1\ny = g()\nx = 1"
    outcome = own.run("<cell 1>", source)
    assert outcome.ended
    assert outcome.raised.message == "No module named 'torch'"
    assert own.run("<cell 2>", "f = lambda: x").raised is None
    assert own.function("f")() == 1
    own.run("<cell 3>", "f = lambda: y")
    with pytest.raises(RemoteError, match="No module named 'torch'"):
        own.function("f")()


def test_imports_are_offered_and_made_only_where_a_name_is_used(own):
    own.offer("import matplotlib.pyplot as plt\nimport torch, json as js\nraise 1")
    own.offer("not ( python")
    loaded = "import sys\nassert ('matplotlib' in sys.modules) is %s"
    assert own.run("<cell 1>", loaded % False).raised is None
    assert own.run("<cell 2>", "# plt\nx = 'plt'").raised is None
    assert own.run("<cell 3>", loaded % False).raised is None
    assert own.run("<cell 4>", "def g():\n    return plt.Figure").raised is None
    assert own.run("<cell 5>", loaded % True).raised is None
    assert "torch" in str(own.run("<cell 6>", "torch").raised)


def test_an_offer_never_replaces_what_a_student_defined(own):
    own.run("<cell 1>", "def js():\n    return 1")
    own.offer("import json as js")
    own.run("<cell 2>", "f = lambda: js()")
    assert own.function("f")() == 1


def test_a_cell_of_two_megabytes(own):
    assert own.run("<cell 1>", f"data = '{'x' * (2 << 20)}'").raised is None
    own.run("<cell 2>", "f = lambda: len(data)")
    assert own.function("f")() == 2 << 20


# What a name stands for


def test_describe_tells_names_and_defaults(shared):
    shared.run("<cell 1>", "def f(theta, grad, lr=1e-3, *, eps=1e-8): pass")
    expected = {"theta": None, "grad": None, "lr": "0.001", "eps": "1e-08"}
    assert shared.describe("f") == Described(True, expected)


@pytest.mark.parametrize(
    ("source", "is_function"),
    [
        ("f = 3", False),
        ("f = None", False),
        ("f = [abs]", False),
        ("import numpy as np\nf = np.sqrt", True),
        ("f = lambda x: x", True),
        ("from functools import partial\nf = partial(pow, 2)", True),
        ("class C:\n    def __call__(self, x): return x\nf = C()", True),
        (
            "class C:\n    def __call__(self, x): 1\n    __signature__ = 3\nf = C()",
            True,
        ),
        (
            "class C:\n    def __call__(self): pass\n"
            "    @property\n    def __signature__(self): raise RuntimeError\nf = C()",
            True,
        ),
        ("f = eval('lambda ' + ','.join(f'a{i}' for i in range(5000)) + ': 1')", True),
    ],
)
def test_describe_of_all_kinds_of_things(shared, source, is_function):
    assert shared.run("<cell 1>", source).raised is None
    assert shared.describe("f", ["g"]).is_function is is_function


def test_describe_of_a_name_that_is_not_there(shared):
    assert shared.describe("nothing_of_that_name") == Described(False)


def test_describe_tells_what_a_function_uses(shared):
    source = "def step(x): return x\ndef f(x): return [step(y) for y in x]"
    shared.run("<cell 1>", source)
    assert shared.describe("f", ["sync", "step"]).uses == ("step",)


@pytest.mark.parametrize("uses", ["['g']", "3", "[['step']]", "'step'"])
def test_what_a_lying_worker_tells_is_one_of_the_names_or_nothing(own, uses):
    source = "def f(x): return x\nfrom descentlab import compare\n"
    own.run("<cell 1>", f"{source}compare.used = lambda *_: {uses}")
    assert own.describe("f", ["step"]).uses == ()


def test_defaults_are_shown_in_one_plain_line(shared):
    evil = r"'\x1b[2J\ud800' + 'x' * 1000"
    shared.run("<cell 1>", f"def f(a={evil}): pass")
    shown = shared.describe("f").parameters["a"]
    assert len(shown) <= 80
    assert shown.isprintable()


# Calls


def test_a_shielded_function_comes_to_no_harm(own):
    own.run(
        "<cell 1>",
        "def step(x):\n    x += 1\n    return x\n"
        "def f(x):\n    return [step(x) for _ in range(2)]",
    )
    f, x = own.function("f"), np.zeros(2)
    np.testing.assert_array_equal(f.shielded(["step"])(x), np.ones((2, 2)))
    assert not x.any()
    # As long as the call lasts, and no longer.
    np.testing.assert_array_equal(f(x), np.full((2, 2), 2.0))
    np.testing.assert_array_equal(x, [2, 2])


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -3,
        2.5,
        "text",
        [1, [2.0, None]],
        (1, (2,)),
        np.float32(1.5),
        np.array(2.0),
        np.empty((0, 3), np.float32),
        np.arange(6).reshape(2, 3),
    ],
    ids=repr,
)
def test_values_go_in_and_come_back(call, value):
    back = call("def f(x, *, y): return x, y", value, y=value)
    assert repr(back) == repr((value, value))


def test_what_cannot_come_back_is_named(call):
    foreign = call("f = lambda: object()")
    assert foreign == Foreign("an object of type object")
    assert "dtype object" in call("import numpy as np\nf = lambda: np.array([{}])").text
    assert "values" in call("f = lambda: [0.0] * 10_001").text
    assert "too long" in call("f = lambda: ['x' * 2000] * 1000").text
    assert "MiB" in call("f = lambda: np.broadcast_to(0., (10**6, 10**6))").text


def test_an_exception_of_the_function_arrives(call):
    source = "\n\ndef g(x):\n    raise KeyError('k')\ndef f(x):\n    return g(x)"
    with pytest.raises(RemoteError) as error:
        call(source, 1)
    assert error.value.raised.kinds[:2] == ("KeyError", "LookupError")


def test_the_line_is_one_of_the_functions_own_cell(shared):
    shared.run("<cell 1>", "\n\n\n\ndef helper(x):\n    return x / 0")
    shared.run("<cell step>", "def step(x):\n    y = x\n    return helper(y)")
    with pytest.raises(RemoteError) as error:
        shared.function("step")(1)
    assert error.value.raised.line == 3


def test_texts_of_exceptions_are_harmless(call):
    source = r"""
class Odd(Exception):
    pass
Odd.__name__ = "\x1b[31mOdd\nValueError\u202e"
def f():
    raise Odd("\x1b]0;title\x07\ud800 first\nsecond\tline\x85third")
"""
    with pytest.raises(RemoteError) as error:
        call(source)
    raised = error.value.raised
    assert str(raised).isprintable()
    assert all(line.isprintable() for line in raised.message.split("\n"))
    assert "second line" in raised.message


def test_changes_in_place_come_back(call):
    array, items, pair = np.zeros(3), [1, np.ones(2)], (np.zeros(2), 5)
    source = """
def f(array, items, pair):
    array[1] = 7
    items[1] *= 3
    items.append("new")
    pair[0][:] = 1
"""
    call(source, array, items, pair)
    assert array.tolist() == [0, 7, 0]
    assert items[0] == 1
    assert items[1].tolist() == [3, 3]
    assert items[2] == "new"
    assert pair[0].tolist() == [1, 1]


def test_arguments_that_became_odd_do_no_harm(call):
    items = [np.ones(2), 1]
    call("def f(x):\n    x[:] = [object(), x]\n    x.pop()", items)
    assert items == [None]


def test_functions_are_called_back_across_the_pipe(call):
    seen = []

    def grad_fn(x, scale=1.0):
        seen.append((x.tolist(), scale))
        return scale * x, len(seen)

    source = """
def f(grad_fn, x):
    first, _ = grad_fn(x)
    second, count = grad_fn(x=first + 1, scale=2.0)
    return second, count
"""
    result, count = call(source, grad_fn, np.array([1.0, 2.0]))
    assert result.tolist() == [4.0, 6.0]
    assert count == 2
    assert seen == [([1.0, 2.0], 1.0), ([2.0, 3.0], 2.0)]


def test_a_callback_that_refuses_is_an_exception_inside(call):
    def only_arrays(x):
        raise ValueError("an array, please")

    source = """
def f(g):
    try:
        g(3)
    except ValueError as error:
        return str(error)
"""
    assert call(source, only_arrays) == "an array, please"
    with pytest.raises(RemoteError, match="TypeError"):
        call("def f(g): g(1, 2, 3)", only_arrays)
    with pytest.raises(RemoteError, match="object of type object"):
        call("def f(g): g(object())", only_arrays)


def test_a_callback_takes_no_shapes_that_could_grow(call):
    seen = []
    source = "import numpy as np\ndef f(g, x): return g(x, x, [x]), g(np.zeros({}))"
    for shape in ("(3, 1)", "(1 << 20, 1)", "4"):
        with pytest.raises(RemoteError, match="called with an array of shape"):
            call(source.format(shape), lambda *x: seen.append(x), np.ones(3))
    assert len(seen) == 3


def test_a_generator_goes_in_as_it_stands_and_comes_back_advanced(call):
    ours, theirs = np.random.default_rng(5), np.random.default_rng(5)
    for generator in (ours, theirs):
        generator.integers(9, dtype=np.int32)  # half of a 64-bit word is kept
    for _ in range(3):
        got = call("def f(rng): return rng.permutation(6)", theirs)
        assert got.tolist() == ours.permutation(6).tolist()
        assert theirs.bit_generator.state == ours.bit_generator.state


def test_results_of_one_call_that_cannot_go_into_the_next(call):
    foreign = call("def f(x=0): return {}")
    with pytest.raises(RemoteError, match="a result of the call before"):
        call("def f(x=0): return {}", foreign)


# Time, memory, disk

SOON = 30
"""Seconds in which a deadline of half a second has taken effect, on any machine.

What it ends would go on for a minute, or for ever.
"""


def test_a_loop_ends_at_the_deadline(own):
    own.allow(0.5)
    start = time.monotonic()
    with pytest.raises(OutOfTime):
        own.run("<cell 1>", "while True: pass")
    assert time.monotonic() - start < SOON


@pytest.fixture
def crowded(own):
    """A sandbox that shares one processor with others at work."""
    processor = min(os.sched_getaffinity(0))
    os.sched_setaffinity(own.worker, {processor})
    busy = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(busy) for _ in range(4)]
    for other in others:
        os.sched_setaffinity(other.pid, {processor})
    yield own
    for other in others:
        other.kill()
        other.wait()


def test_time_without_a_processor_does_not_count(crowded):
    crowded.allow(1)
    start = time.monotonic()
    work = "from time import process_time as now\nend = now() + 0.8\n"
    outcome = crowded.run("<cell 1>", f"{work}while now() < end: pass")
    assert outcome.raised is None
    assert time.monotonic() - start > 1


def test_a_loop_ends_on_a_busy_machine_as_well(crowded):
    crowded.allow(0.2)
    start = time.monotonic()
    with pytest.raises(OutOfTime):
        crowded.run("<cell 1>", "while True: pass")
    assert time.monotonic() - start < SOON


def test_who_sleeps_does_not_wait_for_a_processor(crowded):
    crowded.allow(0.5)
    start = time.monotonic()
    with pytest.raises(OutOfTime):
        crowded.run("<cell 1>", "import time\ntime.sleep(60)")
    assert time.monotonic() - start < SOON


def test_a_frame_that_comes_in_drops_ends_at_the_deadline(own):
    own.allow(0.5)
    drip = (
        "import os, time\nwhile True:\n    os.write(4, bytes(1))\n    time.sleep(.05)"
    )
    with pytest.raises((OutOfTime, Died)):
        own.run("<cell 1>", drip)


def test_the_processor_time_is_limited():
    with Sandbox(Limits(seconds=1)) as sandbox, pytest.raises(Died):
        sandbox.run("<cell 1>", "while True: pass")


def test_memory_is_limited(tried):
    assert tried("len(bytearray(2 << 30))").startswith("MemoryError")
    assert "MemoryError" in tried("np.ones(1 << 28)", "import numpy as np")


def test_limits_cannot_be_raised(tried):
    setup = "import resource as r"
    for name in ("AS", "CPU", "FSIZE", "NOFILE", "NPROC"):
        text = tried(f"r.setrlimit(r.RLIMIT_{name}, (r.RLIM_INFINITY,) * 2)", setup)
        assert "Error" in text, name


def test_a_file_may_not_grow_past_the_limit(tried):
    setup = "def big():\n    with open('/tmp/big', 'wb') as file:\n"
    setup += "        return file.write(bytes(2 << 20)), file.flush()"
    assert tried("big()", setup).startswith("OSError")


def test_the_disk_may_not_fill_past_the_limit(tried):
    setup = """
def fill():
    for i in range(100):
        with open(f"/tmp/{i}", "wb") as file:
            file.write(bytes(1 << 20 - 1))
"""
    assert "No space left" in tried("fill()", setup)


def test_nothing_but_tmp_is_writable(shared):
    worker = shared.worker
    mounts = Path(f"/proc/{worker}/mountinfo").read_text().splitlines()
    writable = {
        fields[4] for fields in map(str.split, mounts) if "rw" in fields[5].split(",")
    }
    assert writable == {"/tmp", "/dev/null"}


def test_recursion_is_an_error_of_the_students(call):
    with pytest.raises(RemoteError, match="RecursionError"):
        call("def f(): return f()")


def test_recursion_that_kills_python_is_told(own):
    # Through C code, where each level takes from the real stack.
    deep = "import sys\nsys.setrecursionlimit(10**8)\nf = lambda x: max([x], key=f)"
    own.run("<cell 1>", deep)
    with pytest.raises(Died, match="did not survive"):
        own.function("f")(1)


# Walls


def test_threads_work(call):
    source = """
from concurrent.futures import ThreadPoolExecutor
def f():
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(abs, [-1, 2, -3]))
"""
    assert call(source) == [1, 2, 3]


def test_numpy_computes(call):
    source = "import numpy as np\ndef f(a): return np.linalg.solve(a @ a.T, a[0])"
    assert call(source, np.eye(30)).shape == (30,)


LIBC = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def errno(name, *args):
    return os.strerror(ctypes.get_errno()) if getattr(libc, name)(*args) == -1 else "ok"
"""


@pytest.mark.parametrize(
    "expression",
    [
        "os.fork()",
        "os.posix_spawn('/usr/bin/env', ['env'], {})",
        "os.execv('/usr/bin/env', ['env'])",
        "__import__('subprocess').run(['/usr/bin/env'])",
        "__import__('multiprocessing').Process(target=print).start()",
        "__import__('socket').socket()",
        "__import__('socket').socketpair()",
        "__import__('urllib.request').request.urlopen('http://127.0.0.1')",
        "errno('ptrace', 0, 0, 0, 0)",
        "errno('unshare', 0x10000000)",
        "errno('setns', 0, 0)",
        "errno('mount', b'none', b'/tmp', b'tmpfs', 0, None)",
        "errno('umount2', b'/usr', 0)",
        "errno('chroot', b'/tmp')",
        "errno('personality', 0)",
        "errno('memfd_create', b'x', 0)",
        "errno('shmget', 0, 4096, 0o1600)",
        "errno('process_vm_readv', 1, None, 0, None, 0, 0)",
        "errno('syscall', 425, 8, bytes(120))",  # io_uring_setup
        "errno('syscall', 434, 1, 0)",  # pidfd_open
        "errno('sethostname', b'x', 1)",
        "errno('klogctl', 3, bytes(100), 100)",
    ],
)
def test_forbidden(tried, expression):
    said = tried(expression, LIBC)
    assert "not permitted" in said or "Permission denied" in said


def test_clone3_does_not_exist(tried):
    assert "not implemented" in tried("errno('syscall', 435, bytes(88), 88)", LIBC)


def test_no_other_program_runs(tried):
    assert tried("os.system('touch /tmp/ran'), os.path.exists('/tmp/ran')") == (
        "(32512, False)"
    )


def test_the_filter_covers_every_thread(own):
    # Installed by the only thread, it holds for those that come.
    worker = own.worker
    assert len(os.listdir(f"/proc/{worker}/task")) == 1
    status = Path(f"/proc/{worker}/status").read_text()
    assert re.search(r"^Seccomp:\s2$", status, re.M)
    assert re.search(r"^NoNewPrivs:\s1$", status, re.M)
    assert re.search(r"^CapEff:\s0+$", status, re.M)


def test_signals_reach_nobody_outside(tried):
    assert tried("os.getpid(), os.getppid()") == "(2, 1)"
    assert tried("os.kill(1, 9)") == "None"
    assert tried("1 + 1") == "2"
    assert tried(f"os.kill({os.getpid()}, 0)").startswith("ProcessLookupError")


def test_there_is_no_proc(tried):
    assert tried("os.path.exists('/proc')") == "False"
    assert tried("os.path.exists('/sys')") == "False"
    assert tried("os.listdir('/dev')") == "['null']"


def test_the_root_is_bare(tried):
    shown = set(eval(tried("os.listdir('/')")))
    base = Path(sys.base_prefix).parts[1]
    assert shown <= {"site", "dev", "tmp", "etc", "usr", "lib", "lib64", base}
    assert tried("os.listdir('/etc')") == "['ld.so.cache']"


def test_of_the_course_there_is_descentlab_and_the_worker(tried):
    setup = """
def course():
    found = []
    for folder, folders, files in os.walk("/site/autograder"):
        found += [os.path.join(folder, name) for name in files]
    return sorted(found)
"""
    bytecode = f".{sys.implementation.cache_tag}.pyc"
    names = ("absent", "cells", "protocol", "shell", "worker")
    assert eval(tried("course()", setup)) == [
        *(f"/site/autograder/judge/__pycache__/{name}{bytecode}" for name in names),
        *(f"/site/autograder/judge/{name}.py" for name in names),
    ]
    folder = "__import__('descentlab').__file__"
    assert tried(folder) == "'/site/descentlab/__init__.py'"


def test_what_nobody_asked_for_is_not_imported():
    source = """
import sys, descentlab
def imported(x):
    slow = ("matplotlib", "numpy.random", "importlib.resources", "IPython", "torch")
    return [name for name in slow if name in sys.modules]
"""
    with Sandbox() as sandbox:
        sandbox.run("<cell>", source)
        assert sandbox.function("imported")(np.ones(2)) == []


def test_no_sandbox_compiles_what_all_of_them_import(tried):
    setup = """
import sys, descentlab
def compiled_here():
    ours = [m for n, m in sys.modules.items() if n.startswith("descentlab.")]
    assert ours
    return [m.__name__ for m in ours if not os.path.exists(m.__spec__.cached)]
"""
    assert tried("compiled_here()", setup) == "[]"
    for path in (ROOT, ROOT / "solutions", ROOT / ".judge-key", Path.home() / ".ssh"):
        assert tried(f"os.path.exists({str(path)!r})") == "False"


def test_packages_beside_the_allowed_ones_are_not_there(tried):
    for name in ("torch", "nbgrader", "pytest", "solutions", "autograder.reference"):
        said = tried(f"__import__({name!r})")
        assert said.startswith("ModuleNotFoundError"), name


def test_the_environment_is_bare(tried, monkeypatch):
    allowed = {"HOME", "LANG", "MPLBACKEND", "MPLCONFIGDIR", "IPYTHONDIR", "PWD"}
    allowed |= {"OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"}
    allowed |= {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"}
    assert set(eval(tried("list(os.environ)"))) <= allowed
    monkeypatch.setenv("SECRET_TOKEN", "x")
    with Sandbox(SMALL) as sandbox:
        sandbox.run("<cell 1>", "import os\nf = lambda: list(os.environ)")
        assert "SECRET_TOKEN" not in sandbox.function("f")()


def test_nothing_is_open_but_the_pipes(own):
    own.run("<cell 1>", "pass")
    worker = own.worker
    files = [os.readlink(f) for f in Path(f"/proc/{worker}/fd").iterdir()]
    pipes = [name for name in files if name.startswith("pipe:")]
    assert len(pipes) == 2
    assert set(files) - set(pipes) == {"/dev/null"}


def test_nothing_outlives_the_sandbox():
    with Sandbox(SMALL) as sandbox:
        threads = "import threading, time\nfor _ in range(3):\n"
        threads += "    threading.Thread(target=time.sleep, args=(60,)).start()"
        sandbox.run("<cell 1>", threads)
        family = descendants(sandbox.process.pid)
        assert len(family) >= 2
    deadline = time.monotonic() + 5
    while any(alive(pid) for pid in family) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in family if alive(pid)]


def descendants(pid: int) -> list[int]:
    """A process and all that come from it, the youngest last."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in descendants(int(child)))]


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except OSError:
        return False


# A worker that lies

PIPE = """
import os, sys, json, struct
def frame(header, raw=b""):
    text = json.dumps({"bytes": len(raw), **header}).encode()
    return struct.pack(">I", len(text)) + text + raw
def ticket():
    caller = sys._getframe(1)
    while not hasattr(caller.f_locals.get("self"), "ticket"):
        caller = caller.f_back
    return caller.f_locals["self"].ticket
"""
"""What a student can build to write frames of their own."""


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"result": 1},
        {"result": 1, "after": None},
        {"result": 1, "after": []},
        {"result": 1, "after": [1, 2]},
        {"result": {"a": ["float64", [3]]}, "after": [1]},
        {"result": {"a": [["float64"], [0]]}, "after": [1]},
        {"result": 10**400, "after": [1]},
        {"callback": 0, "args": [], "kwargs": {}},
        {"callback": 7, "args": [], "kwargs": {}},
        {"callback": -1, "args": [], "kwargs": {}},
        {"callback": None, "args": [], "kwargs": {}},
        {"callback": float("inf"), "args": [], "kwargs": {}},
        {"callback": "0", "args": [], "kwargs": {}},
        {"raised": None},
        {"raised": "ValueError"},
        {"raised": {"kinds": 3, "message": "", "line": None}},
        {"raised": {"kinds": [], "message": [[]], "line": None}},
        {"raised": {"kinds": {}, "message": "", "line": None}},
    ],
    ids=lambda reply: str(reply)[:50],
)
def test_a_reply_that_is_none_is_death_and_no_fault_of_the_judges(own, reply):
    forged = f"{{'ticket': ticket(), **{reply!r}}}".replace("inf", "float('inf')")
    own.run("<cell 1>", f"{PIPE}\ndef f(x): os.write(4, frame({forged}))")
    with pytest.raises(Died):
        own.function("f")(1)


@pytest.mark.parametrize("line", [10**30, -1, 0, True, 2.5, "3"])
def test_a_forged_line_is_no_line(own, line):
    raised = {"kinds": ["ValueError"], "message": "", "line": line}
    forged = f"{{'ticket': ticket(), 'raised': {raised!r}}}"
    own.run("<cell 1>", f"{PIPE}\ndef f(): os.write(4, frame({forged}))")
    with pytest.raises(RemoteError) as error:
        own.function("f")()
    assert error.value.raised.line is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"args": None, "kwargs": {}},
        {"args": [], "kwargs": []},
        {"args": [], "kwargs": None},
        {"args": [{"x": 1}], "kwargs": {}},
        {"args": [1 << 70], "kwargs": {}},
        {"kwargs": {}},
        {},
    ],
    ids=str,
)
def test_a_callback_that_is_none_is_death(own, arguments):
    header = f"{{'ticket': ticket(), 'callback': 0, **{arguments}}}"
    own.run("<cell 1>", f"{PIPE}\ndef f(g): os.write(4, frame({header}))")
    with pytest.raises(Died):
        own.function("f")(lambda: 1)


@pytest.mark.parametrize(
    "after",
    [
        '[{"a": ["int64", [1]]}]',
        '[{"a": ["float64", [1, 1]]}]',
        '[{"s": "text"}]',
        "[9223372036854775807]",
        '[{"l": [1, {"l": []}]}]',
    ],
)
def test_forged_arguments_change_nothing_of_another_kind(own, after):
    reply = f"{{'ticket': ticket(), 'result': None, 'after': {after}}}"
    source = f"{PIPE}\ndef f(x):\n    os.write(4, frame({reply}, bytes(8)))\n"
    own.run("<cell 1>", source + "    __import__('time').sleep(9)")
    array = np.array([1], np.int8)
    own.function("f")(array)
    assert array.tolist() == [1]
    assert array.dtype == np.int8


def test_a_reply_written_ahead_of_time_is_noticed_at_once(own):
    ahead = "frame({'result': 1.0, 'after': []})"
    with pytest.raises(Died, match="nobody asked for"):
        own.run("<cell 1>", f"{PIPE}\nos.write(4, {ahead})")


def test_noise_on_the_pipe_is_noticed(own):
    with pytest.raises(Died):
        own.run("<cell 1>", "import os\nos.write(4, b'garbage' * 1000)")


def test_a_worker_that_hears_nothing_ends_at_the_deadline(own):
    own.run("<cell 1>", "import os\ndef f(x): os.dup2(5, 3)")
    own.function("f")(1)
    own.allow(1)
    with pytest.raises((Died, OutOfTime)):
        own.function("f")(np.zeros(1 << 20))


# No sandbox to be had


def test_without_libseccomp(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyseccomp", None)
    module.filter_program.cache_clear()
    with pytest.raises(SandboxError, match="install libseccomp2") as error:
        Sandbox(SMALL)
    assert "\n" not in str(error.value)
    module.filter_program.cache_clear()


# Who starts it


AS_ORDINARY_USER = """
import os
assert os.getuid() != 0
from autograder.judge.sandbox import Limits, Sandbox
with Sandbox(Limits(threads=50)) as sandbox:
    sandbox.run("<cell 1>", '''
import os, threading
def f(x):
    return 2 * x, os.getuid()
def bomb(event=threading.Event()):
    try:
        for count in range(200):
            threading.Thread(target=event.wait, daemon=True).start()
    except RuntimeError:
        return count
    finally:
        event.set()
def forks():
    try:
        os.fork()
    except OSError as error:
        return error.errno
''')
    assert sandbox.function("f")(21) == (42, 65534)
    assert sandbox.function("forks")() == 1
    assert sandbox.function("bomb")() < 50
print("well")
"""


def test_an_ordinary_user_can_judge():
    command = [] if os.getuid() else as_nobody()
    done = subprocess.run(
        [*command, sys.executable, "-c", AS_ORDINARY_USER],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("well\n", "")
