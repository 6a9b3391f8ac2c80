"""`chimera report show`: what a report says, on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chimera_assets.commands.command_context import command_context
from chimera_assets.commands.terminal import out, print_json, print_table
from chimera_assets.lake import open_lake
from chimera_assets.reports.access import OPERATOR, found
from chimera_assets.reports.document import Kind
from chimera_assets.reports.evidence.bundle import REPORT
from chimera_assets.reports.evidence.strict_json import loads
from chimera_assets.reports.rendering.people import from_json
from chimera_assets.reports.store import Store

if TYPE_CHECKING:
    from datetime import datetime

#: Rows of a table that are printed; the CSV has all.
_SHOWN = 20


def show_report(name: str, *, as_json: bool, now: datetime) -> int:
    """Print a report; that it is read is on the record first."""
    store = Store(open_lake())
    report = found(store, name, OPERATOR)
    store.require_whole(report)
    with command_context(now).change("report.read", f"report {report.name}"):
        said: Any = loads(store.read(report, REPORT), REPORT)
    if as_json:
        print_json(said)
        return 0
    out().print(f"{said['title']}, revision {said['revision']}", markup=False)
    for note in said["notes"]:
        out().print(f"  {note}", markup=False, soft_wrap=True)
    for section in said["sections"]:
        status = f" ({section['status']})" if section["status"] else ""
        out().print()
        out().print(f"{section['title']}{status}", markup=False)
        for block in section["blocks"]:
            _print_block(block)
    out().print(f"All of it: {store.place(report)}", markup=False, soft_wrap=True)
    return 0


def _print_block(block: dict[str, Any]) -> None:
    match block["type"]:
        case "paragraph":
            out().print(block["text"], markup=False, soft_wrap=True)
        case "figures":
            rows = (
                (one["label"], *(_said(one[name], one) for name in ("value", "before")))
                for one in block["figures"]
            )
            print_table(("figure", "value", "before"), rows)
        case "table":
            columns = block["columns"]
            cells = (map(_said, row, columns) for row in block["rows"][:_SHOWN])
            print_table([column["title"] for column in columns], cells, title=block["title"])
        case "findings":
            findings = (
                (one["id"], one["status"], "; ".join(one["observations"]))
                for one in block["findings"]
            )
            print_table(("finding", "status", "found"), findings)
        case _:
            pass  # a chart is a picture of a table


def _said(value: Any, of: dict[str, Any]) -> str:  # noqa: ANN401 - JSON
    """A value of a figure or column."""
    return from_json(value, Kind(of["kind"]), of["unit"])
