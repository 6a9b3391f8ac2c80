"""The one Definitions object that Dagster loads."""

import dagster as dg

from chimera_assets.contracts import contracts
from chimera_assets.lake.io_manager import DeltaIOManager
from chimera_assets.pipeline.conserved import conservation_check
from chimera_assets.pipeline.jobs import etl_hourly, etl_schedule
from chimera_assets.pipeline.raw import raw_asset
from chimera_assets.pipeline.sensors import late_arrivals
from chimera_assets.pipeline.staged import staged_assets
from chimera_assets.pipeline.unit_tests import dbt_unit_tests
from chimera_assets.pipeline.warehouse import dbt_resource, warehouse
from chimera_assets.settings import get_settings

ALL = contracts().values()
STREAMS = [contract for contract in ALL if contract.kind == "stream"]

defs = dg.Definitions(
    assets=[
        *(raw_asset(contract) for contract in ALL),
        *(staged_assets(contract) for contract in ALL),
        warehouse,
    ],
    asset_checks=[
        *(conservation_check(contract, warehouse.keys) for contract in STREAMS),
        dbt_unit_tests,
    ],
    jobs=[etl_hourly],
    schedules=[etl_schedule],
    sensors=[late_arrivals],
    resources={
        "lake": DeltaIOManager(lake_uri=get_settings().resolved_lake_uri),
        "dbt": dbt_resource(),
    },
    executor=(
        dg.in_process_executor
        if get_settings().executor == "in_process"
        else dg.multiprocess_executor
    ),
)
