"""The commands without a group: demo, up, status, backfill, verify, upkeep, metrics."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from chimera_assets import __version__
from chimera_assets.cli import options as opt

commands = typer.Typer()


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it
    if asked:
        typer.echo(f"chimera {__version__}")
        raise typer.Exit


def whole(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version."),
    ] = False,
) -> None:
    """An evidence-grade lakehouse for the events of AI products. Times are UTC."""


@commands.command()
def demo(
    *,
    days: Annotated[int, typer.Option(min=1, max=90, help="Days until last midnight.")] = 7,
    rows_per_hour: opt.RowsPerHour = 1000,
    seed: opt.Seed = 42,
    force: opt.Force = False,
) -> int:
    """Fill a lake with simulated traffic, and show a summary."""
    from chimera_assets.commands.demo import run_demo

    return run_demo(
        days=days, rows_per_hour=rows_per_hour, seed=seed, force=force, now=datetime.now(UTC)
    )


@commands.command()
def up(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the web pages.")] = 3000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> int:
    """Run Dagster's web pages and its daemon, until Ctrl-C."""
    from chimera_assets.commands.up import up

    up(host=host, port=port)


@commands.command()
def status(*, as_json: opt.AsJson = False) -> int:
    """Show how far and good each stream is, and every table."""
    from chimera_assets.commands.status import show

    return show(as_json=as_json, now=datetime.now(UTC))


@commands.command()
def backfill(
    *,
    start: opt.Start,
    end: opt.End,
    stream: Annotated[
        str | None,
        typer.Option(help="Only these streams, separated by commas, and what is made of them."),
    ] = None,
    as_json: opt.AsJson = False,
) -> int:
    """Run hours through all layers. It is one Dagster run, and safe to repeat."""
    from chimera_assets.commands.arguments import parse_names
    from chimera_assets.commands.backfill import backfill

    streams = parse_names(stream, "--stream") if stream is not None else None
    return backfill(start, end, streams=streams, as_json=as_json, now=datetime.now(UTC))


@commands.command()
def verify(
    *,
    first: opt.From = None,
    end: opt.To = None,
    source: Annotated[
        bool, typer.Option("--source", help="Compare raw with the source's tables instead.")
    ] = False,
    as_json: opt.AsJson = False,
) -> int:
    """Recount every promise. Names every hour that breaks one; exit 1 if any does."""
    if source:
        from chimera_assets.commands.verify_source import show
    else:
        from chimera_assets.commands.verify import show

    return show(first, end, as_json=as_json, now=datetime.now(UTC))


@commands.command()
def upkeep(
    *,
    table: Annotated[
        str | None, typer.Option(metavar="LAYER/TABLE", help="Only this table.")
    ] = None,
    dry_run: opt.DryRun = False,
    as_json: opt.AsJson = False,
) -> int:
    """Do now what each night does. Retention, purge, merge, order, vacuum."""
    from chimera_assets.commands.upkeep import run

    return run(table=table, dry_run=dry_run, as_json=as_json, now=datetime.now(UTC))


@commands.command()
def sql(
    query: Annotated[
        str,
        typer.Argument(
            metavar="QUERY", help="One SELECT; a table is layer.table. - reads standard input."
        ),
    ],
    *,
    as_of: opt.AsOf = None,
    form: opt.Form = "table",
    raw: opt.Raw = False,
    reveal: opt.Reveal = False,
) -> int:
    """Query the lake's tables with DuckDB's SQL. Read only."""
    from chimera_assets.commands.arguments import parse_version
    from chimera_assets.commands.rows import parse_format
    from chimera_assets.commands.sql import show

    return show(
        query,
        as_of=parse_version(as_of) if as_of is not None else None,
        form=parse_format(form),
        raw=raw,
        reveal=reveal,
        now=datetime.now(UTC),
    )


@commands.command()
def metrics(
    *,
    publish: Annotated[
        bool, typer.Option("--publish", help="Write and push them, as the sensor does.")
    ] = False,
) -> int:
    """Print the metrics for Prometheus."""
    from chimera_assets.commands.metrics import show

    return show(publish=publish)


@commands.command()
def lineage(  # noqa: PLR0913
    stream: Annotated[
        str | None, typer.Argument(metavar="STREAM", help="A stream, orders say.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY...", help="The row's key: its values in order, or column=value each."
        ),
    ] = None,
    *,
    hour: opt.Hour = None,
    everywhere: Annotated[
        bool,
        typer.Option("--everywhere", help="Search every hour, though the source knows the row's."),
    ] = False,
    column: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER/TABLE[.COLUMN]", help="Instead: what a column, or each, is made of."
        ),
    ] = None,
    reveal: opt.Reveal = False,
    as_json: opt.AsJson = False,
) -> int:
    """Tell the whole life of one record, or of a column. From its source to the figures."""
    from chimera_assets.commands.arguments import chosen_hours

    if column is not None:
        from chimera_assets.commands.column_lineage import show_columns

        return show_columns(column, beside=stream, as_json=as_json)
    from chimera_assets.commands.lineage import show_record

    return show_record(
        stream,
        key or (),
        hours=chosen_hours(hour, None, None),
        everywhere=everywhere,
        as_json=as_json,
        reveal=reveal,
        now=datetime.now(UTC),
    )
