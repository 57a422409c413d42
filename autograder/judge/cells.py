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
import sys
import traceback
import types
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from autograder.judge.absent import Absent, begin_statement, used
from autograder.judge.shell import Amending, ZMQInteractiveShell, display, nothing

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
ENVIRONMENT_NAMES = {
    "_tkinter.TclError",
    "descentlab.exercise.NotProvided",
    "locale.Error",
}
"""The same, of errors that have a name of their own: no screen, no notebook beside."""
ENVIRONMENT_WORDS = re.compile(
    r"module '[\w.]+' has no attribute|`?np\.\w+`? was removed"  # another version
    r"|Requested MovieWriter|'getpwuid"
)
"""The same, of errors that only their message tells from others."""


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
        self.shell = ZMQInteractiveShell(self.execute, self.module)
        self._furnish()

    def _furnish(self) -> None:
        """Give the namespace the names that IPython gives it."""
        self.names |= {
            "__builtins__": builtins,
            "__vsc_ipynb_file__": os.path.abspath("notebook.ipynb"),
            "help": nothing,
            "exit": nothing,
            "quit": nothing,
            **dict.fromkeys(("In", "_ih"), self.inputs),
            **dict.fromkeys(("Out", "_oh"), self.outputs),
            "_dh": [os.getcwd()],
            **dict(zip(UNDERSCORES, self.shown, strict=True)),
        }
        common = {"get_ipython": lambda: self.shell, "display": display}
        self.names |= common
        vars(builtins).update(common, __IPYTHON__=True)
        sys.modules["__main__"] = self.module
        # A notebook's folder comes first: there is what %%writefile writes.
        sys.path.insert(0, "")
        sys.meta_path.insert(0, Amending(common))

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
        except (Exception, SystemExit) as error:
            cause = self._cause(error)
            if cause is None:
                raise
            self._note(cause)
        for bound, old in before.items():
            if self.names.get(bound, UNBOUND) is old:
                self.names[bound] = Absent(cause, bound)
        return None

    def _cause(self, error: BaseException) -> BaseException | None:
        """What a statement lacked, where that may be why it raised an error."""
        if _is_of_here(error) or _is_of_here(error.__cause__):
            return error
        if isinstance(error, NameError) and self.star is not None:
            return self.star
        return used()

    def _note(self, cause: BaseException) -> None:
        # Where it was raised is told; what was at work there takes memory.
        traceback.clear_frames(cause.__traceback__)
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


def _plain(source: str) -> str:
    """A cell's source as Python: IPython's magics become calls of its shell."""
    try:
        compile(source, "<cell>", "exec", AWAIT, dont_inherit=True)
        return source
    except SyntaxError:
        from IPython.core.inputtransformer2 import TransformerManager

        return str(TransformerManager().transform_cell(source))


def _is_of_here(error: BaseException | None) -> bool:
    """Whether an error comes of this place rather than of the code."""
    if error is None:
        return False
    kind = type(error)
    if kind is KeyError and _raised_in(error) is vars(os):  # os.environ["USER"]
        return True
    return (
        isinstance(error, ENVIRONMENT)
        or f"{kind.__module__}.{kind.__qualname__}" in ENVIRONMENT_NAMES
        or (
            kind in (AttributeError, KeyError, RuntimeError)
            and ENVIRONMENT_WORDS.match(str(error)) is not None
        )
    )


def _raised_in(error: BaseException) -> dict[str, Any] | None:
    """The global names where an error was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else trace.tb_frame.f_globals


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
