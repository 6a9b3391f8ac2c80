"""What the sensor `metrics` does: keep the metrics up to date, also when nothing else runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError
from chimera_assets.orchestration.sensors.reporting import Report

if TYPE_CHECKING:
    from chimera_assets.orchestration.instance.home import Instance


def publish_metrics(instance: Instance) -> Report:
    """Publish the metrics; what fails is tried again by the next tick."""
    from chimera_assets.monitoring.metrics.publish import publish  # noqa: PLC0415 - heavy

    try:
        published = publish(instance)
    except (ChimeraError, OSError) as error:
        return Report(f"No metrics: {error}", warnings=(f"No metrics: {error}",))
    return Report(published.message, warnings=() if published.complete else (published.message,))
