"""What runs inside the sandbox: it runs a notebook's cells and answers calls.

The worker shares its process with the student's code, so nothing that it says is
believed because it says so: it returns results, and the judge outside compares them.
Its walls are set before any cell runs: limits on memory, processor time and file
size, and the system-call filter that the judge sends as its first message.
"""

from __future__ import annotations

import builtins
import ctypes
import inspect
import linecache
import os
import resource
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np

from autograder.judge.absent import cells_run, refuse
from autograder.judge.cells import Notebook
from autograder.judge.protocol import (
    MAX_TEXT,
    Decoder,
    Encoder,
    ProtocolError,
    pack,
    unpack,
    words_of,
)

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2

MAX_PARAMETERS = 100


class Worker:
    """Reads requests from one pipe and writes replies to another."""

    def __init__(self, requests: BinaryIO, replies: BinaryIO) -> None:
        self.requests = requests
        self.replies = replies
        self.notebook = Notebook()
        self.ticket = ""

    def serve(self) -> None:
        """Answer requests until the judge closes the pipe."""
        handlers = {
            "run": self.run,
            "offer": self.offer,
            "describe": self.describe,
            "call": self.call,
        }
        while True:
            header, raw = self.request()
            self.reply(*handlers[header["op"]](header, raw))

    def request(self) -> tuple[dict[str, Any], bytes]:
        """Take the next message of the judge's, and remember whom to answer."""
        header, raw = unpack(self.read)
        self.ticket = header["ticket"]
        return header, raw

    def read(self, count: int) -> bytes:
        """The next bytes of a request; the end of the pipe is the end of the worker."""
        data = self.requests.read(count)
        if len(data) != count:
            os._exit(0)
        return data

    def reply(self, header: dict[str, Any], encoder: Encoder | None = None) -> None:
        """Send one frame to the judge."""
        self.replies.write(pack({**header, "ticket": self.ticket}, encoder))
        self.replies.flush()

    def run(self, header: dict[str, Any], raw: bytes) -> tuple[dict[str, Any]]:
        """Run one cell in the notebook's namespace."""
        name, source = header["cell"], raw.decode()
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        try:
            with cells_run():
                self.notebook.run(source, name)
        except BaseException as error:
            return ({"raised": _describe(error, name), "ended": False},)
        for lacking in self.notebook.lacking:
            return ({"raised": _describe(lacking, name), "ended": True},)
        return ({"ended": True},)

    def offer(self, header: dict[str, Any], raw: bytes) -> tuple[dict[str, Any]]:
        """Note the imports of a cell that is not run."""
        self.notebook.offer(raw.decode())
        return ({"ended": True},)

    def describe(self, header: dict[str, Any], raw: bytes) -> tuple[dict[str, Any]]:
        """Say whether a name is a function, and what its parameters are."""
        function = self.notebook.names.get(header["name"])
        if not callable(function):
            return ({"function": False},)
        try:
            parameters = list(inspect.signature(function).parameters.values())
            described = [
                [p.name[:100], None if p.default is p.empty else _short(p.default)]
                for p in parameters[:MAX_PARAMETERS]
            ]
            uses = _used(function, header["uses"])
        except Exception:
            # Some callables cannot tell; they can be called all the same.
            return ({"function": True},)
        return ({"function": True, "parameters": described, "uses": uses},)

    def call(
        self, header: dict[str, Any], raw: bytes
    ) -> tuple[dict[str, Any], Encoder] | tuple[dict[str, Any]]:
        """Call a function; tell its result and what became of its arguments."""
        decoder = Decoder(raw, self._callback)
        args = [decoder.decode(item) for item in header["args"]]
        kwargs = {k: decoder.decode(item) for k, item in header["kwargs"].items()}
        others = [decoder.decode(item) for item in header["others"]]
        try:
            function = self.notebook.names[header["name"]]
            if header["shield"]:
                function = _shielded(function, header["shield"])
            result = function(*args, **kwargs)
            refuse(result)
            if others:
                # It may change the result of the first, and is made for that alone.
                with suppress(BaseException):
                    function(*others, **kwargs)
        except BaseException as error:
            return ({"raised": _describe(error, f"<cell {header['name']}>")},)
        encoder = Encoder()
        try:
            item = encoder.encode(result)
            after = [encoder.encode(_data(value)) for value in args]
            reply = {"result": item, "after": after}
            # As a trial: a frame may be too long where each value is not.
            pack(reply)
        except ProtocolError as error:
            return ({"untaken": str(error)},)
        return reply, encoder

    def _callback(self, number: int) -> Callable[..., Any]:
        """A function that asks the judge for its answer."""

        def function(*args: Any, **kwargs: Any) -> Any:
            refuse([*args, *kwargs.values()])
            encoder = Encoder()
            items = [encoder.encode(value) for value in args]
            named = {key: encoder.encode(value) for key, value in kwargs.items()}
            self.reply({"callback": number, "args": items, "kwargs": named}, encoder)
            header, raw = self.request()
            if "raised" in header:
                kind = getattr(builtins, header["raised"][0], RuntimeError)
                raise kind(header["raised"][1])
            return Decoder(raw).decode(header["result"])

        return function


def _used(function: Callable[..., Any], names: list[str]) -> list[str]:
    # Only here and below: most functions use no other.
    from descentlab.compare import used

    return used(function, names) if names else []


def _shielded(function: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    from descentlab.compare import shielded

    return shielded(function, names)


def _data(value: Any) -> Any:
    """What of an argument goes back to the judge: functions do not change."""
    if isinstance(value, _DATA):
        return value
    if type(value) in (list, tuple):
        return type(value)(_data(item) for item in value)
    # Asked last: NumPy imports its generators when one is first named.
    return words_of(value) if type(value) is np.random.Generator else None


_DATA = (bool, int, float, str, np.ndarray, np.generic)


def _describe(error: BaseException, cell: str) -> dict[str, Any]:
    """The names of an exception's classes, its message, and the line in its cell."""
    kinds = [kind.__name__[:100] for kind in type(error).__mro__[:-1]][:20]
    try:
        # A syntax error would tell its place once more.
        plain = error.msg if isinstance(error, SyntaxError) else error
        message = str(plain)[:MAX_TEXT]
    except BaseException:
        message = ""
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == cell:
            line = trace.tb_lineno
        trace = trace.tb_next
    return {"kinds": kinds, "message": message, "line": line}


def _short(value: Any) -> str:
    try:
        return repr(value)[:100]
    except BaseException:
        return "?"


def _limit(memory: int, seconds: int, threads: int, file_size: int) -> None:
    """Set the limits that the kernel keeps, for good: they cannot be raised again."""
    for which, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_NPROC, threads),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 64),
    ):
        resource.setrlimit(which, (value, value))


def _filter(program: bytes) -> None:
    """Install a system-call filter, as seccomp(2) has it, for this process for good."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]

    whole = Program(len(program) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(whole), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "the kernel refused the system-call filter")


def main() -> None:
    """Take the pipes, set the walls, then serve."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    worker = Worker(requests, replies)
    header, raw = unpack(worker.read)
    _limit(**header["limits"])
    _filter(raw)
    worker.reply({"ready": True})
    # What the student prints goes nowhere, and what they read is empty.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    sys.setrecursionlimit(1000)
    warnings.simplefilter("ignore")
    worker.serve()


if __name__ == "__main__":
    main()
