"""What a verification must not overlook: each small wrong is named, and nothing else is."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from chimera_assets.hours import partition_key
from chimera_assets.quality import stage_hours
from chimera_assets.reconciliation import recount, repeated_numbers
from chimera_assets.run_context import RunContext
from tests.quality.rows import HOUR, good_row, raw_frame, shipped
from tests.reconciliation.four_hours import (
    AFTER,
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
    aggregated,
    broken,
    changed,
    found,
    hour,
    in_row,
    with_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.lake import Lake


def test_what_is_whole_is_found_whole(lake: Lake) -> None:
    verified = found(lake)
    assert verified.failures == ()
    assert (verified.hours, verified.first, verified.last) == (COUNT, FIRST, LAST)
    assert verified.rows == COUNT * (ROWS + TWICE + 2 * (ROWS - BAD))
    assert verified.checked == {
        "files": len(lake.tables()),
        "conservation": COUNT,
        "facts": COUNT,
        "keys": 2 * COUNT,
        "placement": 2 * COUNT,
        "batches": 3 * COUNT,
        "aggregates": 3 * COUNT,
    }


class TestRows:
    def test_a_row_too_many(self, lake: Lake) -> None:
        for number, name in ((1, FACT), (2, RAW), (3, STAGED)):
            more = lake.table(*name.split("/")).read(hour(number)).collect().head(1)
            with_rows(lake, name, hour(number), more.with_columns(event_id=pl.lit("surplus")))
        assert broken(lake) == {
            ("facts", FACT, SECOND),
            ("aggregates", COSTS, SECOND),
            ("aggregates", METRICS, SECOND),
            ("aggregates", TECHNIQUES, SECOND),
            ("conservation", RAW, THIRD),
            ("conservation", STAGED, LAST),
            ("facts", FACT, LAST),
        }

    def test_facts_of_an_hour_that_nobody_staged(self, lake: Lake) -> None:
        moment = AFTER + timedelta(minutes=5)
        more = lake.table("marts", "fact_generations").read(hour(0)).collect().head(1)
        more = more.with_columns(
            event_id=pl.lit("surplus"),
            timestamp=pl.lit(moment),
            created_at=pl.lit(moment),
            hour=pl.lit(AFTER.hour, pl.Int32),
        )
        lake.table("marts", "fact_generations").write_hours(more, hour(COUNT))
        after = partition_key(AFTER)
        assert broken(lake) >= {("conservation", RAW, after), ("facts", FACT, after)}
        assert broken(lake, HOURS) == set()  # which nobody asked about

    def test_an_hour_that_one_layer_lacks(self, lake: Lake) -> None:
        """The first hour and the last one too."""
        for number, name in enumerate((RAW, STAGED, QUARANTINE, FACT)):
            lake.table(*name.split("/")).write_hours(None, hour(number))
        lake.table("aggregates", "agg_provider_metrics").write_hours(None, hour(0))
        lake.table("aggregates", "agg_technique_effectiveness").write_hours(None, hour(2))
        assert broken(lake) == {
            ("conservation", RAW, FIRST),
            ("aggregates", METRICS, FIRST),
            ("conservation", STAGED, SECOND),
            ("facts", FACT, SECOND),
            ("conservation", QUARANTINE, THIRD),
            ("aggregates", TECHNIQUES, THIRD),
            ("facts", FACT, LAST),
            ("aggregates", COSTS, LAST),
            ("aggregates", METRICS, LAST),
            ("aggregates", TECHNIQUES, LAST),
        }

    def test_a_layer_without_any_row(self, lake: Lake) -> None:
        lake.table("marts", "fact_generations").write_hours(None, HOURS)
        assert {("facts", FACT, key) for key in KEYS} <= broken(lake)

    def test_a_rejected_row_more_or_less(self, lake: Lake) -> None:
        table = lake.table("quarantine", "generations")
        for number, rows in ((1, BAD - 1), (2, BAD + 1)):
            known = table.read(hour(number)).collect()
            table.write_hours(pl.concat([known, known]).head(rows), hour(number))
        assert broken(lake) == {
            ("conservation", QUARANTINE, SECOND),
            ("conservation", QUARANTINE, THIRD),
        }

    def test_rejected_rows_of_an_hour_without_an_account(self, lake: Lake) -> None:
        table = lake.table("quarantine", "generations")
        rows = table.read(hour(0)).collect().with_columns(hour=pl.lit(AFTER.hour, pl.Int32))
        table.write_hours(rows, hour(COUNT))
        (failure,) = [one for one in found(lake).failures if one.promise == "conservation"]
        assert (failure.table, failure.hour) == (RAW, partition_key(AFTER))
        assert failure.found == "none, but 3 quarantined"

    def test_accounts_that_are_gone(self, lake: Lake) -> None:
        batches = lake.table("quality", "batches")
        batches.overwrite(batches.read().filter(pl.col("hour") != HOUR.hour + 2).collect())
        assert {("conservation", RAW, THIRD)} <= broken(lake)


class TestPlacement:
    @pytest.mark.parametrize("name", [STAGED, FACT])
    def test_the_first_and_the_last_moment_of_an_hour_are_of_it(
        self, lake: Lake, name: str
    ) -> None:
        for row, moment in enumerate((timedelta(hours=1), timedelta(hours=2, microseconds=-1))):
            times = ("timestamp", "created_at")
            changed(lake, name, hour(1), *(in_row(row, HOUR + moment, each) for each in times))
        assert broken(lake) == set()

    @pytest.mark.parametrize(
        "moment", [timedelta(hours=2), timedelta(hours=1, microseconds=-1), None], ids=str
    )
    def test_a_row_at_the_edge_of_another_hour_or_without_any_time(
        self, lake: Lake, moment: timedelta | None
    ) -> None:
        value = None if moment is None else HOUR + moment
        times = [in_row(3, value, column) for column in ("timestamp", "created_at")]
        changed(lake, STAGED, hour(1), *times)
        assert broken(lake) == {("placement", STAGED, SECOND)}


class TestKeys:
    @pytest.mark.parametrize("rows", [50, 1_000_000])
    def test_twins_far_apart(self, lake: Lake, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Also when neither the rows nor their fingerprints are looked at all at once."""
        monkeypatch.setattr(recount, "_ROWS", rows)
        monkeypatch.setattr(repeated_numbers, "_AT_A_TIME", 2 * rows)
        twin = lake.table("staged", "generations").read(hour(0)).collect()["event_id"].min()
        changed(lake, STAGED, hour(3), in_row(ROWS - BAD - 1, twin, "event_id"))
        verified = found(lake).failures
        assert {(one.promise, one.table, one.hour) for one in verified} == {
            ("keys", STAGED, FIRST),
            ("keys", STAGED, LAST),
        }
        assert [one.found for one in verified] == [
            f"1 row with a key that is there again, also in {where}" for where in (LAST, FIRST)
        ]

    def test_a_key_thrice_in_two_hours(self, lake: Lake) -> None:
        twin = lake.table("staged", "generations").read(hour(0)).collect()["event_id"].min()
        columns = [in_row(n, twin, "event_id") for n in (1,)]
        changed(lake, STAGED, hour(0), *columns)
        changed(lake, STAGED, hour(2), *columns)
        said = {one.hour: one.found for one in found(lake).failures}
        assert said == {
            FIRST: f"2 rows with a key that is there again, also in {THIRD}",
            THIRD: f"1 row with a key that is there again, also in {FIRST}",
        }

    def test_keys_of_raw_may_come_twice(self, lake: Lake) -> None:
        raw = lake.table("raw", "generations").read().collect()
        assert raw["event_id"].n_unique() < raw.height

    @pytest.mark.parametrize(("seed", "at_a_time"), list(enumerate((1, 3, 8, 50, 1_000))))
    def test_numbers_that_repeat_are_found_however_they_are_parted(
        self, seed: int, at_a_time: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chance = random.Random(seed)  # noqa: S311 - no secret
        monkeypatch.setattr(repeated_numbers, "_AT_A_TIME", at_a_time)
        edges = [0, 1, 2**63, 2**64 // 2 - 1, 2**64 - 1, (2**64 - 1) // 3, (2**64 - 1) // 4]
        some = [chance.choice(edges + [chance.randrange(2**64)] * 3) for _ in range(60)]
        cuts = sorted(chance.sample(range(61), 7))
        parts = [
            pl.Series(some[first:last], dtype=pl.UInt64)
            for first, last in zip([0, *cuts], [*cuts, 60], strict=True)
        ]
        again = sorted(number for number, times in Counter(some).items() if times > 1)
        assert repeated_numbers.repeated(parts, tmp_path).to_list() == again
        monkeypatch.setattr(repeated_numbers, "MOST", 2)
        folder = tmp_path / "most"
        folder.mkdir()
        assert repeated_numbers.repeated(parts, folder).to_list() == again[:2]


class TestBatches:
    def test_rows_of_another_batch_than_the_one_that_counts(self, lake: Lake) -> None:
        wrong = {
            RAW: ("zz-later", "aa-before", None),
            STAGED: (None, None, None, "zz-later"),
        }
        for name, batches in wrong.items():
            for number, batch in enumerate(batches):
                if name == RAW or batch is not None:
                    value = pl.lit(batch, pl.String).alias("_batch_id")
                    changed(lake, name, hour(number), value)
        assert broken(lake) == {
            ("batches", RAW, FIRST),
            ("batches", RAW, SECOND),
            ("batches", RAW, THIRD),
            ("batches", STAGED, LAST),
            ("batches", FACT, LAST),  # whose rows are of another batch than those
        }

    def test_rows_of_no_batch_and_facts_of_another(self, lake: Lake) -> None:
        for name, number, batch in (
            (STAGED, 0, None),
            (FACT, 1, "zz-later"),
            (FACT, 2, "aa-before"),
        ):
            changed(lake, name, hour(number), pl.lit(batch, pl.String).alias("_batch_id"))
        assert broken(lake) == {
            ("batches", STAGED, FIRST),
            ("batches", FACT, FIRST),
            ("batches", FACT, SECOND),
            ("batches", FACT, THIRD),
        }

    def test_a_fact_of_a_batch_that_was_staged_before(self, lake: Lake) -> None:
        """As many, and the newest is the same: one of them is old."""
        changed(lake, FACT, hour(2), in_row(0, "aa-before", "_batch_id"))
        assert broken(lake) == {("batches", FACT, THIRD)}
        changed(lake, STAGED, hour(2), in_row(5, "aa-before", "_batch_id"))
        assert broken(lake) == set()  # a row of before may have stayed where it was


class TestLogs:
    def log(self, lake: Lake, name: str, key: int, change: Callable[[int], int]) -> None:
        """The number of an hour's rows as the log has it."""
        for entry in Path(lake.uri, name, "_delta_log").glob("*.json"):
            lines = [json.loads(line) for line in entry.read_text().splitlines()]
            for line in lines:
                if "add" in line and f"/hour={key}/" in line["add"]["path"]:
                    stats = json.loads(line["add"]["stats"])
                    stats["numRecords"] = change(stats["numRecords"])
                    line["add"]["stats"] = json.dumps(stats)
            entry.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def test_the_log_counts_other_rows_than_there_are(self, lake: Lake) -> None:
        wrong = ((RAW, 0, -1), (STAGED, 1, 1), (FACT, 3, -1))
        for name, number, by in wrong:
            self.log(lake, name, HOUR.hour + number, lambda rows, by=by: rows + by)
        files = [one for one in found(lake).failures if one.promise == "files"]
        said = {(one.table, one.hour): (one.expected, one.found) for one in files}
        assert len(files) == len(said) == len(wrong)
        for name, number, by in wrong:
            rows = ROWS + TWICE if name == RAW else ROWS - BAD
            assert said[name, KEYS[number]] == (
                f"{rows + by} rows, as the log says",
                f"{rows} rows",
            )

    @pytest.mark.parametrize("number", [1, 3])
    def test_the_log_counts_rows_where_none_are(self, lake: Lake, number: int) -> None:
        """The file of an hour was replaced by one without rows, of which the log knows all else."""
        key = HOUR.hour + number
        table = lake.table("marts", "fact_generations")
        (folder,) = Path(table.uri).glob(f"*/hour={key}")
        (file,) = folder.glob("*.parquet")
        pl.read_parquet(file, hive_partitioning=False).head(0).write_parquet(file)
        size = file.stat().st_size
        for entry in Path(table.uri, "_delta_log").glob("*.json"):
            lines = [json.loads(line) for line in entry.read_text().splitlines()]
            for line in lines:
                if "add" in line and f"/hour={key}/" in line["add"]["path"]:
                    line["add"]["size"] = size
            entry.write_text("".join(json.dumps(line) + "\n" for line in lines))
        files = [one for one in found(lake).failures if one.promise == "files"]
        assert [(one.table, one.hour, one.found) for one in files] == [
            (FACT, KEYS[number], "no rows")
        ]


class TestAggregates:
    def test_a_cost_that_is_wrong(self, lake: Lake) -> None:
        """Sums of floating-point numbers may differ in their last digits, and no more."""
        for number, by in enumerate((0.000_001, -0.000_001, 1e-10, -1e-10)):
            more = in_row(0, pl.col("total_cost_usd") + by, "total_cost_usd")
            changed(lake, METRICS, hour(number), more)
        assert broken(lake) == {("aggregates", METRICS, key) for key in (FIRST, SECOND)}
        changed(lake, METRICS, hour(2), in_row(1, None, "total_cost_usd"))
        assert ("aggregates", METRICS, THIRD) in broken(lake)

    def test_a_large_cost_may_differ_by_more_in_its_last_digits(self, lake: Lake) -> None:
        """By a millionth of a millionth of it, not by a millionth."""
        changed(lake, FACT, hour(1), pl.lit(1e9).alias("cost_usd"))
        aggregated(lake, hour(1))
        changed(lake, METRICS, hour(1), pl.col("total_cost_usd") * (1 + 1e-12))
        assert broken(lake) == set()
        changed(lake, METRICS, hour(1), pl.col("total_cost_usd") * (1 + 1e-6))
        assert broken(lake) == {("aggregates", METRICS, SECOND)}

    def test_a_large_whole_number_that_is_wrong_by_one(self, lake: Lake) -> None:
        """Where the last digits of a floating-point number would not show it."""
        totals = lake.table("aggregates", "agg_provider_metrics").read(hour(1)).collect()
        assert totals["total_tokens"].max() > 1_000_000_000
        largest = (pl.col("total_tokens") == pl.col("total_tokens").max()).cast(pl.Int64)
        changed(lake, METRICS, hour(1), pl.col("total_tokens") + largest)
        changed(lake, METRICS, hour(2), pl.col("total_tokens") - largest)
        said = {one.hour: (one.expected, one.found) for one in found(lake).failures}
        total = int(totals["total_tokens"].sum())  # the same in each hour
        assert said == {
            key: (f"total_tokens {total:,}, from the facts", f"{total + by:,}; 1 groups differ")
            for key, by in ((SECOND, 1), (THIRD, -1))
        }

    def test_what_one_group_has_too_much_another_has_too_little(self, lake: Lake) -> None:
        """Their total is right."""
        for row, by in ((0, 1), (1, -1)):
            by_one = in_row(row, pl.col("total_requests") + by, "total_requests")
            changed(lake, METRICS, hour(1), by_one)
        (failure,) = found(lake).failures
        assert (failure.table, failure.hour) == (METRICS, SECOND)
        assert failure.found.endswith("2 groups differ")

    def test_a_group_that_no_fact_is_of(self, lake: Lake) -> None:
        """Though it adds nothing to any total, and though it has no name."""
        table = lake.table("aggregates", "agg_provider_metrics")
        groups = {"tenant_id": "nobody", "provider": None, "model": None}
        for number, (column, value) in enumerate(groups.items()):
            some = table.read(hour(number)).collect().head(1)
            measures = [name for name, kind in some.schema.items() if kind.is_numeric()]
            sums = [n for n in measures if n != "hour"]
            nothing = [pl.lit(0 if number else None).cast(some.schema[n]).alias(n) for n in sums]
            named = pl.lit(value, pl.String).alias(column)
            with_rows(lake, METRICS, hour(number), some.with_columns(*nothing, named))
        assert broken(lake) == {("aggregates", METRICS, key) for key in KEYS[:3]}

    def test_a_group_that_is_missing(self, lake: Lake) -> None:
        table = lake.table("aggregates", "agg_provider_metrics")
        table.write_hours(table.read(hour(1)).collect().sort("provider").head(1), hour(1))
        assert broken(lake) == {("aggregates", METRICS, SECOND)}

    def test_groups_without_a_name_are_compared_as_the_others(self, lake: Lake) -> None:
        for name in (STAGED, FACT):
            changed(lake, name, hour(1), pl.lit(None, pl.String).alias("model"))
        aggregated(lake, hour(1))
        assert broken(lake) == set()
        changed(lake, METRICS, hour(1), in_row(0, pl.col("total_requests") + 1, "total_requests"))
        assert broken(lake) == {("aggregates", METRICS, SECOND)}

    def test_an_hour_that_has_no_facts(self, lake: Lake) -> None:
        table = lake.table("aggregates", "agg_provider_metrics")
        rows = table.read(hour(0)).collect().with_columns(hour=pl.lit(AFTER.hour, pl.Int32))
        table.write_hours(rows, hour(COUNT))
        assert broken(lake) == {("aggregates", METRICS, partition_key(AFTER))}

    def test_many_hours_are_compared_in_parts(
        self, lake: Lake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from chimera_assets.reconciliation import verify as verifying

        monkeypatch.setattr(verifying, "_HOURS_AT_A_TIME", 3)
        assert broken(lake) == set()
        for number in (0, 2, 3):
            changed(lake, METRICS, hour(number), pl.col("total_requests") + 1)
        assert broken(lake) == {("aggregates", METRICS, KEYS[n]) for n in (0, 2, 3)}


def test_what_a_gate_holds_back_is_told_and_breaks_nothing(lake: Lake) -> None:
    contract = shipped()["generations"]
    rows = [good_row(n, HOUR, tokens_used=-1 if n < 50 else 80) for n in range(ROWS)]
    frame = raw_frame(contract, [*rows, rows[60] | {"model": "m-2"}])
    later = frame.with_columns(_batch_id=pl.lit("later"))
    lake.table("raw", "generations").write_hours(later, hour(0))
    stage_hours(RunContext(lake, JUDGED + timedelta(hours=1), "again"), contract, hour(0))
    verified = found(lake)
    assert verified.failures == ()
    (held,) = verified.held_back
    assert (held.hours, held.first, held.last) == (1, FIRST, FIRST)
    assert (held.good_rows, held.rejected_rows) == (ROWS - 50, 50)
