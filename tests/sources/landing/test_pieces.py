"""Large files are read in pieces: wherever these end, the rows are those of one piece."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from chimera_assets.lake import Lake
from chimera_assets.sources.landing import csv_lines, loading, parquet, text
from chimera_assets.sources.landing import json_lines as json_module
from tests.sources.landing.conftest import LIMITS, Landing, contract, event, json_lines

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = "event_id,timestamp,model,tokens_used,created_at\n"


def csv_file() -> bytes:
    """Fields in quotes, over several lines, with letters of several bytes; lines that are none."""
    moment = "2026-01-31T05:00:00Z"
    rows = [
        f'a-{n},{moment},"a, ""b"" 張偉\nline {n}\r\nlast",{n},{moment}'
        if n % 5 == 0
        else f"a-{n},{moment},größe {n},{n},{moment}"
        for n in range(40)
    ]
    rows[7] = "short"
    rows[13] = f'a-13,{moment},"open,13,{moment}'
    rows[20:20] = ["", "   "]
    return ("\ufeff" + HEADER + "\n".join(rows)).encode()


def json_file() -> bytes:
    rows = [json.dumps(event(n, model=f"größe 張偉 {n}"), ensure_ascii=False) for n in range(30)]
    rows[3] = rows[3][:-5]  # torn
    rows[9] = json.dumps(event(9, tokens_used="many"))
    rows[17:17] = ["", "[]", "\t"]
    return "\r\n".join(rows).encode()


def lookalike(landing: Landing, tmp_path: Path, name: str) -> Landing:
    """Another lake that takes the very same files."""
    return Landing(landing.root, Lake(str(tmp_path / name)))


def seen(landing: Landing) -> tuple[list[dict[str, Any]], list[tuple[str, int, int]]]:
    """The rows with their lines, and what the log says of the files."""
    taken = landing.take()
    rows = landing.rows().drop("_ingested_at", "_batch_id", strict=False).to_dicts()
    return rows, sorted((one.state, one.rows, one.malformed) for one in taken.entries)


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.jsonl.gz"])
@pytest.mark.parametrize("size", [7, 64, 301])  # the mark of UTF-8 is never cut
def test_a_text_is_the_same_wherever_its_pieces_end(
    landing: Landing, tmp_path: Path, name: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.drop(name, csv_file() if ".csv" in name else json_file())
    whole = seen(landing)
    monkeypatch.setattr(text, "PIECE_BYTES", size)

    assert seen(lookalike(landing, tmp_path, "pieces")) == whole

    rows, ((state, count, malformed),) = whole
    assert (state, count, malformed) == (("taken", 40, 2) if ".csv" in name else ("taken", 31, 2))
    assert len(rows) == count


def test_a_file_of_a_single_line_that_fills_its_piece(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With and without an end of its last line, which is then at the end of a piece."""
    line = json_lines([event(1)])
    landing.drop("with.jsonl", line * 3)
    landing.drop("without.jsonl", (line * 3)[:-1])
    whole = seen(landing)
    for size in (len(line) - 1, len(line), len(line) + 1, 3 * len(line) - 1, 3 * len(line)):
        monkeypatch.setattr(text, "PIECE_BYTES", size)
        assert seen(lookalike(landing, tmp_path, f"of {size}")) == whole
    assert whole[1] == [("taken", 3, 0)] * 2


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_line_may_be_as_long_as_a_line_may_be(
    landing: Landing, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = event(1, model="m" * 400)
    content = pl.DataFrame([long]).write_csv().encode() if ending == "csv" else json_lines([long])
    landing.drop(f"a.{ending}", content)
    longest = max(map(len, content.splitlines(keepends=True)))
    for module in (text, csv_lines, json_module):
        monkeypatch.setattr(module, "LINE_BYTES", longest, raising=False)
    monkeypatch.setattr(text, "PIECE_BYTES", 16)
    assert seen(lookalike(landing, tmp_path, "fits"))[1] == [("taken", 1, 0)]
    for module in (text, csv_lines, json_module):
        monkeypatch.setattr(module, "LINE_BYTES", longest - 32, raising=False)
    (row,), said = seen(landing)
    assert said == [("corrupt", 1, 0)]
    assert "a line of more than" in row["_unreadable"]


def test_a_record_has_as_many_lines_as_it_may_and_no_more(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(key: str, lines: int) -> str:
        field = "\n".join(["x"] * lines)
        return f'{key},2026-01-31T05:00:00Z,"{field}",1,2026-01-31T05:00:00Z\n'

    monkeypatch.setattr(csv_lines, "RECORD_LINES", 4)
    landing.drop(
        "a.csv", (HEADER + record("four", 4) + record("five", 5) + record("one", 1)).encode()
    )
    rows, ((_, count, malformed),) = seen(landing)
    keys = [row["event_id"] for row in rows if row["event_id"] is not None]
    assert keys == ["four", "one"]
    assert (count, malformed) == (7, 5)
    monkeypatch.setattr(text, "PIECE_BYTES", 10)
    assert seen(lookalike(landing, tmp_path, "pieces"))[0] == rows


def test_a_parquet_file_of_several_row_groups_is_read_in_parts_of_them(
    landing: Landing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pl.DataFrame([event(n, tokens_used=str(n) if n % 7 else "many") for n in range(50)])
    for name, options in (("a", {"row_group_size": 9}), ("b", {})):
        made = tmp_path / f"{name}.parquet"
        frame.write_parquet(made, **options)
        landing.drop(f"{name}.parquet", made.read_bytes())
        landing.drop(f"{name}z.parquet.gz", made.read_bytes())
    whole = seen(landing)
    assert [row["_line"] for row in whole[0]] == [*range(1, 51)] * 4
    for rows in (1, 4, 9, 49, 50):
        monkeypatch.setattr(parquet, "_BATCH_ROWS", rows)
        assert seen(lookalike(landing, tmp_path, f"of {rows}")) == whole


def test_texts_that_parquet_holds_once_for_many_rows_are_read_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_BATCH_BYTES", 9_000)
    long, count = "m" * 1_000, 64
    for name, values in (("model", [long] * count), ("techniques_applied", [[long]] * count)):
        path = tmp_path / "a.parquet"
        made = pa.table({"event_id": [f"e-{n}" for n in range(count)], name: values})
        pq.write_table(made, path, use_dictionary=[name, f"{name}.list.element"])
        parts = list(
            parquet.ParquetRows(contract(), path, zipped=False, limits=LIMITS, folder=tmp_path)
        )
        assert [part.rows.height for part in parts] == [8] * 8
        rows = pl.concat(part.rows for part in parts)
        assert rows["_line"].to_list() == [*range(1, count + 1)]
        assert rows["event_id"].to_list() == made["event_id"].to_pylist()
        assert rows[name].to_list() == values


@pytest.mark.parametrize(
    ("most", "groups"), [(1, [1, 1, 1, 1, 1]), (2.0, [2, 2, 1]), (2.9, [2, 2, 1]), (9, [5])]
)
def test_files_are_committed_in_groups_that_each_land_once(
    landing: Landing, most: float, groups: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is larger than a group has one for itself."""
    for file in range(5):
        landing.drop(f"{file}.jsonl", json_lines(event(10 * file + n) for n in range(10, 20)))
    size = Path(landing.root, "generations", "0.jsonl").stat().st_size
    monkeypatch.setattr(loading, "COMMIT_BYTES", int(most * size) if most > 1 else 1)

    taken = landing.take()

    assert sorted(landing.rows()["event_id"]) == sorted(f"e-{n}" for n in range(10, 60))
    table = landing.lake.table("landing", "generations")
    loads = [one for one in table.history() if one.get("chimera.write") == "append"]
    assert len(loads) == len(groups)
    assert taken.version == table.version()
    assert taken.hours == {"2026-01-31-05:00"}
    assert [entry.rows for entry in taken.entries] == [10] * 5
    assert landing.take().entries == []


def test_what_landed_before_a_later_group_failed_stays_and_comes_no_more(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in range(3):
        landing.drop(f"{file}.jsonl", json_lines([event(file)]))
    monkeypatch.setattr(loading, "COMMIT_BYTES", 1)
    really: Callable[..., Any] = loading.commit_files

    def fails_for_the_second(*given: Any, **how: Any) -> Any:
        if given[2][0].entry.uri.endswith("1.jsonl"):
            message = "the disk is full"
            raise OSError(message)
        return really(*given, **how)

    monkeypatch.setattr(loading, "commit_files", fails_for_the_second)
    with pytest.raises(OSError, match="the disk is full"):
        landing.take()
    assert landing.rows()["event_id"].to_list() == ["e-0"]
    monkeypatch.setattr(loading, "commit_files", really)
    assert len(landing.take().entries) == 2
    assert sorted(landing.rows()["event_id"]) == ["e-0", "e-1", "e-2"]


def test_a_gzip_file_of_several_members_is_one(landing: Landing) -> None:
    parts = [gzip.compress(json_lines([event(n)])) for n in range(3)]
    uri = landing.drop("a.jsonl.gz", b"")
    Path(uri).write_bytes(b"".join(parts))
    os.utime(uri, (1_700_000_000,) * 2)
    assert seen(landing)[1] == [("taken", 3, 0)]
