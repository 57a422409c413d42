"""What stands in a cell for things that are not where it is graded.

A notebook was written where there are other packages, files, programs and people. A
cell that uses one of them goes on here with an ``Absent``, as it does there: whatever
is done with it gives another. It holds no value, so nothing plain can be had from it,
and once the cells have run and the judge calls the functions, any use of it raises the
error that says what is absent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

MANY = 100_000
"""Uses in one statement after which it ends: it waits for what will not come."""


def _the_first(items: Iterable[Any], *_: object) -> Iterable[Any]:
    return items


PROGRESS: dict[str, Callable[..., Iterable[Any]]] = {
    **dict.fromkeys(("tqdm", "tqdm_notebook", "progress_bar", "track"), _the_first),
    **dict.fromkeys(("trange", "tnrange"), range),
}
"""Progress bars, by name: what looping over one comes to."""

KEPT = ("__version__", "__file__")
"""Of the names between underscores those that cells read, not Python itself."""


class _Now:
    """Whether cells run, and what the statement that runs has used."""

    cells = False
    used: BaseException | None = None
    count = 0


@contextmanager
def cells_run() -> Iterator[None]:
    """While cells run, absent things are quiet."""
    _Now.cells = True
    try:
        yield
    finally:
        _Now.cells = False


def begin_statement() -> None:
    """Forget what was used before."""
    _Now.used, _Now.count = None, 0


def used() -> BaseException | None:
    """What the statement's first use of something absent would have raised."""
    return _Now.used


class Absent:
    """Stands for something that is not here.

    Args:
        cause: the error that says so.
        name: the last part of its name.
        items: what it was made from.
    """

    __slots__ = ("__cause", "__items", "__name")
    __cause: BaseException
    __items: tuple[Any, ...]
    __name: str

    def __init__(
        self, cause: BaseException, name: str = "", items: tuple[Any, ...] = ()
    ) -> None:
        for slot, value in (("cause", cause), ("name", name), ("items", items)):
            object.__setattr__(self, f"_Absent__{slot}", value)

    def __use(self) -> None:
        """Note a use; refuse it where a function is judged, and one too many."""
        _Now.used = _Now.used or self.__cause
        _Now.count += 1
        if not _Now.cells or _Now.count > MANY:
            self.__refuse()

    def __refuse(self, *_: object, **__: object) -> NoReturn:
        """Nothing plain comes from it."""
        _Now.used = _Now.used or self.__cause
        raise self.__cause.with_traceback(None)

    def __another(self, *_: object, **__: object) -> Absent:
        self.__use()
        return Absent(self.__cause)

    def __nothing(self, *_: object) -> None:
        self.__use()

    def __no(self, *_: object) -> bool:
        self.__use()
        return False

    def __getattr__(self, name: str) -> Absent:
        _Now.used = _Now.used or self.__cause
        if name.startswith("__") and name not in KEPT:
            # Python and NumPy ask for many such, and take no for an answer.
            raise AttributeError(name)
        self.__use()
        return Absent(self.__cause, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Absent:
        """Make another, which knows what it was made from."""
        self.__use()
        return Absent(self.__cause, self.__name, args)

    def __iter__(self) -> Iterator[Any]:
        self.__use()
        loop = PROGRESS.get(self.__name)
        if loop is None or not self.__items:
            self.__refuse()
        return iter(loop(*self.__items))

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type]:
        self.__use()
        return (_Base,)

    def __await__(self) -> Generator[Any, None, Absent]:
        yield from ()
        return self.__another()

    async def __aenter__(self) -> Absent:
        return self.__another()

    async def __aexit__(self, *_: object) -> None:
        self.__use()

    async def __aiter__(self) -> AsyncIterator[Any]:
        for item in self:
            yield item

    def __copy__(self) -> Absent:
        return self

    def __deepcopy__(self, memo: object) -> Absent:
        return self

    def __repr__(self) -> str:
        return f"<not here: {self.__cause}>"

    def __format__(self, spec: str) -> str:
        return repr(self)

    __bool__ = __contains__ = __instancecheck__ = __subclasscheck__ = __no
    __setattr__ = __delattr__ = __setitem__ = __delitem__ = __exit__ = __nothing
    __getitem__ = __enter__ = __array_ufunc__ = __array_function__ = __another
    __int__ = __float__ = __complex__ = __index__ = __len__ = __bytes__ = __refuse
    __array__ = __fspath__ = __next__ = __reduce_ex__ = __refuse


BINARY = "add sub mul matmul truediv floordiv mod pow and or xor".split()
OTHERS = "lt le gt ge neg pos abs invert round".split()
for _name in (*BINARY, *(f"r{name}" for name in BINARY), *OTHERS):
    setattr(Absent, f"__{_name}__", Absent._Absent__another)  # type: ignore[attr-defined]


class _Making(type):
    """Makes of a class whose base is absent something absent."""

    def __new__(cls, name: str, bases: Any, space: dict[str, Any], **_: Any) -> Any:
        """See above."""
        return next(x for x in space["__orig_bases__"] if type(x) is Absent)()


_Base = type.__new__(_Making, "_Base", (), {})


def refuse(value: Any) -> None:
    """Raise what an absent thing stands for, where it is all or part of a result."""
    if type(value) is Absent:
        bool(value)
    elif type(value) in (list, tuple):
        for item in value:
            refuse(item)
