"""The `chimera` command: its table of contents. What each command does is in `commands/`.

Everything heavy is imported by the command that needs it, so that `chimera --help` is quick.
"""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from chimera_assets.commands import options as opt
from chimera_assets.errors import ArgumentError, ChimeraError

app = typer.Typer(
    help="An evidence-grade lakehouse for the events of AI products. Times are UTC.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
source = typer.Typer(help="The operational database that events come from.", no_args_is_help=True)
quarantine = typer.Typer(help="The rows that broke a rule, and why.", no_args_is_help=True)
table = typer.Typer(help="The Delta tables, their past and their upkeep.", no_args_is_help=True)
contract = typer.Typer(help="The contracts: what streams hold and promise.", no_args_is_help=True)
audit = typer.Typer(help="The audit log: who changed what, and why.", no_args_is_help=True)
hold = typer.Typer(help="Legal holds: rows that nothing may delete.", no_args_is_help=True)
app.add_typer(source, name="source")
app.add_typer(quarantine, name="quarantine")
app.add_typer(table, name="table")
app.add_typer(contract, name="contract")
app.add_typer(hold, name="hold")
app.add_typer(audit, name="audit")


@app.command()
def demo(
    *,
    days: Annotated[int, typer.Option(min=1, max=90, help="Days until last midnight.")] = 7,
    rows_per_hour: opt.RowsPerHour = 1000,
    seed: opt.Seed = 42,
    force: opt.Force = False,
) -> int:
    """Fill a lake with a week of simulated traffic, and show what became of it."""
    from chimera_assets.commands.demo import run_demo

    return run_demo(
        days=days, rows_per_hour=rows_per_hour, seed=seed, force=force, now=datetime.now(UTC)
    )


@app.command()
def up(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web pages.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> int:
    """Run Dagster's web pages and its daemon, until Ctrl-C."""
    from chimera_assets.commands.up import up

    up(host=host, port=port)


@app.command()
def status(*, as_json: opt.AsJson = False) -> int:
    """Show how far and how good each stream is, and what every table holds."""
    from chimera_assets.commands.status import show

    return show(as_json=as_json, now=datetime.now(UTC))


@app.command()
def backfill(*, start: opt.Start, end: opt.End, as_json: opt.AsJson = False) -> int:
    """Take a range of hours through all layers, in one Dagster run; safe to repeat."""
    from chimera_assets.commands.backfill import backfill

    return backfill(start, end, as_json=as_json, now=datetime.now(UTC))


@app.command()
def verify(*, first: opt.From = None, end: opt.To = None, as_json: opt.AsJson = False) -> int:
    """Recount every promise, and name every hour that breaks one; exit 1 if any does."""
    from chimera_assets.commands.arguments import chosen_hours
    from chimera_assets.commands.verify import show

    return show(chosen_hours(None, first, end), as_json=as_json)


@app.command()
def upkeep(
    *,
    table: Annotated[
        str | None, typer.Option(metavar="LAYER/TABLE", help="Only this table.")
    ] = None,
    dry_run: opt.DryRun = False,
    as_json: opt.AsJson = False,
) -> int:
    """Do now what is done each night: retention, purge, merge, order, vacuum."""
    from chimera_assets.commands.upkeep import run

    return run(table=table, dry_run=dry_run, as_json=as_json, now=datetime.now(UTC))


@app.command()
def metrics(
    *,
    publish: Annotated[
        bool, typer.Option("--publish", help="Write and push them, as the sensor does.")
    ] = False,
) -> int:
    """Print the metrics for Prometheus."""
    from chimera_assets.commands.metrics import show

    return show(publish=publish)


@source.command("init")
def source_init() -> int:
    """Make the operational tables where they are missing."""
    from chimera_assets.commands.source import init

    return init()


@source.command("simulate")
def source_simulate(
    *,
    start: opt.Start,
    end: opt.End,
    rows_per_hour: opt.RowsPerHour = 1000,
    seed: opt.Seed = 42,
    force: opt.Force = False,
) -> int:
    """Fill the operational tables with realistic traffic."""
    from chimera_assets.commands.source import simulate_range

    return simulate_range(start, end, rows_per_hour=rows_per_hour, seed=seed, force=force)


@quarantine.command("list")
def quarantine_list(  # noqa: PLR0913
    *,
    stream: opt.Stream = None,
    hour: opt.Hour = None,
    first: opt.From = None,
    end: opt.To = None,
    reason: opt.Reason = None,
    limit: opt.Limit = 20,
    as_json: opt.AsJson = False,
) -> int:
    """Show rejected rows by reason, and their keys."""
    from chimera_assets.commands.arguments import chosen_hours
    from chimera_assets.commands.quarantine import show_list

    hours = chosen_hours(hour, first, end)
    return show_list(stream=stream, hours=hours, reason=reason, limit=limit, as_json=as_json)


@quarantine.command("show")
def quarantine_show(
    key: opt.Key,
    *,
    stream: opt.Stream = None,
    hour: opt.Hour = None,
    reveal: opt.Reveal = False,
) -> int:
    """Show a rejected row: every reason in words, and its original values."""
    from chimera_assets.commands.arguments import chosen_hours
    from chimera_assets.commands.quarantine import show_rows

    return show_rows(key, stream=stream, hours=chosen_hours(hour, None, None), reveal=reveal)


@quarantine.command("replay")
def quarantine_replay(  # noqa: PLR0913
    *,
    stream: opt.Stream = None,
    hour: opt.Hour = None,
    first: opt.From = None,
    end: opt.To = None,
    reason: opt.Reason = None,
    dry_run: opt.DryRun = False,
    as_json: opt.AsJson = False,
) -> int:
    """Judge rejected rows again by today's contract, and publish what now passes."""
    from chimera_assets.commands.arguments import chosen_hours
    from chimera_assets.commands.replay import replay

    return replay(
        stream=stream,
        hours=chosen_hours(hour, first, end),
        reason=reason,
        dry_run=dry_run,
        as_json=as_json,
        now=datetime.now(UTC),
    )


@quarantine.command("purge")
def quarantine_purge(
    *,
    older_than_days: Annotated[
        float | None, typer.Option(min=0, help="Their age. Default: as the contract says.")
    ] = None,
    stream: opt.Stream = None,
    dry_run: opt.DryRun = False,
    as_json: opt.AsJson = False,
) -> int:
    """Drop rejected rows that waited long enough; legal holds keep theirs."""
    from chimera_assets.commands.quarantine import purge_old

    return purge_old(
        stream=stream,
        days=older_than_days,
        dry_run=dry_run,
        as_json=as_json,
        now=datetime.now(UTC),
    )


@hold.command("list")
def hold_list(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Those released, too.")] = False,
    as_json: opt.AsJson = False,
) -> int:
    """Show the legal holds: what is held, by whom, why, since when."""
    from chimera_assets.commands.holds import show_list

    return show_list(everything=everything, as_json=as_json)


@hold.command("add")
def hold_add(  # noqa: PLR0913
    *,
    reason: opt.Why,
    stream: opt.Stream = None,
    tenant: Annotated[str | None, typer.Option(help="Only rows of this tenant.")] = None,
    first: opt.From = None,
    end: opt.To = None,
    by: opt.Who = None,
) -> int:
    """Keep rows from retention and purge until the hold is released."""
    from chimera_assets.commands.arguments import parse_whole_hour
    from chimera_assets.commands.holds import add

    return add(
        stream=stream,
        tenant=tenant,
        start=parse_whole_hour(first, "--from") if first is not None else None,
        end=parse_whole_hour(end, "--to") if end is not None else None,
        by=by,
        reason=reason,
        now=datetime.now(UTC),
    )


@hold.command("release")
def hold_release(
    hold_id: Annotated[str, typer.Argument(metavar="HOLD", help="See `chimera hold list`.")],
    *,
    reason: opt.Why,
    by: opt.Who = None,
) -> int:
    """Let a hold go; what is past its time is deleted by the next upkeep."""
    from chimera_assets.commands.holds import release

    return release(hold_id, by=by, reason=reason, now=datetime.now(UTC))


@table.command("list")
def table_list(*, as_json: opt.AsJson = False) -> int:
    """Show every table: rows, version, files, size."""
    from chimera_assets.commands.tables import show_list

    return show_list(as_json=as_json)


@table.command("history")
def table_history(
    name: opt.TableName, *, limit: opt.Limit = 20, as_json: opt.AsJson = False
) -> int:
    """Show the commits of a table, newest first."""
    from chimera_assets.commands.tables import show_history

    return show_history(name, limit=limit, as_json=as_json)


@table.command("read")
def table_read(  # noqa: PLR0913
    name: opt.TableName,
    *,
    as_of: opt.AsOf = None,
    hours: opt.Hours = None,
    columns: opt.Columns = None,
    limit: Annotated[
        int | None,
        typer.Option(min=0, help="Rows at most, 0 for all. Default: 20 in a table, else all."),
    ] = None,
    form: Annotated[str, typer.Option("--format", help="table, json or csv.")] = "table",
) -> int:
    """Print rows of a table, as it is or as it was."""
    from chimera_assets.commands.arguments import parse_hours, parse_names, parse_version
    from chimera_assets.commands.tables import parse_format, show_rows

    return show_rows(
        name,
        as_of=parse_version(as_of) if as_of is not None else None,
        hours=parse_hours(hours) if hours is not None else None,
        columns=parse_names(columns, "--columns") if columns is not None else None,
        limit=limit,
        form=parse_format(form),
    )


@table.command("restore")
def table_restore(name: opt.TableName, *, target: opt.Target, yes: opt.Yes = False) -> int:
    """Make a table again what it was; this is a new version, nothing is deleted."""
    from chimera_assets.commands.arguments import parse_version
    from chimera_assets.commands.tables import restore

    version = parse_version(target)
    _confirm(f"Make {name} again what it was at {target}?", yes=yes)
    return restore(name, version, now=datetime.now(UTC))


@table.command("optimize")
def table_optimize(
    name: opt.TableName,
    *,
    hours: opt.Hours = None,
    z_order: Annotated[
        str | None, typer.Option(help="Order rows by these columns, separated by commas.")
    ] = None,
) -> int:
    """Merge the small files of each hour."""
    from chimera_assets.commands.arguments import parse_hours, parse_names
    from chimera_assets.commands.tables import optimize

    return optimize(
        name,
        hours=parse_hours(hours) if hours is not None else None,
        z_order=parse_names(z_order, "--z-order") if z_order is not None else (),
        now=datetime.now(UTC),
    )


@table.command("vacuum")
def table_vacuum(
    name: opt.TableName,
    *,
    days: Annotated[
        float | None, typer.Option(min=0, help="Keep the past of so many days.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the files.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Also files no version knows.")] = False,
    yes: opt.Yes = False,
) -> int:
    """Delete the files that only versions of before the last days need."""
    from chimera_assets.commands.tables import vacuum

    if days is not None and days < 1 and not dry_run:
        # A run that is writing has files that no version knows yet.
        _confirm(f"Keep only {days:g} days of {name}? No run may be writing it now.", yes=yes)
    return vacuum(name, days=days, dry_run=dry_run, full=full, now=datetime.now(UTC))


@contract.command("list")
def contract_list(*, as_json: opt.AsJson = False) -> int:
    """Show every contract: version, columns, rules, pass rate, owner."""
    from chimera_assets.commands.contracts import show_list

    return show_list(as_json=as_json)


@contract.command("check")
def contract_check(paths: opt.Paths = None) -> int:
    """Show every problem of contract files by file and line; exit 1 on an error."""
    from chimera_assets.commands.contracts import check

    return check(paths or ())


@contract.command("diff")
def contract_diff(old: Path, new: Path) -> int:
    """Say in words what changed from OLD to NEW; exit 1 if it breaks a promise."""
    from chimera_assets.commands.contracts import show_diff

    return show_diff(old, new)


@contract.command("sources")
def contract_sources(
    *,
    path: Annotated[Path | None, typer.Option(help="The file. Default: in dbt_project/.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether it is right.")] = False,
) -> int:
    """Write the dbt sources file from the contracts."""
    from chimera_assets.commands.contracts import SOURCES_FILE, write_sources

    return write_sources(path or SOURCES_FILE, check_only=check)


@audit.command("list")
def audit_list(
    *,
    action: Annotated[
        str | None, typer.Option(help="Only this action, or all of one kind: table, hold.")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="Only by whom has this name.")] = None,
    resource: Annotated[
        str | None, typer.Option(help="Only resources with this in their name.")
    ] = None,
    limit: opt.Limit = 20,
    as_json: opt.AsJson = False,
) -> int:
    """Show who changed what, newest first."""
    from chimera_assets.commands.audit import show_list

    return show_list(action=action, actor=actor, resource=resource, limit=limit, as_json=as_json)


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        msg = "nobody to ask: expected --yes"
        raise ArgumentError(msg)
    typer.confirm(question, abort=True, err=True)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; gives its exit code: 2 for a mistake of the user's, told in one line."""
    try:
        return app(arguments, standalone_mode=False, prog_name="chimera") or 0
    except typer.Abort:
        return 1
    except (ChimeraError, typer.TyperException) as error:
        sys.stderr.write(_told(error))
        return 2


def _told(error: ChimeraError | typer.TyperException) -> str:
    """An error in one line; the help, where there were no arguments, as it is."""
    words = error.format_message() if isinstance(error, typer.TyperException) else str(error)
    return words + "\n" if words.startswith("Usage:") else f"chimera: {' '.join(words.split())}\n"


def main() -> NoReturn:
    """The entry point of `chimera`."""
    try:
        code = run()
        sys.stdout.flush()
    except BrokenPipeError:  # `chimera table read ... | head`
        code = 1
    sys.stderr.flush()
    # Libraries that read Delta have threads of their own, which sometimes abort a process that
    # ends in the ordinary way. Everything that has to be finished is finished here.
    os._exit(code)
