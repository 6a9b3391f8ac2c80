"""The names of the jobs, which are also those of their schedules and of metrics' labels."""

HOURLY_JOB = "chimera_etl_hourly"
LANDING = "chimera_landing"
UPKEEP = "chimera_upkeep"
FRESHNESS = "chimera_freshness"
UNIT_TESTS = "chimera_unit_tests"
LAKE_BUCKET = "lake_bucket_daily"

#: Dagster's own job, which runs what is materialized by hand.
BY_HAND = "__ASSET_JOB"
