"""The quick way of reading a file says the same as a slow one, whatever the bytes."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from chimera_assets.sources.landing import csv_lines, text
from chimera_assets.sources.landing import parquet as parquet_rows
from chimera_assets.sources.landing.arrow_values import fitted
from chimera_assets.sources.landing.csv_lines import CsvLines
from chimera_assets.sources.landing.damage import CorruptFile
from chimera_assets.sources.landing.json_lines import JsonLines
from chimera_assets.sources.landing.parquet import ParquetRows
from chimera_assets.sources.landing.values import typed
from tests.faults.conftest import SOAK
from tests.sources.landing import slow_reading
from tests.sources.landing.conftest import LIMITS, contract
from tests.sources.landing.slow_reading import MALFORMED, UNREAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

#: Longer when `SOAK` is set.
EXAMPLES = 5_000 if SOAK else 150
bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

KINDS = {
    column.name: column.type
    for column in contract().columns
    if column.name
    in {"event_id", "timestamp", "model", "success", "tokens_used", "latency_ms"}
    | {"techniques_applied"}
}

TEXTS = [
    "", " ", "a", "12", " 12 ", "+1", "-0", "007", "1_000", "0x1A", "1e3", "1E+2", "1.5e1", "12.0",
    "12.", ".5", "12.50", "9007199254740993", "9007199254740993.0", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "1e18", "1e19", "1e400", "1e-400", "NaN",
    "Infinity", "-inf", "1,5", "true", "FALSE", "t", "0", "1", "yes", "\u0661",
    "a\u0000b", "\ufeff",
    "2026-01-31", "2026-01-31T05:00:00Z", "2026-01-31 05:00", "2026-01-31T05:00:00.1234567+02:30",
    "2026-01-31t05:00:00,5z", "2026-01-31T05:00:00 +01", "2026-01-31T05", "2026-01-31T24:00:00Z",
    "2026-06-30T23:59:60Z", "2026-02-29", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59.999999Z", "9999-12-31T23:30:00-01:00", "10000-01-01", "2026-1-3",
    "1969-12-31T23:59:59.9999999Z", "2026-01-31T05:00:00+24:00", "2026-01-31T05:00:00+01:60",
    "infinity", "20260131", '["a","b"]', "[]", "[1, null, true, 1.10]", '[["a"]]', '["\\ud83d"]',
    "\U0001f600", 'say "hi"', "a\\", "\r", "a\rb",
]  # fmt: skip

JSON_VALUES = [
    "null", "true", "false", "0", "-0", "12", "12.0", "1e3", "1E400", "9007199254740993.0", "-1.5",
    "9223372036854775808", "1" * 5000, "01", "+1", ".5", "NaN", "-Infinity", "0x10", "1_0",
    '"\\ud83d"', '"\\ud83d\\ude00"', '"\\udc00\\ud83d"', '"\\u0000"', '"\\x"', '"a\tb"', "[]", "{}",
    '["a", null]', '["a", 1.10]', "[[1]]", '[{"a": NaN}]', '{"tokens_used": 7}', '{"a": [1, 2.50]}',
]  # fmt: skip

NAMES = [*KINDS, "unknown", "Model", "model", "mod\\u0065l"]


def agree(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        return found == expected or (math.isnan(found) and math.isnan(expected))
    return type(found) is type(expected) and found == expected


def read(reader: Iterable[Any], kinds: Iterable[str]) -> dict[int, Any]:
    """Line -> its row, or `MALFORMED`, as the product reads them."""
    said: dict[int, Any] = {}
    for parsed in reader:
        rows, unreadable = typed(parsed, contract())
        for line, row, told in zip(
            parsed.rows["_line"], rows.iter_rows(named=True), unreadable, strict=True
        ):
            assert line not in said
            lost = json.loads(told) if told else {}
            said[line] = {name: UNREAD if name in lost else row[name] for name in kinds}
        for line, _ in parsed.malformed:
            assert line not in said
            said[line] = MALFORMED
    return said


def assert_same(found: dict[int, Any], expected: dict[int, Any]) -> None:
    assert sorted(found) == sorted(expected)
    for line, row in expected.items():
        if row == MALFORMED or found[line] == MALFORMED:
            assert found[line] == row, line
            continue
        wrong = {
            name: (found[line][name], value)
            for name, value in row.items()
            if not agree(found[line][name], value)
        }
        assert not wrong, line


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(size: int) -> None:
        monkeypatch.setattr(text, "PIECE_BYTES", size)
        monkeypatch.setattr(text, "PIECE_LINES", 1 + size // 40)
        monkeypatch.setattr(csv_lines, "RECORD_LINES", 4)

    return use


SIZES = st.sampled_from([7, 64, 300, 10_000])
ENDS = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", " \n", "\n \n", "\r", " ", ""])
GOOD = '{"event_id":"g","model":"m","tokens_used":1}\n'

written_json = st.one_of(
    st.sampled_from(JSON_VALUES),
    st.sampled_from(TEXTS).map(json.dumps),
    st.sampled_from(TEXTS).map(lambda value: json.dumps(value, ensure_ascii=False)),
    st.text(max_size=6).map(json.dumps),
)
json_objects = st.lists(st.tuples(st.sampled_from(NAMES), written_json), max_size=4).map(
    lambda pairs: "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}"
)
json_texts = st.lists(
    st.tuples(st.one_of(json_objects, st.sampled_from(["[1]", "x", "{", "\ufeff{}"])), ENDS),
    max_size=8,
).map(lambda lines: "".join(map("".join, lines)))
DAMAGES = st.lists(st.sampled_from([b"\xff", b"\xed\xa0\x80", b"\0", b"\xef\xbb\xbf"]), max_size=1)


@bounded
@given(lines=json_texts, size=SIZES, damages=DAMAGES, place=st.integers(0, 300))
def test_json(  # noqa: PLR0913, PLR0917
    tmp_path: Path, small_pieces: Any, lines: str, size: int, damages: list[bytes], place: int
) -> None:
    content = (GOOD + lines).encode("utf-8", "surrogatepass")
    for damage in damages:
        content = content[:place] + damage + content[place:]
    small_pieces(size)
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)
    expected = slow_reading.json_lines(content, KINDS)

    try:
        found = read(JsonLines(contract(), path, zipped=False, limits=LIMITS), KINDS)
    except CorruptFile:
        rows = [row for row in expected.values() if row != MALFORMED]
        assert not any(value is not None for row in rows for value in row.values())
        return

    assert_same(found, expected)


csv_fields = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS).map(lambda value: '"' + value.replace('"', '""') + '"'),
    st.sampled_from(
        ['"', '""', '"a', 'a"b', '"a"b', '"say \\"hi\\""', '"a\nb"', '"\r"', '"a\r\nb"']
    ),
    st.text(alphabet='ab",\n\r\0 ', max_size=5),
)
csv_rows = st.lists(csv_fields, min_size=1, max_size=4).map(",".join)
csv_texts = st.lists(st.tuples(csv_rows, ENDS), max_size=10).map(
    lambda lines: "".join(map("".join, lines))
)
HEADERS = st.sampled_from(
    [
        ["model"],
        ["event_id", "tokens_used"],
        ["model", "other", "timestamp"],
        ["latency_ms", "success"],
        ["techniques_applied", "model", "x", "x"],
    ]
)


@bounded
@given(header=HEADERS, lines=csv_texts, size=SIZES, damages=DAMAGES, place=st.integers(30, 300))
def test_csv(  # noqa: PLR0913, PLR0917
    tmp_path: Path,
    small_pieces: Any,
    header: list[str],
    lines: str,
    size: int,
    damages: list[bytes],
    place: int,
) -> None:
    content = (",".join(header) + "\n" + lines).encode("utf-8", "surrogatepass")
    for damage in damages:
        content = content[:place] + damage + content[place:]
    small_pieces(size)
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    found = read(CsvLines(contract(), path, zipped=False, limits=LIMITS), set(KINDS) & set(header))

    assert_same(found, slow_reading.csv_lines(content, KINDS, 4))


@pytest.mark.parametrize("between", ["\n", "\r\n", "\n\n", "\r\n\r\n"])
def test_plain_csv_is_read_without_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, between: str
) -> None:
    """Record by record would take many times as long."""
    monkeypatch.setattr(csv_lines, "_Records", None)
    path = tmp_path / "a.csv"
    lines = ("event_id,model", 'a,"m, 1"', "b,", 'c,"m ""2"""')
    path.write_bytes("".join(line + between for line in lines).encode())

    found = read(CsvLines(contract(), path, zipped=False, limits=LIMITS), ["event_id", "model"])

    step = between.count("\n")
    assert [(line, *row.values()) for line, row in found.items()] == [
        (1 + step, "a", "m, 1"), (1 + 2 * step, "b", None), (1 + 3 * step, "c", 'm "2"'),
    ]  # fmt: skip


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(count: int, unit: str) -> Any:
    """A count of units since 1970 as a time, what is finer than a microsecond cut off."""
    in_us = count * 10**6 // {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    try:
        return EPOCH + timedelta(microseconds=in_us)
    except OverflowError:
        return UNREAD


def whole(number: Any) -> Any:
    if isinstance(number, float) and not math.isfinite(number):
        return UNREAD
    return int(number) if number == int(number) and -(2**63) <= number < 2**63 else UNREAD


def finite(number: float) -> Any:
    return float(number) if math.isfinite(number) else UNREAD


INT64 = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([0, -1, 1, 2**63 - 1, -(2**63), 2**53 + 1, -62135596800 * 10**6 - 1]),
)
FLOATS = st.one_of(
    st.floats(), st.sampled_from([12.0, 2.0**63, -(2.0**63), 9007199254740992.0, -0.0])
)


DECIMALS = st.integers(-(10**19), 10**19).map(lambda n: Decimal(n).scaleb(-2))
PAIRS = st.lists(st.text(), min_size=2, max_size=2)
NESTED = st.lists(st.just(["a"]), max_size=2)


def never(_: Any) -> Any:
    return UNREAD


def listed(items: Any) -> Any:
    return [item if item is None else str(item) for item in items]


def utf8(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return UNREAD


def read_as(kind: str) -> Callable[[str], Any]:
    return lambda text: slow_reading.value(text, kind)


def since(unit: str) -> Callable[[int], Any]:
    return lambda count: moment(count, unit)


#: Column, Arrow type, values, and what the column says of each. Times are made of their counts.
ARROW: list[tuple[str, pa.DataType, st.SearchStrategy[Any], Any]] = [
    ("tokens_used", pa.int64(), INT64, int),
    ("tokens_used", pa.uint64(), st.integers(0, 2**64 - 1), whole),
    ("tokens_used", pa.int8(), st.integers(-128, 127), int),
    ("tokens_used", pa.float64(), FLOATS, whole),
    ("tokens_used", pa.float32(), st.floats(width=32), whole),
    ("tokens_used", pa.decimal128(20, 2), DECIMALS, whole),
    ("tokens_used", pa.string(), st.sampled_from(TEXTS), read_as("integer")),
    ("tokens_used", pa.bool_(), st.booleans(), never),
    ("tokens_used", pa.duration("us"), INT64, never),
    ("tokens_used", pa.date32(), st.integers(-(2**31), 2**31 - 1), never),
    ("tokens_used", pa.time64("us"), st.integers(0, 86_399_999_999), never),
    ("tokens_used", pa.timestamp("us"), INT64, never),
    ("latency_ms", pa.float64(), FLOATS, finite),
    ("latency_ms", pa.float16(), st.floats(width=16), finite),
    ("latency_ms", pa.int64(), INT64, float),
    ("latency_ms", pa.uint64(), st.integers(0, 2**64 - 1), float),
    ("latency_ms", pa.large_string(), st.sampled_from(TEXTS), read_as("number")),
    ("latency_ms", pa.duration("ms"), INT64, never),
    ("success", pa.bool_(), st.booleans(), bool),
    ("success", pa.int32(), st.integers(-1, 2), lambda n: bool(n) if n in {0, 1} else UNREAD),
    ("success", pa.string_view(), st.sampled_from(TEXTS), read_as("boolean")),
    *[
        ("timestamp", pa.timestamp(unit, zone), INT64, since(unit))
        for unit in ("ms", "us", "ns")
        for zone in (None, "UTC", "Asia/Tokyo", "+05:30")
    ],
    ("timestamp", pa.date32(), st.integers(-(2**31), 2**31 - 1), lambda n: moment(n * 86400, "s")),
    ("timestamp", pa.int64(), INT64, never),
    ("timestamp", pa.string(), st.sampled_from(TEXTS), read_as("timestamp")),
    ("model", pa.string(), st.text(), str),
    ("model", pa.large_string(), st.text(), str),
    ("model", pa.string_view(), st.text(), str),
    ("model", pa.binary(), st.binary(max_size=4), utf8),
    ("model", pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b"]), str),
    ("model", pa.int64(), INT64, str),
    ("model", pa.struct([("a", pa.int64())]), st.fixed_dictionaries({"a": INT64}), never),
    ("model", pa.map_(pa.string(), pa.string()), st.just([("k", "v")]), never),
    ("model", pa.null(), st.none(), never),
    *[
        ("techniques_applied", kind, st.lists(st.none() | st.text(max_size=3), max_size=3), listed)
        for kind in (
            pa.list_(pa.string()),
            pa.large_list(pa.large_string()),
            pa.list_(pa.dictionary(pa.int32(), pa.string())),
        )
    ],
    ("techniques_applied", pa.list_(pa.string(), 2), PAIRS, list),
    ("techniques_applied", pa.list_(pa.int64()), st.lists(st.none() | INT64, max_size=3), listed),
    ("techniques_applied", pa.list_(pa.list_(pa.string())), NESTED, lambda v: UNREAD if v else []),
    ("techniques_applied", pa.map_(pa.string(), pa.string()), st.just([]), never),
    ("techniques_applied", pa.string(), st.just('["a",1.10]'), lambda _: ["a", "1.10"]),
]  # fmt: skip


def array_of(values: list[Any], kind: pa.DataType) -> pa.Array:
    counted = pa.types.is_temporal(kind)
    width = pa.int32() if pa.types.is_date32(kind) else pa.int64()
    return pa.array(values, width).cast(kind) if counted else pa.array(values, kind)


@bounded
@given(data=st.data(), of=st.sampled_from(ARROW), batch=st.sampled_from([1, 3, 1000]))
def test_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Any, of: tuple[Any, ...], batch: int
) -> None:
    name, kind, values, expected = of
    given_values = data.draw(st.lists(st.none() | values, min_size=1, max_size=8))
    table = pa.table({name: array_of(given_values, kind), "Model ": pa.nulls(len(given_values))})
    path = tmp_path / "a.parquet"
    parquet.write_table(
        table,
        path,
        row_group_size=data.draw(st.sampled_from([2, 1000])),
        use_dictionary=data.draw(st.booleans()),
        store_schema=data.draw(st.booleans()) or pa.types.is_duration(kind),
        version=data.draw(st.sampled_from(["1.0", "2.6"])) if not _is_ns(kind) else "2.6",
    )
    monkeypatch.setattr(parquet_rows, "_BATCH_ROWS", batch)
    monkeypatch.setattr(parquet_rows, "_BATCH_BYTES", data.draw(st.sampled_from([1, 2**20])))

    found = read(
        ParquetRows(contract(), path, zipped=False, limits=LIMITS, folder=tmp_path), {name: ""}
    )

    said = {
        row: {name: None if value is None else expected(value)}
        for row, value in enumerate(given_values, 1)
    }
    assert_same(found, said)


def _is_ns(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.unit == "ns")


def test_json_may_be_nested_as_deep_as_the_docs_say(tmp_path: Path) -> None:
    """What Arrow reads of a line it reads however deep it is; Python has a limit."""
    lines = [
        f'{{"event_id": "a", "tokens_used": {number}, "x": {"[" * depth}{"]" * depth}}}\n'
        for number, depth in (('"12"', 800), ("12", 20_000), ('"12"', 20_000))
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(lines))
    reader = JsonLines(contract(), path, zipped=False, limits=LIMITS)
    found = read(reader, {"tokens_used": ""})
    assert found == {1: {"tokens_used": 12}, 2: {"tokens_used": 12}, 3: MALFORMED}


def test_times_of_the_old_kind_do_not_wrap(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    far = pa.array([253402300799 * 10**6, 0, None], pa.int64()).cast(pa.timestamp("us"))
    parquet.write_table(pa.table({"timestamp": far}), path, use_deprecated_int96_timestamps=True)
    reader = ParquetRows(contract(), path, zipped=False, limits=LIMITS, folder=tmp_path)
    found = [row["timestamp"] for row in read(reader, {"timestamp": ""}).values()]
    assert found == [datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), EPOCH, None]


def test_a_date_of_no_year_is_told() -> None:
    assert slow_reading.value("0000-01-01", "date") == UNREAD
    assert slow_reading.value("2026-01-31", "date") == date(2026, 1, 31)


@pytest.mark.parametrize(
    ("kind", "good", "text", "bad", "told"),
    [
        (pa.time32("s"), 86_399, "23:59:59", 86_400, "86400 s since midnight"),
        (pa.time32("ms"), 1, "00:00:00.001", -1, "-1 ms since midnight"),
        (pa.time64("us"), 0, "00:00:00.000000", 2**62, f"{2**62} us since midnight"),
        (pa.time64("ns"), 1, "00:00:00.000000001", -1, "-1 ns since midnight"),
        (pa.date32(), 1, "1970-01-02", 2**31 - 1, f"{2**31 - 1} days since 1970"),
        (pa.timestamp("s", "UTC"), 1, "1970-01-01 00:00:01Z", 2**60, f"{2**60} s since 1970"),
    ],
)
def test_a_time_of_no_clock_is_told_where_the_contract_wants_text(
    kind: pa.DataType, good: int, text: str, bad: int, told: str
) -> None:
    """Arrow's words for it would land as if they were the value."""
    times = pa.array([good, bad, None], kind)
    values, unread = fitted(times, contract().column("user_id"))
    assert values.to_list() == [text, None, None]
    assert unread.to_list() == [None, told, None]
    lists = pa.array([[good], [good, bad], None], pa.list_(kind))
    values, unread = fitted(lists, contract().column("techniques_applied"))
    assert values.to_list() == [[text], None, None]
    assert unread.to_list() == [None, f'["{text}", "{told}"]', None]


@pytest.mark.parametrize(
    ("name", "kind", "value", "text"),
    [
        (
            "model",
            pa.struct([("on", pa.date32()), ("by", pa.string())]),
            {"on": date(2026, 1, 31), "by": "größe"},
            '{"on": "2026-01-31", "by": "größe"}',
        ),
        ("model", pa.struct([("raw", pa.binary())]), {"raw": b"\xff"}, '{"raw": "b\'\\\\xff\'"}'),
        ("model", pa.map_(pa.string(), pa.int64()), [("k", 1)], '[["k", 1]]'),
        ("model", pa.binary(2), b"ab", "ab"),
        ("model", pa.binary(2), b"a\xff", "\"b'a\\\\xff'\""),
        (
            "model",
            pa.struct([("at", pa.timestamp("us"))]),
            {"at": 2**62},
            "(a value of type struct<at: timestamp[us]> that has no text)",
        ),
        ("techniques_applied", pa.list_(pa.list_(pa.string())), [["größe"]], '[["größe"]]'),
        ("tokens_used", pa.duration("ms"), 7_000, "7000 ms"),
        ("tokens_used", pa.month_day_nano_interval(), (1, 2, 3), "[1, 2, 3]"),
        ("tokens_used", pa.float64(), 12.5, "12.5"),
        ("latency_ms", pa.float64(), math.nan, "NaN"),
        ("latency_ms", pa.float32(), -math.inf, "-inf"),
        ("tokens_used", pa.bool_(), True, "true"),
        ("success", pa.int64(), 5, "5"),
    ],
)
def test_what_is_no_value_of_its_column_is_told_as_the_file_has_it(
    name: str, kind: pa.DataType, value: Any, text: str
) -> None:
    values, unread = fitted(pa.array([value, None], kind), contract().column(name))
    assert values.to_list() == [None, None]
    assert unread.to_list() == [text, None]


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        (pa.binary(), pa.binary()),
        (pa.binary(), pa.string()),
        (pa.large_binary(), pa.large_binary()),
        (pa.large_binary(), pa.large_string()),
        (pa.binary_view(), pa.binary_view()),
    ],
)
def test_bytes_that_are_no_text_spoil_no_other_row(stored: pa.DataType, kind: pa.DataType) -> None:
    """Some tools write the bytes they were given, and call the column a text."""
    raws = ["größe".encode(), b"caf\xe9", None, b"12"]
    column = pa.array(raws, stored).view(kind)
    values, unread = fitted(column, contract().column("model"))
    assert values.to_list() == ["größe", None, None, "12"]
    assert unread.to_list() == [None, "caf\\xe9", None, None]
    lists = pa.ListArray.from_arrays(pa.array([0, 2, 4], pa.int32()), column)
    values, unread = fitted(lists, contract().column("techniques_applied"))
    assert values.to_list() == [None, [None, "12"]]
    assert [one is None for one in unread] == [False, True]
