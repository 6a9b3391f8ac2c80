"""A record's lineage as it may be shown, and as JSON: personal values masked unless revealed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from chimera_assets.hours import partition_key
from chimera_assets.layers import RAW
from chimera_assets.privacy.masking import MASK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import polars as pl

    from chimera_assets.lineage.record import Counted, HourLineage, RecordLineage
    from chimera_assets.privacy.table_masks import Masks

#: Gives the columns of a table `layer/table`.
Schema: TypeAlias = "Callable[[str], Mapping[str, pl.DataType]]"


@dataclass(frozen=True, slots=True)
class Shown:
    """What may be shown of a record.

    Attributes:
        document: What is printed as JSON.
        masked: Table -> the columns of it that are masked, or would be.
    """

    document: dict[str, Any]
    masked: Mapping[str, frozenset[str]]


def shown(found: RecordLineage, masks: Masks, schema: Schema, *, reveal: bool) -> Shown:
    """A record's lineage, with the masks of every table that its values are of.

    Args:
        found: The lineage.
        masks: What is masked where it is shown.
        schema: Gives the columns of a table `layer/table`.
        reveal: Whether the values themselves are shown.
    """
    contract = found.key.contract
    raw = f"{RAW}/{contract.stream}"
    filled = {
        name
        for values in (found.key.values, *(row.values for one in found.hours for row in one.rows))
        for name, value in values.items()
        if value is not None
    }
    hidden = {raw: masks.stream_columns(contract.stream, filled)}
    for one in (one for hour in found.hours for one in hour.counted):
        table = one.stored.table
        hidden[table] = hidden.get(table, frozenset()) | _hidden(one, masks, schema(table))
    of_rows = hidden[raw]
    document = {
        "stream": contract.stream,
        "key": _masked(found.key.values, () if reveal else of_rows),
        "looked": asdict(found.looked),
        "hours": [
            _hour(hour, {} if reveal else hidden, () if reveal else of_rows) for hour in found.hours
        ],
    }
    return Shown(document, {table: columns for table, columns in hidden.items() if columns})


def _hidden(one: Counted, masks: Masks, schema: Mapping[str, pl.DataType]) -> frozenset[str]:
    """The columns that are masked of a row of an aggregate; what one record adds is a row's."""
    layer, _, table = one.stored.table.partition("/")
    adds = {name for name in one.adds if masks.tells_a_row(layer, table, name)}
    told = {*one.grouping, *one.adds}
    return (masks.columns(layer, table, schema) & told) | adds


def _hour(
    hour: HourLineage, hidden: Mapping[str, Collection[str]], of_rows: Collection[str]
) -> dict[str, Any]:
    plain = asdict(hour)
    plain["hour"] = partition_key(hour.hour) if hour.hour is not None else None
    plain["rows"] = [{**asdict(row), "values": _masked(row.values, of_rows)} for row in hour.rows]
    plain["counted"] = [_counted(one, hidden.get(one.stored.table, ())) for one in hour.counted]
    return plain


def _counted(one: Counted, hidden: Collection[str]) -> dict[str, Any]:
    plain = asdict(one)
    for part in ("grouping", "adds", "totals"):
        plain[part] = _masked(plain[part], hidden) if plain[part] is not None else None
    return plain


def _masked(values: Mapping[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    return {
        name: MASK if name in hidden and value is not None else value
        for name, value in values.items()
    }
