"""Where files are dropped, what is said of a place that cannot be read, how much a file may be."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chimera_assets.lake.s3_access import s3_client, s3_options
from chimera_assets.sources.errors import SourceError
from chimera_assets.sources.landing import limits
from chimera_assets.sources.landing.damage import CorruptFile, Unreadable
from chimera_assets.sources.landing.limits import Limits, Widths, check_columns
from chimera_assets.sources.landing.place import _S3, LandingFile, Place, _moment
from chimera_assets.sources.landing.wholeness import ABANDONED, SETTLED, may_be_finished, waiting
from tests.sources.landing.conftest import Landing, event, json_lines

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 31, 6, tzinfo=UTC)


def test_folders_are_of_streams_and_files_beside_them_of_none(landing: Landing) -> None:
    place = Place(landing.root)
    assert (place.folders(), place.loose_files()) == ([], [])
    landing.drop("a.jsonl", json_lines([event(1)]))
    for name in ("z.csv", "notes.txt", ".hidden", "_marks", "x.tmp", "y.csv~"):
        Path(landing.root, name).touch()
    Path(landing.root, "archive").mkdir()
    assert place.folders() == ["archive", "generations"]
    assert place.loose_files() == ["notes.txt", "z.csv"]
    Path(landing.root, "file").touch()
    with pytest.raises(SourceError) as refused:
        list(Place(f"{landing.root}/file").files("generations"))
    assert str(refused.value) == (
        f"{landing.root}/file/generations: cannot be listed (Not a directory); check the folder "
        "and its rights, or set CHIMERA_LANDING_URI"
    )


def test_a_place_in_s3_has_folders_and_files_as_one_of_this_machine_has(
    in_s3: Landing, tmp_path: Path
) -> None:
    place = Place(in_s3.root)
    assert (place.folders(), place.loose_files(), place.files("generations")) == ([], [], [])
    for name in ("b/part.jsonl", "a.csv", ".hidden.csv", "_marks/a.csv", "x.csv.tmp", "b/"):
        in_s3.drop(name, b"model\n")
    bucket, _, prefix = in_s3.root.removeprefix("s3://").partition("/")
    for name in ("", "z.csv", "notes.txt", "y.csv~", "archive/2025/old.csv", "generations_b/c.csv"):
        s3_client(s3_options()).put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=b"")

    files = {file.path.removeprefix(f"{in_s3.root}/"): file for file in place.files("generations")}

    assert place.folders() == ["archive", "generations", "generations_b"]
    assert place.loose_files() == ["notes.txt", "z.csv"]
    assert sorted(files) == ["generations/a.csv", "generations/b/part.jsonl"]
    assert place.no_files("generations") == {}
    file = files["generations/a.csv"]
    assert (file.size, file.in_s3, file.modified.tzinfo) == (6, True, UTC)
    assert place.again(file) is file
    assert place.fetch(file, tmp_path).read_bytes() == b"model\n"
    in_s3.drop("a.csv", b"another\n")
    with pytest.raises(FileNotFoundError, match=r"generations/a\.csv"):
        place.fetch(file, tmp_path)
    with pytest.raises(SourceError, match="the bucket nowhere does not exist at http"):
        Place("s3://nowhere/in").folders()


@pytest.mark.parametrize(
    ("name", "format_", "zipped"),
    [
        ("a.parquet", "parquet", False),
        ("A.CSV.GZ", "csv", True),
        ("a.jsonl", "jsonl", False),
        ("a.ndjson.gz", "jsonl", True),
        ("a.gz", None, True),
        ("a.csv.zip", None, False),
        ("csv", None, False),
    ],
)
def test_a_name_says_what_a_file_is(name: str, format_: str | None, *, zipped: bool) -> None:
    file = LandingFile(f"/in/generations/{name}", 1, "m", NOW)
    assert (file.format, file.zipped, file.in_s3, file.uri) == (format_, zipped, False, file.path)


def test_a_file_has_its_own_times_and_is_gone_when_it_is(landing: Landing) -> None:
    path = landing.drop("a.csv", b"model\n")
    os.utime(path, ns=(1_769_839_200_123_456_789, 1_769_839_200_123_456_789))
    place = Place(landing.root)
    (file,) = place.files("generations")
    assert file.modified == datetime(2026, 1, 31, 6, 0, 0, 123_456, tzinfo=UTC)
    assert (file.size, file.mark.split("-")[0]) == (6, "1769839200123456789")
    assert place.again(file) == file
    assert place.fetch(file, Path("/nowhere")) == Path(path)
    Path(path).unlink()
    assert place.again(file) is None
    assert _moment(10**30) == datetime.min.replace(tzinfo=UTC)


def refused(status: int, code: str) -> ClientError:
    """What botocore raises for an answer of S3."""
    return ClientError(
        {"ResponseMetadata": {"HTTPStatusCode": status}, "Error": {"Code": code}}, "GetObject"
    )


URI = "s3://bucket/in/a.csv"
AWS = "https://s3.example"
ANSWERS: list[tuple[Exception, bool, type[Exception], str, bool]] = [
    (refused(412, "PreconditionFailed"), True, FileNotFoundError, URI, False),
    (refused(404, "NoSuchKey"), False, FileNotFoundError, URI, False),
    (
        refused(403, "InvalidObjectState"),
        True,
        Unreadable,
        "cannot be read (S3 answers InvalidObjectState)",
        False,
    ),
    (refused(405, ""), True, Unreadable, "cannot be read (S3 answers 405)", False),
    (
        refused(403, "AccessDenied"),
        False,
        SourceError,
        f"{URI}: S3 at {AWS} answers AccessDenied; check the rights to read",
        False,
    ),
    (
        refused(404, "NoSuchBucket"),
        True,
        SourceError,
        f"{URI}: the bucket bucket does not exist at {AWS}; create it, or set CHIMERA_LANDING_URI",
        False,
    ),
    (
        refused(500, "InternalError"),
        True,
        SourceError,
        f"{URI}: S3 at {AWS} answers InternalError; try again later",
        True,
    ),
    (
        ClientError({"Error": {"Code": "ExpiredToken"}}, "GetObject"),
        True,
        SourceError,
        f"{URI}: S3 at {AWS} answers ExpiredToken; check the rights to read",
        False,
    ),
    (
        EndpointConnectionError(endpoint_url=AWS),
        False,
        SourceError,
        (
            f'{URI}: cannot reach S3 at {AWS}: Could not connect to the endpoint URL: "{AWS}"; try '
            "again"
        ),
        True,
    ),
    (KeyError("of ours"), False, KeyError, "'of ours'", False),
]


@pytest.mark.parametrize(("error", "of_one", "kind", "said", "transient"), ANSWERS)
def test_what_s3_answers(  # noqa: PLR0913, PLR0917
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    of_one: bool,  # noqa: FBT001
    kind: type[Exception],
    said: str,
    transient: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", AWS)
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3", raising=False)
    with pytest.raises(kind) as found, _S3(URI, of_one=of_one):
        raise error
    assert str(found.value) == said
    assert getattr(found.value, "transient", False) == transient


def test_a_place_in_s3_is_a_bucket_and_a_prefix() -> None:
    for uri, prefix in ((URI, "in/a.csv/"), ("s3://bucket", ""), ("s3://bucket/in/", "in/")):
        with _S3(uri) as (_, bucket, found):
            assert (bucket, found) == ("bucket", prefix)


def local(path: Path, content: bytes, age: timedelta) -> LandingFile:
    path.write_bytes(content)
    return LandingFile(str(path), len(content), "m", NOW - age)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.parquet", b"PAR1PAR1", None),
        ("a.parquet", b"PAR1", None),
        ("a.parquet", b"PAR", "has no footer yet"),
        ("a.csv", b"", "is empty yet"),
        ("a.csv", b"model\nm", "has no end of its last line yet"),
        ("a.csv", b"model\nm\n", None),
        ("a.csv", b"model\n{}", "has no end of its last line yet"),
        ("a.jsonl", b"{}\n{}", None),
        ("a.jsonl", b"{}\n{", "has no end of its last line yet"),
        ("a.jsonl", b"{}\n1", "has no end of its last line yet"),
        ("a.jsonl", b"[" * 100_000, "has no end of its last line yet"),
        ("a.csv.gz", b"no end", None),
        ("a.json", b"", "is empty yet"),
        ("a.json", b'{"a": [1', "has no end of its document yet"),
        ("a.json", b'{"a": [1]} \n', None),
        ("a.json", b"[{}]", None),
    ],
)
def test_what_a_file_is_waited_for(
    tmp_path: Path, name: str, content: bytes, reason: str | None
) -> None:
    moment = timedelta(microseconds=1)
    for age, expected in (
        (-moment, None),
        (timedelta(0), "was written just now"),
        (SETTLED - moment, "was written just now"),
        (SETTLED, reason),
        (ABANDONED - moment, reason),
        (ABANDONED, None),
    ):
        file = local(tmp_path / name, content, age)
        assert waiting(file, NOW) == expected, age
        assert may_be_finished(file, NOW) == (age < ABANDONED)
    gone = local(tmp_path / name, content, SETTLED)
    Path(gone.path).unlink()
    assert waiting(gone, NOW) == (None if gone.zipped else "cannot be read")
    in_s3 = LandingFile(f"s3://bucket/{name}", 1, "m", NOW)
    assert (waiting(in_s3, NOW), may_be_finished(in_s3, NOW)) == (None, False)


LIMITS = Limits(rows=1_000, unpacked_bytes=2 * 2**20)


@pytest.mark.parametrize(
    ("check", "most", "said"),
    [
        (LIMITS.check_rows, 1_000, "it has more than 1,000 rows; see CHIMERA_LANDING_MAX_ROWS"),
        (
            LIMITS.check_bytes,
            2 * 2**20,
            "it unpacks to more than 2 MiB; see CHIMERA_LANDING_MAX_UNPACKED_MIB",
        ),
        (check_columns, 10_000, "it has 10,001 columns; a file may have 10,000"),
    ],
)
def test_a_limit_is_the_most_that_a_file_may_have(
    check: Callable[[int], None], most: int, said: str
) -> None:
    check(most)
    with pytest.raises(CorruptFile) as found:
        check(most + 1)
    assert str(found.value) == said


def test_rows_may_be_wide_unless_many_in_a_row_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_JOINED_ROWS", 4)
    monkeypatch.setattr(limits, "_JOINED_BYTES", 4 * 2**20)
    widths = Widths()
    for _ in range(10):
        widths.add(1, 2**20)  # just as much in any four
    widths.add(4, 0)
    widths.add(1, 4 * 2**20)
    with pytest.raises(CorruptFile) as found:
        widths.add(1, 1)
    assert str(found.value) == (
        "4 of its rows hold more than 4 MiB; leave out such long values, or keep them elsewhere"
    )
