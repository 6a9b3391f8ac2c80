"""`chimera metrics`: what monitoring reads; printed, or published as the sensor does."""

from __future__ import annotations

import sys

from chimera_assets.commands.terminal import notes


def show(*, publish: bool) -> int:
    """Print the metrics in Prometheus's text format, or write and push them; 1 if that failed."""
    from chimera_assets.monitoring.metrics.publish import as_text, publish_now  # noqa: PLC0415

    if not publish:
        sys.stdout.write(as_text())
        return 0
    published = publish_now()
    notes().print(published.message, markup=False)
    return 0 if published.complete else 1
