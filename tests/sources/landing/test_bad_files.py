"""One bad file never stops a stream: it is told, and the others land."""

from __future__ import annotations

import gzip
import json
import os
import socket
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from chimera_assets.lake.storage import is_s3
from chimera_assets.settings import get_settings
from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.landing import (
    Place,
    landing_state,
    limits,
    rows,
    shown_name,
    spooled_file,
    text,
)
from chimera_assets.sources.landing import parquet as parquet_rows
from tests.sources.landing.conftest import Landing, contract, event, json_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.sources.landing import Loaded

#: Of others, and perhaps not there.
CASES = Path(__file__).parents[4] / "shared" / "cases"
OURS = ("01", "02", "03", "04", "05", "06", "07", "09", "10", "11", "17")


def told(row: dict[str, Any]) -> dict[str, Any]:
    unreadable: dict[str, Any] = json.loads(row["_unreadable"] or "{}")
    return unreadable


def whys(loaded: Loaded) -> dict[str, str | None]:
    return {Path(entry.uri).name: entry.why for entry in loaded.entries}


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not on this machine")
def test_cases_of_others(landing: Landing) -> None:
    for case in sorted(CASES.iterdir()):
        if case.name.startswith(OURS):
            for file in case.iterdir():
                landing.drop(f"{case.name}/{file.name}", file.read_bytes())

    loaded = landing.take()

    assert len(loaded.entries) == len(OURS)
    landed = {row["event_id"]: row for row in landing.rows().iter_rows(named=True)}
    by_line = [told(row).get("_text") for row in landing.rows().iter_rows(named=True)]
    malformed = [text for text in by_line if text is not None]
    assert len(malformed) == 2
    assert landed["dup1"]["tokens_used"] == 2  # 02
    assert "esc1" in malformed[0]  # 03
    for key in ("inf1", "inf2"):  # 04
        assert "since 1970" in told(landed[key])["timestamp"]
        assert (landed[key]["timestamp"], landed[key]["hour"]) == (None, 10)
    assert landed["inf3"]["_unreadable"] is None
    assert "cr1" in malformed[1]  # 05
    assert landed["cr2"]["_unreadable"] is None
    assert landed["name1"]["_file"].endswith("generations-caf\\xe9.jsonl")  # 06
    corrupt = [entry for entry in loaded.entries if entry.state == "corrupt"]
    assert {Path(entry.uri).parent.name[:2]: entry.why for entry in corrupt} == {
        "01": "no line is a JSON object with a column of generations",
        "07": "it has the column model twice",
    }
    assert told(landed["ep1"])["_rule"] == "no_hour"  # 09
    assert landed["ep1"]["hour_partition"].year == 2026
    assert landed["fr1"]["tokens_used"] == 9007199254740993  # 10
    assert "techniques_applied" in told(landed["map1"])  # 11
    assert told(landed["d1"])["latency_ms"] == "7000 us"  # 17


class Broken(BaseException):
    """What a reader of another language throws when it panics is no ordinary error."""


ERRORS = [KeyError("x"), IndexError(), UnicodeEncodeError("utf-8", "", 0, 1, "x"), MemoryError()]
ERRORS += [OverflowError(), RecursionError(), pa.ArrowKeyError("my secret")]


@pytest.mark.parametrize("error", [*ERRORS, pl.exceptions.PanicException("my secret")])
def test_any_error_of_a_reader_is_its_files(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    landing.drop("bad.jsonl", json_lines([event(1)]))
    landing.drop("good.jsonl", json_lines([event(2)]))
    completed = rows.complete

    def complete(parsed: Any, contract: Any, uri: str, *others: Any) -> Any:
        if "bad" in uri:
            raise error
        return completed(parsed, contract, uri, *others)

    monkeypatch.setattr(spooled_file, "complete", complete)

    loaded = landing.take()

    said = f"it cannot be read: its reader ended with {type(error).__name__}"
    assert whys(loaded) == {"bad.jsonl": said, "good.jsonl": None}


def test_what_the_machine_lacks_still_stops_a_load(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.drop("a.jsonl", json_lines([event(1)]))

    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spooled_file, "complete", full)
    with pytest.raises(OSError, match="No space"):
        landing.take()


def test_what_is_no_file_is_told_and_passed_over(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.drop("good.jsonl", json_lines([event(1)]))
    folder = Path(landing.root, "generations")
    os.mkfifo(folder / "fifo.csv")
    monkeypatch.chdir(folder)  # a socket's whole path may be too long for one
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s.csv")
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    (folder / "lost.csv").symlink_to(folder / "nothing")
    (folder / "null.csv").symlink_to("/dev/null")
    (folder / "above").symlink_to(folder)
    (folder / "folder.csv").mkdir()

    landing.drop("folder.csv/part.jsonl", json_lines([event(2)]))

    loaded = landing.take()

    assert sorted(whys(loaded)) == ["good.jsonl", "part.jsonl"]
    state = landing_state(landing.lake, Place(landing.root), "generations")
    assert {Path(path).name: what for path, what in state.no_files.items()} == {
        "fifo.csv": "a FIFO",
        "s.csv": "a socket",
        "loop.csv": "a link that leads nowhere",
        "lost.csv": "a link that leads nowhere",
        "null.csv": "a device",
        "above": "a link to a folder",
    }


def test_a_link_out_of_the_landing_folder_is_not_followed(landing: Landing, tmp_path: Path) -> None:
    """Who may drop files is not to have read whatever the platform may read."""
    secret = tmp_path / "elsewhere" / "secret.jsonl"
    secret.parent.mkdir()
    secret.write_bytes(json_lines([event(1)]))
    os.utime(secret, (0, 0))
    folder = Path(landing.root, "generations")
    folder.mkdir(parents=True)
    (folder / "planted.jsonl").symlink_to(secret)
    planted_later = landing.drop("later.jsonl", json_lines([event(2)]))
    Path(landing.root, "jailbreak_tests").symlink_to(secret.parent)

    class Changing(Place):
        def fetch(self, file: Any, into: Path) -> Path:
            Path(planted_later).unlink()
            Path(planted_later).symlink_to(secret)
            return super().fetch(file, into)

    loaded = landing.take(Changing(landing.root))

    assert loaded.entries == []
    assert loaded.waits == {planted_later: "a link out of the landing folder"}
    place = Place(landing.root)
    told = place.no_files("generations") | place.no_files("jailbreak_tests")
    assert {Path(path).name: what for path, what in told.items()} == dict.fromkeys(
        ("planted.jsonl", "later.jsonl", "jailbreak_tests"), "a link out of the landing folder"
    )
    assert place.files("jailbreak_tests") == []


def test_links_within_the_landing_folder_are_files(landing: Landing, tmp_path: Path) -> None:
    """As Kubernetes mounts a volume's files; the landing folder may be a link itself."""
    landing.drop("..2026_01_31/mounted.jsonl", json_lines([event(1)]))
    folder = Path(landing.root, "generations")
    (folder / "..data").symlink_to("..2026_01_31")
    (folder / "mounted.jsonl").symlink_to("..data/mounted.jsonl")
    linked = tmp_path / "linked"
    linked.symlink_to(landing.root)

    loaded = landing.take(Place(str(linked)))

    assert sorted(whys(loaded)) == ["mounted.jsonl"]
    assert Place(str(linked)).no_files("generations") == {}


def test_a_file_that_goes_between_listing_and_reading_is_left(landing: Landing) -> None:
    gone = landing.drop("gone.jsonl", json_lines([event(1)]))
    landing.drop("good.jsonl", json_lines([event(2)]))
    refused = landing.drop("refused.jsonl", json_lines([event(3)]))

    class Changing(Place):
        def fetch(self, file: Any, folder: Path) -> Path:
            if file.uri == gone:
                Path(gone).unlink()
            if file.uri == refused:  # a folder in its place: opening it is refused to anybody
                Path(refused).unlink()
                Path(refused).mkdir()
            return super().fetch(file, folder)

    loaded = landing.take(Changing(landing.root))

    assert list(whys(loaded)) == ["good.jsonl"]
    assert loaded.waits[gone] == "is gone, or was written again"
    assert loaded.waits[refused] == "cannot be read (Is a directory)"


def test_a_landing_place_that_is_none_is_still_an_error(landing: Landing) -> None:
    Path(landing.root).mkdir(parents=True)
    Path(landing.root, "generations").symlink_to(Path(landing.root, "generations"))
    with pytest.raises(SourceError, match="cannot be listed"):
        list(Place(landing.root).files("generations"))


ODD_NAMES = [
    "a\nb.jsonl", "tab\there.jsonl", "100%25 #1?x=y&z.jsonl", "  spaces  .jsonl",
    "\U0001f600.jsonl", "A.jsonl", "a.jsonl", "a..jsonl", "UPPER.JSONL",
    "caf\u00e9.jsonl", "cafe\u0301.jsonl",
    "back\\slash.jsonl", "quote\"'.jsonl", "[x]{y}.jsonl", "\u202egnp.jsonl", "+.jsonl",
    "x" * 240 + ".jsonl", "a=b/hour_partition=2026-01-01/part.jsonl", "\x1b[31mred.jsonl",
]  # fmt: skip


def test_odd_names(anywhere: Landing) -> None:
    assert unicodedata.normalize("NFC", "cafe\u0301") == "caf\u00e9"
    # moto finds no address in which an object of a name with a line end could lie.
    odd = [name for name in ODD_NAMES if "\n" not in name or not is_s3(anywhere.root)]
    for number, name in enumerate(odd):
        anywhere.drop(name, json_lines([event(number)]))
    if is_s3(anywhere.root):
        anywhere.drop("very/" * 150 + "y" * 200 + ".csv", b"event_id\nlong\n")
    else:
        latin = os.fsdecode(b"caf\xe9.jsonl")
        anywhere.drop(latin, json_lines([event(99)]))

    loaded = anywhere.take()

    names = {uri.removeprefix(f"{anywhere.root}/generations/") for uri in anywhere.rows()["_file"]}
    assert set(odd) - names == set()
    assert [entry.why for entry in loaded.entries] == [None] * (len(odd) + 1)
    assert anywhere.rows().height == len(odd) + 1
    assert is_s3(anywhere.root) or "caf\\xe9.jsonl" in names
    assert anywhere.take().entries == []


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        (
            "a.csv",
            (",".join(f"c{n}" for n in range(200)) + ",model\n").encode(),
            "it has 201 columns; a file may have 100",
        ),
        ("a.jsonl", b'{"model":"' + b"x" * 3000 + b'"}\n', "has a line of more than"),
        ("a.jsonl", b"{}\n" * 60, "has more than 50 rows; see CHIMERA_LANDING_MAX_ROWS"),
        ("a.csv", b"model\n" + b"\n" * 60, "has more than 50 rows; see CHIMERA_LANDING_MAX_ROWS"),
        ("a.jsonl.gz", b"\n" * 2**21, "unpacks to more than 1 MiB"),
        ("a.csv.gz", b"model\n" + b"x" * 2**21, "unpacks to more than 1 MiB"),
    ],
)
def test_a_file_beyond_a_limit_names_it(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, why: str
) -> None:
    monkeypatch.setattr(limits, "COLUMNS", 100)
    if "line" in why:
        monkeypatch.setattr(text, "LINE_BYTES", 1000)
        monkeypatch.setattr(text, "PIECE_BYTES", 500)
    monkeypatch.setenv("CHIMERA_LANDING_MAX_ROWS", "50" if "rows" in why else "10000000")
    monkeypatch.setenv("CHIMERA_LANDING_MAX_UNPACKED_MIB", "1")
    get_settings.cache_clear()
    landing.drop(name, content)
    landing.drop("good.jsonl", json_lines([event(1)]))

    found = whys(landing.take())

    assert found.pop("good.jsonl") is None
    assert why in str(found[name])


def table_of(**columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lambda: table_of(**{f"c{n}": [1] for n in range(200)}, model=["m"]), "has 201 columns"),
        (lambda: table_of(model=["m"] * 60), "has more than 50 rows"),
        (lambda: table_of(techniques_applied=[["a"] * 60]), "has more than 50 rows"),
        (lambda: table_of(model=["x" * 2**21]), "unpacks to more than 1 MiB"),
        (lambda: table_of(model=["x" * 900_000]), "the column model of a row group unpacks to"),
        (lambda: table_of(techniques_applied=[["x" * 900_000]]), "column techniques_applied of a"),
        (
            lambda: table_of(model=["m"] * 41, techniques_applied=[["a"]] * 41),
            "the column techniques_applied of a row group unpacks to more than 40 items",
        ),
    ],
)
def test_a_parquet_file_beyond_a_limit_names_it(
    landing: Landing, monkeypatch: pytest.MonkeyPatch, content: Callable[[], bytes], why: str
) -> None:
    monkeypatch.setattr(limits, "COLUMNS", 100)
    monkeypatch.setattr(parquet_rows, "_CHUNK_BYTES", 500_000)
    monkeypatch.setattr(parquet_rows, "_CHUNK_ITEMS", 40)
    monkeypatch.setenv("CHIMERA_LANDING_MAX_ROWS", "50")
    monkeypatch.setenv("CHIMERA_LANDING_MAX_UNPACKED_MIB", "1")
    get_settings.cache_clear()
    landing.drop("a.parquet", content())
    assert why in str(whys(landing.take())["a.parquet"])


def test_members_of_a_gzip_file_are_one_text(landing: Landing) -> None:
    members = b"".join(gzip.compress(json_lines([event(n)])) for n in range(5))
    uri = landing.drop("a.jsonl", members)
    Path(uri).rename(f"{uri}.gz")
    assert [entry.rows for entry in landing.take().entries] == [5]


def test_malformed_lines_beyond_a_number_are_one_row(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooled_file, "MALFORMED_LINES", 3)
    monkeypatch.setattr(text, "PIECE_LINES", 4)
    landing.drop("a.jsonl", json_lines([event(1)]) + b"x\n" * 10)

    (entry,) = landing.take().entries

    assert (entry.rows, entry.malformed) == (1 + 3 + 1, 10)
    bad = [told(row) for row in landing.rows().iter_rows(named=True) if row["event_id"] is None]
    assert {one["_rule"] for one in bad} == {"malformed_line"}
    (summed,) = [one for one in bad if "_text" not in one]
    assert summed["_why"] == "and 7 more lines, too many to be kept one by one"
    assert landing.rows().height == entry.rows


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"timestamp": "1970-01-01T00:00:00Z"}, "before CHIMERA_START (2023-01-01T00:00Z)"),
        ({"timestamp": "1800-01-01", "created_at": "1800-01-01"}, "before CHIMERA_START"),
        ({"timestamp": "9999-12-31T23:59:59Z", "created_at": "9999-12-31T23:59:59Z"}, "is after"),
    ],
)
def test_a_row_that_no_hour_takes_is_kept_where_it_arrived(
    landing: Landing, changes: dict[str, str], why: str
) -> None:
    landing.drop("a.jsonl", json_lines([event(1, tokens_used="x", **changes), event(2)]))

    loaded = landing.take()

    odd, good = landing.rows().iter_rows(named=True)
    assert good["_unreadable"] is None
    said = told(odd)
    assert (said["_rule"], said["tokens_used"], said["_line"]) == ("no_hour", "x", 1)
    assert why in said["_why"]
    assert odd["event_id"] == "e-1"
    own = "created_at" not in changes
    assert odd["hour"] == (5 if own else loaded.entries[0].modified.hour)
    assert len(loaded.hours) <= 2


def test_a_file_of_a_time_that_no_hour_has_arrives_now(landing: Landing) -> None:
    uri = landing.drop("a.jsonl", b"broken\n" + json_lines([event(1)]))
    for seconds in (0, -(10**11), 10**11):
        os.utime(uri, (seconds, seconds))
        Path(uri).write_bytes(Path(uri).read_bytes() + b"\n")
        os.utime(uri, (seconds, seconds))
        (entry,) = landing.take().entries
        assert entry.malformed == 1
    assert landing.rows()["hour_partition"].dt.year().min() == 2026


def test_a_name_is_shown_so_that_it_does_nothing() -> None:
    assert shown_name("a\nb \x1b[31m\u202e caf\u00e9") == "a\\nb \\x1b[31m\\u202e caf\u00e9"


def test_the_contract_is_the_one_these_are_about() -> None:
    assert contract().arrival_time == "created_at"


def test_a_parquet_file_that_changed_on_its_way_is_known_by_its_checksums(
    landing: Landing, tmp_path: Path
) -> None:
    rows = [event(number) | {"tokens_used": 1_000 + number} for number in range(200)]
    table = pa.Table.from_pylist(rows)
    file = tmp_path / "sent.parquet"
    plain = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
    parquet.write_table(table, file, **plain)
    sent = file.read_bytes()
    number = (1_123).to_bytes(8, "little")
    assert sent.count(number) == 1
    landing.drop("whole.parquet", sent)
    landing.drop("changed.parquet", sent.replace(number, (1_122).to_bytes(8, "little")))

    why = whys(landing.take())

    assert why == {"whole.parquet": None, "changed.parquet": "it is not a readable Parquet file"}
