"""The frames between judge and sandbox: what may pass, and that nothing else does."""

import io
import itertools
import json
import math
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autograder.judge import protocol
from autograder.judge.protocol import (
    DTYPES,
    LENGTH,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_HEADER,
    MAX_ITEMS,
    MAX_TEXT,
    Decoder,
    Encoder,
    ProtocolError,
    pack,
    set_words,
    unpack,
    words_of,
)
from descentlab.compare import same

INT64 = st.integers(-(1 << 63), (1 << 63) - 1)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
ARRAYS = hnp.arrays(st.sampled_from(sorted(DTYPES)), SHAPES)
SCALARS = ARRAYS.filter(lambda array: array.shape == ()).map(lambda array: array[()])
LEAVES = st.one_of(
    st.none(), st.booleans(), INT64, st.floats(), st.text(max_size=30), ARRAYS
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple)
    ),
    max_leaves=10,
)


def reader(data: bytes):
    """A function that gives the next bytes of a pipe, as both sides have it."""
    stream = io.BytesIO(data)

    def read(count: int) -> bytes:
        chunk = stream.read(count)
        if len(chunk) != count:
            raise EOFError
        return chunk

    return read


def framed(text: bytes) -> bytes:
    """A frame with any text in its header's place."""
    return LENGTH.pack(len(text)) + text


def through(value):
    """A value, sent and received."""
    encoder = Encoder()
    item = encoder.encode(value)
    header, raw = unpack(reader(pack({"value": item}, encoder)))
    return Decoder(raw).decode(header["value"])


def refused(value) -> str:
    """Why a value may not be sent."""
    with pytest.raises(ProtocolError) as refusal:
        Encoder().encode(value)
    return str(refusal.value)


def decoded(item, raw: bytes = b""):
    """The value of a header item, as it comes out of JSON."""
    return Decoder(raw).decode(json.loads(json.dumps(item)))


# What may pass


@given(VALUES)
def test_a_value_comes_back_as_it_was(value):
    # `same` compares types, dtypes, shapes and every bit, NaN included.
    assert same(through(value), value)


@given(SCALARS)
def test_a_numpy_scalar_stays_a_scalar(value):
    back = through(value)
    assert type(back) is type(value)
    assert same(back, value)


@given(ARRAYS)
def test_an_array_that_arrives_is_writable_and_owns_its_memory(array):
    back = through(array)
    assert back.flags.writeable
    assert back.flags.owndata
    assert back.flags.c_contiguous


@pytest.mark.parametrize(
    "array",
    [
        np.array(3.5),
        np.empty((0,)),
        np.empty((3, 0, 2)),
        np.arange(24.0).reshape(2, 3, 4).T,
        np.arange(10.0)[::-2],
        np.broadcast_to(np.float32(2.0), (3, 4)),
        np.asfortranarray(np.eye(3)),
        np.array([np.nan, np.inf, -np.inf, -0.0]),
        np.frombuffer(b"\x01\x00\x00\x00\x00\x00\xf8\x7f"),  # a NaN with a payload
    ],
    ids=lambda array: f"{array.dtype}{array.shape}{array.strides}",
)
def test_arrays_of_every_layout(array):
    assert same(through(array), array)


def test_numbers_that_json_does_not_have():
    assert math.isnan(through(math.nan))
    assert through(-math.inf) == -math.inf
    assert math.copysign(1, through(-0.0)) == -1


def test_a_long_text_is_cut():
    assert through("x" * (MAX_TEXT + 1)) == "x" * MAX_TEXT


def test_lone_surrogates_pass():
    assert through("\ud800") == "\ud800"


def test_one_array_twice_arrives_as_two():
    one = np.zeros(2)
    first, second = through((one, one))
    assert not np.shares_memory(first, second)


def test_functions_and_generators_go_to_the_sandbox_only():
    functions: list = []
    encoder = Encoder(functions)
    rng = np.random.default_rng(3)
    items = [encoder.encode(x) for x in (abs, rng, len)]
    assert functions == [abs, len]
    raw = b"".join(encoder.raw)
    called = Decoder(raw, lambda number: lambda: number)
    back = [called.decode(item) for item in items]
    assert back[0]() == 0
    assert back[2]() == 1
    assert back[1].random() == rng.random()
    for item in items:
        with pytest.raises(ProtocolError):
            Decoder(raw).decode(item)
    for value in (abs, rng):
        assert type(value).__name__ in refused(value)


def test_a_generator_that_cannot_travel():
    other = np.random.Generator(np.random.MT19937(0))
    with pytest.raises(ProtocolError, match="driven by MT19937"):
        Encoder([]).encode(other)


@pytest.mark.parametrize(
    "words",
    [
        np.zeros(5, np.uint64),
        np.zeros(6, np.int64),
        np.zeros((6, 1), np.uint64),
        np.array([0, 0, 0, 0, 2, 0], np.uint64),
        np.array([0, 0, 0, 0, 0, 1 << 32], np.uint64),
    ],
    ids=["short", "signed", "shape", "flag", "half-word"],
)
def test_a_state_that_is_none(words):
    with pytest.raises(ProtocolError, match="state of a generator"):
        set_words(np.random.default_rng(0), words)


@given(st.lists(st.integers(0, (1 << 64) - 1), min_size=4, max_size=4))
def test_every_state_comes_back(halves):
    words = np.array([*halves, 1, 7], np.uint64)
    generator = np.random.default_rng(0)
    set_words(generator, words)
    assert words_of(generator).tolist() == words.tolist()


# What may not be sent


class Float(float):
    pass


class Text(str):
    pass


class Pair(tuple):
    pass


class Lying(np.ndarray):
    def __eq__(self, other):
        return True


@pytest.mark.parametrize(
    "value",
    [
        np.array([1, None], dtype=object),
        np.array([1 + 2j]),
        np.array(["a"]),
        np.array([1.0], dtype=np.longdouble),
        np.array([(1, 2.0)], dtype="i4,f8"),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.arange(3.0).astype(">f8"),
        np.arange(3.0).view(Lying),
        np.ma.array([1.0], mask=[True]),
        np.array([[1.0]]).view(np.matrix),
        Float(1.0),
        Text("x"),
        1 << 63,
        -(1 << 63) - 1,
        10**5000,
        1 + 2j,
        {1: 2},
        {1},
        b"bytes",
        object(),
        np.float64,
        iter([1]),
        np.random.default_rng(0),
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'dtype', '')}",
)
def test_a_value_off_the_list_is_refused(value):
    assert refused(value)
    assert refused([value])


def test_a_named_tuple_travels_as_what_it_holds():
    class Endless(Pair):
        def __iter__(self):
            return itertools.repeat(0)

    assert Encoder().encode(Endless((1, 2))) == {"t": [1, 2]}


def test_what_is_too_large_is_refused_without_making_it():
    huge = np.broadcast_to(0.0, (1 << 20, 1 << 20))
    assert "MiB" in refused(huge)
    part = np.zeros(MAX_BYTES // 2 + 1, np.uint8)
    assert "MiB" in refused([part, part])
    assert "values" in refused([None] * MAX_ITEMS)
    assert "dimensions" in refused(np.zeros((1,) * 33)) or np.__version__ < "2"


def test_what_the_encoder_takes_the_decoder_takes():
    widest = [None] * (MAX_ITEMS - 1)
    assert through(widest) == widest
    deep = nested(MAX_DEPTH)
    assert through(deep) == deep
    assert "nested" in refused([deep])
    assert "nested" in refused(knot())


def nested(depth: int) -> list:
    return [nested(depth - 1)] if depth else []


def knot() -> list:
    inner: list = []
    inner.append(inner)
    return inner


# What may not arrive


@pytest.mark.parametrize(
    "item",
    [
        "text",
        [1, 2],
        {},
        {"s": "a", "l": []},
        {"x": 1},
        {"s": 1},
        {"s": "x" * (MAX_TEXT + 1)},
        {"l": 3},
        {"l": {"0": 1}},
        {"t": "ab"},
        {"l": ["bare text"]},
        {"l": [None] * MAX_ITEMS},
        {"f": 0},
        {"g": 0},
        1 << 63,
        10**400,
        {"a": None},
        {"a": []},
        {"a": ["float64"]},
        {"a": ["float64", [1], 0]},
        {"a": ["object", []]},
        {"a": ["O", [1]]},
        {"a": ["float128", [1]]},
        {"a": [">f8", [1]]},
        {"a": ["float64,float64", [1]]},
        {"a": [["float64"], [1]]},
        {"a": [{"float64": 1}, [1]]},
        {"a": [None, [1]]},
        {"a": ["float64", 1]},
        {"a": ["float64", None]},
        {"a": ["float64", [-1]]},
        {"a": ["float64", [1.0]]},
        {"a": ["float64", [True]]},
        {"a": ["float64", ["1"]]},
        {"a": ["float64", [2]]},
        {"a": ["float64", [1] * 33]},
        {"a": ["float64", [1 << 40]]},
        {"a": ["float64", [1 << 26, 1 << 26, 1 << 26]]},
        {"a": ["float64", [0, 1 << 26, 1 << 26, 1 << 26, 1 << 26]]},
        {"n": ["float64", [1]]},
        {"n": ["float64", [0]]},
    ],
    ids=lambda item: json.dumps(item)[:40],
)
def test_a_malformed_item_is_a_protocol_error(item):
    with pytest.raises(ProtocolError):
        decoded(item, bytes(8))


def test_a_header_nested_deeper_than_allowed():
    item: dict = {"l": []}
    for _ in range(MAX_DEPTH + 1):
        item = {"l": [item]}
    with pytest.raises(ProtocolError):
        decoded(item)


def test_raw_bytes_are_given_out_once():
    item = {"a": ["float64", [1]]}
    with pytest.raises(ProtocolError, match="too few bytes"):
        decoded({"l": [item, item]}, bytes(8))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"null",
        b"[]",
        b'"bytes"',
        b"{}",
        b'{"bytes": null}',
        b'{"bytes": true}',
        b'{"bytes": -1}',
        b'{"bytes": 1.0}',
        b'{"bytes": "8"}',
        b'{"bytes": 1e3}',
        b'{"bytes": %d}' % (MAX_BYTES + 1),
        b'{"bytes": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"//",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_a_malformed_frame_is_a_protocol_error(text):
    with pytest.raises(ProtocolError):
        unpack(reader(framed(text) + bytes(100)))


@given(st.binary(max_size=200))
def test_noise_never_does_anything_else(noise):
    for data in (noise, framed(noise)):
        with suppress(ProtocolError, EOFError):
            header, raw = unpack(reader(data))
            Decoder(raw).decode(header)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["s", "l", "t", "a", "n", "x"]), inner),
        st.tuples(st.sampled_from(sorted(DTYPES)), inner).map(list),
    ),
    max_leaves=12,
)


@given(JSON, st.binary(max_size=64))
def test_any_json_is_a_value_or_a_protocol_error(item, raw):
    with suppress(ProtocolError):
        Decoder(raw).decode(item)


@pytest.mark.parametrize(
    "data",
    [
        LENGTH.pack(0xFFFFFFFF),
        LENGTH.pack(MAX_HEADER + 1),
        framed(b'{"bytes": %d}' % (MAX_BYTES + 1)),
    ],
    ids=["longest header", "header", "raw bytes"],
)
def test_a_forged_size_is_never_asked_for(data):
    asked = []
    stream = reader(data)

    def read(count: int) -> bytes:
        asked.append(count)
        return stream(count)

    with pytest.raises(ProtocolError):
        unpack(read)
    assert max(asked) <= len(data)


@pytest.mark.parametrize(
    "body",
    [
        ["float64", [MAX_BYTES]],
        ["float64", [MAX_BYTES, MAX_BYTES]],
        ["uint8", [1 << 20]],
    ],
)
def test_a_forged_shape_allocates_nothing(body):
    tracemalloc.start()
    with pytest.raises(ProtocolError):
        decoded({"a": body}, bytes(16))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 16


def test_a_header_too_long_is_not_sent():
    encoder = Encoder()
    items = [encoder.encode("x" * MAX_TEXT) for _ in range(MAX_HEADER // MAX_TEXT + 1)]
    with pytest.raises(ProtocolError, match="too long"):
        pack({"items": items}, encoder)


def test_nothing_here_can_unpickle_or_evaluate():
    names = set(vars(protocol))
    assert not names & {"pickle", "marshal", "eval", "exec", "importlib", "ast"}
