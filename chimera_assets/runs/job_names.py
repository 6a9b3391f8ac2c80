"""The names of the jobs, which are also those of their schedules and of metrics' labels."""

HOURLY_JOB = "chimera_etl_hourly"
LANDING = "chimera_landing"
UPKEEP = "chimera_upkeep"
FRESHNESS = "chimera_freshness"
UNIT_TESTS = "chimera_unit_tests"
LAKE_BUCKET = "lake_bucket_daily"

#: The job of a report of any range, and what the jobs and sensors of the others begin with.
REPORT = "compliance_report"

#: Dagster's own job, which runs what is materialized by hand.
BY_HAND = "__ASSET_JOB"


def report_job(kind: str) -> str:
    """The job, and the sensor, of daily, weekly or monthly reports: `compliance_report_weekly`."""
    return f"{REPORT}_{kind}"


#: The jobs that build reports.
REPORT_JOBS = frozenset({REPORT, *map(report_job, ("daily", "weekly", "monthly"))})
