"""What the Dagster catalogue says of an asset, from its contract."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import dagster as dg

from chimera_assets.contracts.rules.rule_text import rule_text
from chimera_assets.hours import DAY_COLUMN, HOUR_COLUMN, HOUR_COLUMNS
from chimera_assets.lineage.columns import SOURCE, source_columns
from chimera_assets.quality import quarantine
from chimera_assets.quality.staged_schema import staged_schema

if TYPE_CHECKING:
    from chimera_assets.contracts import Column, Contract

_LINEAGE_DESCRIPTIONS = {
    DAY_COLUMN: "UTC date of the hour the row is kept under.",
    HOUR_COLUMN: "Hour of that date, 0 to 23.",
    "_batch_id": "The extraction that brought the row in.",
    "_ingested_at": "When that extraction began.",
}


_QUARANTINE_DESCRIPTIONS = {
    **{name: _LINEAGE_DESCRIPTIONS[name] for name in HOUR_COLUMNS},
    "stream": "The stream the row came with.",
    "row_key": "The values of the row's key columns.",
    "batch_id": _LINEAGE_DESCRIPTIONS["_batch_id"],
    "reasons": "The names of all rules that the row breaks.",
    "record": "The row's original values, a JSON object.",
    "event_time": "When the event happened, if that can be read.",
    "arrival_time": "When the row arrived at the source, if that can be read.",
    "first_seen": "When the row was first rejected.",
    "last_seen": "When it was last rejected.",
    "replay_state": "Its state since then; `new` at first.",
}


#: What Dagster takes for an address; whatever else there is has to be a team.
_MAIL = re.compile(r"[\w.%+-]+@[\w-]+(\.[\w-]+)*\.[A-Za-z]{2,}")


def owners(contract: Contract) -> list[str]:
    """The contract's owner in Dagster's form."""
    if not contract.owner:
        return []
    return [contract.owner if _MAIL.fullmatch(contract.owner) else f"team:{contract.owner}"]


def tags(contract: Contract) -> dict[str, str]:
    """The stream, its contract's version and its tags."""
    return {
        "stream": contract.stream,
        "contract": contract.version,
        **dict.fromkeys(contract.tags, ""),
    }


def column_schema(contract: Contract) -> dg.TableSchema:
    """Every column with its type, description, rules and classification."""
    columns = [_column(contract, column) for column in contract.columns]
    known = set(contract.column_names)
    columns += [
        dg.TableColumn(field.name, str(field.type), _LINEAGE_DESCRIPTIONS[field.name])
        for field in staged_schema(contract)
        if field.name not in known
    ]
    return dg.TableSchema(columns)


def _column(contract: Contract, column: Column) -> dg.TableColumn:
    rules = [rule for rule in contract.rules if rule.column == column.name]
    return dg.TableColumn(
        name=column.name,
        type=column.type,
        description=column.description,
        constraints=dg.TableColumnConstraints(
            nullable=not column.required,
            unique=contract.key == (column.name,),
            other=[rule_text(rule) for rule in rules],
        ),
        tags={"classification": column.classification},
    )


def quarantine_schema() -> dg.TableSchema:
    """The columns of a quarantine table; those that hold a row's values are restricted."""
    restricted = {"row_key", "record"}
    return dg.TableSchema(
        [
            dg.TableColumn(
                name,
                str(kind),
                _QUARANTINE_DESCRIPTIONS[name],
                tags={"classification": "L4" if name in restricted else "L1"},
            )
            for name, kind in quarantine.SCHEMA.items()
        ]
    )


def same_columns(contract: Contract, upstream: dg.AssetKey) -> dg.TableColumnLineage:
    """Column lineage of a layer that holds the columns of the one above, unchanged."""
    names = [field.name for field in staged_schema(contract)]
    return dg.TableColumnLineage({name: [dg.TableColumnDep(upstream, name)] for name in names})


def columns_of_source(contract: Contract) -> dg.TableColumnLineage:
    """Column lineage of raw: the operational table's columns that each column is read from."""
    table = dg.AssetKey([SOURCE, contract.source_table])
    names = [*contract.column_names, *(HOUR_COLUMNS if contract.kind == "stream" else ())]
    return dg.TableColumnLineage(
        {
            name: [
                dg.TableColumnDep(table, column)
                for column, _ in source_columns(contract, name)
                if column is not None
            ]
            for name in names
        }
    )


def metadata(contract: Contract) -> dict[str, Any]:
    """The contract in the asset's definition.

    Dagster's own freshness policies go by when an asset was last materialized, so that an old hour
    run again would make it look fresh; the check `event_lag` goes by the events.
    """
    return {
        "dagster/column_schema": column_schema(contract),
        "contract": f"{contract.stream} {contract.version}",
        "pass rate threshold": contract.pass_rate,
        "retention days": contract.retention_days,
        "data subject": contract.subject or "none",
    }
