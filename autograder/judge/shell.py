"""What the sandbox has of IPython: a shell that runs no program, and ``display``."""

from __future__ import annotations

import os
import shlex
import sys
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autograder.judge.absent import Absent


class ZMQInteractiveShell:
    """IPython's shell, as far as a cell can tell.

    Magics that leave something for later statements do so, the others do nothing. No
    program runs.
    """

    __module__ = "ipykernel.zmqshell"

    def __init__(
        self, execute: Callable[..., Any], user_module: types.ModuleType
    ) -> None:
        self.execute = execute
        self.user_module, self.user_ns = user_module, user_module.__dict__
        self.events = SimpleNamespace(register=nothing, unregister=nothing)
        self.magics: dict[str, dict[str, Callable[..., Any]]] = {
            "line": {
                **dict.fromkeys(("time", "prun"), self.execute),
                **dict.fromkeys(("env", "set_env"), self._env),
                "cd": lambda line: os.chdir(os.path.expanduser(line or "~")),
                "pwd": lambda line: os.getcwd(),
                "pylab": lambda line: self.execute(PYLAB),
                "run": self._run,
            },
            "cell": {
                **dict.fromkeys(RUN_BY, lambda line, cell: self.execute(cell)),
                **dict.fromkeys(("writefile", "file"), self._write),
                "capture": self._capture,
            },
        }

    def run_line_magic(self, name: str, line: str, _stack_depth: int = 1) -> Any:
        """Do what ``%name line`` does."""
        magic = self.magics["line"].get(name)
        return magic(line) if magic else _undone(f"%{name}")

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        """Do what ``%%name line`` does with the rest of its cell."""
        magic = self.magics["cell"].get(name)
        return magic(line, cell) if magic else _undone(f"%%{name}")

    def magic(self, text: str) -> Any:
        """The old way to call a magic."""
        name, _, line = text.lstrip("%").partition(" ")
        return self.run_line_magic(name, line.strip())

    def register_magic_function(
        self,
        func: Callable[..., Any],
        magic_kind: str = "line",
        magic_name: str | None = None,
    ) -> None:
        """Note a magic of the student's."""
        for kind in magic_kind.split("_"):
            self.magics[kind][magic_name or func.__name__] = func

    def system(self, command: str) -> None:
        """Run no program."""
        self.user_ns["_exit_code"] = 0

    def getoutput(self, command: str, *_: object, **__: object) -> Absent:
        """Run no program, and tell nothing of what it says."""
        return _undone(f"!{command}")

    def run_cell(self, raw_cell: str, *_: object, **__: object) -> None:
        """Run some statements."""
        self.execute(raw_cell)

    ex = run_cell

    def ev(self, expr: str) -> Any:
        """The value of an expression."""
        return self.execute(expr)

    def push(self, variables: Mapping[str, Any], *_: object, **__: object) -> None:
        """Define names."""
        self.user_ns.update(variables)

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return _undone(f"get_ipython().{name}")

    def _env(self, line: str) -> Any:
        name, sign, value = line.partition("=" if "=" in line else " ")
        if not sign:
            return os.environ[name] if name else dict(os.environ)
        os.environ[name.strip()] = value.strip()
        return None

    def _run(self, line: str) -> None:
        words = [word for word in shlex.split(line) if word not in ("-i", "-n", "-t")]
        path = Path(words[0])
        source = (path if path.suffix else path.with_suffix(".py")).read_text("utf-8")
        before, sys.argv = sys.argv, words
        self.user_ns["__file__"] = str(path)
        try:
            with suppress(SystemExit):
                self.execute(source, str(path))
        finally:
            sys.argv = before
            self.user_ns.pop("__file__", None)

    def _write(self, line: str, cell: str) -> None:
        *flags, name = shlex.split(line)
        mode = "a" if {"-a", "--append"} & {*flags} else "w"
        path = Path(name).expanduser()
        # It would be there: a shell's mkdir is often what came before.
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode, encoding="utf-8") as file:
            file.write(cell)

    def _capture(self, line: str, cell: str) -> None:
        from IPython.utils.capture import capture_output

        with capture_output(display=False) as captured:
            self.execute(cell)
        for word in line.split():
            if not word.startswith("-"):
                self.user_ns[word] = captured


RUN_BY = "time prun memit snakeviz scalene pyinstrument wandb".split()
"""Cell magics that run their cell as Python, and do something besides."""
PYLAB = (
    "import numpy\nimport matplotlib\nfrom matplotlib import pylab, mlab, pyplot\n"
    "np = numpy\nplt = pyplot\nfrom pylab import *\nfrom numpy import *"
)


class Amending:
    """Amends modules of IPython's and of ``asyncio`` as they are imported.

    Args:
        common: the names that each module of IPython's has from here.
    """

    def __init__(self, common: dict[str, Any]) -> None:
        self.amends: dict[str, Callable[[Any], object]] = {
            "IPython.core.getipython": lambda module: module.__dict__.update(common),
            "IPython.core.display_functions": lambda m: m.__dict__.update(common),
            "asyncio.selector_events": _without_sockets,
        }

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find one of the modules, to be amended once it is loaded."""
        spec = PathFinder.find_spec(name, path) if name in self.amends else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            load(module)
            self.amends[name](module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _without_sockets(selector_events: Any) -> None:
    """Let event loops wake up through a pipe: there are no sockets here."""

    def make_self_pipe(loop: Any) -> None:
        loop._ssock, loop._csock = map(_End, os.pipe())
        loop._internal_fds += 1
        loop._add_reader(loop._ssock.fileno(), loop._read_from_self)

    selector_events.BaseSelectorEventLoop._make_self_pipe = make_self_pipe


class _End:
    """One end of a pipe, with the methods of a socket."""

    def __init__(self, number: int) -> None:
        os.set_blocking(number, False)
        self.fileno = lambda: number
        self.recv = lambda size: os.read(number, size)
        self.send = lambda data: os.write(number, data)
        self.close = lambda: os.close(number)


def _undone(what: str) -> Absent:
    return Absent(OSError(f"{what} does nothing where this is graded"))


def nothing(*_: object, **__: object) -> None:
    """What asks a person, or shows something."""


def display(*_: object, display_id: Any = None, **__: object) -> Any:
    """Show nothing, and return what could change it."""
    if not display_id:
        return None
    return SimpleNamespace(display_id=display_id, display=nothing, update=nothing)
