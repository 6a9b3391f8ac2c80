"""`chimera report`: its commands and their options; what each does is in `commands/`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from chimera_assets.cli import options as opt

group = typer.Typer(
    help="Reports that prove themselves: signed bundles of files.", no_args_is_help=True
)

_Name = Annotated[str, typer.Argument(metavar="REPORT", help="Its name; `report list` lists them.")]
_Bundle = Annotated[
    str, typer.Argument(metavar="BUNDLE", help="A folder, a ZIP file, or a report's name.")
]
_Keys = Annotated[list[str] | None, typer.Option(help="A public key that you trust. Repeatable.")]


@group.command("build")
def report_build(
    period: Annotated[
        str | None,
        typer.Argument(help="A day (2026-01-31), week (2026-W05), month (2026-01) or START..END."),
    ] = None,
    *,
    last: Annotated[
        str | None,
        typer.Option(help="In place of a period: the last daily, weekly or monthly one."),
    ] = None,
    tenant: Annotated[str | None, typer.Option(help="Only of this tenant.")] = None,
    zone: Annotated[str, typer.Option(help="The time zone in which days begin.")] = "UTC",
) -> int:
    """Build the report of a period, if its figures are new."""
    from chimera_assets.commands.reports import build_report

    return build_report(period, last, tenant, zone, now=datetime.now(UTC))


@group.command("list")
def report_list(*, as_json: opt.AsJson = False) -> int:
    """List the reports, with all their revisions."""
    from chimera_assets.commands.reports import list_reports

    return list_reports(as_json=as_json)


@group.command("show")
def report_show(name: _Name, *, as_json: opt.AsJson = False) -> int:
    """Show what a report says, which is recorded."""
    from chimera_assets.commands.report_show import show_report

    return show_report(name, as_json=as_json, now=datetime.now(UTC))


@group.command("export")
def report_export(
    name: _Name,
    file: Annotated[Path, typer.Argument(callback=opt.usable, help="The new ZIP file.")],
) -> int:
    """Write a report into a ZIP file, which is recorded."""
    from chimera_assets.commands.reports import export_report

    return export_report(name, file, now=datetime.now(UTC))


@group.command("verify")
def report_verify(
    bundle: _Bundle,
    *,
    key: _Keys = None,
    as_json: opt.AsJson = False,
) -> int:
    """Verify a bundle offline; 1 if it is not sound."""
    from chimera_assets.commands.reports import verify_report

    return verify_report(bundle, key or [], as_json=as_json)


@group.command("reproduce")
def report_reproduce(
    bundle: _Bundle,
    *,
    key: _Keys = None,
    as_json: opt.AsJson = False,
) -> int:
    """Compute figures again; 1 if one differs."""
    from chimera_assets.commands.reports import reproduce_report

    return reproduce_report(bundle, key or [], as_json=as_json, now=datetime.now(UTC))
