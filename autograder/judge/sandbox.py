"""One sandbox: a process without network, files or helpers, that runs student code.

The walls, from the outside in: bubblewrap gives it namespaces of its own and a
read-only root that holds Python, the allowed packages and nothing of the course
but ``descentlab``; the kernel's limits bound memory, processor time, files; a
system-call filter forbids new processes, programs, sockets and namespaces. There is
no way to run without them.
"""

from __future__ import annotations

import os
import re
import secrets
import select
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from compileall import compile_dir, compile_file
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import numpy as np
from packaging.requirements import Requirement

from autograder.judge import bubblewrap
from autograder.judge.bubblewrap import SandboxError, one_line, refusal
from autograder.judge.protocol import (
    MAX_TEXT,
    Decoder,
    Encoder,
    ProtocolError,
    pack,
    set_words,
    unpack,
)
from descentlab.compare import Foreign, Raised, RemoteError

HERE = Path(__file__).resolve().parent
SITE = "/site"
INSIDE = ("worker.py", "protocol.py", "cells.py", "shell.py", "absent.py")
"""The modules of the judge's that run in the sandbox."""
START = 30.0
"""Seconds for a sandbox to start on a busy machine."""
MAX_LINE = 1_000_000
"""The last line of a cell that a report tells of."""
LAST_WORDS = 2.0
"""Seconds to hear why a sandbox did not start."""
BUSY = 4.0
"""On a busy machine a call may take so many times its seconds more."""
PACKAGES = ("numpy", "matplotlib", "ipython")
"""The packages that student code may import, with all that they need."""


class Ended(BaseException):
    """Nothing more comes from the sandbox; ``place`` says in which case that was.

    Not an ``Exception``: it is no answer of the student's.
    """

    place: Any = None


class OutOfTime(Ended):
    """The sandbox did not answer in time."""


class Died(Ended):
    """The sandbox is gone: nothing more can come from it.

    The message says why, for the student to read.
    """


class Forged(Died):
    """Something that the worker does not send came through its pipe."""

    def __init__(self, what: object) -> None:
        super().__init__(f"something wrote into the judge's own pipe: {what}")


@dataclass(frozen=True)
class Limits:
    """What one sandbox may use: bytes, and seconds of the processor.

    ``threads`` holds for an ordinary user; for root, memory alone bounds them.
    """

    memory: int = 2 << 30
    seconds: int = 120
    threads: int = 4096
    file_size: int = 16 << 20
    disk: int = 64 << 20

    def kernel(self) -> dict[str, int]:
        """Those that the worker sets on itself, before any student code."""
        return {
            "memory": self.memory,
            "seconds": self.seconds,
            "threads": self.threads,
            "file_size": self.file_size,
        }


@dataclass(frozen=True)
class Outcome:
    """What became of a cell: what it raised, if it did.

    ``ended`` tells that it ran to its end all the same: what it raised is only that
    something is not here, such as a package.
    """

    raised: Raised | None
    ended: bool


@dataclass(frozen=True)
class Described:
    """What the sandbox says of a name.

    ``parameters`` maps the parameters' names to their defaults as text, where they can
    be told; ``uses`` are those of the names asked for that the function uses.
    """

    is_function: bool
    parameters: Mapping[str, str | None] | None = None
    uses: tuple[str, ...] = ()


class Sandbox:
    """A running sandbox, used as a context manager.

    Attributes:
        program: the bubblewrap that made it.

    Raises:
        SandboxError: where none can be had.
    """

    def __init__(
        self, limits: Limits = Limits(), packages: Sequence[Path] = ()
    ) -> None:
        program = filter_program()
        words = command(limits, tuple(packages))
        self.program = words[0]
        try:
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env={},
            )
        except OSError as error:
            raise refusal(f"{error.filename} cannot be run: {error.strerror}") from None
        self.worker = 0
        self.allow(START)
        try:
            self._greet(limits, program)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process of the sandbox."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()

    def allow(self, seconds: float) -> None:
        """Give what follows so much time, all together.

        Time in which it could go on, and the machine had no processor for it, does not
        count, up to ``BUSY`` times the seconds.
        """
        self.seconds = seconds
        self.queued = self._queued()
        self.deadline = time.monotonic() + seconds

    def _left(self) -> float:
        """The seconds left."""
        left = self.deadline - time.monotonic()
        if left > 0:
            return left
        return left + min(self._queued() - self.queued, BUSY * self.seconds)

    def _queued(self) -> float:
        """Seconds that the worker and this thread have waited for a processor so far.

        Source: proc_pid_schedstat(5), the second number, in nanoseconds; 0 where the
        kernel does not count.
        """
        waited = 0.0
        for tasks in (f"{self.worker}", f"self/task/{threading.get_native_id()}"):
            with suppress(OSError, ValueError, IndexError):
                text = Path(f"/proc/{tasks}/schedstat").read_text(encoding="ascii")
                waited += int(text.split()[1]) / 1e9
        return waited

    def run(self, name: str, source: str) -> Outcome:
        """Run one cell."""
        header, _ = self._ask({"op": "run", "cell": name}, _text(source))
        raised = _raised(header["raised"]) if "raised" in header else None
        return Outcome(raised, header.get("ended") is True)

    def offer(self, source: str) -> None:
        """Let a cell's imports be made once another cell uses a name of theirs."""
        self._ask({"op": "offer"}, _text(source))

    def describe(self, name: str, uses: Sequence[str] = ()) -> Described:
        """What the sandbox says of a name.

        Args:
            uses: other names that it may use.
        """
        request = {"op": "describe", "name": name, "uses": list(uses)}
        header, _ = self._ask(request)
        is_function = header.get("function") is True
        try:
            parameters = {
                one_line(name, 100): None if shown is None else one_line(shown, 80)
                for name, shown in header["parameters"]
            }
            found = tuple(use for use in uses if use in list(header["uses"]))
        except (KeyError, TypeError, ValueError):
            return Described(is_function)
        return Described(is_function, parameters, found)

    def function(self, name: str) -> RemoteFunction:
        """The function ``name`` of the notebook, to be called like any other."""
        return RemoteFunction(self, name)

    def call(
        self,
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        others: Sequence[Any] = (),
        shield: Sequence[str] = (),
    ) -> Any:
        """Call a function of the notebook.

        Arrays go in by value. What the function does to them comes back, so that a
        change in place is seen as it would be without a sandbox.

        Args:
            others: the arguments of another call, made before the result of this one
                is sent.
            shield: the names of functions that work on copies as long as this call
                lasts.

        Raises:
            RemoteError: where the function raised.
        """
        functions: list[Callable[..., Any]] = []
        encoder = Encoder(functions)
        request: dict[str, Any] = {"op": "call", "name": name, "shield": list(shield)}
        try:
            request["args"] = [encoder.encode(value) for value in args]
            request["kwargs"] = {k: encoder.encode(v) for k, v in kwargs.items()}
            request["others"] = [encoder.encode(value) for value in others]
        except ProtocolError as error:
            # In a run of many calls the arguments are what the last call returned.
            text = f"a result of the call before was {error}"
            raise RemoteError(Raised(("TypeError", "Exception"), text)) from None
        header, raw = self._ask(request, encoder)
        known = shapes([*args, *kwargs.values()])
        while "callback" in header:
            header, raw = self._answer(header, raw, functions, known)
        return self._result(header, raw, args)

    def _greet(self, limits: Limits, program: bytes) -> None:
        encoder = Encoder()
        encoder.raw.append(program)
        try:
            self._send(pack({"limits": limits.kernel()}, encoder))
            header, _ = unpack(self._read)
        except (Died, OutOfTime, ProtocolError):
            raise refusal(self._last_words()) from None
        if header.get("ready") is not True:
            raise refusal("its first words are wrong")
        self.worker = _youngest(self.process.pid)

    def _last_words(self) -> str:
        """What a sandbox that did not start said last."""
        assert self.process.stderr is not None
        self.process.kill()
        # Not for ever: killed early, bwrap leaves a child that holds the pipe open.
        self.allow(LAST_WORDS)
        said = b""
        with suppress(OutOfTime):
            while len(said) < MAX_TEXT:
                self._wait(self.process.stderr, select.POLLIN)
                heard = os.read(self.process.stderr.fileno(), 4096)
                if not heard:
                    break
                said += heard
        lines = said.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it did not start"

    def _result(self, header: dict[str, Any], raw: bytes, args: Sequence[Any]) -> Any:
        """What a call came to; ``args`` are changed as the function changed its own."""
        if "raised" in header:
            raise RemoteError(_raised(header["raised"]))
        if "untaken" in header:
            return Foreign(one_line(header["untaken"], 200))
        try:
            decoder = Decoder(raw)
            result = decoder.decode(header["result"])
            after = [decoder.decode(item) for item in header["after"]]
            for before, changed in zip(args, after, strict=True):
                _write_back(before, changed)
        except (ProtocolError, KeyError, TypeError, ValueError) as error:
            raise Forged(f"a reply that is none ({error})") from None
        return result

    def _answer(
        self,
        header: dict[str, Any],
        raw: bytes,
        functions: Sequence[Callable[..., Any]],
        known: set[tuple[int, ...]],
    ) -> tuple[dict[str, Any], bytes]:
        """Let the judge's own function answer a call from the sandbox.

        Args:
            known: the shapes that it takes.
        """
        try:
            decoder = Decoder(raw)
            function = functions[header["callback"]]
            args = [decoder.decode(item) for item in header["args"]]
            kwargs = {k: decoder.decode(item) for k, item in header["kwargs"].items()}
        except (ProtocolError, LookupError, TypeError, AttributeError) as error:
            raise Forged(f"a call that is none ({error})") from None
        encoder = Encoder()
        try:
            _refuse_other_shapes([*args, *kwargs.values()], known)
            answer = {"result": encoder.encode(function(*args, **kwargs))}
        except Exception as error:
            # A wrong call of the callback is the student's to see.
            return self._ask({"raised": [type(error).__name__, str(error)[:500]]})
        return self._ask(answer, encoder)

    def _ask(
        self, header: dict[str, Any], encoder: Encoder | None = None
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request, and wait for the reply to this one and no other."""
        ticket = secrets.token_hex(8)
        self._send(pack({**header, "ticket": ticket}, encoder))
        try:
            reply, raw = unpack(self._read)
        except ProtocolError as error:
            raise Forged(error) from None
        if reply.get("ticket") != ticket:
            raise Forged("a reply that nobody asked for")
        return reply, raw

    def _send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        try:
            view = memoryview(data)
            while view:
                self._wait(self.process.stdin, select.POLLOUT)
                # A pipe that is ready takes this much without blocking.
                view = view[os.write(self.process.stdin.fileno(), view[:4096]) :]
        except BrokenPipeError:
            raise Died("Python did not survive it") from None

    def _read(self, count: int) -> bytes:
        assert self.process.stdout is not None
        chunks = []
        while count:
            self._wait(self.process.stdout, select.POLLIN)
            chunk = os.read(self.process.stdout.fileno(), min(count, 1 << 16))
            if not chunk:
                raise Died("Python did not survive it")
            chunks.append(chunk)
            count -= len(chunk)
        return b"".join(chunks)

    def _wait(self, pipe: Any, event: int) -> None:
        poll = select.poll()
        poll.register(pipe, event)
        while (left := self._left()) > 0:
            if poll.poll(left * 1000):
                return
        raise OutOfTime


class RemoteFunction:
    """A function on the other side of a sandbox's pipe."""

    def __init__(self, sandbox: Sandbox, name: str, shield: Sequence[str] = ()) -> None:
        self.sandbox = sandbox
        self.__name__ = name
        self.shield = shield

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it there."""
        return self.sandbox.call(self.__name__, args, kwargs, shield=self.shield)

    def kept(self, others: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        """The result of a call as it is after one with other arguments."""
        return self.sandbox.call(self.__name__, args, kwargs, others, self.shield)

    def shielded(self, names: Sequence[str]) -> RemoteFunction:
        """The same, on other functions that do it no harm: see ``compare.shielded``."""
        return RemoteFunction(self.sandbox, self.__name__, names)


def _youngest(pid: int) -> int:
    """The end of a line of first children: bwrap starts bwrap, and that Python."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        first = children.read_text(encoding="ascii").split()[:1]
    except OSError:
        return pid
    return _youngest(int(first[0])) if first else pid


def shapes(value: Any) -> set[tuple[int, ...]]:
    """The shapes of all arrays in a value; that of a number is there always."""
    if isinstance(value, (list, tuple)):
        return {()}.union(*map(shapes, value))
    return {(), np.shape(value)}


def _refuse_other_shapes(values: Any, known: set[tuple[int, ...]]) -> None:
    """Keep arrays out that could, broadcast, fill the judge's memory."""
    other = shapes(values) - known
    if other:
        raise ValueError(f"called with an array of shape {min(other)}")


def _text(source: str) -> Encoder:
    """A cell's source, as the raw bytes of a frame: it may be long."""
    encoder = Encoder()
    # A lone surrogate, which JSON can hold and UTF-8 cannot, is no Python either.
    encoder.raw.append(source.encode("utf-8", errors="replace"))
    return encoder


def _raised(item: Any) -> Raised:
    """An exception as the sandbox tells it, with every field made safe."""
    try:
        kinds = tuple(one_line(kind, 100) for kind in item["kinds"][:20])
        lines = item["message"][:MAX_TEXT].splitlines()
        line = item["line"] if type(item["line"]) is int else 0
    except (KeyError, TypeError, AttributeError):
        raise Forged("an error that is none") from None
    message = "\n".join(one_line(text, 500) for text in lines)
    known = line if 0 < line <= MAX_LINE else None
    return Raised(kinds or ("Exception",), message, known)


def _write_back(before: Any, after: Any) -> None:
    """Do to an argument what the student's function did to its copy."""
    if isinstance(before, list) and isinstance(after, list):
        before[:] = after
    elif isinstance(before, tuple) and isinstance(after, tuple):
        for old, new in zip(before, after, strict=True):
            _write_back(old, new)
    elif isinstance(before, np.random.Generator) and isinstance(after, np.ndarray):
        set_words(before, after)
    elif _is_array_like(before, after):
        before[...] = after


def _is_array_like(before: Any, after: Any) -> bool:
    """Whether both are arrays of one shape and dtype."""
    if not (isinstance(before, np.ndarray) and isinstance(after, np.ndarray)):
        return False
    return (before.shape, before.dtype) == (after.shape, after.dtype)


@cache
def command(limits: Limits, packages: tuple[Path, ...]) -> list[str]:
    """The command line that starts a sandbox.

    Raises:
        SandboxError: where no bubblewrap works.
    """
    program = bubblewrap.find()
    _compile()
    python = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    start = f"import sys; sys.path.insert(0, {SITE!r}); from"
    start += " autograder.judge.worker import main; main()"
    return [
        *(program, "--unshare-all", "--die-with-parent", "--new-session"),
        *("--uid", "65534", "--gid", "65534", "--cap-drop", "ALL", "--clearenv"),
        *_system(),
        *("--size", str(limits.disk), "--tmpfs", "/tmp", "--chdir", "/tmp"),
        *("--size", "4096", "--tmpfs", "/dev"),
        *("--dev-bind", "/dev/null", "/dev/null", "--remount-ro", "/dev"),
        *(word for name in INSIDE for word in _module(HERE / name)),
        *(word for path in packages for word in _bind(path, f"{SITE}/{path.name}")),
        *(word for path in importable() for word in _bind(path, f"{SITE}/{path.name}")),
        *("--remount-ro", "/"),
        *(word for pair in _environment().items() for word in ("--setenv", *pair)),
        *("--", str(python), "-I", "-S", "-B", "-c", start),
    ]


def _bind(path: Path, target: str) -> tuple[str, str, str]:
    return "--ro-bind", str(path), target


def _module(path: Path) -> Iterator[str]:
    """A module of the judge's that the worker needs, with its bytecode, if any."""
    yield from _bind(path, f"{SITE}/autograder/judge/{path.name}")
    compiled = Path(cache_from_source(path))
    target = f"{SITE}/autograder/judge/{compiled.relative_to(HERE)}"
    yield from ("--ro-bind-try", str(compiled), target)


def _compile() -> None:
    """Have bytecode of what each sandbox imports and, with ``-B``, cannot keep.

    Where the folders cannot be written each sandbox compiles for itself, as before.
    """
    for name in INSIDE:
        compile_file(HERE / name, quiet=2)
    compile_dir(_learners(), maxlevels=0, quiet=2)


def _learners() -> Path:
    """The folder of ``descentlab``."""
    spec = util.find_spec("descentlab")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


def _system() -> Iterator[str]:
    """Python and the system's libraries, with every site-packages left empty."""
    roots = ["/usr", "/lib", "/lib64", "/etc/ld.so.cache", sys.base_prefix]
    for root in roots:
        if Path(root).is_symlink():
            yield from ("--symlink", os.readlink(root), root)
        elif Path(root).exists():
            yield from ("--ro-bind", root, root)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    hidden = {
        Path("/usr/lib/python3/dist-packages"),
        Path(f"/usr/local/lib/{version}/dist-packages"),
        Path(f"/usr/local/lib/{version}/site-packages"),
        Path(sys.base_prefix, "lib", version, "site-packages"),
        Path(sys.base_prefix, "lib64", version, "site-packages"),
        # The course itself, should it lie below one of the roots.
        HERE.parents[1],
    }
    shown = [Path(root) for root in roots]
    for path in sorted(hidden):
        if path.is_dir() and any(root in path.parents for root in shown):
            # Empty, and closed: nobody writes there past the limit on the disk.
            yield from ("--tmpfs", str(path), "--remount-ro", str(path))


def _environment() -> dict[str, str]:
    """The few variables of the sandbox; one thread, so that results do not vary."""
    fixed = {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "IPYTHONDIR": "/tmp/ipython",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    # Some processors need these for a right OpenBLAS kernel.
    passed = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    return fixed | {name: os.environ[name] for name in passed if name in os.environ}


@cache
def importable() -> tuple[Path, ...]:
    """The files and folders of the allowed packages and of all that they need."""
    site = Path(sysconfig.get_path("purelib"))
    tops = {
        site / file.parts[0]
        for name in _closure(PACKAGES)
        for file in metadata.files(name) or ()
        if file.parts[0] not in ("..", "__pycache__")
        and not file.parts[0].endswith((".dist-info", ".pth"))
    }
    return (_learners(), *sorted(path for path in tops if path.exists()))


def _closure(names: Sequence[str]) -> list[str]:
    """Distributions and their requirements, to the last, as installed."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            requirements = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        found[name] = None
        for requirement in map(Requirement, requirements):
            marker = requirement.marker
            if marker is None or marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return list(found)


@cache
def filter_program() -> bytes:
    """The system-call filter as a BPF program: what is forbidden, by name.

    Threads are allowed (NumPy starts them), processes are not: ``clone`` must share
    the thread group, and ``clone3``, whose flags a filter cannot read, says that it
    does not exist, so that libc falls back on ``clone``.
    """
    try:
        import pyseccomp
    except (ImportError, RuntimeError):
        # Without its C library the module raises a RuntimeError.
        raise SandboxError(
            "the judge needs libseccomp, and it is not installed: run"
            " 'sudo apt install libseccomp2' (or your system's like) and try again"
        ) from None

    no = pyseccomp.ERRNO(1)
    program = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    clone_thread = 0x00010000
    thread = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, clone_thread, 0)
    program.add_rule(no, "clone", thread)
    program.add_rule(pyseccomp.ERRNO(38), "clone3")
    for name in FORBIDDEN:
        try:
            program.add_rule(no, name)
        except (OSError, ValueError):
            # This processor has no such call.
            continue
    # Limits may be read, never set anew.
    program.add_rule(no, "prlimit64", pyseccomp.Arg(2, pyseccomp.NE, 0))
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as result, os.fdopen(writer, "wb") as out:
        program.export_bpf(out)
        out.close()
        return result.read()


FORBIDDEN = (
    # processes and programs
    *("fork", "vfork", "execve", "execveat", "ptrace", "process_vm_readv"),
    *("process_vm_writev", "pidfd_open", "pidfd_getfd", "kcmp"),
    # the network
    *("socket", "socketpair", "connect", "bind", "listen", "accept", "accept4"),
    # namespaces and mounts
    *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount"),
    *("open_tree", "fsopen", "fsconfig", "fsmount", "mount_setattr"),
    # memory that the limits do not see
    *("memfd_create", "memfd_secret", "shmget", "msgget", "semget", "mq_open"),
    # the kernel's own machinery
    *("bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter"),
    *("io_uring_register", "keyctl", "add_key", "request_key", "init_module"),
    *("finit_module", "delete_module", "kexec_load", "setrlimit", "personality"),
    *("open_by_handle_at", "name_to_handle_at", "fanotify_init", "inotify_init1"),
)
