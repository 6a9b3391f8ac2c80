"""`chimera hold`: rows that nothing may delete, who said so, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.terminal import notes, out, print_json, print_table
from chimera_assets.contracts import known_contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.lake import open_lake
from chimera_assets.lifecycle import legal_holds
from chimera_assets.lifecycle.tenants import known_tenants
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from datetime import datetime

    from chimera_assets.lifecycle.legal_holds import Hold


def show_list(*, everything: bool, as_json: bool) -> int:
    """Print the holds in force, or all there ever were."""
    found = [hold for hold in legal_holds.holds(open_lake()) if everything or hold.active]
    if as_json:
        print_json([asdict(hold) for hold in found])
        return 0
    if not found:
        out().print("No legal holds.")
        return 0
    columns = ["hold", "stream", "tenant", "from", "to", "held by", "held for", "since"]
    rows = [_cells(hold) for hold in found]
    if everything:
        columns += ["released", "released by", "released for"]
        rows = [
            [*cells, hold.released_at, hold.released_by, hold.release_reason]
            for cells, hold in zip(rows, found, strict=True)
        ]
    print_table(columns, rows)
    return 0


def add(  # noqa: PLR0913 - the options of one command
    *,
    stream: str | None,
    tenant: str | None,
    start: datetime | None,
    end: datetime | None,
    everything: bool,
    by: str | None,
    reason: str,
    now: datetime,
) -> int:
    """Hold rows from now on.

    Raises:
        ArgumentError: There is no such stream, the end is not after the start, or neither which
            rows is said nor that it is all of them.
    """
    if everything != (stream is None and tenant is None and start is None and end is None):
        found = "--all with one of these" if everything else "none of these"
        msg = (
            "which rows: expected --stream, --tenant, --from or --to, or --all alone to hold every "
            f"row, found {found}"
        )
        raise ArgumentError(msg)
    if stream is not None and stream not in known_contracts():
        msg = f"--stream: expected {one_of(known_contracts(), stream)}; found {stream}"
        raise ArgumentError(msg)
    hold = legal_holds.place(
        command_context(now, by=by),
        stream=stream,
        tenant_id=tenant,
        start=start,
        end=end,
        reason=reason,
    )
    out().print(f"{hold.hold_id}: {_what(hold)} held.", soft_wrap=True)
    notes().print("Rows that were deleted before are not brought back by this.")
    if tenant is not None:
        _say_if_unknown(tenant, stream)
    return 0


def _say_if_unknown(tenant: str, stream: str | None) -> None:
    """Say that no row is of the tenant; its rows may come later, so the hold stands."""
    known = known_tenants(open_lake(), known_contracts(), stream)
    if tenant not in known:
        there = f"expected {one_of(known, tenant)}" if known else "there are no rows yet"
        said = f"--tenant: no row is of {tenant}, {there}; the hold keeps its rows should they come"
        notes().print(said, markup=False, soft_wrap=True)


def release(hold_id: str, *, by: str | None, reason: str, now: datetime) -> int:
    """Let a hold go.

    Raises:
        ArgumentError: There is no such hold, or it was released before.
    """
    hold = legal_holds.release(command_context(now, by=by), hold_id, reason=reason)
    out().print(
        f"{hold.hold_id}: {_what(hold)} released; the next upkeep deletes what is past its time.",
        soft_wrap=True,
    )
    return 0


def _what(hold: Hold) -> str:
    of = f"tenant {hold.tenant_id}" if hold.tenant_id is not None else "every tenant"
    what = f"{hold.stream or 'all streams'} of {of}"
    start = f" from {hold.start:%Y-%m-%dT%H:%MZ}" if hold.start is not None else ""
    end = f" to {hold.end:%Y-%m-%dT%H:%MZ}" if hold.end is not None else ""
    return what + start + end


def _cells(hold: Hold) -> list[object]:
    stream, tenant = hold.stream or "all", hold.tenant_id or "all"
    return [hold.hold_id, stream, tenant, hold.start, hold.end, hold.by, hold.reason, hold.at]
