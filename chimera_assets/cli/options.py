"""The options that several commands share, said once. Light: imported by every start."""

from pathlib import Path
from typing import Annotated, Any

import typer

from chimera_assets.errors import ArgumentError
from chimera_assets.paths import UnusablePath, usable_path


def usable(value: Any) -> Any:  # noqa: ANN401 - a path, several, or none
    """Refuse what is no path that can be used, before a command begins with it.

    Raises:
        ArgumentError: It is none.
    """
    for path in value if isinstance(value, (list, tuple)) else [value]:
        try:
            usable_path(path or ".")
        except UnusablePath as error:
            msg = f"expected a path that can be used, found {error}"
            raise ArgumentError(msg) from None
    return value


def only(paths: list[Path] | None) -> Path:
    """The one file that was named.

    Raises:
        ArgumentError: None was, or several.
    """
    if paths is None or len(paths) != 1:
        msg = f"--against: expected one contract file, found {len(paths or ())}"
        raise ArgumentError(msg)
    return paths[0]


def number(value: float | None) -> float | None:
    """Refuse what is no number, of which neither bound holds.

    Raises:
        BadParameter: It is none.
    """
    if value is not None and value != value:  # noqa: PLR0124 - only of nan
        msg = "expected a number, found nan"
        raise typer.BadParameter(msg)
    return value


#: The most of anything that is counted: any engine can hold it.
MOST = 2**31 - 1

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept.")]
Who = Annotated[str | None, typer.Option(help="Who says so. Default: the user of this machine.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

Start = Annotated[str, typer.Option(help="First hour, ISO 8601, UTC: 2026-01-31T05:00Z or a date.")]
End = Annotated[str, typer.Option(help="The hour after the last one, likewise.")]
Hours = Annotated[
    str | None,
    typer.Option(help="An hour (2026-01-31T05), a date, START..END (excluded) or FIRST...LAST."),
]
Hour = Annotated[
    str | None, typer.Option(help="An hour (2026-01-31T05), a date, START..END or FIRST...LAST.")
]
From = Annotated[str | None, typer.Option("--from", help="First hour, ISO 8601, UTC.")]
To = Annotated[str | None, typer.Option("--to", help="The hour after the last one.")]

Stream = Annotated[str | None, typer.Option(help="Only of this stream.")]
Reason = Annotated[str | None, typer.Option(help="Only rows that broke this rule.")]
Key = Annotated[str, typer.Argument(metavar="KEY", help="The row's key; - for rows without one.")]
Reveal = Annotated[
    bool, typer.Option("--reveal", help="Show personal values too, which is recorded.")
]

TableName = Annotated[str, typer.Argument(metavar="LAYER/TABLE", help="staged/orders, say.")]
AsOf = Annotated[
    str | None, typer.Option(help="A version number, or a time in ISO 8601; else as it is now.")
]
Form = Annotated[str, typer.Option("--format", help="table, json or csv.")]
Raw = Annotated[
    bool,
    typer.Option(
        "--raw", help="CSV for programs: no apostrophe before what is a formula to a spreadsheet."
    ),
]
Target = Annotated[str, typer.Option("--as-of", help="A version number, or a time in ISO 8601.")]
Limit = Annotated[int, typer.Option(min=1, max=MOST, help="How many at most.")]
Columns = Annotated[str | None, typer.Option(help="Only these columns, separated by commas.")]

Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH",
        callback=usable,
        help="Files or folders; none: those that are in use.",
    ),
]
PackFolders = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FOLDER",
        callback=usable,
        help="Folders of packs; none: those that are in use.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, max=MOST, help="The same seed gives the same rows.")]
RowsPerHour = Annotated[int, typer.Option(min=1, max=MOST, help="Rows an hour, on average.")]
Force = Annotated[
    bool, typer.Option("--force", help="Add simulated rows to a database that has rows of yours.")
]
