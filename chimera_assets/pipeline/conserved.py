"""The reconciliation check of every run: no row was lost between the source and the facts."""

from collections.abc import Collection

import dagster as dg
import polars as pl

from chimera_assets.contracts import Contract
from chimera_assets.pipeline.gate import HOUR_KEY
from chimera_assets.pipeline.hourly import HOURLY, hours_of
from chimera_assets.pipeline.lakehouse import open_lake
from chimera_assets.quality import conservation


def conservation_check(
    contract: Contract, facts: Collection[dg.AssetKey]
) -> dg.AssetChecksDefinition:
    """The check `conservation` of a stream, on its facts if it has any, else on its staged rows.

    It is the last thing of a stream's run, so it is also what makes a range run fail if some of its
    hours were blocked while the others were published.
    """
    staged = dg.AssetKey(["staged", contract.stream])
    fact = dg.AssetKey(["marts", f"fact_{contract.stream}"])
    has_facts = fact in facts

    @dg.asset_check(
        asset=fact if has_facts else staged,
        name="conservation",
        additional_deps=[staged, dg.AssetKey(["quarantine", contract.stream])] if has_facts else [],
        blocking=True,
        partitions_def=HOURLY,
        description=(
            "In every hour of the run: extracted = staged + quarantined + duplicates, and staged = "
            "fact rows, counted in the tables. Fails too if an hour was blocked by its gate."
        ),
    )
    def conserved(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        counted = conservation(open_lake(), contract, hours_of(context))
        hours, lost = counted.hours, counted.lost
        blocked = hours.filter(~pl.col("published"))
        return dg.AssetCheckResult(
            passed=lost.is_empty() and blocked.is_empty(),
            description=_told(contract, lost, blocked),
            metadata={
                "hours": hours.height,
                "hours that lost rows": lost.height,
                "blocked hours": blocked.height,
                **{
                    name: int(hours[name].sum())
                    for name in ("raw", "staged", "quarantined", "duplicates", "facts")
                    if hours[name].null_count() < hours.height or hours.is_empty()
                },
            },
        )

    return conserved


def _told(contract: Contract, lost: pl.DataFrame, blocked: pl.DataFrame) -> str | None:
    said = []
    if not lost.is_empty():
        said.append(f"rows do not add up in {_keys(lost)}")
    if not blocked.is_empty():
        said.append(f"blocked by the gate, not published: {_keys(blocked)}")
    return f"{contract.stream}: {'; '.join(said)}" if said else None


def _keys(hours: pl.DataFrame) -> str:
    keys = hours.select(HOUR_KEY.alias("key"))["key"]
    more = f" and {keys.len() - 10} more" if keys.len() > 10 else ""  # noqa: PLR2004
    return ", ".join(keys.head(10)) + more
