"""What the sensor `notifications` does, once a minute: what is new is sent."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from chimera_assets.monitoring.alerts import outbox
from chimera_assets.monitoring.alerts.conditions import AlertSettings, decide
from chimera_assets.monitoring.alerts.messages import MessageWriter
from chimera_assets.monitoring.alerts.outbox import Destination
from chimera_assets.orchestration.checks.event_lag import LAG_CHECKS
from chimera_assets.orchestration.runs.history import read_facts
from chimera_assets.orchestration.sensors.reporting import Report
from chimera_assets.settings import get_settings

if TYPE_CHECKING:
    from chimera_assets.orchestration.instance.home import Instance

#: A tick that outlasts the daemon's timeout goes on; the next one must not do the same beside it.
_one_at_a_time = threading.Lock()


def send_notifications(instance: Instance) -> Report:
    """Send what is new; a destination that is down is asked again by later ticks."""
    if not get_settings().notify_destinations:
        return Report("CHIMERA_NOTIFY_URLS is not set.")
    if not _one_at_a_time.acquire(blocking=False):
        return Report("The tick before is still sending.")
    try:
        return _send(instance)
    finally:
        _one_at_a_time.release()


def _send(instance: Instance) -> Report:
    settings, now = get_settings(), datetime.now(UTC)
    destinations = [Destination(url) for url in settings.notify_destinations]
    state = outbox.load(instance, now)
    facts = read_facts(
        instance,
        now=now,
        since=state.reported.since,
        handled=state.reported.handled,
        lag_checks=LAG_CHECKS,
    )
    wanted = AlertSettings(settings.notify_success, timedelta(minutes=settings.sla_minutes))
    state.reported, messages = decide(state.reported, facts, wanted, MessageWriter(settings.ui_url))
    dropped = outbox.put(state, messages, destinations)
    outbox.save(instance, state)
    sent, failed = outbox.deliver(
        state, destinations, now=now, keep=lambda changed: outbox.save(instance, changed)
    )
    summary = f"{len(messages)} new, {sent} sent, {len(state.pending)} waiting"
    lost = f"{dropped} messages that no destination accepted for long were dropped."
    return Report(
        "; ".join([summary, *failed]),
        warnings=tuple(failed),
        errors=(lost,) if dropped else (),
    )
