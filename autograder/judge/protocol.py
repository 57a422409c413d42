"""What passes between the judge and a sandbox: frames of a closed list of types.

A frame is a four-byte length, a JSON header of that length, and raw bytes. The header
is an object; its ``bytes`` says how many raw bytes follow. Values are None, bool, int,
float, str, list, tuple, NumPy array and NumPy scalar; arguments may also be a function
(called back across the pipe) or a random generator (sent as its state, which comes
back advanced).

Nothing that arrives is trusted: every size is checked before anything is allocated,
and no frame can name a class, a file or a piece of code. This module runs on both
sides and needs NumPy alone.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

MAX_HEADER = 1 << 20
MAX_BYTES = 1 << 26
MAX_ITEMS = 10_000
MAX_DEPTH = 8
MAX_DIMENSIONS = 32
MAX_TEXT = 2_000
INT64 = range(-(1 << 63), 1 << 63)
DTYPES = frozenset(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64"
    " float16 float32 float64".split()
)
NAMES = {np.dtype(name): name for name in DTYPES}
"""Of each dtype its name, which NumPy works out anew whenever it is asked."""
LENGTH = struct.Struct(">I")


class ProtocolError(Exception):
    """A frame that breaks the rules, or a value that has no place in one."""


class Encoder:
    """Turns values into header items, and gathers their raw bytes.

    ``functions`` collects the callable arguments, by the number that stands for each;
    a side that may not send functions leaves it out.
    """

    def __init__(self, functions: list[Callable[..., Any]] | None = None) -> None:
        self.functions = functions
        self.raw: list[bytes] = []
        self.size = 0
        self.items = 0

    def encode(self, value: Any, depth: int = 0) -> Any:
        """The header item for a value.

        Raises:
            ProtocolError: for a type that is not on the list, or a value too large.
        """
        self.items += 1
        if depth > MAX_DEPTH:
            raise ProtocolError(f"something nested deeper than {MAX_DEPTH} levels")
        if self.items > MAX_ITEMS:
            raise ProtocolError(f"more than {MAX_ITEMS} values")
        # Exact types only: a subclass could carry behaviour of its own.
        kind = type(value)
        if value is None or kind in (bool, float):
            return value
        if kind is int:
            if value not in INT64:
                raise ProtocolError("an int that does not fit 64 bits")
            return value
        if kind is str:
            return {"s": value[:MAX_TEXT]}
        if isinstance(value, (list, tuple)):
            # A named tuple is a tuple: what it holds travels, its kind does not, and
            # what it says that it holds least of all.
            base: Any = list if isinstance(value, list) else tuple
            items = base.__iter__(value)
            return {base.__name__[0]: [self.encode(x, depth + 1) for x in items]}
        if kind is np.ndarray or isinstance(value, np.generic):
            return self._encode_array(value, kind)
        return self._encode_argument(value)

    def _encode_array(self, value: Any, kind: type) -> Any:
        # In another byte order it is not the same dtype.
        name = NAMES.get(value.dtype)
        if name is None:
            raise ProtocolError(f"an array of dtype {value.dtype.name}")
        if value.ndim > MAX_DIMENSIONS:
            raise ProtocolError(f"an array of more than {MAX_DIMENSIONS} dimensions")
        if self.size + value.nbytes > MAX_BYTES:
            raise ProtocolError(f"more than {MAX_BYTES >> 20} MiB of numbers")
        raw = np.ascontiguousarray(value).tobytes()
        self.raw.append(raw)
        self.size += len(raw)
        return {"a" if kind is np.ndarray else "n": [name, list(value.shape)]}

    def _encode_argument(self, value: Any) -> Any:
        if self.functions is not None and type(value) is np.random.Generator:
            return {"g": self.encode(words_of(value))}
        if self.functions is not None and callable(value):
            self.functions.append(value)
            return {"f": len(self.functions) - 1}
        raise ProtocolError(f"an object of type {type(value).__name__}")


def words_of(generator: np.random.Generator) -> np.ndarray:
    """The state of a generator like ``numpy.random.default_rng``, as six uint64.

    Raises:
        ProtocolError: where another bit generator drives it.
    """
    state = generator.bit_generator.state
    if state["bit_generator"] != "PCG64":
        raise ProtocolError(f"a generator driven by {state['bit_generator']}")
    inner = state["state"]
    halves = (inner["state"] >> 64, inner["state"], inner["inc"] >> 64, inner["inc"])
    words = [half % (1 << 64) for half in halves]
    words += [state["has_uint32"], state["uinteger"]]
    return np.array(words, dtype=np.uint64)


def set_words(generator: np.random.Generator, words: np.ndarray) -> None:
    """Put a generator into the state that ``words_of`` told.

    Raises:
        ProtocolError: for what is no such state.
    """
    if words.dtype != np.uint64 or words.shape != (6,):
        raise ProtocolError("a malformed state of a generator")
    high, low, inc_high, inc_low, has_uint32, uinteger = words.tolist()
    if has_uint32 > 1 or uinteger >= 1 << 32:
        raise ProtocolError("an impossible state of a generator")
    generator.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": high << 64 | low, "inc": inc_high << 64 | inc_low},
        "has_uint32": has_uint32,
        "uinteger": uinteger,
    }


class Decoder:
    """Turns header items back into values, taking raw bytes in order.

    ``function`` makes a callable from a function's number; a side that must not
    receive functions leaves it out.
    """

    def __init__(
        self, raw: bytes, function: Callable[[int], Callable[..., Any]] | None = None
    ) -> None:
        self.raw = memoryview(raw)
        self.function = function
        self.at = 0
        self.items = 0

    def decode(self, item: Any, depth: int = 0) -> Any:
        """The value of a header item.

        Raises:
            ProtocolError: for anything that ``Encoder`` would not have written.
        """
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise ProtocolError("too many or too deeply nested values")
        if item is None or type(item) in (bool, float):
            return item
        if type(item) is int and item in INT64:
            return item
        if type(item) is not dict or len(item) != 1:
            raise ProtocolError("a malformed value")
        ((tag, body),) = item.items()
        if tag == "s" and type(body) is str and len(body) <= MAX_TEXT:
            return body
        if tag in ("l", "t") and type(body) is list:
            values = [self.decode(x, depth + 1) for x in body]
            return values if tag == "l" else tuple(values)
        if tag in ("a", "n"):
            array = self._array(body)
            if tag == "n" and array.shape != ():
                raise ProtocolError("a NumPy scalar with a shape")
            return array if tag == "a" else array[()]
        if self.function is not None and tag == "f" and type(body) is int:
            return self.function(body)
        if self.function is not None and tag == "g":
            generator = np.random.default_rng(0)
            set_words(generator, np.asarray(self.decode(body, depth + 1)))
            return generator
        raise ProtocolError("a malformed value")

    def _array(self, body: Any) -> np.ndarray:
        if type(body) is not list or len(body) != 2:
            raise ProtocolError("a malformed array")
        name, shape = body
        if type(name) is not str or name not in DTYPES or type(shape) is not list:
            raise ProtocolError("an array of a kind that is not taken")
        if len(shape) > MAX_DIMENSIONS or not all(
            type(n) is int and 0 <= n <= MAX_BYTES for n in shape
        ):
            raise ProtocolError("an array of an impossible shape")
        size = math.prod(shape) * np.dtype(name).itemsize
        chunk = self.raw[self.at : self.at + size]
        if len(chunk) != size:
            raise ProtocolError("an array with too few bytes")
        self.at += size
        try:
            # A copy: the array must be writable and own its memory.
            return np.frombuffer(chunk, dtype=name).reshape(shape).copy()
        except ValueError:
            # Empty, but its other dimensions multiply to more than NumPy can count.
            raise ProtocolError("an array of an impossible shape") from None


def pack(header: dict[str, Any], encoder: Encoder | None = None) -> bytes:
    """The bytes of a frame whose values went through ``encoder``."""
    raw = b"".join(encoder.raw) if encoder else b""
    text = json.dumps({**header, "bytes": len(raw)}).encode()
    if len(text) > MAX_HEADER:
        raise ProtocolError("a header that is too long")
    return LENGTH.pack(len(text)) + text + raw


def unpack(read: Callable[[int], bytes]) -> tuple[dict[str, Any], bytes]:
    """The header and the raw bytes of the next frame.

    ``read(n)`` gives exactly n bytes, or raises.
    """
    (length,) = LENGTH.unpack(read(LENGTH.size))
    if length > MAX_HEADER:
        raise ProtocolError("a header that is too long")
    try:
        header = json.loads(read(length))
    except (ValueError, RecursionError):
        raise ProtocolError("a header that is not JSON") from None
    size = header.get("bytes") if type(header) is dict else None
    if type(size) is not int or not 0 <= size <= MAX_BYTES:
        raise ProtocolError("a header without a size")
    return header, read(size)
