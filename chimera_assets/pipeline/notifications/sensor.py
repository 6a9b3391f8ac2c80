"""The sensor `notifications`: once a minute, what is new is told."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import dagster as dg

from chimera_assets.pipeline.freshness import LAG_CHECKS
from chimera_assets.pipeline.notifications import outbox
from chimera_assets.pipeline.notifications.conditions import Wishes, decide
from chimera_assets.pipeline.notifications.facts import read_facts
from chimera_assets.pipeline.notifications.outbox import Destination
from chimera_assets.pipeline.notifications.wording import Words
from chimera_assets.settings import get_settings

#: A tick that outlasts the daemon's patience goes on; the next one must not do the same beside it.
_one_at_a_time = threading.Lock()


@dg.sensor(
    name="notifications",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Tells CHIMERA_NOTIFY_URLS of failures, blocked hours, slow runs, late rows and streams "
        "that are not fresh: each once, and once more when it is over. Starts no runs."
    ),
)
def notifications(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Tell what is new; a destination that is down is asked again by later ticks."""
    if not get_settings().notify_destinations:
        return dg.SkipReason("CHIMERA_NOTIFY_URLS is not set.")
    if not _one_at_a_time.acquire(blocking=False):
        return dg.SkipReason("The tick before is still sending.")
    try:
        return dg.SkipReason(_tick(context))
    finally:
        _one_at_a_time.release()


def _tick(context: dg.SensorEvaluationContext) -> str:
    settings, instance, now = get_settings(), context.instance, datetime.now(UTC)
    destinations = [Destination(url) for url in settings.notify_destinations]
    state = outbox.load(instance, now)
    facts = read_facts(
        instance,
        now=now,
        since=state.told.since,
        handled=state.told.handled,
        lag_checks=LAG_CHECKS,
    )
    wishes = Wishes(settings.notify_success, timedelta(minutes=settings.sla_minutes))
    state.told, messages = decide(state.told, facts, wishes, Words(settings.ui_url))
    if dropped := outbox.put(state, messages, destinations):
        context.log.error("%d messages that no destination took for long were dropped.", dropped)
    outbox.save(instance, state)
    sent, failed = outbox.deliver(
        state, destinations, now=now, keep=lambda changed: outbox.save(instance, changed)
    )
    for line in failed:
        context.log.warning(line)
    waiting = len(state.pending)
    return f"{len(messages)} new, {sent} sent, {waiting} waiting" + "".join(
        f"; {line}" for line in failed
    )
