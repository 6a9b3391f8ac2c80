"""The layer `landing`: files that were dropped, each loaded once."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from chimera_assets.contracts import Contract, contracts
from chimera_assets.errors import counted
from chimera_assets.lake import open_lake
from chimera_assets.layers import LANDING
from chimera_assets.orchestration.assets import descriptions
from chimera_assets.orchestration.data_version import GROWING
from chimera_assets.orchestration.partitions import ONE_RUN
from chimera_assets.run_context import RunContext
from chimera_assets.runs.job_names import LANDING as LANDING_JOB
from chimera_assets.settings import get_settings
from chimera_assets.sources.landing import (
    Loaded,
    Place,
    load_files,
    shown_name,
)

CHECK = "files_are_sound"

#: How many files a message names.
_NAMED = 5


def landing_asset(contract: Contract) -> dg.AssetsDefinition:
    """The asset `landing/<stream>`: the rows of all files dropped so far."""
    key = dg.AssetKey([LANDING, contract.stream])

    @dg.asset(
        key=key,
        backfill_policy=ONE_RUN,  # so that it may be chosen together with hourly assets
        group_name=LANDING,
        kinds={"file", "deltalake"},
        owners=descriptions.owners(contract),
        tags=descriptions.tags(contract),
        description=(
            f"{contract.description} From files in the landing place, each loaded once; the hourly "
            "job extracts the rows from here."
        ),
        metadata=descriptions.metadata(contract),
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=key,
                description="No file is corrupt, and no line of one is malformed.",
            )
        ],
    )
    def landing(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[Any]]:
        place = Place(get_settings().resolved_landing_uri)
        loaded = load_files(
            RunContext(open_lake(), datetime.now(UTC), context.run_id), contract, place
        )
        for note in _notes(loaded):
            context.log.info(note)
        if bad := _bad(loaded):
            context.log.warning(bad)
        yield dg.MaterializeResult(
            metadata=_metadata(loaded), check_results=[_check(loaded)], data_version=GROWING
        )

    return landing


def _notes(loaded: Loaded) -> Iterator[str]:
    files = sum(entry.state != "same" for entry in loaded.entries)
    hours = len(loaded.hours)
    rows = counted(loaded.rows, "row")
    yield f"Loaded {counted(files, 'file')} with {rows} of {counted(hours, 'hour')}."
    for uri, reason in sorted(loaded.waits.items()):
        yield f"Left for later: {shown_name(uri)} {reason}."
    if loaded.unknown:
        names = ", ".join(map(shown_name, sorted(loaded.unknown)))
        yield f"Not in the contract, not loaded: {names}."


def _bad(loaded: Loaded) -> str | None:
    """What is wrong with the files, without a value of theirs; None if nothing is."""
    bad = [
        f"{shown_name(entry.uri)} ({entry.why or counted(entry.malformed, 'malformed line')})"
        for entry in loaded.entries
        if entry.why or entry.malformed
    ]
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    # The rows are judged when their hour runs, which is what puts these into quarantine.
    goes = "For the quarantine, once their hours run"
    return f"{goes}: {', '.join(bad[:_NAMED])}{more}." if bad else None


def _metadata(loaded: Loaded) -> dict[str, Any]:
    corrupt = sum(entry.state == "corrupt" for entry in loaded.entries)
    return {
        "files": len(loaded.entries),
        "rows": loaded.rows,
        "hours": len(loaded.hours),
        "malformed lines": sum(entry.malformed for entry in loaded.entries),
        "corrupt files": corrupt,
        "files left for later": len(loaded.waits),
        **({"version": loaded.version} if loaded.version is not None else {}),
    }


def _check(loaded: Loaded) -> dg.AssetCheckResult:
    bad = _bad(loaded)
    return dg.AssetCheckResult(
        check_name=CHECK,
        passed=bad is None,
        severity=dg.AssetCheckSeverity.WARN,
        description=bad,
    )


STREAMS = [contract for contract in contracts().values() if contract.kind == "stream"]

LANDING_ASSETS = dg.AssetSelection.assets(*([LANDING, contract.stream] for contract in STREAMS))

landing_job = dg.define_asset_job(
    LANDING_JOB,
    selection=LANDING_ASSETS,
    description="Loads every whole file of the landing place that was not loaded before.",
    tags={"pipeline": LANDING},
)
