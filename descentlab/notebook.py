"""What a notebook shows where something that it needs is missing.

A student may have no PyTorch, or not the notebook of an earlier chapter. The cell that
finds out says so in one line, and so does each cell that builds on it. None of them
counts as failed, since "Run All" would stop there and leave out the rest.
"""

from __future__ import annotations

import sys
from symtable import symtable
from types import TracebackType
from typing import Any

from descentlab.exercise import NotProvided


def watch_this_notebook() -> None:
    """Show what is missing as described above, if this is a notebook."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None:
        _Watch(shell)


class _Watch:
    """Stands where IPython lets one show errors, and where it reports on a cell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._lost: dict[str | None, str] = {}  # why a name was not made, in one line
        self._shown: tuple[BaseException | None, str] = None, ""
        self._others, self._show_other = shell.custom_exceptions, shell.CustomTB
        mine = (NotProvided, ModuleNotFoundError, NameError)
        shell.set_custom_exc((*mine, *self._others), self._show)
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

    def _forgive(self, result: Any) -> None:
        """Let a cell pass that lacked something, and note the names it did not make."""
        error, line = self._shown
        if error is None or result.error_in_exec is not error:
            return
        result.error_in_exec = None
        code = self._shell.transform_cell(result.info.raw_cell)
        for symbol in symtable(code, "cell", "exec").get_symbols():
            if symbol.is_assigned() or symbol.is_imported():
                self._lost[symbol.get_name()] = line
