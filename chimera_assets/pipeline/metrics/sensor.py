"""The sensor that keeps the metrics up to date, also when nothing else runs."""

from __future__ import annotations

import dagster as dg


@dg.sensor(
    name="metrics",
    # Each look costs an S3 lake some sixty requests.
    minimum_interval_seconds=120,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Writes the metrics for Prometheus, and pushes them to CHIMERA_PUSHGATEWAY_URL.",
)
def metrics_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Publish the metrics; it never requests a run."""
    from chimera_assets.errors import ChimeraError  # noqa: PLC0415
    from chimera_assets.pipeline.metrics.publish import publish  # noqa: PLC0415

    try:
        published = publish(context.instance)
    except (ChimeraError, OSError) as error:
        context.log.warning("No metrics: %s", error)
        return dg.SkipReason(f"No metrics: {error}")
    if not published.complete:
        context.log.warning(published.said)
    return dg.SkipReason(published.said)
