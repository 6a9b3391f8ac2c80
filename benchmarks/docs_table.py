"""The table of results in `docs/benchmarks.md`, made from the newest result of each measure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

#: What stands between these lines is ours.
BEGIN, END = "<!-- results -->", "<!-- end of results -->"

_HEAD = (
    "| measure | rows | ours | floor or peer | ratio | peak | goal | met |\n"
    "|---|---|---|---|---|---|---|---|"
)


def written(results: Path, page: Path) -> str:
    """Write the table into the page; says what was written.

    Results of a run with fewer rows than a measure's own are left out: they say little.

    Raises:
        SystemExit: There are no results, or the page has no place for them.
    """
    newest = _newest(results)
    if not newest:
        msg = f"{results}: expected results of full runs, found none; run python -m benchmarks"
        raise SystemExit(msg)
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        msg = f"{page}: expected the lines {BEGIN} and {END}, found them not"
        raise SystemExit(msg)
    page.write_text(f"{before}{begin}\n\n{_section(newest)}\n\n{end}{after}", encoding="utf-8")
    return f"{page}: {', '.join(newest)}"


def _newest(results: Path) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Measure -> its newest result, and the report it is of; by name."""
    reports = [json.loads(file.read_text(encoding="utf-8")) for file in results.glob("*.json")]
    found: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
    for report in sorted(reports, key=lambda report: report["date"]):
        for name, result in report["measures"].items():
            if result["rows"] >= result["own_rows"]:
                found[name] = result, report
    return dict(sorted(found.items()))


def _section(newest: dict[str, tuple[dict[str, Any], dict[str, Any]]]) -> str:
    """The table, and below it which measures were made when, where, and with what."""
    places: dict[str, tuple[list[dict[str, Any]], list[str]]] = {}
    for name, (_, report) in newest.items():
        unloaded = report["machine"] | {"load": None}
        reports, names = places.setdefault(report["date"][:10] + json.dumps(unloaded), ([], []))
        reports.append(report)
        names.append(name)
    reported = [_place(*place) for _, place in sorted(places.items())]
    return "\n".join([_HEAD, *(_row(name, newest[name][0]) for name in newest), "", *reported])


def _row(name: str, result: dict[str, Any]) -> str:
    floor, ratio = result["floor"], result["ratio"]
    peer = f" ({result['peer']})" if result["peer"] else ""
    cells = [
        f"`{name}`",
        f"{result['rows']:,}",
        f"{result['ours']:.2f} s",
        f"{floor:.2f} s{peer}" if floor is not None else "",
        f"{ratio:.2f}" if ratio is not None else "",
        f"{result['peak_mb']:,.0f} MB",
        ", ".join(goal(result, each) for each in result["goals"]),
        ", ".join("yes" if each["met"] else "**no**" for each in result["goals"]),
    ]
    return f"| {' | '.join(cells)} |"


def goal(result: dict[str, Any], reported: dict[str, Any]) -> str:
    """A goal in words; with what was found, where no other column has that."""
    found = result["growths"].get(reported["what"])
    return reported["reported"] if found is None else f"{reported['reported']} ({found:.2f}x)"


def _place(reports: list[dict[str, Any]], names: list[str]) -> str:
    """When, where and with what some measures were made, all of one day and one machine."""
    on = reports[0]["machine"]
    load = max(report["machine"]["load"] for report in reports)
    packages = ", ".join(f"{name} {version}" for name, version in on["versions"].items())
    return (
        f"- {', '.join(f'`{name}`' for name in names)}: {reports[0]['date'][:10]}, "
        f"{on['cpus']} x {on['processor']}, {on['memory_gb']} GB, load at most {load:.1f} before, "
        f"{on['platform']}, Python {on['python']}, {packages}."
    )
