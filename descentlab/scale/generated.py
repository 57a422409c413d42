"""Functions whose source text is made at run time."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any


def function_from(name: str, source: str, **space: Any) -> Callable[..., Any]:
    """The function of a source text, which tracebacks and debuggers can show.

    Args:
        name: what it is called there.
        source: its definition.
        space: the global names that it uses.
    """
    file = f"<{name}, generated {abs(hash(source)):x}>"
    linecache.cache[file] = (len(source), None, source.splitlines(True), file)
    exec(compile(source, file, "exec"), space)
    function: Callable[..., Any] = space[name]
    return function
