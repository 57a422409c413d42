"""How a notebook's cells run in the sandbox: statement by statement, as in IPython.

A cell that ran where it was written should run here as well. Where a statement needs
what is not here (a package, a file, the network, an answer to ``input``), the names
that it would have bound stand for something absent, and the next statement runs.
"""

from __future__ import annotations

import ast
import builtins
import copy
import importlib
import inspect
import operator
import os
import re
import shlex
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autograder.judge.absent import Absent, begin_statement, used

ANNOTATIONS = annotations.compiler_flag
"""The one promise of ``__future__`` that Python has not yet made good."""
AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
BUILTINS = frozenset(dir(builtins))
UNBOUND = object()
UNDERSCORES = ("_", "__", "___")
NO_LOOP = (
    "no running event loop",
    "There is no current event loop in thread 'MainThread'.",
)

ENVIRONMENT = (ImportError, EOFError, OSError, MemoryError)
"""What a statement raises for want of a package, a person, a file, memory."""
OTHER_VERSION = re.compile(r"module '[\w.]+' has no attribute|`?np\.\w+`? was removed")
"""What one version of a package has, and another has not."""


class Notebook:
    """The namespace of a notebook, in which its cells run.

    ``lacking`` tells what the last cell needed and did not find.
    """

    def __init__(self) -> None:
        # The student's names live in a module called __main__, as in a notebook.
        self.module = types.ModuleType("__main__")
        self.names = self.module.__dict__
        self.futures = 0
        self.offered: dict[str, ast.Import | ast.ImportFrom] = {}
        self.elsewhere: set[str] = set()
        self.lacking: list[BaseException] = []
        self.star: BaseException | None = None
        self.loop: Any = None
        self.shown: list[Any] = ["", "", ""]
        self.inputs, self.outputs = [""], dict[int, Any]()
        self.shell = ZMQInteractiveShell(self)
        self._furnish()

    def _furnish(self) -> None:
        """Give the namespace the names that IPython gives it."""
        self.names |= {
            "__builtins__": builtins,
            "__vsc_ipynb_file__": os.path.abspath("notebook.ipynb"),
            "help": _nothing,
            "exit": _nothing,
            "quit": _nothing,
            **dict.fromkeys(("In", "_ih"), self.inputs),
            **dict.fromkeys(("Out", "_oh"), self.outputs),
            "_dh": [os.getcwd()],
            **dict(zip(UNDERSCORES, self.shown, strict=True)),
        }
        common = {"get_ipython": lambda: self.shell, "display": _display}
        self.names |= common
        vars(builtins).update(common, __IPYTHON__=True)
        sys.modules["__main__"] = self.module
        # A notebook's folder comes first: there is what %%writefile writes.
        sys.path.insert(0, "")
        amends: dict[str, Callable[[Any], object]] = {
            "IPython.core.getipython": lambda module: module.__dict__.update(common),
            "IPython.core.display_functions": lambda m: m.__dict__.update(common),
            "asyncio.selector_events": _without_sockets,
        }
        sys.meta_path.insert(0, _Amending(amends))

    def run(self, source: str, name: str) -> None:
        """Run a cell.

        Args:
            name: what a traceback calls it.

        Raises:
            BaseException: what the cell raised, where that would have ended it in the
                student's notebook, too.
        """
        self.lacking = []
        self.inputs.append(source)
        importlib.invalidate_caches()
        self._keep(self.execute(source, name))

    def offer(self, source: str) -> None:
        """Note what a cell that is not run would bind.

        Its imports are made where another cell asks for a name of theirs; its other
        names are absent there.
        """
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, MemoryError, RecursionError):
            return
        for node in body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for one in _single(node):
                    self.offered[_bound_by(one.names[0])] = one
            else:
                self.elsewhere.update(_bound(node))

    def execute(self, source: str, name: str = "<cell>") -> Any:
        """Run some statements; the value of the last where it is an expression."""
        flags = self.futures | AWAIT
        source = _plain(source)
        tree = compile(source, name, "exec", flags | ast.PyCF_ONLY_AST, True)
        # What is no Python at all runs in no part.
        compile(tree, name, "exec", flags, dont_inherit=True)
        asked = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for missing in asked & self.offered.keys() - self.names.keys():
            self._import(self.offered[missing], name)
        for missing in asked & self.elsewhere - self.names.keys() - BUILTINS:
            what = f"{missing!r} is defined in a cell that is not run by the judge"
            self.names[missing] = Absent(NameError(what), missing)
        value = None
        for node in tree.body:
            value = self._statement(node, name)
        return value

    def _statement(self, node: ast.stmt, name: str) -> Any:
        """Run one statement, or put something absent in the place of its results."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            for one in _single(node):
                self._import(one, name)
            return None
        before = {bound: self.names.get(bound, UNBOUND) for bound in _bound(node)}
        begin_statement()
        try:
            return self._exec(node, name)
        except Exception as error:
            cause = self._cause(error)
            if cause is None:
                raise
            self._note(cause)
        for bound, old in before.items():
            if self.names.get(bound, UNBOUND) is old:
                self.names[bound] = Absent(cause, bound)
        return None

    def _cause(self, error: Exception) -> BaseException | None:
        """What a statement lacked, where that may be why it raised an error."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        asked_os = trace is not None and trace.tb_frame.f_globals is vars(os)
        if (
            isinstance(error, ENVIRONMENT)
            or (isinstance(error, KeyError) and asked_os)  # os.environ["USER"]
            or (isinstance(error, AttributeError) and OTHER_VERSION.match(str(error)))
            or type(error).__name__ == "NotProvided"  # by recall
        ):
            return error
        if isinstance(error, NameError) and self.star is not None:
            return self.star
        return used()

    def _note(self, cause: BaseException) -> None:
        if cause not in self.lacking:
            self.lacking.append(cause)

    def _exec(self, node: ast.stmt, name: str) -> Any:
        """Run one statement; the value where it is an expression."""
        if isinstance(node, ast.Expr):
            tree: ast.Expression | ast.Module = ast.Expression(node.value)
        else:
            tree = ast.Module([node], type_ignores=[])
        mode = "eval" if isinstance(tree, ast.Expression) else "exec"
        code = compile(tree, name, mode, self.futures | AWAIT, dont_inherit=True)
        self.futures |= code.co_flags & ANNOTATIONS
        if code.co_flags & inspect.CO_COROUTINE:
            return self._in_loop(code)
        try:
            return eval(code, self.names)
        except RuntimeError as error:
            # In a notebook there always is one.
            if str(error) not in NO_LOOP:
                raise
        return self._in_loop(code)

    def _in_loop(self, code: types.CodeType) -> Any:
        """Run code in an event loop, the same for the whole notebook."""
        import asyncio

        async def inside() -> Any:
            value = eval(code, self.names)
            return await value if code.co_flags & inspect.CO_COROUTINE else value

        if self.loop is None:
            self.loop = asyncio.new_event_loop()
        return self.loop.run_until_complete(inside())

    def _import(self, node: ast.Import | ast.ImportFrom, name: str) -> None:
        """Make an import of one name; what is not to be had is absent."""
        (alias,) = node.names
        module = getattr(node, "module", None) or alias.name
        lent: set[str] = set()
        cause = self._lacked(node, name)
        while isinstance(cause, ModuleNotFoundError):
            other = cause.name
            if other is None or other in lent or _is_part(module, other):
                break
            # The module is here, such as one of the student's, and imports another.
            self._note(cause)
            lent.add(other)
            sys.modules[other] = Absent(cause)  # type: ignore[assignment]
            cause = self._lacked(node, name)
        for other in lent:
            sys.modules.pop(other, None)
        if cause is None:
            return
        if isinstance(cause, ModuleNotFoundError) and _is_part(module, cause.name):
            # Not `google` but `google.colab` is what the cell needs.
            named = ModuleNotFoundError(f"No module named {module!r}", name=module)
            cause = named.with_traceback(cause.__traceback__)
        self._note(cause)
        self._bind_absent(alias, cause)

    def _lacked(self, node: ast.stmt, name: str) -> BaseException | None:
        """What an import lacked, where it failed."""
        begin_statement()
        try:
            self._exec(node, name)
        except Exception as error:
            cause = self._cause(error)
            if cause is None:
                raise
            return cause
        return None

    def _bind_absent(self, alias: ast.alias, cause: BaseException) -> None:
        """Bind what an import of one name would have bound."""
        if alias.name == "*":
            self.star = cause
            return
        bound = _bound_by(alias)
        if "." in alias.name and alias.asname is None:
            # The package may well be here, and lack this part.
            with suppress(ImportError):
                self.names[bound] = importlib.import_module(bound)
                return
        self.names[bound] = Absent(cause, alias.name.rpartition(".")[2])

    def _keep(self, value: Any) -> None:
        """Remember what a cell showed, as ``_`` and in ``Out``."""
        if value is None:
            return
        self.outputs[len(self.inputs) - 1] = value
        if all(map(operator.is_, map(self.names.get, UNDERSCORES), self.shown)):
            self.shown = [value, *self.shown[:2]]
            self.names.update(zip(UNDERSCORES, self.shown, strict=True))


class ZMQInteractiveShell:
    """IPython's shell, as far as a cell can tell.

    Magics that leave something for later statements do so, the others do nothing. No
    program runs.
    """

    __module__ = "ipykernel.zmqshell"

    def __init__(self, notebook: Notebook) -> None:
        self.execute = notebook.execute
        self.user_module, self.user_ns = notebook.module, notebook.names
        self.events = SimpleNamespace(register=_nothing, unregister=_nothing)
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


class _Amending:
    """Amends modules as soon as they are imported, and imports none."""

    def __init__(self, amends: Mapping[str, Callable[[Any], object]]) -> None:
        self.amends = amends

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find one of the modules, to be amended."""
        amend = self.amends.get(name)
        spec = PathFinder.find_spec(name, path) if amend else None
        if amend is None or spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module: types.ModuleType) -> None:
            load(module)
            amend(module)

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


def _plain(source: str) -> str:
    """A cell's source as Python: IPython's magics become calls of its shell."""
    try:
        compile(source, "<cell>", "exec", AWAIT, dont_inherit=True)
        return source
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        return str(TransformerManager().transform_cell(source))


def _single(
    node: ast.Import | ast.ImportFrom,
) -> Iterator[ast.Import | ast.ImportFrom]:
    """An import as several, of one name each."""
    for alias in node.names:
        one = copy.copy(node)
        one.names = [alias]
        yield one


def _bound_by(alias: ast.alias) -> str:
    """The name that an import binds."""
    return alias.asname or alias.name.partition(".")[0]


def _bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement may bind in its own scope."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.alias):
            yield _bound_by(node)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        if not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def _is_part(module: str, of: str | None) -> bool:
    return of is not None and f"{module}.".startswith(f"{of}.")


def _undone(what: str) -> Absent:
    return Absent(OSError(f"{what} does nothing where this is graded"))


def _nothing(*_: object, **__: object) -> None:
    """What asks a person, or shows something."""


def _display(*_: object, display_id: Any = None, **__: object) -> Any:
    """Show nothing, and return what could change it."""
    if not display_id:
        return None
    return SimpleNamespace(display_id=display_id, display=_nothing, update=_nothing)
