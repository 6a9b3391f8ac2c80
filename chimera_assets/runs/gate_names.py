"""What the checks of the gate are called, and the mark of those that failed because of it."""

from __future__ import annotations

PASS_RATE = "pass_rate"  # noqa: S105 - no password
WARNINGS = "warnings"

#: Marks a check's evaluation that failed only because an hour was blocked by its gate.
BLOCKED_METADATA = "chimera/blocked_by_gate"
