"""The one Definitions object that Dagster loads."""

import dagster as dg

from chimera_assets.contracts import contracts
from chimera_assets.monitoring.alerts.sending import send_notifications
from chimera_assets.monitoring.metrics.refresh import publish_metrics
from chimera_assets.orchestration.assets.lake_bucket import (
    BUCKET_ASSETS,
    BUCKET_JOBS,
    BUCKET_SCHEDULES,
)
from chimera_assets.orchestration.assets.landing import landing_asset, landing_job
from chimera_assets.orchestration.assets.raw import raw_asset
from chimera_assets.orchestration.assets.reports import REPORT_ASSETS, REPORT_JOBS
from chimera_assets.orchestration.assets.staged import staged_assets
from chimera_assets.orchestration.assets.warehouse import WAREHOUSE, WAREHOUSE_KEYS
from chimera_assets.orchestration.checks.dbt_unit_tests import (
    dbt_unit_tests,
    unit_tests_job,
    unit_tests_schedule,
)
from chimera_assets.orchestration.checks.event_lag import (
    event_lag_checks,
    freshness_job,
    freshness_schedule,
)
from chimera_assets.orchestration.checks.row_conservation import conservation_check
from chimera_assets.orchestration.hourly_job import etl_hourly, etl_schedule
from chimera_assets.orchestration.report_job import compliance_report
from chimera_assets.orchestration.runs.audited_run import audited_run
from chimera_assets.orchestration.runs.dbt_ahead import dbt_ahead
from chimera_assets.orchestration.runs.lineage_events import run_with_lineage_events
from chimera_assets.orchestration.runs.retries import RetriedDeltaIOManager
from chimera_assets.orchestration.runs.traced_run import traced_run
from chimera_assets.orchestration.sensors.compliance_reports import report_sensor
from chimera_assets.orchestration.sensors.landing_files import landing_sensor
from chimera_assets.orchestration.sensors.late_arrivals import late_arrivals
from chimera_assets.orchestration.sensors.reporting import reporting_sensor
from chimera_assets.orchestration.upkeep_job import upkeep_job, upkeep_schedule
from chimera_assets.settings import get_settings

ALL = contracts().values()
STREAMS = [contract for contract in ALL if contract.kind == "stream"]

defs = dg.Definitions(
    assets=[
        *(landing_asset(contract) for contract in STREAMS),
        *(raw_asset(contract) for contract in ALL),
        *(staged_assets(contract) for contract in ALL),
        *WAREHOUSE,
        *REPORT_ASSETS.values(),
        *BUCKET_ASSETS,
    ],
    asset_checks=[
        *(conservation_check(contract, WAREHOUSE_KEYS) for contract in STREAMS),
        dbt_unit_tests,
        *event_lag_checks,
    ],
    jobs=[
        etl_hourly,
        landing_job,
        upkeep_job,
        freshness_job,
        unit_tests_job,
        compliance_report,
        *REPORT_JOBS.values(),
        *BUCKET_JOBS,
    ],
    schedules=[
        etl_schedule,
        upkeep_schedule,
        freshness_schedule,
        unit_tests_schedule,
        *BUCKET_SCHEDULES,
    ],
    sensors=[
        late_arrivals,
        landing_sensor,
        *map(report_sensor, REPORT_JOBS),
        reporting_sensor(
            "metrics",
            publish_metrics,
            every_seconds=120,  # each look costs an S3 lake some sixty requests
            description="Writes the metrics for Prometheus, and pushes them to "
            "CHIMERA_PUSHGATEWAY_URL.",
        ),
        reporting_sensor(
            "notifications",
            send_notifications,
            every_seconds=60,
            description="Reports to CHIMERA_NOTIFY_URLS failures, blocked hours, slow runs, late "
            "rows and streams that are not fresh: each once, and once more when it is over. "
            "Starts no runs.",
        ),
    ],
    resources={
        "lake": RetriedDeltaIOManager(lake_uri=get_settings().resolved_lake_uri),
    },
    executor=run_with_lineage_events(
        traced_run(
            audited_run(
                dbt_ahead(dg.in_process_executor)
                if get_settings().executor == "in_process"
                else dg.multiprocess_executor
            )
        )
    ),
)
