"""The asset `platform/lake_bucket`: how the lake's bucket is set up, looked at once a day."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from chimera_assets.lake import open_lake
from chimera_assets.lake.bucket import SETTINGS, Finding, audit
from chimera_assets.lake.storage import is_s3
from chimera_assets.orchestration.partitions import ONE_RUN
from chimera_assets.runs.job_names import LAKE_BUCKET
from chimera_assets.settings import get_settings

KEY = dg.AssetKey(["platform", "lake_bucket"])


@dg.asset(
    key=KEY,
    backfill_policy=ONE_RUN,  # so that it may be chosen together with hourly assets
    group_name="platform",
    kinds={"s3"},
    owners=["team:data-platform"],
    description="The settings of the lake's bucket that protect what is in it.",
    metadata={
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(s.name, "string", s.asked) for s in SETTINGS]
        )
    },
    check_specs=[dg.AssetCheckSpec(s.name, asset=KEY, description=s.asked) for s in SETTINGS],
)
def lake_bucket() -> Iterator[dg.MaterializeResult[Any]]:
    """Read the bucket's settings; each is a check with its remedy."""
    findings = audit(open_lake())
    yield dg.MaterializeResult(
        metadata={finding.setting.name: finding.outcome for finding in findings},
        check_results=[_result(finding) for finding in findings],
    )


def _result(finding: Finding) -> dg.AssetCheckResult:
    """A check's result; what was not evaluated has not passed, but nothing is known to be wrong."""
    failed = finding.outcome == "failed"
    shown: dict[str, str | dg.MetadataValue[str]] = {"outcome": finding.outcome}
    if finding.remedy:
        shown["remedy"] = dg.MetadataValue.md(f"```sh\n{finding.remedy}\n```")
    return dg.AssetCheckResult(
        check_name=finding.setting.name,
        passed=finding.outcome == "passed",
        severity=dg.AssetCheckSeverity.ERROR if failed else dg.AssetCheckSeverity.WARN,
        description=f"{finding.outcome}: {finding.found}",
        metadata=shown,
    )


_job = dg.define_asset_job(
    LAKE_BUCKET,
    selection=dg.AssetSelection.assets(KEY),
    description="Looks at the settings of the lake's bucket.",
)
_schedule = dg.ScheduleDefinition(
    name=LAKE_BUCKET,
    job=_job,
    cron_schedule="30 4 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)


#: What the definitions load; nothing for a lake in a folder.
_ON_S3 = is_s3(get_settings().resolved_lake_uri)
BUCKET_ASSETS = [lake_bucket] if _ON_S3 else []
BUCKET_JOBS = [_job] if _ON_S3 else []
BUCKET_SCHEDULES = [_schedule] if _ON_S3 else []
