"""`chimera table profile`: what a stream's columns are like, and what they were before."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from chimera_assets.commands.terminal import notes, percent, print_json, print_table
from chimera_assets.contracts import known_contracts
from chimera_assets.errors import ArgumentError, counted
from chimera_assets.lake import open_lake
from chimera_assets.quality.profile_comparison import compared_profiles
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from chimera_assets.contracts import Contract
    from chimera_assets.hours import HourRange
    from chimera_assets.quality.profile_comparison import ColumnSummary, ComparedColumn

#: So many of the top values are shown in a table.
_SHOWN = 3

_HEADS = (
    "column", "nulls", "nulls before", "distinct an hour (median)",
    "distinct an hour before (median)", "lowest", "highest", "range before", "top values",
)  # fmt: skip


def show_profile(stream: str, hours: HourRange | None, *, as_json: bool) -> int:
    """Print the profile of hours of a stream beside that of the hours before.

    Raises:
        ArgumentError: There is no such stream.
    """
    found = compared_profiles(open_lake(), _contract(stream), hours)
    if found is None:
        where = f"in {hours}" if hours is not None else "yet"
        notes().print(f"No hour of {stream} was published {where} with a profile.", markup=False)
        if as_json:
            print_json(None)
        return 0
    if as_json:
        print_json({"stream": stream, **asdict(found), "hours": str(found.hours)})
        return 0
    rows = found.columns[0].now.rows
    title = f"{stream}, {found.hours}: {counted(rows, 'published row')}"
    print_table(_HEADS, map(_cells, found.columns), title=title)
    before = f"the last {counted(found.before, 'hour')} with rows" if found.before else "none"
    notes().print(f"Hours before: {before}. Ranges and values are kept of L0 and L1.")
    return 0


def _contract(stream: str) -> Contract:
    hourly = {name: one for name, one in known_contracts().items() if one.kind == "stream"}
    if stream not in hourly:
        msg = f"{stream}: expected an hourly stream, {one_of(hourly, stream)}"
        raise ArgumentError(msg)
    return hourly[stream]


def _whole(median: float | None) -> int | None:
    """A median of counts as a count, as the half of one means nothing to a reader."""
    return round(median) if median is not None else None


def _cells(one: ComparedColumn) -> tuple[object, ...]:
    now, before = one.now, one.before
    ends = f"{before.lowest} to {before.highest}" if before.lowest is not None else None
    return (
        one.column,
        percent(now.null_share),
        percent(before.null_share),
        _whole(now.median_distinct_an_hour),
        _whole(before.median_distinct_an_hour),
        now.lowest,
        now.highest,
        ends,
        _top_values(now),
    )


def _top_values(one: ColumnSummary) -> str | None:
    """The first of the most frequent values, how many those are, and rows that they leave out."""
    if not one.top_values:
        return None
    said = [f"{value} ({rows:,})" for value, rows in one.top_values[:_SHOWN]]
    if len(one.top_values) > _SHOWN:
        said.append(f"… {len(one.top_values)}")
    if one.uncounted_rows:
        said.append(f"not counted ({one.uncounted_rows:,})")
    return ", ".join(said)
