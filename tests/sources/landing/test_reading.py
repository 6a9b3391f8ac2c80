"""What is in a file: values, values that are none, lines that are none, files that are none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chimera_assets.contracts import Column
from chimera_assets.sources import exact_json
from chimera_assets.sources.landing.csv_lines import CsvLines
from chimera_assets.sources.landing.damage import CorruptFile
from chimera_assets.sources.landing.json_lines import JsonLines
from chimera_assets.sources.landing.text import SHOWN_BYTES, shown
from chimera_assets.sources.text_values import read_array, read_texts
from tests.sources.landing.conftest import LIMITS, Landing, contract, event, json_lines

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract


def column(kind: str) -> Column:
    return Column("value", kind, required=False, description="", classification="L1")


def reported(row: dict[str, Any]) -> dict[str, Any]:
    unreadable: dict[str, Any] = json.loads(row["_unreadable"])
    return unreadable


@pytest.mark.parametrize(
    ("kind", "texts"),
    [
        ("integer", {"12": 12, " 12 ": 12, "12.0": 12, "1e3": 1000, "12.5": None, "abc": None,
                     "9223372036854775807": 2**63 - 1, "9223372036854775808": None}),
        ("number", {"1.5": 1.5, "-2": -2.0, "1e-3": 0.001, "1,5": None, "": None}),
        ("boolean", {"true": True, "FALSE": False, "t": True, "f": False, "1": True, "0": False,
                     "yes": None}),
        ("date", {"2026-01-31": datetime(2026, 1, 31).date(), "31.01.2026": None}),  # noqa: DTZ001
        ("array<string>", {'["a","b"]': ["a", "b"], "{a,b}": ["a", "b"], "{}": [], "[]": [],
                           '{"a, b",NULL}': ["a, b", None], "a,b": None, "[[1]]": None}),
    ],
)  # fmt: skip
def test_texts_as_values(kind: str, texts: dict[str, Any]) -> None:
    assert read_texts(column(kind), pl.Series(list(texts))).to_list() == list(texts.values())


@pytest.mark.parametrize("with_odd_ones", [False, True])
def test_times_with_and_without_a_zone(*, with_odd_ones: bool) -> None:
    moment = datetime(2026, 1, 31, 5, 0, 1, 123456, tzinfo=UTC)
    texts = {
        "2026-01-31T05:00:01.123456Z": moment,
        "2026-01-31T05:00:01.1234567Z": moment,
        "2026-01-31 05:00:01.123456999": moment,
        "2026-01-31T07:30:01.123456+02:30": moment,
        "2026-01-31T05:00:01.123456+0000": moment,
        "2026-01-31 04:00:01.123456-01": moment,
        "2026-01-31T05:00Z": moment.replace(second=0, microsecond=0),
        "2026-01-31": moment.replace(hour=0, second=0, microsecond=0),
        "2024-02-29T23:59:59": datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC),
    }
    if with_odd_ones:
        texts |= dict.fromkeys(["infinity", "2026-02-29T00:00:00Z", "31/01/2026", "", "20260131"])
    for text, expected in texts.items():
        assert read_texts(column("timestamp"), pl.Series([text])).to_list() == [expected], text
    assert read_texts(column("timestamp"), pl.Series(list(texts))).to_list() == list(texts.values())


def test_a_value_of_another_type_keeps_its_text_and_its_row(landing: Landing) -> None:
    header = "event_id,timestamp,success,tokens_used,techniques_applied,latency_ms,colour\n"
    body = (
        'good,2026-01-31T05:00:00Z,t,12.0,"{a,b}",1.5,red\n'
        'bad,2026-01-31T05:00:00Z,maybe,abc,"a,b",fast,red\n'
        "empty,,,,,,\n"
    )
    file = landing.drop("a.csv", b"\xef\xbb\xbf" + (header + body).replace("\n", "\r\n").encode())
    rows = [
        event(1, success="maybe", tokens_used="abc", techniques_applied="a", latency_ms=[1]),
        event(2, tokens_used="12", user_id=7, techniques_applied=["x"]),
        event(3, created_at="infinity", timestamp=None, tokens_used=12.5),
    ]
    landing.drop("b.jsonl", json_lines(rows))

    taking = landing.take()

    assert taking.unknown == {"colour"}
    good, bad, empty, first, second, third = landing.rows().iter_rows(named=True)
    assert good["_unreadable"] is None
    assert (good["tokens_used"], good["techniques_applied"]) == (12, ["a", "b"])
    assert reported(bad) == {
        "success": "maybe",
        "tokens_used": "abc",
        "techniques_applied": "a,b",
        "latency_ms": "fast",
        "_file": file,
        "_line": 3,
    }
    assert (bad["event_id"], bad["tokens_used"]) == ("bad", None)
    assert empty["_unreadable"] is None
    # What does not tell its arrival arrived with its file.
    arrived = taking.entries[0].modified
    assert [row["created_at"] for row in (good, bad, empty)] == [arrived] * 3
    assert (empty["hour_partition"], empty["hour"]) == (arrived.date(), arrived.hour)
    assert {name: reported(first)[name] for name in ("success", "tokens_used")} == {
        "success": "maybe",
        "tokens_used": "abc",
    }
    assert (second["tokens_used"], second["user_id"], second["_unreadable"]) == (12, "7", None)
    assert (third["created_at"], third["hour"]) == (None, taking.entries[1].modified.hour)
    assert reported(third)["created_at"] == "infinity"


def test_a_parquet_file_in_other_types(landing: Landing) -> None:
    frame = pl.DataFrame(
        {
            "event_id": pl.Series(["a", "b"], dtype=pl.Categorical),
            "timestamp": [datetime(2026, 1, 31, 5, 0, 0, 123456)] * 2,  # noqa: DTZ001
            "created_at": ["2026-01-31T05:00:01Z", "soon"],
            "tokens_used": [12.0, 12.5],
            "success": [1, 5],
            "prompt_length": pl.Series([1, 2], dtype=pl.UInt8),
        }
    ).with_columns(pl.col("timestamp").cast(pl.Datetime("ns")))
    path = Path(landing.root).with_suffix(".parquet")
    frame.write_parquet(path)
    landing.drop("a.parquet", path.read_bytes())

    landing.take()

    fine, odd = landing.rows().iter_rows(named=True)
    assert (fine["event_id"], fine["tokens_used"], fine["success"]) == ("a", 12, True)
    assert fine["timestamp"] == datetime(2026, 1, 31, 5, 0, 0, 123456, tzinfo=UTC)
    texts = {name: reported(odd)[name] for name in ("created_at", "tokens_used", "success")}
    assert texts == {"created_at": "soon", "tokens_used": "12.5", "success": "5"}


def test_a_malformed_line_is_kept_with_its_place_while_the_rest_goes_on(landing: Landing) -> None:
    lines = [json.dumps(event(n)).encode() for n in range(3)]
    broken = [b'{"event_id": "x"', b"[1]", b'{"event_id": "\xff"}', b"{} {}"]
    file = landing.drop("a.jsonl", b"\n".join([lines[0], *broken, b"", lines[1], lines[2]]))
    csv = (
        b'event_id,tokens_used,model\na,1,m\nshort\nb,2,"open\nc,3,"two\nlines"\n\xff,4,m\nd,5,m\n'
    )
    landing.drop("b.csv", csv)

    entries = landing.take().entries

    assert [(entry.rows, entry.malformed) for entry in entries] == [(7, 4), (6, 3)]
    rows = landing.rows()
    assert rows["event_id"].drop_nulls().to_list() == ["e-0", "e-1", "e-2", "a", "c", "d"]
    bad = [reported(row) for row in rows.iter_rows(named=True) if row["event_id"] is None]
    assert bad[0] == {
        "_rule": "malformed_line",
        "_text": '{"event_id": "x"',
        "_file": file,
        "_line": 2,
    }
    assert [(one["_line"], one["_text"]) for one in bad[1:]] == [
        (3, "[1]"),
        (4, '{"event_id": "\\xff"}'),
        (5, "{} {}"),
        (3, "short"),
        (4, 'b,2,"open'),
        (7, "\\xff,4,m"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("a.parquet", b"PAR1 nonsense PAR1", "it is not a readable Parquet file"),
        ("a.parquet", b"nonsense", "the Parquet file has no footer"),
        ("a.csv", b"", "expected a header, found an empty file"),
        ("a.csv", b"1,2,3\n4,5,6\n", "expected a header with columns of generations"),
        ("a.csv", b"event_id,event_id\n1,2\n", "its header names event_id twice"),
        ("a.csv", "event_id\nx\n".encode("utf-16"), "expected UTF-8, found UTF-16"),
        ("a.jsonl", b'{"colour": 1}\n{"colour": 2}\n', "no line is a JSON object with a column"),
        ("a.jsonl", b"once upon\na time\n", "no line is a JSON object with a column"),
    ],
)
def test_a_corrupt_file_is_one_row_that_says_why(
    landing: Landing, name: str, content: bytes, why: str
) -> None:
    file = landing.drop(name, content)
    (entry,) = landing.take().entries
    assert (entry.state, entry.rows) == ("corrupt", 1)
    assert entry.why is not None
    assert entry.why.startswith(why)
    (row,) = landing.rows().iter_rows(named=True)
    assert reported(row) == {"_rule": "corrupt_file", "_why": entry.why, "_file": file}


@pytest.mark.parametrize("content", [b"", b"\n", b" \n\t\r\n\n"])
def test_a_file_of_no_lines_is_whole_and_has_no_rows(landing: Landing, content: bytes) -> None:
    """A tool that had nothing to write wrote that."""
    landing.drop("a.jsonl", content)
    (entry,) = landing.take().entries
    assert (entry.state, entry.rows, entry.malformed, entry.why) == ("taken", 0, 0, None)


def _readable(
    contract: Contract, path: Any, *, csv: bool
) -> tuple[list[str], list[int], list[int]]:
    """Keys read, their lines, and the lines that are malformed."""
    reader = (CsvLines if csv else JsonLines)(contract, path, zipped=False, limits=LIMITS)
    keys: list[str] = []
    lines: list[int] = []
    malformed: list[int] = []
    for parsed in reader:
        keys += parsed.rows["event_id"].to_list()
        lines += parsed.rows["_line"].to_list()
        malformed += [number for number, _ in parsed.malformed]
    return keys, lines, malformed


DAMAGE = st.tuples(
    st.integers(0, 59),
    st.integers(0, 200),
    st.sampled_from([b'"', b"{", b"}", b",", b"\xff", b"\n", b"\x00", b"", b"\\", b"]"]),
)


@settings(max_examples=60)
@given(damages=st.lists(DAMAGE, max_size=12), csv=st.booleans())
def test_every_line_of_a_damaged_file_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory,
    damages: list[tuple[int, int, bytes]],
    *,
    csv: bool,
) -> None:
    rows = [event(n, user_id="a, b" if n % 3 else None) for n in range(60)]
    text = pl.DataFrame(rows).write_csv().encode() if csv else json_lines(rows)
    lines = text.splitlines(keepends=True)
    touched: set[int] = set()
    header = int(csv)
    for at, place, what in damages:
        line = lines[at + header]
        cut = place % (len(line) - 1) if len(line) > 1 else 0
        lines[at + header] = line[:cut] + what + line[cut + 1 :]
        touched.add(at)
    damaged = b"".join(lines)
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(damaged)

    try:
        keys, numbers, malformed = _readable(contract(), path, csv=csv)
    except CorruptFile:
        pytest.fail("one good line makes a file worth reading")

    total = [n for n, line in enumerate(damaged.split(b"\n"), 1) if line.strip() and n > header]
    covered = sorted(numbers + malformed)
    assert len(set(covered)) == len(covered)
    assert set(covered) <= set(total)
    if csv:
        # A quoted field may go on in further lines; all others begin a record or are malformed.
        missing = set(total) - set(covered)
        assert not missing or any(b'"' in lines[at + header] for at in touched)
    else:
        assert covered == total
        untouched = {f"e-{n}" for n in range(60)} - {f"e-{n}" for n in touched}
        assert untouched <= set(keys)


def test_arrays_nobody_wrote_by_hand() -> None:
    assert read_array('{"a\\"b","c\\\\d"}') == ['a"b', "c\\d"]
    assert read_array("{a,}") is None
    assert read_array("[1, null, true]") == ["1", None, "true"]


def test_of_a_long_line_the_beginning_is_shown() -> None:
    most = SHOWN_BYTES
    assert shown(b"a\xff\r\n") == "a\\xff"
    assert shown(b"a\r") == "a"
    assert shown(b"x" * most + b"\n") == "x" * most
    assert shown(b"x" * (most + 1)) == f"{'x' * most}... ({most + 1:,} bytes)"


def test_json_keeps_its_numbers_as_they_are_written() -> None:
    document = '{"a":[1.50,1e400,true,null,"caf\\u00e9 \\"q\\""],"b":{"a":-0}}'
    written = '{"a":[1.50,1e400,true,null,"café \\"q\\""],"b":{"a":-0}}'
    assert exact_json.as_written(exact_json.decoded(document)) == written
