"""Legal holds: rows that no retention and no purge may delete until somebody releases them.

Each hold and each release is a row appended to `quality/legal_holds`, with who, when and why; none
is ever changed, so the table is its own log.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chimera_assets.audit.details import LONGEST_REASON
from chimera_assets.errors import ArgumentError
from chimera_assets.hours import partition_key
from chimera_assets.system_tables.legal_holds import append_hold_row, hold_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from chimera_assets.audited_context import AuditedContext
    from chimera_assets.contracts import Contract
    from chimera_assets.lake import Lake

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")

_PLACED, _RELEASED = "placed", "released"


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold, and its end if it has ended.

    Attributes:
        hold_id: Its name.
        stream: The stream held; None for all.
        tenant_id: The tenant whose rows are held; None for all.
        start: The first hour held; None for the first there is.
        end: The hour after the last one; None for no end.
        by: Who placed it.
        reason: Why.
        at: When.
        released_by: Who released it; None while it holds.
        release_reason: Why.
        released_at: When.
    """

    hold_id: str
    stream: str | None
    tenant_id: str | None
    start: datetime | None
    end: datetime | None
    by: str
    reason: str
    at: datetime
    released_by: str | None = None
    release_reason: str | None = None
    released_at: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether it still holds."""
        return self.released_at is None

    def covers(self, hour: datetime) -> bool:
        """Whether the hour that begins then is among the hours held."""
        return (self.start is None or self.start <= hour) and (self.end is None or hour < self.end)


def place(  # noqa: PLR0913 - what a hold is made of
    context: AuditedContext,
    *,
    stream: str | None,
    tenant_id: str | None,
    start: datetime | None,
    end: datetime | None,
    reason: str,
) -> Hold:
    """Hold rows from now on.

    Raises:
        ArgumentError: The end is not after the start, no reason is named, or the stream's rows do
            not say whose they are.
        AuditError: The audit log could not be written; nothing is held.
    """
    require_reason(reason)
    if tenant_id is not None:
        _check_tenant(context.contracts, stream, tenant_id)
    if start is not None and end is not None and end <= start:
        expected = f"a time after {partition_key(start)}"
        msg = f"end of the hold: expected {expected}, found {partition_key(end)}"
        raise ArgumentError(msg)
    now = context.now
    name = f"hold-{now:%Y%m%d}-{uuid.uuid4().hex[:6]}"
    hold = Hold(name, stream, tenant_id, start, end, context.actor.name, reason, now)
    with context.change("hold.add", name, after=_scope(hold), reason=reason):
        _keep(context, hold, _PLACED, reason=reason)
    return hold


def release(context: AuditedContext, hold_id: str, *, reason: str) -> Hold:
    """Let a hold go; from then on its rows are deleted when their time has come.

    Raises:
        ArgumentError: There is no such hold, it was released before, or no reason is named.
        AuditError: The audit log could not be written; the hold is in force.
    """
    require_reason(reason)
    lake = context.lake
    known = {hold.hold_id: hold for hold in holds(lake)}
    hold = known.get(hold_id)
    if hold is None or not hold.active:
        waiting = [one.hold_id for one in known.values() if one.active]
        expected = f"one of {', '.join(waiting)}" if waiting else "a hold in force (there are none)"
        found = "one that was released" if hold is not None else "none of that name"
        msg = f"hold {hold_id}: expected {expected}; found {found}"
        raise ArgumentError(msg)
    with context.change("hold.release", hold_id, before=_scope(hold), reason=reason):
        _keep(context, hold, _RELEASED, reason=reason)
    return next(one for one in holds(lake) if one.hold_id == hold_id)


def holds(lake: Lake) -> list[Hold]:
    """Every hold there was, oldest first, those released included."""
    rows = hold_rows(lake)
    released = {row["hold_id"]: row for row in rows if row["action"] == _RELEASED}
    return [_hold(row, released.get(row["hold_id"])) for row in rows if row["action"] == _PLACED]


def active_holds(lake: Lake, stream: str | None) -> list[Hold]:
    """The holds in force on a stream; for a table of no one stream (None), those on any."""
    return [
        hold
        for hold in holds(lake)
        if hold.active and (stream is None or hold.stream in (None, stream))
    ]


def require_reason(reason: str) -> None:
    """Refuse a change without a reason that can be kept.

    Raises:
        ArgumentError: None is named, or a longer one than is kept.
    """
    if not reason.strip():
        msg = "--reason: expected words, found none"
        raise ArgumentError(msg)
    if len(reason) > LONGEST_REASON:
        msg = f"--reason: expected at most {LONGEST_REASON:,} characters, found {len(reason):,}"
        raise ArgumentError(msg)


def _check_tenant(contracts: Mapping[str, Contract], stream: str | None, tenant: str) -> None:
    """A hold that can find no row would be none."""
    if not tenant.strip():
        msg = f"--tenant: expected the name of a tenant, found {tenant!r}"
        raise ArgumentError(msg)
    chosen = [contracts[name] for name in contracts if stream in (None, name)]
    columns = [contract.tenant_column for contract in chosen]
    kinds = {column.type for column in columns if column is not None}
    if not kinds:
        where = f"the contract of {stream}" if stream is not None else "one of the contracts"
        msg = (
            f"--tenant {tenant}: expected {where} to name the column of the tenant, found none: "
            "name it there (custom property tenant), or hold the rows of every tenant"
        )
        raise ArgumentError(msg)
    if kinds == {"integer"} and not _INTEGER.fullmatch(tenant):
        msg = f"--tenant: expected an integer, as tenants are named by, found {tenant}"
        raise ArgumentError(msg)


def _scope(hold: Hold) -> dict[str, object]:
    return {name: getattr(hold, name) for name in ("stream", "tenant_id", "start", "end")}


def _keep(context: AuditedContext, hold: Hold, action: str, *, reason: str) -> None:
    row = {"hold_id": hold.hold_id, **_scope(hold), "action": action}
    said = {**row, "by": context.actor.name, "reason": reason, "at": context.now}
    append_hold_row(context.lake, said)


def _hold(row: dict[str, Any], released: dict[str, Any] | None) -> Hold:
    names = ("hold_id", "stream", "tenant_id", "start", "end", "by", "reason", "at")
    ended = (released["by"], released["reason"], released["at"]) if released is not None else ()
    return Hold(*(row[name] for name in names), *ended)
