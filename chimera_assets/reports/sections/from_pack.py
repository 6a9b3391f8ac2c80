"""The sections that packs describe: figures, tables and charts of SELECTs over the lake."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chimera_assets.contracts.active import known_contracts
from chimera_assets.errors import ChimeraError, counted, one_line
from chimera_assets.lifecycle.needed_tables import made_by_models, needed_tables
from chimera_assets.reports import document as doc
from chimera_assets.reports.answers import AbsentError, Answer, QueryError
from chimera_assets.reports.inputs import BuiltSection, Source
from chimera_assets.reports.sections.draft import WORST_FIRST
from chimera_assets.reports.sections.pack_charts import ChartError, chart_of
from chimera_assets.reports.sections.plain_values import plain
from chimera_assets.reports.sections.thresholds import judged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from chimera_assets.packs.sections import Figure, Section, Table
    from chimera_assets.reports.document import Block, Kind, Value
    from chimera_assets.reports.inputs import Inputs

#: What is noted of a figure without a period before to compare it with.
_NOT_COMPARED = "not compared, as the period before is not whole in the lake"


def pack_sections(inputs: Inputs, sections: Sequence[Section]) -> Iterator[BuiltSection]:
    """The sections of packs; one whose SQL fails says so, and takes no other with it."""
    now = inputs.tables.ask(dict(_asked(sections)), inputs.scope)
    before = inputs.tables.ask(dict(_asked(sections, compared=True)), inputs.scope_before)
    for section in sections:
        yield _built(inputs, section, now, before)


def _asked(sections: Iterable[Section], *, compared: bool = False) -> Iterator[tuple[str, str]]:
    """Every query, by where it stands; or those that are asked of the period before."""
    for section in sections:
        for name, figure in section.figures.items():
            if figure.compare or not compared:
                yield _where(section, name), figure.sql
        for name, table in section.tables.items():
            if not compared:
                yield _where(section, f"table {name}"), table.sql


def _where(section: Section, name: str) -> str:
    return f"section {section.id}, {name}"


def _built(
    inputs: Inputs,
    section: Section,
    now: Mapping[str, Answer | QueryError],
    before: Mapping[str, Answer | QueryError],
) -> BuiltSection:
    """A section; if its values fit nothing, all of it is not evaluated, and says why."""
    try:
        return _Building(section, now, before, inputs).built()
    except ChimeraError as error:
        reason = one_line(str(error))
    except (ValueError, TypeError, ArithmeticError) as error:  # its words may hold values of rows
        reason = f"section {section.id}: it failed with {type(error).__name__}"
    text = doc.Paragraph(f"Not evaluated: {reason.rstrip('.')}.")
    status = doc.Status.not_evaluated
    return BuiltSection(doc.Section(section.id, section.title, (text,), status, section.intro))


@dataclass(slots=True)
class _Building:
    """One section while its blocks are made."""

    section: Section
    now: Mapping[str, Answer | QueryError]
    before: Mapping[str, Answer | QueryError]
    inputs: Inputs
    blocks: list[Block] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    to_come: dict[str, list[str]] = field(default_factory=dict)
    findings: list[doc.Finding] = field(default_factory=list)
    is_lost: bool = False

    def built(self) -> BuiltSection:
        if self.section.figures:
            self._add_figures()
        for name, table in self.section.tables.items():
            self._add_table(name, table)
        self._add_gone()
        if self.to_come and not self.sources and not self.failures:
            self.blocks.clear()  # figures without values, which one sentence says of all
            needed = _listed(self.to_come)
            self.failures.append(f"nothing of it is in this lake yet, as it needs {needed}")
        else:
            self.failures += [
                f"{_listed(titles)}: {table} is not in this lake yet"
                for table, titles in self.to_come.items()
            ]
        if self.findings:
            self.blocks.append(doc.Findings(tuple(self.findings)))
        self.blocks += [doc.Paragraph(f"Not evaluated: {one}.") for one in self.failures]
        made = doc.Section(
            self.section.id,
            self.section.title,
            tuple(self.blocks),
            self._status(),
            self.section.intro,
        )
        return BuiltSection(made, self.sources)

    def _add_gone(self) -> None:
        """Of the tables that are not there, note which were once: no run is going to make these."""
        lake = self.inputs.tables.lake
        needed = needed_tables(lake, known_contracts()) if self.to_come else {}
        for name, why in needed.items():
            layer, _, table = name.partition("/")
            if table in self.to_come and not lake.table(layer, table).exists():
                self.failures.append(f"{_listed(self.to_come.pop(table))}: {name}: {why}")
                self.is_lost = True

    def _status(self) -> doc.Status | None:
        found = {finding.status for finding in self.findings}
        if self.is_lost:
            found.add(doc.Status.not_evaluated)
        otherwise = doc.Status.not_evaluated if self.failures else None
        return next((status for status in WORST_FIRST if status in found), otherwise)

    def _add_figures(self) -> None:
        shown = []
        for name, figure in self.section.figures.items():
            answer = self.now[_where(self.section, name)]
            value, problem = _one_value(answer)
            if problem is not None:
                self._add_failure(name, figure.title, answer, problem)
            before, note = None, figure.note if problem is None else "not evaluated"
            if figure.compare and problem is None:
                before = self._value_before(name)
                note = note if before is not None or note else _NOT_COMPARED
            kind = doc.Kind(figure.show)
            shown.append(doc.Figure(figure.title, value, kind, figure.unit, before, note))
            if figure.at_least is not None or figure.at_most is not None:
                self.findings.append(self._judged(name, figure, answer, problem))
            if isinstance(answer, Answer) and problem is None:
                place = f"/blocks/{len(self.blocks)}/figures/{len(shown) - 1}"
                self.sources[place] = Source(name, figure.title, answer.sql, answer.read)
        self.blocks.append(doc.Figures(tuple(shown)))

    def _value_before(self, name: str) -> Value:
        """The value of the period before; None if that is not in the lake, or not all of it."""
        answer = self.before[_where(self.section, name)]
        if isinstance(answer, QueryError) or not any(one.rows for one in answer.read):
            return None
        tables, since = [one.table for one in answer.read], self.inputs.period.before.start
        if not all(self.inputs.tables.reaches_back(table, since) for table in tables):
            return None  # retention has deleted the rows of before
        return None if self.inputs.lacking(tables, before=True) else _one_value(answer)[0]

    def _judged(
        self, name: str, figure: Figure, answer: Answer | QueryError, problem: str | None
    ) -> doc.Finding:
        """What a figure's thresholds say of it; no pass is of rows that are not all there."""
        tables = [one.table for one in answer.read] if isinstance(answer, Answer) else []
        lacking, finding = self.inputs.lacking(tables), f"{self.section.id}.{name}"
        return judged(finding, figure, _one_value(answer)[0], problem, lacking)

    def _add_table(self, name: str, table: Table) -> None:
        answer = self.now[_where(self.section, f"table {name}")]
        if isinstance(answer, QueryError):
            self._add_failure(f"table {name}", table.title, answer, answer.problem)
            return
        rows = tuple(tuple(map(plain, row)) for row in answer.rows)
        self._add_charts(name, table, answer.columns, rows)
        columns = tuple(
            _column(table, column, [row[at] for row in rows])
            for at, column in enumerate(answer.columns)
        )
        self.sources[f"/blocks/{len(self.blocks)}"] = Source(
            name, table.title, answer.sql, answer.read
        )
        self.blocks.append(doc.Table(name, table.title, columns, rows, table.shown))

    def _add_failure(
        self, name: str, title: str, answer: Answer | QueryError, problem: str
    ) -> None:
        """Note why a part is not evaluated; of a table that has not been made yet, together."""
        if isinstance(answer, AbsentError) and answer.table in _tables_of_packs():
            self.to_come.setdefault(answer.table, []).append(title)
        else:
            self.failures.append(f"{_where(self.section, name)}: {problem}")

    def _add_charts(
        self, table_name: str, table: Table, columns: tuple[str, ...], rows: tuple[Any, ...]
    ) -> None:
        for name, chart in self.section.charts.items():
            if chart.table != table_name or not rows:
                continue
            try:
                self.blocks.append(chart_of(name, chart, table, columns, rows))
            except (ChimeraError, ChartError, TypeError) as error:
                self.failures.append(f"section {self.section.id}, {error}")


def _tables_of_packs() -> set[str]:
    """The tables that there will be once their hours have run."""
    return set(known_contracts()) | {name.partition("/")[2] for name in made_by_models()}


def _listed(names: Iterable[str]) -> str:
    """`a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _one_value(answer: Answer | QueryError) -> tuple[Value, str | None]:
    """The value of a figure; or why there is none."""
    if isinstance(answer, QueryError):
        return None, answer.problem
    if len(answer.rows) != 1 or len(answer.columns) != 1:
        found = f"{counted(len(answer.rows), 'row')} of {counted(len(answer.columns), 'value')}"
        return None, f"expected one row of one value, found {found}"
    return plain(answer.rows[0][0]), None


def _column(table: Table, name: str, values: Sequence[Value]) -> doc.Column:
    said = table.columns.get(name)
    title = (said.title if said is not None else "") or name.replace("_", " ")
    kind = doc.Kind(said.show) if said is not None and said.show else _kind(values)
    return doc.Column(name, title, kind, said.unit if said is not None else "")


def _kind(values: Sequence[Value]) -> Kind:
    """How values are shown of which the pack says nothing: by what they are."""
    there = next((value for value in values if value is not None), "")
    match there:
        case bool():
            return doc.Kind.flag
        case int() | float() | Decimal():
            return doc.Kind.number
        case datetime() | date():
            return doc.Kind.time
        case _:
            return doc.Kind.text
