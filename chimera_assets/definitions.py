"""The one Definitions object that Dagster loads."""

import dagster as dg

from chimera_assets.contracts import contracts
from chimera_assets.pipeline.bucket import BUCKET_ASSETS, BUCKET_JOBS, BUCKET_SCHEDULES
from chimera_assets.pipeline.conserved import conservation_check
from chimera_assets.pipeline.freshness import event_lag_checks, freshness_job, freshness_schedule
from chimera_assets.pipeline.jobs import etl_hourly, etl_schedule
from chimera_assets.pipeline.landing import landing_asset, landing_job, landing_sensor
from chimera_assets.pipeline.metrics.sensor import metrics_sensor
from chimera_assets.pipeline.notifications.sensor import notifications
from chimera_assets.pipeline.raw import raw_asset
from chimera_assets.pipeline.retries import RetriedDeltaIOManager
from chimera_assets.pipeline.sensors import late_arrivals
from chimera_assets.pipeline.staged import staged_assets
from chimera_assets.pipeline.traced_run import traced_run
from chimera_assets.pipeline.unit_tests import dbt_unit_tests
from chimera_assets.pipeline.upkeep_job import upkeep_job, upkeep_schedule
from chimera_assets.pipeline.warehouse import warehouse
from chimera_assets.settings import get_settings

ALL = contracts().values()
STREAMS = [contract for contract in ALL if contract.kind == "stream"]

defs = dg.Definitions(
    assets=[
        *(landing_asset(contract) for contract in STREAMS),
        *(raw_asset(contract) for contract in ALL),
        *(staged_assets(contract) for contract in ALL),
        warehouse,
        *BUCKET_ASSETS,
    ],
    asset_checks=[
        *(conservation_check(contract, warehouse.keys) for contract in STREAMS),
        dbt_unit_tests,
        event_lag_checks,
    ],
    jobs=[etl_hourly, landing_job, upkeep_job, freshness_job, *BUCKET_JOBS],
    schedules=[etl_schedule, upkeep_schedule, freshness_schedule, *BUCKET_SCHEDULES],
    sensors=[late_arrivals, landing_sensor, metrics_sensor, notifications],
    resources={
        "lake": RetriedDeltaIOManager(lake_uri=get_settings().resolved_lake_uri),
    },
    executor=traced_run(
        dg.in_process_executor
        if get_settings().executor == "in_process"
        else dg.multiprocess_executor
    ),
)
