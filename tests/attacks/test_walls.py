"""Each wall, taken away: then an attack gets through that it had kept out.

A wall is taken away here, in the test, by editing what the judge would do; there is no
way to run it without. Where one wall stands behind another, the one in front is down in
both halves of the test.
"""

import ctypes
import json
import multiprocessing
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pyseccomp
import pytest
from nbconvert.exporters import HTMLExporter
from nbgrader.utils import determine_grade

from autograder import gradebook
from autograder.course import ROOT
from autograder.judge import (
    Limits,
    NotebookError,
    evaluate,
    notebook,
    protocol,
    sandbox,
)
from autograder.judge.protocol import MAX_BYTES
from autograder.judge.sandbox import Died, Sandbox
from descentlab import compare
from descentlab.compare import RemoteError
from tests.attacks.attacks import (
    ATTACKS,
    CHECK,
    OTHER,
    PLAIN,
    RIGHT,
    SOLVED,
    TARGET,
    WRONG,
    judged,
)
from tests.judge import course
from tests.notebooks import IMPORTS, answer, checked
from tests.notebooks import notebook as written

pytestmark = [pytest.mark.sandbox, pytest.mark.slow]

# The package's name ``judge`` is its function.
judging = import_module("autograder.judge.judge")

SMALL = Limits(memory=512 << 20, seconds=20, file_size=1 << 20, disk=4 << 20)


@dataclass
class Place:
    """Where an attack is tried: with a folder of the host's, and walls to take away."""

    host: Path
    patch: pytest.MonkeyPatch
    limits: Limits = SMALL
    packages: tuple[Path, ...] = ()
    edits: list[Callable[[list[str]], list[str]]] = field(default_factory=list)

    def edit_command(self, edit: Callable[[list[str]], list[str]]) -> None:
        """Change the words that start a sandbox."""
        self.edits.append(edit)

    def command(self, *args: Any) -> list[str]:
        """The words that start a sandbox here."""
        words = COMMAND(*args)
        for edit in self.edits:
            words = edit(words)
        return words

    def edit_worker(self, old: str, new: str) -> None:
        """Let the sandbox have another worker."""
        source = (sandbox.HERE / "worker.py").read_text()
        assert source.count(old) == 1
        changed = self.host / "judge"
        changed.mkdir()
        (changed / "worker.py").write_text(source.replace(old, new))
        protocol_py = (sandbox.HERE / "protocol.py").read_text()
        (changed / "protocol.py").write_text(protocol_py)
        for path in (self.host, changed, *changed.iterdir()):
            path.chmod(0o755)
        own = sandbox.HERE
        names = ("worker.py", "protocol.py")
        moved = {str(own / name): str(changed / name) for name in names}
        self.edit_command(lambda words: [moved.get(word, word) for word in words])

    def ask(self, source: str, *args: Any, seconds: float = 20.0) -> Any:
        """What a function f of these lines gives in a sandbox; None where it fails."""
        with Sandbox(self.limits, self.packages) as inside:
            inside.allow(seconds)
            try:
                raised = inside.run("<cell 1>", source).raised
                return None if raised else inside.function("f")(*args)
            except (RemoteError, Died):
                return None


COMMAND = sandbox.command
Attempt = Callable[[Place], bool]


@dataclass(frozen=True)
class Wall:
    """A wall: what gets through without it, how it is taken away, what is before it."""

    name: str
    attack: Attempt
    remove: Callable[[Place], object]
    before: str = ""


WALLS: dict[str, Wall] = {}


def wall(
    name: str, remove: Callable[[Place], object], before: str = ""
) -> Callable[[Attempt], Attempt]:
    """Note an attack that the wall of this name, and no other, keeps out."""

    def note(attack: Attempt) -> Attempt:
        WALLS[name] = Wall(name, attack, remove, before)
        return attack

    return note


def without(*words: str, instead: tuple[str, ...] = ()) -> Callable[[Place], None]:
    """Removes some words that follow each other from the sandbox's command."""

    def edit(command: list[str]) -> list[str]:
        count = len(words)
        for i in range(len(command) - count + 1):
            if command[i : i + count] == list(words):
                return [*command[:i], *instead, *command[i + count :]]
        raise AssertionError(f"{words} is not in the command")

    return lambda place: place.edit_command(edit)


def bound(*words: str) -> Callable[[Place], None]:
    """Adds binds to the root of the sandbox."""
    return without("--remount-ro", "/", instead=(*words, "--remount-ro", "/"))


def replaced(owner: Any, name: str, value: Any) -> Callable[[Place], None]:
    """Replaces a piece of the judge's."""
    return lambda place: place.patch.setattr(owner, name, value)


def unlimited(name: str) -> Callable[[Place], None]:
    """Removes one of the limits that the kernel keeps; this process's own remains."""
    kinds = {"memory": "AS", "seconds": "CPU", "threads": "NPROC", "file_size": "FSIZE"}
    _, own = resource.getrlimit(getattr(resource, f"RLIMIT_{kinds[name]}"))
    kernel = Limits.kernel
    return replaced(Limits, "kernel", lambda self: {**kernel(self), name: own})


def sized(name: str) -> Callable[[Place], None]:
    """Removes one of the sandbox's own sizes."""

    def remove(place: Place) -> None:
        place.limits = replace(place.limits, **{name: 1 << 40})

    return remove


def unshared(*but: str) -> Callable[[Place], None]:
    """Leaves one kind of namespace shared with the host."""
    kinds = {"user", "ipc", "pid", "net", "uts"} - set(but)
    words = tuple(f"--unshare-{kind}" for kind in sorted(kinds))
    return without("--unshare-all", instead=words)


def marks(source: str, other: str = RIGHT) -> tuple[float, float]:
    """The marks for an answer to the first exercise and one to the second."""
    cells = [answer(TARGET.name, source), CHECK, answer(OTHER.name, other)]
    found = judged(written(IMPORTS, *cells, checked(OTHER.name))).exercises
    return found[TARGET.name].score, found[OTHER.name].score


def attack_called(title: str) -> str:
    """The source of one of the attacks in the Markdown files."""
    (found,) = [attack.source for attack in ATTACKS if attack.title == title]
    return found


# What a process may do


def open_filter(place: Place) -> None:
    program = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    path = place.host / "filter"
    with path.open("wb") as file:
        program.export_bpf(file)
    place.patch.setattr(sandbox, "filter_program", path.read_bytes)


@wall("system-call filter", open_filter)
def fork(place):
    """Start processes, each with memory and time of its own."""
    child = "import os\ndef f():\n    pid = os.fork()\n    return pid or os._exit(0)"
    return place.ask(child) is not None


@wall(
    "no capabilities",
    without("--cap-drop", "ALL", instead=("--cap-add", "ALL")),
    "system-call filter",
)
def mount(place):
    """Mount file systems, such as one without a limit."""
    lines = "import ctypes\nlibc = ctypes.CDLL(None)\n"
    lines += "f = lambda: libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)"
    return place.ask(lines) == 0


@contextmanager
def friend() -> Iterator[str]:
    """A server on this machine that answers the exercise for whoever asks."""
    space: dict[str, Any] = {"np": np}
    exec(SOLVED, space)

    class Friend(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            arrays = [np.array(item, asked["dtype"]) for item in asked["arrays"]]
            results = space["rmsprop_step"](*arrays, *asked["numbers"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps([r.tolist() for r in results]).encode())

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Friend) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


ASKING = f"""
import json
import urllib.request

{PLAIN}    asked = {{"arrays": [theta.tolist(), grad.tolist(), v.tolist()]}}
    asked |= {{"dtype": str(theta.dtype), "numbers": [lr, beta, eps]}}
    with urllib.request.urlopen(URL, json.dumps(asked).encode()) as reply:
        results = json.loads(reply.read())
    return [np.array(item, theta.dtype).reshape(theta.shape) for item in results]
"""


@wall("network namespace", unshared("net"), "system-call filter")
def ask_a_friend(place):
    """Ask a server for the answer during the exam."""
    with friend() as url:
        return marks(ASKING.replace("URL", repr(url)))[0] > 0


@wall("process namespace", unshared("pid"))
def kill_the_instructors_work(place):
    """End the processes of whoever grades."""
    with subprocess.Popen(["sleep", "60"]) as victim:
        place.ask(f"import os\nf = lambda: os.kill({victim.pid}, 15)")
        try:
            return victim.wait(1) == -signal.SIGTERM
        except subprocess.TimeoutExpired:
            victim.kill()
            return False


@wall("IPC namespace", unshared("ipc"), "system-call filter")
def pass_notes_in_shared_memory(place):
    """Leave answers in shared memory for the next student."""
    start = "import ctypes\nlibc = ctypes.CDLL(None)\nf = lambda: libc.shmget(KEY, "
    start = start.replace("KEY", str(os.getpid()))
    place.ask(start + "4096, 0o1666)")
    found = place.ask(start + "0, 0)")
    ctypes.CDLL(None).shmctl(-1 if found is None else found, 0, None)
    return found is not None and found >= 0


@wall("end with the judge", without("--die-with-parent"))
def outlive_the_judge(place):
    """Go on when the judge was killed."""
    told, tell = multiprocessing.Pipe()

    class Asking(Sandbox):
        def _send(self, data):
            super()._send(data)
            # Killed any sooner, the judge would leave a worker with nothing to do.
            tell.send((self.process.pid, self.worker))

    def judge_for_ever():
        with Asking(SMALL) as inside:
            inside.run("<cell 1>", "import time\ntime.sleep(60)")

    judge = multiprocessing.get_context("fork").Process(target=judge_for_ever)
    judge.start()
    _, (starter, worker) = told.recv(), told.recv()  # greeted, asked to run the cell
    judge.kill()
    judge.join()
    deadline = time.monotonic() + 3
    while alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    survived = alive(worker)
    if survived:
        os.kill(starter, signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
    return survived


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except OSError:
        return False


# What it sees


@wall("bare root", bound("--ro-bind", str(ROOT / "solutions"), "/course/solutions"))
def find_the_solution(place):
    """Find the solution on the disk, and call it."""
    source = attack_called("The file system, from top to bottom")
    return marks(source)[0] > 0


def writable_package(place: Place) -> None:
    place.edit_command(
        lambda words: [
            "--bind" if words[i + 1 : i + 2] == [str(place.host / "lesson")] else word
            for i, word in enumerate(words)
        ]
    )


@wall("read-only binds", writable_package)
def change_a_package_for_all(place):
    """Change a package that the next sandbox will import."""
    package = place.host / "lesson"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("")
    place.packages = (package,)
    name = f"{sandbox.SITE}/lesson/__init__.py"
    place.ask(f"def f():\n    with open({name!r}, 'w') as file: file.write('1 / 0')")
    return (package / "__init__.py").read_text() != ""


FILL = """
import os
def f(folder="/tmp", size=1 << 19):
    written = 0
    try:
        for number in range(40):
            with open(os.path.join(folder, str(number)), "wb") as file:
                written += file.write(bytes(size))
    except OSError:
        pass
    return written
"""


@wall("read-only root", without("--remount-ro", "/"))
def fill_the_root(place):
    """Fill the host's memory with files beside /tmp."""
    return place.ask(FILL, sandbox.SITE) > SMALL.disk


@wall("size of /tmp", sized("disk"))
def fill_tmp(place):
    """Fill the host's memory with files in /tmp."""
    return place.ask(FILL) > SMALL.disk


@wall("size of a file", unlimited("file_size"), "size of /tmp")
def one_long_file(place):
    """Write one file without end."""
    return place.ask(FILL, "/tmp", 2 * SMALL.file_size) > 0


def shared_tmp(place: Place) -> None:
    shared = place.host / "shared"
    shared.mkdir()
    disk = "--size", str(SMALL.disk), "--tmpfs", "/tmp"
    without(*disk, instead=("--bind", str(shared), "/tmp"))(place)


@wall("private /tmp", shared_tmp)
def leave_a_note(place):
    """Leave a file for the next student, or read theirs."""
    place.ask("def f():\n    with open('/tmp/note', 'w') as file: file.write('answer')")
    return place.ask("f = lambda: open('/tmp/note').read()") == "answer"


@wall("no /proc", bound("--ro-bind", "/proc", "/proc"))
def read_command_lines(place):
    """Read the command lines of the host's processes."""
    token = f"{os.getpid()}.25"
    with subprocess.Popen(["sleep", token]) as other:
        lines = "import glob\nf = lambda: any(TOKEN in open(name).read() for name in"
        lines += " glob.glob('/proc/[0-9]*/cmdline'))"
        seen = place.ask(lines.replace("TOKEN", repr(token)))
        other.kill()
    return bool(seen)


@wall(
    "bare /dev",
    without("--remount-ro", "/dev", instead=("--dev-bind", "/dev", "/dev")),
)
def leave_something_in_memory(place):
    """Write to the host's devices and shared memory."""
    name = Path(f"/dev/shm/note-{os.getpid()}")
    place.ask(f"def f():\n    open({str(name)!r}, 'w')")
    left = name.exists()
    name.unlink(missing_ok=True)
    return left


def started_with(**changed: Any) -> Callable[..., Any]:
    """What starts bwrap, with other settings."""
    start = subprocess.Popen
    return lambda words, **settings: start(words, **(settings | changed))


def whole_environment(place: Place) -> None:
    without("--clearenv")(place)
    start = started_with(env=None)
    popen = SimpleNamespace(Popen=start, PIPE=subprocess.PIPE)
    place.patch.setattr(sandbox, "subprocess", popen)


@wall("bare environment", whole_environment)
def read_a_token(place):
    """Read the tokens in the instructor's environment."""
    place.patch.setenv("COURSE_TOKEN", "secret")
    return place.ask("import os\nf = lambda: os.environ['COURSE_TOKEN']") == "secret"


def open_files(place: Place) -> None:
    start = started_with(close_fds=False)
    popen = SimpleNamespace(Popen=start, PIPE=subprocess.PIPE)
    place.patch.setattr(sandbox, "subprocess", popen)


@wall("nothing open but the pipes", open_files)
def read_what_is_open(place):
    """Read files that the judge has open, such as its key."""
    key = place.host / "key"
    key.write_text("secret")
    lines = "import os\ndef f():\n    for number in range(5, 64):\n        try:\n"
    lines += "            yield_ = os.pread(number, 6, 0)\n        except OSError:\n"
    lines += "            continue\n        if yield_:\n            return str(yield_)"
    descriptor = os.open(key, os.O_RDONLY)
    os.set_inheritable(descriptor, True)
    try:
        return place.ask(lines) == "b'secret'"
    finally:
        os.close(descriptor)


def one_for_all(place: Place) -> None:
    only = Sandbox(SMALL)
    place.patch.setattr(only, "close", lambda: None)
    place.patch.setattr(judging, "Sandbox", lambda limits: only)
    place.patch.setattr(only, "__exit__", lambda *args: None, raising=False)


@wall("a sandbox for each notebook", one_for_all)
def copy_the_neighbour(place):
    """Call the function that the student before has defined."""
    assert marks(SOLVED)[0] == 6
    return marks("rmsprop_step = globals()['rmsprop_step']")[0] > 0


# What it may use


@wall("limit of memory", unlimited("memory"))
def take_memory(place):
    """Take all the memory."""
    size = place.limits.memory * 3 // 2
    return place.ask(f"import mmap\nf = lambda: len(mmap.mmap(-1, {size}))") == size


@wall("limit of processor time", unlimited("seconds"))
def go_on_when_the_judge_no_longer_counts(place):
    """Keep a processor busy after the judge is gone."""
    place.limits = replace(place.limits, seconds=1)
    lines = "import time\ndef f():\n    while time.process_time() < 2: pass\n"
    return place.ask(lines + "    return 1", seconds=60) is not None


@wall("limit of threads", unlimited("threads"))
def many_threads(place):
    """Start threads without end."""
    if os.getuid() == 0:
        pytest.skip("root is bounded by memory alone: the test as nobody tries this")
    # With so much memory, and so small stacks, it is not that which bounds them.
    place.limits = replace(place.limits, threads=50, memory=8 << 30)
    lines = "import threading\nthreading.stack_size(1 << 16)\n"
    lines += "def f(event=threading.Event()):\n    try:\n"
    lines += "        for count in range(200):\n"
    lines += "            threading.Thread(target=event.wait, daemon=True).start()\n"
    lines += "    except RuntimeError: pass\n    event.set()\n    return count"
    return place.ask(lines) > 50


NO_FILES = partial(Place.edit_worker, old="(resource.RLIMIT_NOFILE, 64),", new="")


@wall("limit of open files", NO_FILES)
def open_many_files(place):
    """Open files without end."""
    lines = "import os\ndef f():\n    try:\n        for count in range(200):\n"
    lines += "            os.open('/dev/null', os.O_RDONLY)\n"
    lines += "    except OSError: pass\n    return count"
    return place.ask(lines) > 64


def no_end(place: Place) -> None:
    def allow(self: Sandbox, seconds: float) -> None:
        self.deadline = time.monotonic() + 3600

    place.patch.setattr(Sandbox, "allow", allow)


@wall("time limits", no_end)
def take_more_time(place):
    """Hold up the class."""
    return marks(f"import time\ntime.sleep(6)\n{SOLVED}")[0] > 0


SHOUTING = SOLVED.replace(":\n", ":\n    print('x' * 100_000)\n", 1)
LOUD = partial(
    Place.edit_worker,
    old="        os.dup2(nowhere, descriptor)",
    new="        pass",
)


@wall("output goes nowhere", LOUD)
def talk_into_the_judges_pipe(place):
    """Print into the judge's pipe, and lose earned marks."""
    return marks(SHOUTING)[0] < 6


# What the judge believes


IN_PROCESS = """
import sys
import numpy as np
from autograder.exercises import load
from autograder.judge.evaluate import evaluate
target = load("02_rmsprop").exercises[0]
space = {"np": np}
exec(sys.stdin.read(), space)
print(evaluate(target, space["rmsprop_step"], 1).score)
"""


def judge_in_the_students_process(place: Place) -> None:
    def scores(source: str) -> tuple[float, float]:
        done = subprocess.run(
            [sys.executable, "-c", IN_PROCESS],
            input=source,
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        return float(done.stdout), 0.0

    place.patch.setitem(globals(), "marks", scores)


@wall("comparison outside the student's process", judge_in_the_students_process)
def replace_the_comparison(place):
    """Replace NumPy's comparisons, and be right whatever one returns."""
    return marks(attack_called("NumPy's comparisons"))[0] > 0


FORGING = """
import gc
(worker,) = [x for x in gc.get_objects() if type(x).__name__ == "Worker"]
f = lambda: worker.reply(FORGED)
"""


def taking_pickles(place: Place) -> None:
    decode = protocol.Decoder.decode

    def decode_anything(self: Any, item: Any, depth: int = 0) -> Any:
        if type(item) is dict and "pickle" in item:
            return pickle.loads(bytes.fromhex(item["pickle"]))
        return decode(self, item, depth)

    place.patch.setattr(protocol.Decoder, "decode", decode_anything)


class Opens:
    """Pickled, it opens a file wherever it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


@wall("closed list of types", taking_pickles)
def run_code_in_the_judge(place):
    """Send an object that runs code in the judge."""
    path = place.host / "owned"
    item = {"pickle": pickle.dumps(Opens(path)).hex()}
    place.ask(FORGING.replace("FORGED", repr({"result": item, "after": []})))
    return path.exists()


@wall("sizes of frames", replaced(protocol, "MAX_BYTES", 1 << 40))
def fill_the_judges_memory(place):
    """Have the judge read and keep bytes without end."""
    size = 2 * MAX_BYTES
    lines = f"import os, struct\ntext = b'{{\"bytes\": {size}}}'\n"
    lines += "os.write(4, struct.pack('>I', len(text)) + text)\n"
    lines += f"for _ in range(32): os.write(4, bytes({size} // 32))\nf = print"
    return peak(lambda: place.ask(lines)) > size


def peak(work: Callable[[], object]) -> int:
    """The most memory that some work takes in this process."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def known_tickets(place: Place) -> None:
    fixed = SimpleNamespace(token_hex=lambda size: "0")
    place.patch.setattr(sandbox, "secrets", fixed)


@wall("a ticket for each answer", known_tickets)
def answer_before_being_asked(place):
    """Send answers ahead, which are then taken for another exercise's."""
    lines = "import json, os, struct\n"
    lines += "text = json.dumps({'bytes': 0, 'ended': True, 'ticket': '0'}).encode()\n"
    lines += "os.write(4, struct.pack('>I', len(text)) + text)\n"
    return marks(lines + SOLVED)[1] < 4


@wall(
    "shapes of a callback's arguments",
    replaced(sandbox, "_refuse_other_shapes", lambda values, known: None),
)
def grow_in_the_judges_arithmetic(place):
    """Have the judge compute with arrays of any size."""
    seen = []
    lines = "import numpy as np\ndef f(g, x): return g(np.zeros((1 << 20, 1)))"
    place.ask(lines, lambda x: seen.append(x.shape), np.ones(3))
    return seen == [(1 << 20, 1)]


def own_shape(result, expected, tolerance, dtype, part):
    return compare._compare_values(np.asarray(result), expected, tolerance, part)


@wall("shape of a result", replaced(compare, "_compare_numbers", own_shape))
def nothing_is_wrong_with_nothing(place):
    """Return an empty array, in which no number is wrong."""
    return marks(attack_called("Nothing at all, of the right rank"))[0] > 0


def groups_alone(trial, function, earlier, on_copies=False):
    groups = evaluate.GROUPS
    played = [x for group in groups for x in trial._play(group, function, on_copies)]
    return evaluate._marks(trial.exercise, played, earlier)


@wall("values first", replaced(evaluate.Trial, "_verdict", groups_alone))
def refuse_everything(place):
    """Raise the expected error always, and earn that share."""
    exercise = course.EXERCISES[1]
    source = "def logarithm(x):\n    raise ValueError(x)"
    data = written(answer("logarithm", source), checked("logarithm"))
    return judged(data, (exercise,)).score > 0


def same_inputs(place: Place) -> None:
    fixed = SimpleNamespace(digest=lambda *args: bytes(8))
    place.patch.setattr(judging, "hmac", fixed)


KEY = """
def key(args, kwargs):
    return repr(([a.tobytes() for a in args], sorted(kwargs.items())))
"""
REPEATING = """
def rmsprop_step(*args, **kwargs):
    known = LEARNED[key(args, kwargs)]
    return [np.frombuffer(r, args[0].dtype).reshape(args[0].shape) for r in known]
"""


@wall("seed with a key", same_inputs)
def learn_the_answers_by_heart(place):
    """Collect answers from feedback pages, and hand them in."""
    learned = {}
    space: dict[str, Any] = {"np": np}
    exec(f"{KEY}\n{SOLVED}", space)

    def recorded(*args, **kwargs):
        results = space["rmsprop_step"](*args, **kwargs)
        learned[space["key"](args, kwargs)] = [r.tobytes() for r in results]
        return results

    evaluate.evaluate(TARGET, recorded, 0)
    return marks(KEY + REPEATING.replace("LEARNED", repr(learned)))[0] > 0


IN_PLACE = SOLVED.replace("v = beta * v +", "v[...] = beta * v +")


@wall("purity", replaced(compare, "_impurity", lambda *args: None))
def change_the_arguments(place):
    """Change the arguments in place for full marks."""
    return marks(IN_PLACE)[0] == 6


ONE_ARRAY = f"""
KEPT = {{}}
{PLAIN}    v = beta * v + (1 - beta) * grad**2
    out = KEPT.setdefault((theta.shape, theta.dtype), np.empty_like(theta))
    out[...] = theta - lr * grad / np.sqrt(v + eps)
    return out, v
"""


@wall(
    "a second look at the first result",
    replaced(compare, "_kept", lambda function, *args, **kw: function(*args, **kw)),
)
def hand_out_one_array(place):
    """Return one array again and again for full marks."""
    return marks(ONE_ARRAY)[0] == 6


# What a person sees, and the gradebook


@wall("text in one plain line", replaced(sandbox, "one_line", lambda text, n: text[:n]))
def forge_a_report(place):
    """Write lines of one's own into the report, or to the terminal."""
    source = attack_called("An exception that forges a report")
    data = written(IMPORTS, answer(TARGET.name, source), CHECK)
    (verdict,) = judged(data, (TARGET,)).exercises.values()
    return "\x1b" in str(verdict.report)


@wall("a student's text as written", replaced(gradebook, "_as_written", str))
def a_script_for_the_grader(place):
    """Run a script in the browser of whoever grades."""
    text = {"cell_type": "markdown", "source": "<script>alert(1)</script>"}
    data = json.dumps({"nbformat": 4, "cells": [text]}).encode()
    restored = gradebook.in_order(data, released()).cells[0]
    return "<script>" in HTMLExporter().markdown2html({}, restored.source)


def released() -> Any:
    """The notebook of one exercise, as students get it."""
    cells = [answer("rmsprop_step", f"{PLAIN}    pass"), CHECK]
    named = [{**cell, "id": f"cell-{i}"} for i, cell in enumerate(cells)]
    return nbformat.reads(written(*named).decode(), 4)


def scored(submitted: list[dict[str, Any]]) -> float:
    """What nbgrader gives a submission on which the verdict is zero."""
    restored = gradebook.in_order(written(*submitted), released())
    (check,) = [c for c in restored.cells if c.metadata.nbgrader["grade"]]
    zero = evaluate.without_marks(TARGET, "failed", "wrong")
    gradebook._write_verdict(check, zero)
    return sum(determine_grade(check))


@wall(
    "a verdict in every check",
    replaced(gradebook, "_write_verdict", lambda cell, verdict: None),
)
def be_silent(place):
    """Earn everything where no verdict was written."""
    return scored([WRONG, CHECK]) > 6


def as_submitted(data: bytes, released: Any) -> Any:
    return nbformat.reads(data.decode(), 4)


@wall("cells in order, as released", replaced(gradebook, "in_order", as_submitted))
def raise_the_points(place):
    """Raise the points that an exercise is worth."""
    return scored([WRONG, checked("rmsprop_step", 1_000_000)]) > 6


@wall("parts of a notebook", replaced(notebook, "MAX_PARTS", 1 << 40))
def fill_the_judge_with_brackets(place):
    """Fill the judge's memory with a small notebook."""
    data = b'{"cells": [' + b"[]," * (1 << 19) + b"[]]}"

    def read():
        with pytest.raises(NotebookError):
            notebook.read(data)

    return peak(read) > 10 * len(data)


@pytest.mark.parametrize("name", WALLS)
def test_a_wall_holds_something(name, tmp_path, monkeypatch, record_property):
    one = WALLS[name]
    place = Place(tmp_path, monkeypatch)
    monkeypatch.setattr(sandbox, "command", place.command)
    # Plain data: it may have to travel from one process to another.
    told = {"wall": one.name, "without": one.attack.__doc__, "behind": one.before}
    record_property("wall", told)
    if one.before:
        WALLS[one.before].remove(place)
    assert not one.attack(place), f"past {name} one can: {one.attack.__doc__}"
    one.remove(place)
    assert one.attack(place), f"without {name} nobody can: {one.attack.__doc__}"
