"""A user drops files; the sensor finds them, a run takes them, and their hours have their rows."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING

import polars as pl
import pytest

from tests.cli.conftest import Said, process
from tests.site.site import environment, generations, keys

if TYPE_CHECKING:
    from tests.site.site import Site

HOUR = "2026-02-03-09:00"


def lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_the_sensor_asks_for_whole_new_files_and_for_nothing_twice(site: Site) -> None:
    (hour,) = keys("2026-02-03-05:00", 1)
    cursor = site.process.ask("look", cursor=None)["cursor"]
    site.drop("generations/gateway/a.jsonl", lines(generations(hour, 3)))
    site.drop("provider_health/b.csv", b"check_id,timestamp\nc-1,2026-02-03T05:0", age=60)

    first = site.process.ask("look", cursor=cursor)
    assert first["asked"] == []
    assert first["skipped"] == "2 new files, none of them whole."
    second = site.process.ask("look", cursor=first["cursor"])
    assert second["asked"] == [["landing/generations"]]
    third = site.process.ask("look", cursor=second["cursor"])
    assert third["asked"] == []

    ran = site.process.ask("land")
    assert ran["success"]
    assert ran["metadata"]["landing/generations"]["rows"] == 3
    assert ran["metadata"]["landing/provider_health"]["files left for later"] == 1
    (site.home / "landing" / "provider_health" / "b.csv").unlink()
    after = site.process.ask("look", cursor=third["cursor"])
    assert (after["asked"], after["skipped"]) == ([], "No new files.")


def test_an_hour_is_the_rows_of_the_database_and_of_files(site: Site) -> None:
    rows = generations(HOUR, 120)
    site.source.insert("generations", rows[:40])
    site.drop("generations/more.jsonl.gz", gzip.compress(lines(rows[40:])))
    bad = lines([rows[39] | {"event_id": "wrong", "tokens_used": "many"}])
    # Nobody touched this file since 09:59: what is malformed in it stands with that hour.
    moment = 1_770_112_740
    broken = site.drop("generations/broken.jsonl", bad + b"{oops someone@example.com\n")
    cut = site.drop("generations/cut.jsonl.gz", gzip.compress(lines(rows))[:-9])
    for file in (broken, cut):
        os.utime(file, (moment, moment))

    landed = site.process.ask("land")
    ran = site.run(HOUR)

    passed, severity, description = landed["checks"]["landing/generations"]
    assert (passed, severity) == (False, "WARN")
    assert f"{cut} (the gzip file is cut off: it ends before its trailer)" in description
    assert f"{broken} (1 malformed line)" in description
    assert description.startswith("For the quarantine, once their hours run: ")
    assert "someone@example.com" not in json.dumps(landed)
    assert ran.success, ran.failed
    assert not ran.broken_checks
    staged = site.rows("staged/generations", HOUR)
    assert sorted(staged["event_id"]) == sorted(row["event_id"] for row in rows)
    assert staged["_batch_id"].n_unique() == 1
    facts = site.rows("marts/fact_generations", HOUR)
    assert facts["tokens_used"].sum() == sum(row["tokens_used"] for row in rows)

    rejected = {
        row["reasons"][0]: json.loads(row["record"])
        for row in site.rows("quarantine/generations", HOUR).iter_rows(named=True)
    }
    assert set(rejected) == {"readable", "malformed_line", "corrupt_file"}
    assert rejected["readable"]["tokens_used"] == "many"
    assert (rejected["readable"]["_file"], rejected["readable"]["_line"]) == (str(broken), 1)
    malformed = rejected["malformed_line"]
    assert malformed["_text"] == "{oops someone@example.com"
    assert (malformed["_file"], malformed["_line"]) == (str(broken), 2)
    assert rejected["corrupt_file"]["_file"] == str(cut)
    # Lines and files that are no rows are counted, and do not speak against the hour.
    batches = site.rows("quality/batches", HOUR).row(-1, named=True)
    assert (batches["extracted"], batches["quarantined"], batches["staged"]) == (123, 3, 120)
    assert batches["pass_rate"] == pytest.approx(120 / 121)

    kept = (path for path in (site.home / "dagster").rglob("*") if path.is_file())
    assert not any(b"someone@example.com" in path.read_bytes() for path in kept)

    before = site.content("staged/generations", HOUR)
    site.process.ask("land")
    assert site.run(HOUR).success
    assert site.content("staged/generations", HOUR).equals(before)


def chimera(site: Site, *arguments: str) -> Said:
    """A command in a process of its own, in the site's home."""
    return process(*arguments, **environment(site.home, **site.settings))


def test_what_an_older_version_landed_wrongly_is_healed_by_a_command(site: Site) -> None:
    first, second = keys("2026-02-04-05:00", 2)
    rows = [*generations(first, 110), *generations(second, 120)]
    file = site.drop("generations/healed.jsonl", lines(rows))
    assert site.process.ask("land")["success"]
    assert site.run(first, second).success
    table = site.lake.table("landing", "generations")
    # A version that read one of the rows wrongly, and another not at all.
    lost, wrong = rows[0]["event_id"], rows[1]["event_id"]
    damaged = (
        table.read()
        .filter(pl.col("event_id").ne_missing(lost))
        .with_columns(
            tokens_used=pl.when(pl.col("event_id") == wrong)
            .then(pl.lit(1_000_000))
            .otherwise("tokens_used")
        )
        .collect()
    )
    table.overwrite(damaged, partition_by=["hour_partition", "hour"])
    assert site.run(first, second).success
    assert site.count("marts/fact_generations", first) == 109

    placed = chimera(site, "hold", "add", "--stream", "generations", "--from", "2026-02-04T05",
                     "--to", "2026-02-04T06", "--reason", "a case")  # fmt: skip
    held = chimera(site, "landing", "reload", "healed.jsonl", "--reason", "read wrongly", "--yes")
    assert held.code == 2
    assert "hold-" in held.err
    chimera(site, "hold", "release", placed.out.split(":")[0], "--reason", "over")
    healed = chimera(site, "landing", "reload", str(file), "--reason", "read wrongly", "--yes")

    assert healed.code == 0, healed
    assert "229 rows went, 230 rows came" in healed.out
    facts = site.rows("marts/fact_generations", first, second)
    assert facts["tokens_used"].sum() == sum(row["tokens_used"] for row in rows)
    audited = json.loads(chimera(site, "audit", "list", "--action", "landing", "--json").out)
    assert "read wrongly" in json.dumps(audited)
    assert chimera(site, "verify", "--from", first, "--to", "2026-02-04-07:00").code == 0

    removed = chimera(site, "landing", "remove", str(file), "--reason", "ours no more", "--yes")

    assert removed.code == 0, removed
    assert site.count("marts/fact_generations", first, second) == 0
    assert chimera(site, "verify", "--from", first, "--to", "2026-02-04-07:00").code == 0
    listed = json.loads(chimera(site, "landing", "list", "--json").out)
    assert {one["state"] for one in listed if one["uri"] == str(file)} == {"removed"}
