"""The hourly job and its schedule."""

from __future__ import annotations

import dagster as dg

from chimera_assets.access.principal import Principal
from chimera_assets.orchestration.assets.landing import LANDING_ASSETS
from chimera_assets.orchestration.checks.dbt_unit_tests import dbt_unit_tests
from chimera_assets.orchestration.partitions import HOURLY_PARTITIONS
from chimera_assets.runs.job_names import HOURLY_JOB
from chimera_assets.settings import get_settings

#: Every asset and check but those that have nothing to do with an hour: the landing files, the unit
#: tests of the dbt models, the reports, and what the group `platform` says of the lake's
#: surroundings. The event-time lag belongs to it: the pages drop a result once newer rows were
#: staged.
etl_hourly = dg.define_asset_job(
    HOURLY_JOB,
    selection=dg.AssetSelection.all(include_sources=False)
    - LANDING_ASSETS
    - dg.AssetSelection.checks(dbt_unit_tests)
    - dg.AssetSelection.groups("platform", "reports"),
    partitions_def=HOURLY_PARTITIONS,
    description="Runs hours from the sources through every layer. Idempotent: run any hour again.",
    tags={"pipeline": "etl"},
)

#: Runs the hour that ended, once its last rows have had time to arrive.
etl_schedule = dg.build_schedule_from_partitioned_job(
    etl_hourly,
    name=HOURLY_JOB,
    description="Each hour, for the hour that ended, after CHIMERA_SETTLE_MINUTES.",
    tags=Principal.of_system(f"schedule {HOURLY_JOB}").tags(),
    minute_of_hour=get_settings().settle_minutes,
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
