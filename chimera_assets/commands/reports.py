"""`chimera report`: reports are built, listed, shown, exported, verified, computed again."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from chimera_assets.audit.known_keys import log_keys
from chimera_assets.audit.publishing import FOLDER as AUDIT
from chimera_assets.audit.signing_keys import load_keys
from chimera_assets.commands.audit_trust import public_key
from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.invocation import command_name
from chimera_assets.commands.new_files import require_folder
from chimera_assets.commands.report_bundle import bundle_of
from chimera_assets.commands.terminal import notes, out, print_json, print_table
from chimera_assets.contracts import contracts
from chimera_assets.errors import ArgumentError
from chimera_assets.hours import HourRange
from chimera_assets.lake import open_lake
from chimera_assets.lake.objects import Objects
from chimera_assets.lifecycle.tenants import known_tenants
from chimera_assets.orchestration.runs.ended_runs import runs_here
from chimera_assets.postgres.databases import platform_database
from chimera_assets.postgres.embedded.server import embedded_server
from chimera_assets.reports.access import OPERATOR, found, readable
from chimera_assets.reports.build import inputs_of
from chimera_assets.reports.evidence.bundle import REPORT, zip_bundle
from chimera_assets.reports.evidence.bundle_files import bundle_files
from chimera_assets.reports.evidence.log_checks import Trust
from chimera_assets.reports.evidence.strict_json import loads
from chimera_assets.reports.making import make_report
from chimera_assets.reports.order import Order
from chimera_assets.reports.periods import KINDS, last_over, parse_period
from chimera_assets.reports.queries import Scope
from chimera_assets.reports.reproduce import DIFFERS, UNREADABLE, reproduce
from chimera_assets.reports.store import Store
from chimera_assets.settings import get_settings
from chimera_assets.yaml_documents import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from chimera_assets.audit.tlog.keys import VerifierKey
    from chimera_assets.reports.build import Made
    from chimera_assets.reports.evidence.statement import Statement
    from chimera_assets.reports.evidence.strict_json import Json
    from chimera_assets.reports.periods import ReportPeriod
    from chimera_assets.reports.reproduce import Reproduced


def build_report(
    period: str | None, last: str | None, tenant: str | None, zone: str, *, now: datetime
) -> int:
    """Build a report, and say where it is and how it is verified."""
    order = Order(_period(period, last, zone, now), tenant)
    if tenant is not None:
        _require_tenant(tenant)
    made = make_report(command_context(now), order, runs_here)
    print_made(made)
    return 0


def print_made(made: Made) -> None:
    """Say where a report is, what its sections say, and how it is verified."""
    if not made.new:
        said = "its figures and findings are what they were; nothing was built."
        out().print(f"{made.report.name}: {said}", markup=False)
    else:
        judged = [(name, one.value) for name, one in made.status.items() if one is not None]
        if judged:
            print_table(("section", "what its evidence says"), judged)
        out().print(f"{made.report.name} was built.", markup=False)
    out().print(f"  {made.place}/report.pdf", markup=False, soft_wrap=True)
    notes().print(
        f"`{command_name()} report verify {made.report.name}` verifies it here. Elsewhere, whoever "
        f"has the folder and the public key (`{command_name()} audit keys`) does: "
        "`chimera report verify FOLDER --key KEY`.",
        markup=False,
        soft_wrap=True,
    )


def list_reports(*, as_json: bool) -> int:
    """Print the reports that there are, each with its revisions."""
    store = Store(open_lake())
    there = list(readable(store, OPERATOR))
    if as_json:
        print_json([{**asdict(one), "name": one.name, "place": store.place(one)} for one in there])
    elif there:
        rows = ((one.period, one.name, store.place(one)) for one in there)
        print_table(("period", "report", "where"), rows)
    else:
        out().print("No reports; `chimera report build --last weekly` builds one.")
    return 0


def export_report(name: str, target: Path, *, now: datetime) -> int:
    """Write a report's bundle into a ZIP file, on the record."""
    store = Store(open_lake())
    report = found(store, name, OPERATOR)
    require_folder(target)
    store.require_whole(report)
    with (
        command_context(now).change("report.export", f"report {report.name}"),
        bundle_of(name) as meant,
    ):
        zip_bundle(meant.path, target)
    out().print(f"{target}: {report.name}, whole", markup=False)
    return 0


def verify_report(where: str, keys: Sequence[str], *, as_json: bool) -> int:
    """Verify a bundle: a folder, a ZIP file, or a report of this lake by its name."""
    trusted = _trusted(keys)
    with bundle_of(where) as meant:
        result = meant.verified(Trust(trusted, trusted))
    if as_json:
        checks = [asdict(check) for check in result.checks]
        print_json({"sound": result.sound, "checks": checks})
    else:
        print_table(
            ("check", "outcome", "found"),
            ((check.name, check.outcome.value, check.detail) for check in result.checks),
        )
        out().print("Sound." if result.sound else "Not sound.")
    return 0 if result.sound else 1


def reproduce_report(where: str, keys: Sequence[str], *, as_json: bool, now: datetime) -> int:
    """Compute a report's figures again from the versions that it names.

    Returns:
        1 if one differs, a table cannot be read, or the bundle is another report's.
    """
    trusted = _trusted(keys)
    with bundle_of(where) as meant:
        result = meant.verified(Trust(trusted))
        if (said := meant.misplaced(result)) is not None:
            notes().print(said, markup=False, soft_wrap=True)
            return 1
        if result.statement is None or not result.sound:
            msg = f"{where}: expected a sound bundle, found one that `report verify` faults"
            raise ArgumentError(msg)
        with bundle_files(meant.path) as files:
            report = loads(files.read(REPORT), REPORT)
    told = _computed_again(result.statement, report, now)
    if as_json:
        print_json([asdict(one) for one in told])
    else:
        rows = ((one.name, one.outcome, one.detail) for one in told)
        print_table(("figure", "outcome", "found"), rows)
    return 1 if any(one.outcome in {DIFFERS, UNREADABLE} for one in told) else 0


def _computed_again(statement: Statement, report: Json, now: datetime) -> list[Reproduced]:
    said = statement.predicate
    tenant = said.report.parameters.get("tenant")
    scope = Scope(
        HourRange(said.report.start, said.report.end),
        str(tenant) if tenant is not None else None,
    )
    period = parse_period(str(said.report.parameters["period"]), said.report.zone)
    versions = {one.table: one.version for figure in said.figures for one in figure.tables}
    inputs = inputs_of(command_context(now, dry_run=True), Order(period, scope.tenant), versions)
    return list(reproduce(said.figures, report, inputs.tables, scope, inputs.scope_before))


def _period(period: str | None, last: str | None, zone: str, now: datetime) -> ReportPeriod:
    """The period that was asked for: by its name, or the last one of a kind.

    Raises:
        ArgumentError: Neither was given, or both; or it is none.
    """
    if (period is None) == (last is None):
        found = "neither" if period is None else "both"
        msg = f"expected a period (2026-W05) or --last daily, weekly or monthly; found {found}"
        raise ArgumentError(msg)
    if period is not None:
        return parse_period(period, zone)
    if last not in KINDS:
        msg = f"--last: expected {one_of(KINDS, str(last))}; found {last}"
        raise ArgumentError(msg)
    return last_over(last, now, zone)


def _require_tenant(tenant: str) -> None:
    """Refuse a tenant of whom there are no rows at all.

    Raises:
        ArgumentError: There are none.
    """
    known = known_tenants(open_lake(), contracts(), None)
    if tenant not in known:
        expected = one_of(sorted(known), tenant) if known else "one, but the lake has no tenants"
        msg = f"--tenant: expected {expected}; found {tenant}"
        raise ArgumentError(msg)


def _trusted(keys: Sequence[str]) -> tuple[VerifierKey, ...]:
    """The keys that were given; else those of this lake's log, also those that sign no longer.

    Raises:
        ArgumentError: One is none; or none was given, and there is no log here whose keys could be
            trusted.
    """
    if keys:
        return tuple(public_key(key, "--key") for key in keys)
    settings = get_settings()
    if settings.database_url is not None or embedded_server(settings).cluster.data.exists():
        with platform_database(settings).transaction() as session:
            own = log_keys(session, Objects(open_lake(), AUDIT), load_keys(settings))
        if own:
            notes().print("By this lake's own keys; whoever trusts nobody here gives --key.")
            return tuple(own)
    msg = "expected a public key that you trust, found none, and no log here: give --key"
    raise ArgumentError(msg)
