"""`chimera table`: the Delta tables, their past, and their upkeep."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.reveal import revealed
from chimera_assets.commands.rows import Format, print_rows
from chimera_assets.commands.terminal import Size, iso, notes, out, print_json, print_table
from chimera_assets.contracts import known_contracts
from chimera_assets.errors import ArgumentError, counted
from chimera_assets.hours import HOUR_COLUMNS
from chimera_assets.lake import open_lake
from chimera_assets.layers import AGGREGATES
from chimera_assets.lifecycle import table_changes
from chimera_assets.lifecycle.policy import policy
from chimera_assets.packs.aggregates import active_aggregates
from chimera_assets.privacy.masking import OPERATOR_LEVEL
from chimera_assets.privacy.table_masks import Masks
from chimera_assets.system_tables.column_lineage import column_lineages
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chimera_assets.hours import HourRange
    from chimera_assets.lake import Table

#: How many rows people are shown if they did not say, and at most: each is laid out as text.
_TABLE_ROWS, _MOST_TABLE_ROWS = 20, 1_000


def named(name: str) -> Table:
    """The table `layer/table`.

    Raises:
        ArgumentError: There is no such table; the message lists those there are.
    """
    lake = open_lake()
    known = [f"{layer}/{table}" for layer, table in lake.tables()]
    if name not in known:
        listed = one_of(known, name, listed_by="chimera table list")
        expected = listed if known else "a table, but the lake is empty"
        msg = f"{name}: no such table in {lake.uri}; expected {expected}"
        raise ArgumentError(msg)
    layer, _, table = name.partition("/")
    return lake.table(layer, table)


def show_list(*, as_json: bool) -> int:
    """Print every table of the lake."""
    lake = open_lake()
    entries: list[dict[str, Any]] = []
    for layer, name in lake.tables():
        stats = lake.table(layer, name).stats()
        size = {"rows": stats.rows, "version": stats.version, "files": stats.files}
        entries.append({"table": f"{layer}/{name}", **size, "bytes": stats.bytes})
    if as_json:
        print_json(entries)
        return 0
    if not entries:
        notes().print("The lake is empty. `chimera demo` or `chimera backfill` fills it.")
        return 0
    columns = ("table", "rows", "version", "files", "size")
    print_table(columns, ([*list(e.values())[:-1], Size(e["bytes"])] for e in entries))
    return 0


def show_history(name: str, *, limit: int, as_json: bool) -> int:
    """Print the commits of a table, newest first."""
    entries = [_commit(entry) for entry in named(name).history(limit)]
    if as_json:
        print_json(entries)
        return 0
    columns = ("version", "time", "operation", "run", "said")
    shown = ({**entry, "time": iso(entry["time"])} for entry in entries)
    rows = ([*(entry[column] for column in columns[:4]), _said(entry)] for entry in shown)
    print_table(columns, rows)
    return 0


#: What a commit says by a name that says something else here.
_SAID = {"chimera.version": "code"}


def _commit(entry: dict[str, Any]) -> dict[str, Any]:
    """A commit as it is shown: version, time, operation, what we said with it."""
    ours = {k: v for k, v in entry.items() if k.startswith("chimera.") and k != "chimera.commit"}
    return {
        "version": entry["version"],
        "time": datetime.fromtimestamp(entry["timestamp"] / 1000, UTC),
        "operation": entry.get("operation"),
        "run": entry.get("run"),
        "contract": entry.get("contract"),
        **{_SAID.get(name, name.removeprefix("chimera.")): said for name, said in ours.items()},
    }


def _said(commit: dict[str, Any]) -> str:
    known = {"version", "time", "operation", "run"}
    said = ((k, v) for k, v in commit.items() if k not in known and v is not None)
    return ", ".join(f"{name} {value}" for name, value in said)


def show_rows(  # noqa: PLR0913 - the options of one command
    name: str,
    *,
    as_of: int | datetime | None,
    hours: HourRange | None,
    columns: Sequence[str] | None,
    limit: int | None,
    form: Format,
    raw: bool,
    reveal: bool,
    now: datetime,
) -> int:
    """Print rows of a table, as it is or as it was; a limit of 0 is none, but for a table.

    Raises:
        ArgumentError: There is no such table or column.
        AuditError: Values are to be revealed, and the audit log could not be written.
    """
    table = named(name)
    if form is Format.table:
        limit = _TABLE_ROWS if limit is None else min(limit or _MOST_TABLE_ROWS, _MOST_TABLE_ROWS)
    version = as_of if isinstance(as_of, int) else None
    moment = as_of if isinstance(as_of, datetime) else None
    rows = table.read(hours, columns, version=version, as_of=moment)
    masks = Masks(OPERATOR_LEVEL, known_contracts(), column_lineages(open_lake()))
    hidden, masked = masks.rows(table.layer, table.name, rows)
    if not reveal:
        rows = hidden
    # Not before: an order by masked values would tell of them.
    if order := [column for column in _order(table) if column in rows.collect_schema()]:
        rows = rows.sort(order)
    with revealed(name, masked if reveal else (), now=now, hours=hours):
        shown = print_rows(rows.head(limit) if limit else rows, form, raw=raw)
    if masked and not reveal:
        notes().print(f"Masked: {', '.join(sorted(masked))}; --reveal shows them.", soft_wrap=True)
    total = int(rows.select(pl.len()).collect().item()) if shown == limit else shown
    if not total:
        notes().print("0 rows.")
    if shown < total:  # an export that was cut must not look whole
        all_of_them = "--limit 0 shows all of them"
        if form is Format.table and total > _MOST_TABLE_ROWS:
            all_of_them = f"a table has at most {_MOST_TABLE_ROWS:,}: --format csv prints all"
        notes().print(f"{shown:,} of {counted(total, 'row')}; {all_of_them}.")
    return 0


def _order(table: Table) -> Sequence[str]:
    """The columns by which rows are shown in order, as files have them in none within an hour.

    Only aggregates are few enough rows for that.
    """
    grains = {one.table: one.grain for one in active_aggregates()}
    if table.layer != AGGREGATES or table.name not in grains:
        return ()
    return [*HOUR_COLUMNS, *grains[table.name]]


def restore(name: str, target: int | datetime, *, now: datetime) -> int:
    """Make a table again what it was at a version or time, as a new version."""
    table = named(name)
    commit = table_changes.restore(command_context(now), table, target)
    out().print(
        f"{name} is again what it was at {_moment(target)}: version {commit.version}, "
        f"{counted(table.count(), 'row')}. `--as-of {commit.version - 1}` undoes it.",
        soft_wrap=True,
    )
    return 0


def optimize(name: str, *, hours: HourRange | None, z_order: Sequence[str], now: datetime) -> int:
    """Merge the small files of each hour, or rewrite them in the order of columns."""
    table = named(name)
    done = table_changes.optimize(command_context(now), table, hours, z_order)
    out().print(f"{name}: {counted(done['files_removed'], 'file')} became {done['files_added']:,}")
    return 0


def vacuum(name: str, *, days: float | None, dry_run: bool, full: bool, now: datetime) -> int:
    """Delete the files that no version of the last days needs."""
    table = named(name)
    kept = policy(table, known_contracts()).vacuum_days if days is None else days
    if dry_run:
        files = table.vacuum(kept, dry_run=True, full=full)
    else:
        files = table_changes.vacuum(command_context(now), table, kept, full=full)
    verb = "would be deleted" if dry_run else "deleted"
    past = f"versions of the last {kept:g} days can still be read"
    out().print(f"{name}: {counted(len(files), 'file')} {verb}; {past}")
    return 0


def _moment(target: int | datetime) -> str:
    return target.isoformat() if isinstance(target, datetime) else f"version {target}"
