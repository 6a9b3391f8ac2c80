"""Which report is wanted, and what it is called."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimera_assets.reports.periods import ReportPeriod

_UNSAFE = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Order:
    """Which report is wanted.

    Attributes:
        period: Of when.
        tenant: Of which tenant; None for all.
    """

    period: ReportPeriod
    tenant: str | None = None

    @property
    def id(self) -> str:
        """What the report is called: kind and name of the period, zone and tenant if it has any."""
        parts = [self.period.kind, self.period.name.replace("..", "-to-")]
        if self.period.zone != "UTC":
            parts.append(_slug(self.period.zone))
        if self.tenant is not None:
            parts.append(
                f"tenant-{_slug(self.tenant)}-{sha256(self.tenant.encode()).hexdigest()[:8]}"
            )
        return "-".join(parts)


def _slug(text: str) -> str:
    return _UNSAFE.sub("-", text.lower()).strip("-")[:40] or "x"
