"""What a verification says of each thing that is wrong, whole."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import Lake
from chimera_assets.packs import PackError
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.reconciliation.aggregates import compared
from chimera_assets.reconciliation.findings import Findings, rows_in_words
from chimera_assets.reconciliation.row_balance import row_balance
from chimera_assets.reconciliation.verify import verify
from chimera_assets.system_tables.deletion_log import DELETIONS, log_deletions
from tests.quality.rows import HOUR, shipped
from tests.reconciliation.four_hours import (
    BAD,
    COSTS,
    COUNT,
    FACT,
    FIRST,
    HOURS,
    JUDGED,
    KEYS,
    LAST,
    METRICS,
    QUARANTINE,
    RAW,
    ROWS,
    SECOND,
    STAGED,
    TECHNIQUES,
    THIRD,
    TWICE,
    changed,
    found,
    hour,
    in_row,
    with_rows,
)

if TYPE_CHECKING:
    from chimera_assets.reconciliation.verify import Verification

GOOD = ROWS - BAD


def said(verified: Verification) -> list[tuple[str, str, str | None, str, str]]:
    return [dataclasses.astuple(one) for one in verified.failures]  # type: ignore[misc]


def test_rows_are_counted_in_words(lake: Lake) -> None:
    numbers = (None, 0, 1, 2, 1234)
    assert [rows_in_words(one) for one in numbers] == [
        "no rows",
        "no rows",
        "1 row",
        "2 rows",
        "1,234 rows",
    ]
    findings = Findings(None)
    table = lake.table("raw", "generations")
    assert [str(one) for one in findings.intact(table)] == [str(HOURS)]
    findings.damaged[RAW] = {hour(1).start}
    assert [str(one) for one in findings.intact(table)] == [str(hour(0)), f"{THIRD}...{LAST}"]
    assert [str(one) for one in Findings(hour(2)).intact(table)] == [THIRD]


def test_layers_that_do_not_add_up(lake: Lake) -> None:
    rejects = lake.table("quarantine", "generations")
    rejects.write_hours(rejects.read(hour(0)).collect().head(1), hour(0))
    raw = lake.table("raw", "generations")
    raw.write_hours(raw.read(hour(1)).collect().head(ROWS), hour(1))
    staged = lake.table("staged", "generations")
    staged.write_hours(staged.read(hour(2)).collect().head(1), hour(2))
    lake.table("marts", "fact_generations").write_hours(None, hour(3))
    batches = lake.table("quality", "batches")
    batches.overwrite(batches.read().filter(pl.col("hour") != hour(0).start.hour).collect())

    verified = found(lake)

    assert [one for one in said(verified) if one[0] in {"conservation", "facts"}] == [
        (
            "conservation",
            RAW,
            FIRST,
            "an account of the hour in quality/batches",
            f"none, but {ROWS + TWICE} raw, {GOOD} staged, 1 quarantined, {GOOD} facts",
        ),
        ("conservation", RAW, SECOND, f"{ROWS + TWICE} rows, as extracted", f"{ROWS} rows"),
        ("conservation", STAGED, THIRD, f"{GOOD} rows, as published", "1 row"),
        ("facts", FACT, THIRD, "1 row, as staged", f"{GOOD} rows"),
        ("facts", FACT, LAST, f"{GOOD} rows, as staged", "no rows"),
    ]
    rejects.write_hours(None, hour(2))
    (last,) = (one for one in said(found(lake)) if one[1] == QUARANTINE)
    assert last == ("conservation", QUARANTINE, THIRD, f"{BAD} rows, as rejected", "no rows")


def dropped(lake: Lake, layer: str, number: int, rows: int) -> None:
    """As retention or a purge writes it down, a day after the hours were judged."""
    start = hour(number).start
    name = "fact_generations" if layer == "marts" else "generations"
    given = {
        "run_id": "night",
        "at": JUDGED.replace(day=JUDGED.day) + (JUDGED - HOUR),
        "cause": "purge" if layer == "quarantine" else "retention",
        "layer": layer,
        "table": name,
        "hour_partition": start.date(),
        "hour": start.hour,
        "rows": rows,
        "older_than_days": 7.0,
        "reasons": None,
    }
    log_deletions(lake, pl.DataFrame([given], schema=DELETIONS), run_id="night")


def test_what_was_deleted_on_purpose_is_not_missed(lake: Lake) -> None:
    rejects = lake.table("quarantine", "generations")
    for layer, number, rows in (
        ("quarantine", 0, 2),
        ("raw", 1, ROWS + TWICE),
        ("staged", 2, GOOD),
        ("marts", 3, GOOD),
    ):
        dropped(lake, layer, number, rows)
    rejects.write_hours(rejects.read(hour(0)).collect().head(1), hour(0))
    lake.table("raw", "generations").write_hours(None, hour(1))
    lake.table("staged", "generations").write_hours(None, hour(2))
    lake.table("marts", "fact_generations").write_hours(None, hour(3))

    verified = found(lake)

    assert said(verified) == []
    assert (verified.hours, verified.expired) == (COUNT, 2)
    assert verified.checked["facts"] == COUNT - 2
    assert verified.checked["aggregates"] == 3 * (COUNT - 1)
    balance = row_balance(lake, shipped()["generations"])
    names = ["raw", "staged", "quarantined", "facts", "purged"]
    gone = ["raw_expired", "staged_expired", "facts_expired"]
    assert balance.select(names + gone).rows() == [
        (ROWS + TWICE, GOOD, 1, GOOD, 2, False, False, False),
        (0, GOOD, BAD, GOOD, 0, True, False, False),
        (ROWS + TWICE, 0, BAD, GOOD, 0, False, True, False),
        (ROWS + TWICE, GOOD, BAD, 0, 0, False, False, True),
    ]
    assert row_balance(lake, shipped()["generations"], hour(2)).equals(balance[2:3])

    rejects.write_hours(None, hour(0))
    (last,) = said(found(lake))
    assert last == (
        "conservation",
        QUARANTINE,
        FIRST,
        f"{BAD} rows, as rejected less 2 purged",
        "no rows",
    )


def test_rows_that_are_not_what_they_should_be(lake: Lake) -> None:
    twin = lake.table("staged", "generations").read(hour(0)).collect()["event_id"].min()
    changed(lake, STAGED, hour(1), in_row(0, HOUR, "timestamp"), in_row(0, HOUR, "created_at"))
    changed(lake, STAGED, hour(2), in_row(1, twin, "event_id"))
    changed(lake, RAW, hour(3), pl.lit("zz").alias("_batch_id"))
    changed(lake, FACT, hour(3), pl.lit("aa").alias("_batch_id"))

    assert said(found(lake)) == [
        (
            "keys",
            STAGED,
            FIRST,
            "each key once",
            f"1 row with a key that is there again, also in {THIRD}",
        ),
        (
            "keys",
            STAGED,
            THIRD,
            "each key once",
            f"1 row with a key that is there again, also in {FIRST}",
        ),
        ("placement", STAGED, SECOND, "rows of this hour only", "1 row of other hours"),
        ("batches", FACT, LAST, "rows of batch batch, as staged", "rows of batch aa"),
        ("batches", RAW, LAST, "rows of batch batch at the latest", "rows of batch zz"),
    ]
    with_rows(lake, FACT, hour(1), lake.table("marts", "fact_generations").read(hour(1)).collect())
    (again,) = (one for one in said(found(lake)) if one[:3] == ("keys", FACT, SECOND))
    assert again[4] == f"{2 * GOOD} rows with a key that is there again"


def test_files_that_are_not_as_they_were_written(lake: Lake) -> None:
    def file(name: str, number: int) -> Path:
        (path,) = Path(lake.uri, name).glob(f"*/hour={hour(number).start.hour}/*.parquet")
        return path

    missing, cut, spoilt = file(RAW, 0), file(STAGED, 1), file(FACT, 2)
    sizes = [one.stat().st_size for one in (missing, cut)]
    missing.unlink()
    os.truncate(cut, 12)
    spoilt.write_bytes(b"x" * spoilt.stat().st_size)
    providers = lake.table("staged", "providers")
    (whole,) = (Path(path) for path in providers.delta().file_uris())
    size = whole.stat().st_size
    whole.unlink()
    log = Path(lake.uri, QUARANTINE, "_delta_log", "00000000000000000001.json")
    log.write_text("{")

    verified = found(lake)

    *others, unreadable = sorted(said(verified), key=lambda one: one[1] == QUARANTINE)
    unread = ("files", FACT, THIRD, "files that can be read", "a file that cannot")
    assert unreadable[:4] == ("files", QUARANTINE, None, "a log that can be read")
    assert f"{log.name} is cut or damaged" in unreadable[4]
    assert others == [
        ("files", "staged/providers", None, f"{whole.name}: {size:,} bytes", "no such file"),
        ("files", RAW, FIRST, f"{missing.name}: {sizes[0]:,} bytes", "no such file"),
        ("files", STAGED, SECOND, f"{cut.name}: {sizes[1]:,} bytes", "12 bytes"),
        unread,
    ]
    # Nothing more is said of a stream of which a table cannot be read.
    assert (verified.hours, verified.first, verified.last) == (0, None, None)
    assert verified.checked == {
        "files": len(lake.tables()),
        "conservation": 0,
        "facts": 0,
        "keys": 0,
        "placement": 0,
        "batches": 0,
        "aggregates": 3 * (COUNT - 1),
    }


@pytest.mark.parametrize("end", [b"PAR1", b"xxxx"])
def test_files_that_cannot_be_read_though_as_long_as_they_were(lake: Lake, end: bytes) -> None:
    """Of whichever table, and whatever else is wrong."""
    for number, name in enumerate((STAGED, FACT, METRICS)):
        (path,) = Path(lake.uri, name).glob(f"*/hour={hour(number).start.hour}/*.parquet")
        path.write_bytes(b"x" * (path.stat().st_size - 4) + end)
    changed(lake, METRICS, hour(3), pl.col("total_requests") + 1)
    verified = found(lake)
    *files, other = said(verified)
    assert files == [
        ("files", name, key, "files that can be read", "a file that cannot")
        for name, key in ((STAGED, FIRST), (FACT, SECOND), (METRICS, THIRD))
    ]
    assert other[:3] == ("aggregates", METRICS, LAST)
    assert verified.checked["keys"] == verified.checked["placement"] == 2 * (COUNT - 1)
    # Of the one without its fact's hour and its own, of the other without its fact's.
    assert verified.checked["aggregates"] == (COUNT - 2) + 2 * (COUNT - 1)


def test_aggregates_that_are_not_what_the_facts_give(lake: Lake) -> None:
    for number, by in enumerate((1, 0.25)):
        more = in_row(0, pl.col("total_cost_usd") + by, "total_cost_usd")
        changed(lake, METRICS, hour(number), more)
    Path(lake.uri, TECHNIQUES).rename(Path(lake.uri, "away"))

    whole, part, none = sorted(said(found(lake)), key=lambda one: (one[2] is None, one[2]))

    cost = pytest.approx(ROWS * 0.01, abs=0.1)
    for failure, key, by in ((whole, FIRST, 1), (part, SECOND, 0.25)):
        assert failure[:3] == ("aggregates", METRICS, key)
        measure, number, *source = failure[3].split()
        assert (measure, source) == ("total_cost_usd", ["from", "the", "facts"])
        expected = float(number.rstrip(","))
        assert expected == cost
        assert failure[4] == f"{expected + by:.6f}; 1 groups differ"
    assert none == (
        "aggregates",
        TECHNIQUES,
        None,
        f"a table made from {FACT}",
        "none",
    )


def test_definitions_that_do_not_fit_are_named(lake: Lake) -> None:
    (metrics,) = (one for one in active_aggregates() if one.table == METRICS.split("/")[1])
    assert compared(metrics, lake, [hour(0)]).is_empty()
    wrong = {
        "column of agg_provider_metrics: expected one of ": {"grain": (*metrics.grain, "modle")},
        "aggregate agg_provider_metrics: expected SQL that fits its facts, found ": {
            "source": "SELECT nothing FROM fact_generations"
        },
        "facts: expected a table or its description, found no table marts/fact_x, and no .yml that "
        "describes its columns": {"facts": (*metrics.facts, "fact_x")},
    }
    for words, change in wrong.items():
        with pytest.raises(PackError) as refused:
            compared(metrics.model_copy(update=change), lake, [hour(0)])
        assert words in str(refused.value)
        assert "aggregates.yaml:" in str(refused.value)


def test_streams_that_must_have_facts(lake: Lake) -> None:
    Path(lake.uri, FACT).rename(Path(lake.uri, "away"))
    for name in (COSTS, METRICS, TECHNIQUES):
        Path(lake.uri, name).rename(Path(lake.uri, f"away-{name.split('/')[1]}"))
    without = Lake(lake.uri)
    contracts = {"generations": shipped()["generations"], "providers": shipped()["providers"]}
    assert said(verify(without, contracts)) == []
    must = verify(without, contracts, with_facts={"generations"})
    assert said(must) == [
        ("facts", FACT, key, f"{GOOD} rows, as staged", "no rows") for key in KEYS
    ]
    assert must.not_compared == ()
    assert 0 < must.seconds < 100
    assert lake.table("staged", "generations").read(columns=HOUR_COLUMNS).collect().height
