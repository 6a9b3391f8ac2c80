"""The promises about a stream's rows, recounted in all its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.hour_columns import HOUR_START, hour_starts
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.layers import QUALITY, RAW
from chimera_assets.reconciliation.findings import HeldBack, hour_key, name_of, rows_in_words
from chimera_assets.reconciliation.recount import UNREADABLE, Recount, note_unreadable
from chimera_assets.reconciliation.row_balance import layers, row_balance
from chimera_assets.system_tables import batches, deletion_log

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake, Table
    from chimera_assets.reconciliation.findings import Findings

_BATCHES = f"{QUALITY}/{batches.NAME}"

#: Without these nothing can be said of any hour.
_COUNTS = (_BATCHES, f"{QUALITY}/{deletion_log.NAME}")

_UTC = pl.Datetime("us", "UTC")


class StreamPromises:
    """Recounts the rows of streams.

    Args:
        lake: The lake.
        findings: Where what is found is noted.
    """

    def __init__(self, lake: Lake, findings: Findings) -> None:
        self._lake, self._findings = lake, findings

    def check(self, contract: Contract, *, needs_facts: bool) -> None:
        """Recount a stream's rows in all its layers."""
        tables = layers(self._lake, contract)
        if self._findings.unreadable & {*map(name_of, tables.values()), *_COUNTS}:
            return  # the table was named; nothing can be said of its hours
        hours = row_balance(self._lake, contract, self._findings.hours)
        self._findings.seen.update(hour_starts(hours))
        self._held_back(contract, hours)
        has_facts = tables["facts"].exists() or needs_facts
        for hour in hours.iter_rows(named=True):
            self._conservation(tables, hour)
            if has_facts:
                self._facts(tables, hour)
        for layer, moment in (("staged", "staged_expired"), ("facts", "facts_expired")):
            gone = hour_starts(hours.filter(moment))
            self._findings.expired[name_of(tables[layer])] = set(gone)
        counted = {
            name: self._recounted(contract, tables[name])
            for name in ("raw", "staged", "facts")
            if tables[name].exists()
        }
        self._batches(tables, hours, counted)

    def _held_back(self, contract: Contract, hours: pl.DataFrame) -> None:
        """The hours that the gate has blocked, and how many good rows wait in them."""
        blocked = hours.filter(~pl.col("published"))
        if not blocked.is_empty():
            rejected = int(blocked["rejected"].sum())
            good = int((blocked["extracted"] - blocked["duplicates"]).sum()) - rejected
            first, last = (hour_key(blocked.row(row, named=True)) for row in (0, -1))
            self._findings.held_back.append(
                HeldBack(contract.stream, blocked.height, first, last, good, rejected)
            )

    def _conservation(self, tables: Mapping[str, Table], hour: dict[str, Any]) -> None:
        """Each layer against the hour's newest counts; staged against the newest published."""
        self._findings.checked["conservation"] += 1
        key = hour_key(hour)
        if hour["extracted"] is None:
            there = ", ".join(f"{hour[name]:,} {name}" for name in tables if hour[name])
            expected = f"an account of the hour in {_BATCHES}"
            self._findings.fail("conservation", tables["raw"], key, expected, f"none, but {there}")
            return
        if not hour["raw_expired"] and hour["raw"] != hour["extracted"]:
            expected = f"{rows_in_words(hour['extracted'])}, as extracted"
            self._findings.fail(
                "conservation", tables["raw"], key, expected, rows_in_words(hour["raw"])
            )
        published = hour["published_rows"] or 0
        if not hour["staged_expired"] and hour["staged"] != published:
            expected = f"{rows_in_words(published)}, as published"
            found = rows_in_words(hour["staged"])
            self._findings.fail("conservation", tables["staged"], key, expected, found)
        waiting, gone, rejected = hour["quarantined"], hour["purged"], hour["rejected"]
        # A purge that died between its log entry and its commit is logged twice; hence no equation.
        if not waiting <= rejected <= waiting + gone:
            less = f" less {gone:,} purged" if gone else ""
            expected = f"{rows_in_words(rejected)}, as rejected{less}"
            found = rows_in_words(waiting)
            self._findings.fail("conservation", tables["quarantined"], key, expected, found)

    def _facts(self, tables: Mapping[str, Table], hour: dict[str, Any]) -> None:
        if hour["staged_expired"] or hour["facts_expired"]:
            return
        self._findings.checked["facts"] += 1
        if hour["facts"] != hour["staged"]:
            expected = f"{rows_in_words(hour['staged'])}, as staged"
            found = rows_in_words(hour["facts"])
            self._findings.fail("facts", tables["facts"], hour_key(hour), expected, found)

    def _recounted(self, contract: Contract, table: Table) -> pl.DataFrame:
        """The hours of a table as its files have them; their promises checked on the way."""
        recount = Recount(contract, table, self._findings.intact(table))
        try:
            hours = recount.hours()
        except UNREADABLE:
            note_unreadable(table, self._findings)
            recount = Recount(contract, table, self._findings.intact(table))
            hours = recount.hours()
        self._findings.rows += int(hours["rows"].sum())
        self._logged(table, hours)
        if table.layer == RAW:  # as received: rows may be wrong, and come twice
            return hours
        self._findings.checked["placement"] += hours.height
        for hour in hours.filter(pl.col("misplaced") > 0).iter_rows(named=True):
            found = f"{rows_in_words(hour['misplaced'])} of other hours"
            self._findings.fail("placement", table, hour_key(hour), "rows of this hour only", found)
        self._findings.checked["keys"] += hours.height
        for hour in recount.repeated_keys().iter_rows(named=True):
            where = f", also in {', '.join(hour['elsewhere'])}" if hour["elsewhere"] else ""
            found = f"{rows_in_words(hour['rows'])} with a key that is there again{where}"
            self._findings.fail("keys", table, hour_key(hour), "each key once", found)
        return hours

    def _logged(self, table: Table, hours: pl.DataFrame) -> None:
        """The log's own row counts, on which all other counts rest, against the files."""
        logged = table.rows_by_hour(self._findings.hours).rename({"rows": "logged"})
        damaged = self._findings.damaged.get(name_of(table), set())
        whole = [hour not in damaged for hour in hour_starts(logged)]
        logged = logged.filter(pl.Series(whole, dtype=pl.Boolean))
        both = hours.join(logged, on=HOUR_COLUMNS, how="full", coalesce=True).sort(HOUR_COLUMNS)
        for hour in both.filter(pl.col("rows").ne_missing(pl.col("logged"))).iter_rows(named=True):
            expected = f"{rows_in_words(hour['logged'])}, as the log says"
            self._findings.fail(
                "files", table, hour_key(hour), expected, rows_in_words(hour["rows"])
            )

    def _batches(
        self, tables: Mapping[str, Table], hours: pl.DataFrame, counted: Mapping[str, pl.DataFrame]
    ) -> None:
        """The newest batch of an hour's rows is the one of its batch counts."""
        for layer, rows in counted.items():
            column = "batch_id" if layer == "raw" else "published_batch_id"
            both = rows.join(hours.select(*HOUR_COLUMNS, column), on=HOUR_COLUMNS)
            known = both.filter(pl.col(column).is_not_null())
            self._findings.checked["batches"] += known.height
            newer = pl.col("last_batch").ne_missing(pl.col(column))
            if layer != "raw":
                # The rows of the newest batch may all have been rejected, or be older duplicates.
                newer = pl.col("last_batch") > pl.col(column)
            for hour in known.filter(newer.fill_null(value=True)).iter_rows(named=True):
                self._findings.fail(
                    "batches",
                    tables[layer],
                    hour_key(hour),
                    f"rows of batch {hour[column]} at the latest",
                    f"rows of batch {hour['last_batch']}",
                )
        if {"staged", "facts"} <= counted.keys():
            self._stale_facts(tables, counted)

    def _stale_facts(
        self, tables: Mapping[str, Table], counted: Mapping[str, pl.DataFrame]
    ) -> None:
        """Facts made from rows that were staged before, although as many."""
        both = counted["facts"].join(counted["staged"], on=HOUR_COLUMNS, suffix="_staged")
        out = pl.Series(sorted(self._findings.expired[name_of(tables["facts"])]), dtype=_UTC)
        columns = ("first_batch", "last_batch")
        stale = both.filter(
            ~HOUR_START.is_in(out.implode()),
            pl.any_horizontal(pl.col(n).ne_missing(pl.col(f"{n}_staged")) for n in columns),
        )
        for hour in stale.iter_rows(named=True):
            expected = f"rows of batch {hour['last_batch_staged']}, as staged"
            found = f"rows of batch {hour['last_batch']}"
            self._findings.fail("batches", tables["facts"], hour_key(hour), expected, found)
