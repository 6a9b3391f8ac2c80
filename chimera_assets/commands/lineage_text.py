"""A record's lineage as tables for people."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from chimera_assets.commands.terminal import Plain, PlainFloat, iso, notes, out, print_table, text
from chimera_assets.errors import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_AT_TABLE = {True: "has it now", False: "does not have it now", None: "could not be asked"}


def print_record(document: Mapping[str, Any]) -> None:
    """Print a document of `lineage.shown`."""
    key = " ".join(f"{name}={value}" for name, value in document["key"].items())
    for hour in document["hours"]:
        when = f", hour {hour['hour']}" if hour["hour"] is not None else ""
        out().print(f"{document['stream']} {key}{when}", markup=False, soft_wrap=True)
        print_table(
            ("step", "where", "version", "time", "run", "said", "file"),
            _steps(hour),
            title="From its source to its facts",
        )
        for row in hour["rows"]:
            known = [(n, _plain(value)) for n, value in row["values"].items() if value is not None]
            print_table(("column", "value"), known, title=f"Row: {_verdict(row)} (nulls left out)")
        _print_counted(hour)
        _print_history(hour)
        for note in hour["notes"]:
            out().print(f"{note[0].upper()}{note[1:]}.", markup=False, soft_wrap=True)
    _say_looked(document["looked"], len(document["hours"]))


def _steps(hour: Mapping[str, Any]) -> Iterator[list[Any]]:
    for origin in hour["origins"]:
        if origin["kind"] == "file":
            yield ["file", origin["name"], None, None, None, f"line {origin['line']}", None]
        else:
            said = _AT_TABLE[origin["is_there"]]
            yield ["source", origin["name"], None, None, None, said, None]
    batches = {row["batch"]: row["batch_began"] for row in hour["rows"] if row["batch"]}
    for batch, began in batches.items():
        yield ["batch", batch, None, _time(began), None, None, None]
    yield from _stored("raw", hour["raw"])
    for row in hour["rows"]:
        yield ["verdict", None, None, None, None, _verdict(row), None]
    for step in ("quarantine", "staged"):
        yield from _stored(step, hour[step])
    for fact in hour["facts"]:
        yield from _stored("fact", fact)


def _stored(step: str, stored: Mapping[str, Any] | None) -> Iterator[list[Any]]:
    if stored is None:
        return
    said = [f"contract {stored['contract']}"] if stored["contract"] else []
    if stored["rewritten_in"] is not None:
        said.append(f"in this file since version {stored['rewritten_in']}")
    yield [
        step,
        stored["table"],
        _number(stored["version"]),
        _time(stored["at"]),
        stored["run"],
        ", ".join(said) or None,
        ", ".join(stored["files"]),
    ]


def _verdict(row: Mapping[str, Any]) -> str:
    reasons = ", ".join(row["reasons"])
    return f"{row['verdict']}: {reasons}" if reasons else str(row["verdict"])


def _print_counted(hour: Mapping[str, Any]) -> None:
    rows = []
    for one in hour["counted"]:
        stored, totals = one["stored"], one["totals"]
        group = ", ".join(f"{name} {_named(value)}" for name, value in one["grouping"].items())
        for measure, adds in one["adds"].items():
            total = _plain(totals[measure]) if totals is not None else "no such row"
            name, version = stored["table"], _number(stored["version"])
            rows.append((name, version, group, measure, _plain(adds), total))
        if one["also_in"]:
            listed = ", ".join(one["also_in"])
            rows.append((stored["table"], _number(stored["version"]), group, listed, None, None))
    if rows:
        columns = ("aggregate", "version", "group", "measure", "adds", "total")
        print_table(columns, rows, title="Counted in")
    if hour["read_by"]:
        listed = ", ".join(hour["read_by"])
        out().print(f"Also read by: {listed}.", markup=False, soft_wrap=True)
    for report in hour["reports"]:
        if (problem := report["problem"]) is not None:
            said = (
                f"In report {report['report']}, perhaps: its manifest cannot be read ({problem})."
            )
            out().print(said, markup=False, soft_wrap=True)
            continue
        figures = ", ".join(report["figures"])
        out().print(f"In report {report['report']}: {figures}.", markup=False, soft_wrap=True)


def _named(value: Any) -> str:  # noqa: ANN401 - a cell
    return "''" if value == "" else text(_plain(value))


def _print_history(hour: Mapping[str, Any]) -> None:
    columns = ("time", "table", "version", "run", "what", "columns", "detail")
    rows = (
        (
            _time(one["at"]),
            one["table"],
            _number(one["version"]),
            one["run"],
            one["what"],
            ", ".join(one["columns"]) or None,
            one["detail"],
        )
        for one in hour["history"]
    )
    print_table(columns, rows, title="What happened to it")


def _say_looked(looked: Mapping[str, Any], hours: int) -> None:
    """Say which hours were looked through: a record may be in others."""
    said = f"The source: {looked['source']}."
    if looked["files"]:
        many = f"{counted(looked['rows'], 'row')} in {counted(looked['files'], 'file')}"
        said += f" Searched: {many}, {looked['seconds']:.2f} s."
    elif hours:
        said += " Other hours were not searched; --everywhere does."
    notes().print(said, markup=False, soft_wrap=True)


def _time(moment: Any) -> str | None:  # noqa: ANN401
    return iso(moment)[:19].replace("T", " ") if moment is not None else None


def _number(version: int | None) -> Plain | None:
    return Plain(version) if version is not None else None


def _plain(value: Any) -> Any:  # noqa: ANN401 - a cell
    """A value of a row, whose number may be a key that somebody copies."""
    if isinstance(value, float):
        return PlainFloat(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return Plain(value) if isinstance(value, int) and not isinstance(value, bool) else value
