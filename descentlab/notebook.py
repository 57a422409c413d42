"""What a notebook shows where something that it needs is missing.

A student may have no PyTorch, or not the notebook of an earlier chapter. The cell that
finds out says so in one line, and so does each cell that builds on it. None of them
counts as failed, since "Run All" would stop there and leave out the rest. What such a
cell has made before it stopped is taken back, since it is not what its name says.
"""

from __future__ import annotations

import sys
from symtable import symtable
from types import TracebackType
from typing import Any

from descentlab.exercise import NotProvided


def watch_this_notebook() -> None:
    """Show what is missing as described above, if this is a notebook."""
    ipython = sys.modules.get("IPython.core.interactiveshell")
    if ipython is not None and ipython.InteractiveShell.initialized():
        _Watch(ipython.InteractiveShell.instance())


class _Watch:
    """Stands where IPython lets one show errors, and where it reports on a cell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._lost: dict[str | None, str] = {}  # why a name was not made, in one line
        self._there = set(shell.user_ns)  # the names before this cell
        self._open = _open_figures()
        self._shown: tuple[BaseException | None, str] = None, ""
        self._others, self._show_other = shell.custom_exceptions, shell.CustomTB
        mine = (NotProvided, ModuleNotFoundError, NameError)
        shell.set_custom_exc((*mine, *self._others), self._show)
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._forgive)

    def _show(
        self,
        shell: Any,
        kind: type[BaseException],
        value: BaseException,
        tb: TracebackType,
        tb_offset: int | None = None,
    ) -> None:
        """Print what is missing; leave any other error to whoever showed it before."""
        line = self._missing(value)
        if line is not None:
            print(line)
            self._shown = value, line
            for number in _open_figures() - self._open:  # they would show empty axes
                sys.modules["matplotlib.pyplot"].close(number)
        elif isinstance(value, self._others):
            self._show_other(kind, value, tb, tb_offset)
        else:
            error = kind, value, tb
            shell.showtraceback(error, tb_offset, running_compiled_code=True)

    def _missing(self, error: BaseException) -> str | None:
        """The line that says what is missing, if that is what an error is about."""
        if isinstance(error, NameError):
            return self._lost.get(error.name)
        torch = isinstance(error, ModuleNotFoundError) and error.name == "torch"
        return str(error) if torch or isinstance(error, NotProvided) else None

    def _begin(self, info: Any) -> None:
        self._there = set(self._shell.user_ns)
        self._open = _open_figures()

    def _forgive(self, result: Any) -> None:
        """Let a cell pass that lacked something, without the names new in it."""
        error, line = self._shown
        if error is None or result.error_in_exec is not error:
            return
        result.error_in_exec = None
        code = self._shell.transform_cell(result.info.raw_cell)
        made = (
            symbol.get_name()
            for symbol in symtable(code, "cell", "exec").get_symbols()
            if symbol.is_assigned() or symbol.is_imported()
        )
        for name in set(made) - self._there:
            self._shell.user_ns.pop(name, None)
            self._lost[name] = line


def _open_figures() -> set[int]:
    """The numbers of Matplotlib's open figures."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    return set(pyplot.get_fignums()) if pyplot else set()
