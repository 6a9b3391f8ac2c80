"""A compliance officer builds a report; an auditor verifies it and follows its figures."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import psycopg
import pytest

from chimera_assets.contracts import contracts
from chimera_assets.lake import Lake, open_lake
from chimera_assets.lake.s3_access import s3_client
from chimera_assets.packs import active_packs
from chimera_assets.packs.sections import read_sections
from chimera_assets.reports.access import OPERATOR, Reader, found, readable
from chimera_assets.reports.store import NoSuchReport, Store
from chimera_assets.settings import get_settings
from tests.cli.conftest import HOURS, one_line
from tests.shipped import SHIPPED

if TYPE_CHECKING:
    from tests.cli.conftest import Chimera

DAY = "2026-01-31"
SECTION = """
title: What came
order: 1
intro: Rows of one stream.
figures:
  requests:
    title: Requests
    sql: SELECT count(*) FROM staged.generations
    compare: true
    at_least: 1
  cost:
    title: Cost
    sql: SELECT sum(cost_usd::decimal(18, 9)) FROM staged.generations
    show: money
    unit: USD
  nobody: {title: Of people, sql: 'SELECT count(DISTINCT user_id) FROM staged.generations'}
tables:
  by_model:
    title: By model
    sql: SELECT model, count(*) AS requests FROM staged.generations GROUP BY model ORDER BY model
charts:
  models:
    title: Models
    alternative: A bar for each model.
    kind: bar
    table: by_model
    x: model
    y: requests
"""


@pytest.fixture
def lake(
    platform: str,
    lake_of_four_hours: Lake,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Lake:
    """A lake with four hours of 2026-01-31, of a user who has a section of their own."""
    assert platform
    pack = tmp_path / "packs" / "own"
    (pack / "reports").mkdir(parents=True)
    (pack / "contracts").mkdir()
    contract = (SHIPPED / "feedback.odcs.yaml").read_text()
    (pack / "contracts" / "votes.odcs.yaml").write_text(contract.replace("feedback", "votes"))
    (pack / "pack.yaml").write_text("name: own\nversion: 1.0.0\ntitle: Our own\nowner: us\n")
    (pack / "reports" / "came.yaml").write_text(SECTION)
    monkeypatch.setenv("CHIMERA_PACKS_DIR", str(tmp_path / "packs"))
    monkeypatch.setenv("CHIMERA_PACKS", "ai,own")
    for cached in (get_settings, active_packs, contracts):
        cached.cache_clear()
    return lake_of_four_hours


def built(chimera: Chimera, *options: str) -> dict[str, Any]:
    """The newest report after a build."""
    said = chimera("report", "build", *options)
    assert said.code == 0, said.err
    found: dict[str, Any] = json.loads(chimera("report", "list", "--json").out)[-1]
    return found


def section(chimera: Chimera, name: str, id_: str = "came") -> dict[str, Any]:
    told = json.loads(chimera("report", "show", name, "--json").out)
    (found,) = [one for one in told["sections"] if one["id"] == id_]
    return found


def figures(found: dict[str, Any]) -> dict[str, Any]:
    return {one["label"]: one for block in found["blocks"] for one in block.get("figures", ())}


def key_of(chimera: Chimera) -> str:
    return chimera("audit", "keys").out.splitlines()[0]


@pytest.mark.criterion("006.4", "006.6", "006.7", "006.8")
def test_a_report_says_what_the_tables_say_and_proves_it(
    chimera: Chimera, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = built(chimera, DAY)
    assert (report["name"], report["period"]) == ("daily-2026-01-31.r1", DAY)
    rows = lake.table("staged", "generations").read().collect()
    said = section(chimera, report["name"])
    assert figures(said)["Requests"]["value"] == rows.height
    assert figures(said)["Requests"]["before"] is None
    exact = sum(Decimal(repr(cost)) for cost in rows["cost_usd"].drop_nulls())
    assert Decimal(figures(said)["Cost"]["value"]) == exact
    (table,) = [block for block in said["blocks"] if block["type"] == "table"]
    counted = rows.group_by("model").len().sort("model").rows()
    assert table["rows"] == [list(row) for row in counted]

    # A column that is personal is told, and takes no other figure with it.
    assert figures(said)["Of people"]["value"] is None
    words = [block["text"] for block in said["blocks"] if block["type"] == "paragraph"]
    (told,) = words
    assert told.startswith("Not evaluated: section came, nobody: expected columns of staged/gen")
    assert told.endswith("that a report may show, found user_id.")

    # From the record up to the report that counts it.
    life = json.loads(chimera("lineage", "generations", rows["event_id"][0], "--json").out)
    (above,) = life["hours"][0]["reports"]
    assert (above["report"], above["versions"]) == (report["name"], {"staged/generations": 1})
    assert {"came.requests", "came.by_model"} <= set(above["figures"])

    folder = Path(report["place"])
    assert {path.stat().st_mode & 0o077 for path in folder.rglob("*")} == {0}
    exported, key = tmp_path / "report.zip", key_of(chimera)
    nowhere = tmp_path / "mistyped" / "report.zip"
    said = one_line(chimera("report", "export", report["name"], str(nowhere)))
    assert said.endswith("expected a file in a folder that is there, found no such folder")
    assert not nowhere.parent.exists()
    assert chimera("report", "export", report["name"], str(exported)).code == 0
    shutil.copytree(folder, tmp_path / "taken")
    computed = json.loads(chimera("report", "reproduce", report["name"], "--json").out)
    outcomes = {one["name"]: one["outcome"] for one in computed}
    assert outcomes["came.requests"] == outcomes["came.by_model"] == "reproduced"
    key = key_of(chimera)
    assert chimera("report", "reproduce", str(exported), "--key", key, "--json").code == 0
    _is_told_in_another_ones_place(chimera, folder)

    # The auditor's machine has neither lake nor database.
    monkeypatch.setenv("CHIMERA_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("CHIMERA_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    get_settings.cache_clear()
    for bundle in (exported, tmp_path / "taken"):
        verified = chimera("report", "verify", str(bundle), "--key", key, "--json")
        assert (verified.code, json.loads(verified.out)["sound"]) == (0, True), verified
    # Without a key there is nothing to trust here, and nothing is made for that.
    monkeypatch.delenv("CHIMERA_DATABASE_URL")
    get_settings.cache_clear()
    keyless = chimera("report", "verify", str(exported))
    assert (keyless.code, "give --key" in keyless.err) == (2, True), keyless
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "taken" / "by_model.csv").write_text("model,requests\r\nm-1,1\r\n")
    changed = chimera("report", "verify", str(tmp_path / "taken"), "--key", key)
    assert changed.code == 1
    assert "file by_model.csv" in changed.out
    assert "not satisfied" in changed.out


@pytest.mark.criterion("006.3")
@pytest.mark.usefixtures("lake")
def test_a_section_that_says_otherwise_by_now_makes_a_revision(
    chimera: Chimera, tmp_path: Path
) -> None:
    first = built(chimera, DAY)
    assert "nothing was built" in chimera("report", "build", DAY).out
    asked_for = tmp_path / "packs" / "own" / "reports" / "came.yaml"
    asked_for.write_text(SECTION.replace("at_least: 1", "at_least: 1000000"))
    read_sections.cache_clear()
    second = built(chimera, DAY)
    assert (first["revision"], second["revision"]) == (1, 2)
    rows = section(chimera, second["name"], "changes")["blocks"][0]["rows"]
    assert rows == [["what section came says", "not evaluated", "not satisfied"]]


@pytest.mark.criterion("006.7")
def test_a_report_that_cannot_be_read_hides_no_record(chimera: Chimera, lake: Lake) -> None:
    report = built(chimera, DAY)
    (Path(report["place"]) / "manifest.json").write_text("{}")
    key = lake.table("staged", "generations").read().collect()["event_id"][0]
    life = json.loads(chimera("lineage", "generations", key, "--json").out)
    (above,) = life["hours"][0]["reports"]
    assert (above["report"], above["figures"]) == (report["name"], [])
    assert above["problem"].startswith("envelope#: expected the names payload")
    said = " ".join(chimera("lineage", "generations", key).out.split())
    assert f"In report {report['name']}, perhaps: its manifest cannot be read" in said


def _is_told_in_another_ones_place(chimera: Chimera, folder: Path) -> None:
    swapped = folder.with_name(folder.name.replace(".r1", ".r7"))
    shutil.copytree(folder, swapped)
    for command in ("verify", "reproduce", "show"):
        said = chimera("report", command, swapped.name)
        assert said.code == (2 if command == "show" else 1), (command, said)
        words = " ".join((said.out + said.err).split())
        assert f"found {folder.name}" in words, (command, words)
    shutil.rmtree(swapped)


@pytest.mark.criterion("006.3")
def test_a_late_hour_makes_the_next_revision_with_what_changed(
    chimera: Chimera, lake: Lake
) -> None:
    first = built(chimera, DAY)
    assert "nothing was built" in chimera("report", "build", DAY).out
    table = lake.table("staged", "generations")
    kept = table.read().collect().filter(pl.col("hour") == 0)
    table.write_hours(kept.head(kept.height - 1), HOURS.single(HOURS.start))

    second = built(chimera, DAY)
    assert (first["revision"], second["revision"]) == (1, 2)
    changes = section(chimera, second["name"], "changes")
    (moved,) = [row for row in changes["blocks"][0]["rows"] if row[0] == "came.requests"]
    assert int(moved[1]) == int(moved[2]) + 1
    # The first one stands as it was, and its figures are still those of its versions.
    assert chimera("report", "verify", first["name"]).code == 0
    for name in (first["name"], second["name"]):
        told = json.loads(chimera("report", "reproduce", name, "--json").out)
        assert {one["outcome"] for one in told} <= {"reproduced", "not evaluated"}
        assert "reproduced" in {one["outcome"] for one in told}

    # Once vacuum has deleted what only the first one's version had, that is said.
    assert (
        chimera("table", "vacuum", "staged/generations", "--days", "0", "--full", "--yes").code == 0
    )
    told = json.loads(chimera("report", "reproduce", first["name"], "--json").out)
    (lost,) = [one for one in told if one["name"] == "came.requests"]
    assert lost["outcome"] == "not evaluated"
    assert "past its horizon" in lost["detail"]


@pytest.mark.criterion("006.2")
def test_a_tenant_has_a_report_of_its_own(chimera: Chimera, lake: Lake) -> None:
    rows = lake.table("staged", "generations").read().collect()
    own = rows.filter(pl.col("tenant_id") == "acme").height
    report = built(chimera, DAY, "--tenant", "acme")
    assert report["id"].startswith("daily-2026-01-31-tenant-acme-")
    assert figures(section(chimera, report["name"]))["Requests"]["value"] == own
    # Whoever is bound to a tenant sees that report, and that of all tenants not even by its name.
    assert chimera("report", "build", DAY).code == 0
    store = Store(lake)
    every = found(store, "daily-2026-01-31", OPERATOR)
    (seen,) = readable(store, Reader(frozenset({"acme"})))
    assert seen.name == report["name"]
    assert list(readable(store, Reader(frozenset({"other"})))) == []
    for reader in (Reader(frozenset({"acme"})), Reader(frozenset())):
        with pytest.raises(NoSuchReport) as told:
            found(store, every.name, reader)
        assert every.name not in str(told.value).partition(", found")[0]
    (Path(report["place"]) / "manifest.json").write_text("{}")
    assert list(readable(store, Reader(frozenset({"acme"})))) == []

    said = chimera("report", "build", DAY, "--tenant", "acme2")
    assert (said.code, "did you mean acme" in said.err or "acme" in said.err) == (2, True)


@pytest.mark.criterion("006.8")
def test_a_build_that_is_killed_is_no_report_and_one_that_is_taken_away_is_missed(
    chimera: Chimera, lake: Lake
) -> None:
    period = Path(lake.uri) / "reports" / DAY
    begin = "from chimera_assets.cli import main; main()"
    command = [sys.executable, "-c", begin, "report", "build", DAY]
    for _ in range(5):
        building = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while building.poll() is None and not list(period.glob(".*.partial")):
            time.sleep(0.001)
        building.kill()
        building.wait()
        if halves := list(period.glob(".*.partial")):
            break
        shutil.rmtree(period)  # too late: it was whole
    assert halves
    assert json.loads(chimera("report", "list", "--json").out) == []
    assert "its build was killed" in reports_check(chimera, "satisfied")

    report = built(chimera, DAY)
    assert [path.name for path in period.iterdir()] == [report["name"]]
    assert chimera("report", "verify", report["name"]).code == 0
    reports_check(chimera, "satisfied")
    shutil.rmtree(report["place"])
    missing = f"{report['name']}: expected the report, found none"
    assert missing in reports_check(chimera, "not satisfied")


@pytest.mark.criterion("006.7", "006.8")
@pytest.mark.usefixtures("lake")
def test_a_report_with_a_changed_file_is_neither_shown_nor_handed_out_nor_compared_with(
    chimera: Chimera, tmp_path: Path
) -> None:
    first = built(chimera, DAY)
    sound = Path(first["place"]) / "report.json"
    text = sound.read_text()
    sound.write_text(text.replace('"came"', '"gone"'))
    (sound.parent / "more.csv").touch()
    for command in (["show"], ["export", str(tmp_path / "r.zip")]):
        said = chimera("report", command[0], first["name"], *command[1:])
        assert (said.code, said.out) == (2, "")
        assert f"{first['name']}/more.csv: expected no such file, found one" in said.err
    assert not (tmp_path / "r.zip").exists()
    (sound.parent / "more.csv").unlink()
    changed = f"{first['name']}: report.json: expected what was built, found others"
    assert changed in reports_check(chimera, "not satisfied")

    second = built(chimera, DAY)
    assert second["revision"] == 2
    told = json.loads(chimera("report", "show", second["name"], "--json").out)
    assert all(one["id"] != "changes" for one in told["sections"])
    sound.write_text(text)
    reports_check(chimera, "satisfied")


@pytest.mark.criterion("006.7", "006.8")
@pytest.mark.usefixtures("lake")
def test_who_may_only_add_to_the_log_hides_no_report_that_was_there(
    chimera: Chimera, platform: str
) -> None:
    report = built(chimera, DAY)
    failed = {
        "failure_of": entry_of(chimera, report),
        "action": "report.build",
        "actor_kind": "os_user",
        "actor_name": "root",
        "actor_origin": "chimera",
        "actor_stated_by": None,
        "run_id": None,
        "resource": f"report {report['name']}",
        "details": "{}",
    }
    with psycopg.connect(platform) as connection:
        connection.execute("SELECT audit.append(%s::jsonb)", (json.dumps([failed]),))
    shutil.rmtree(report["place"])
    missing = f"{report['name']}: expected the report, found none"
    assert missing in reports_check(chimera, "not satisfied")
    again = built(chimera, DAY)
    assert again["revision"] == 2
    (found,) = [one for one in findings(chimera, again["name"]) if one["id"] == "audit.reports"]
    assert (found["status"], missing in found["observations"][0]) == ("not satisfied", True)


def findings(chimera: Chimera, name: str) -> list[dict[str, Any]]:
    """What a report says of the log that it stands in."""
    blocks = section(chimera, name, "audit_trail")["blocks"]
    return [one for block in blocks if block["type"] == "findings" for one in block["findings"]]


def entry_of(chimera: Chimera, report: dict[str, Any]) -> int:
    """The entry of a report's build."""
    wanted = ("--action", "report.build", "--resource", report["name"], "--json")
    (entry,) = json.loads(chimera("audit", "list", *wanted).out)
    found: int = entry["sequence"]
    return found


def reports_check(chimera: Chimera, status: str) -> str:
    """What `audit verify` says of reports."""
    checks = json.loads(chimera("audit", "verify", "--json").out)
    (check,) = [one for one in checks if one["name"] == "reports"]
    assert check["status"] == status, check
    return " ".join([*check["problems"], *check["notes"]])


@pytest.mark.usefixtures("lake")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["2099-01-01"], "expected one that is over"),
        (["2026-13"], "expected a day (2026-01-31), a week"),
        (["2026-W60"], "expected a day (2026-01-31), a week"),
        (["2026-01-10..2026-01-10"], "expected an end after its start"),
        ([], "found neither"),
        ([DAY, "--last", "weekly"], "found both"),
        (["--last", "yearly"], "--last: expected"),
        ([DAY, "--zone", "Mars/Olympus"], "expected an IANA name"),
        ([DAY, "--zone", "Asia/Kolkata"], "expected one whose days begin on a whole hour"),
    ],
)
def test_what_is_no_period_is_told(chimera: Chimera, options: list[str], words: str) -> None:
    said = chimera("report", "build", *options)
    assert said.code == 2
    assert words in said.err
    assert json.loads(chimera("report", "list", "--json").out) == []


@pytest.mark.criterion("006.8")
def test_reports_are_kept_on_s3_as_well(
    chimera: Chimera,
    lake: Lake,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = Lake(f"s3://{bucket}/lake")
    rows = lake.table("staged", "generations").read().collect()
    there.table("staged", "generations").write_hours(rows, HOURS)
    monkeypatch.setenv("CHIMERA_LAKE_URI", there.uri)
    get_settings.cache_clear()
    open_lake.cache_clear()

    report = built(chimera, DAY)
    assert report["place"].startswith(f"s3://{bucket}/lake/reports/")
    assert figures(section(chimera, report["name"]))["Requests"]["value"] == rows.height
    assert chimera("report", "verify", report["name"]).code == 0
    computed = json.loads(chimera("report", "reproduce", report["name"], "--json").out)
    assert "reproduced" in {one["outcome"] for one in computed}
    assert chimera("report", "export", report["name"], str(tmp_path / "r.zip")).code == 0
    assert chimera("report", "verify", str(tmp_path / "r.zip"), "--key", key_of(chimera)).code == 0
    client = s3_client(there.storage_options)
    for one in client.list_objects_v2(Bucket=bucket, Prefix="lake/reports/")["Contents"]:
        head = client.head_object(Bucket=bucket, Key=one["Key"])
        assert head["ServerSideEncryption"] == "AES256"


@pytest.mark.usefixtures("lake")
def test_without_a_key_nothing_is_built(chimera: Chimera, home: Path) -> None:
    built(chimera, DAY)
    (home / "keys" / "signing.key").unlink()
    said = chimera("report", "build", "2026-01")
    assert said.code == 2
    assert "CHIMERA_SIGNING_KEY" in said.err
    assert len(json.loads(chimera("report", "list", "--json").out)) == 1


@pytest.mark.usefixtures("lake")
def test_who_builds_reads_and_takes_reports_is_on_the_record(
    chimera: Chimera, tmp_path: Path
) -> None:
    report = built(chimera, DAY)
    chimera("report", "show", report["name"])
    chimera("report", "export", report["name"], str(tmp_path / "r.zip"))
    told = json.loads(chimera("audit", "list", "--action", "report", "--json").out)
    assert [one["action"] for one in told] == [
        "report.export",
        "report.read",
        "report.keep",
        "report.build",
    ]
    assert {one["resource"] for one in told} == {f"report {report['name']}"}
    unknown = chimera("report", "show", "daily-2026-01-30")
    assert (unknown.code, "daily-2026-01-31.r1" in unknown.err) == (2, True)
