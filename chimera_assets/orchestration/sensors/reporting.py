"""A sensor that starts no runs: every so often it has something outside of Dagster done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Callable

    from chimera_assets.orchestration.instance.home import Instance


@dataclass(frozen=True, slots=True)
class Report:
    """What a tick did, in one line, and what went wrong, in lines.

    Attributes:
        summary: Shown with the tick.
        warnings: What will be tried again.
        errors: What is lost.
    """

    summary: str
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def reporting_sensor(
    name: str, tick: Callable[[Instance], Report], *, every_seconds: int, description: str
) -> dg.SensorDefinition:
    """A sensor that has `tick` done; which tick that is, the definitions say.

    Args:
        name: The sensor's name.
        tick: Gets the instance; reports what it did.
        every_seconds: The least time between two ticks.
        description: What the pages say of the sensor.
    """

    @dg.sensor(
        name=name,
        minimum_interval_seconds=every_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=description,
    )
    def reporting(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        report = tick(context.instance)
        for line in report.errors:
            context.log.error(line)
        for line in report.warnings:
            context.log.warning(line)
        return dg.SkipReason(report.summary)

    return reporting
