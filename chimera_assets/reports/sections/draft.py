"""One of the platform's own sections while it is made: its blocks, and what each is computed from.

    @section("retention", "Retention", "What is past its time.")
    def retention(inputs: Inputs, draft: Draft) -> None:
        draft.add_table(table, source)

makes of `retention` what gives a `BuiltSection` of `Inputs`, and never raises: a section that fails
is not evaluated, and says why.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from chimera_assets.errors import ChimeraError, one_line, without_userinfo
from chimera_assets.reports import document as doc
from chimera_assets.reports.answers import Answer
from chimera_assets.reports.inputs import BuiltSection, Source
from chimera_assets.reports.queries import Scope
from chimera_assets.reports.sections.plain_values import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from chimera_assets.reports.inputs import Inputs

#: The status of a section is the first of these that any of its findings has.
WORST_FIRST = (doc.Status.not_satisfied, doc.Status.not_evaluated, doc.Status.satisfied)
#: Of a list in a finding so many are named.
MOST_NAMED = 5


class NotEvaluatedError(ChimeraError):
    """What a section is about cannot be said; the message says why, without an end."""


class Draft:
    """A section while its blocks are made.

    Args:
        inputs: What it is made of.
        section_id: Its id.
        title: Its heading.
        intro: What it is about.
    """

    def __init__(self, inputs: Inputs, section_id: str, title: str, intro: str) -> None:
        self._inputs, self._id, self._title, self._intro = inputs, section_id, title, intro
        self._blocks: list[doc.Block] = []
        self._sources: dict[str, Source] = {}
        self._statuses: set[doc.Status] = set()

    def ask(self, queries: Mapping[str, str]) -> dict[str, Answer]:
        """The answers to SELECTs over the period's rows, of all tenants.

        Raises:
            QueryError: One of them cannot be run.
        """
        where = {name: f"section {self._id}, {name}" for name in queries}
        asked = {where[name]: sql for name, sql in queries.items()}
        found = self._inputs.tables.ask(asked, Scope(self._inputs.period.hours))
        answers: dict[str, Answer] = {}
        for name in queries:
            answer = found[where[name]]
            if not isinstance(answer, Answer):
                raise answer
            answers[name] = answer
        return answers

    def add_text(self, text: str) -> None:
        """Add a paragraph."""
        self._blocks.append(doc.Paragraph(text))

    def add_figures(self, *figures: tuple[doc.Figure, Source]) -> None:
        """Add figures that are read together."""
        for number, (_, source) in enumerate(figures):
            self._sources[f"/blocks/{len(self._blocks)}/figures/{number}"] = source
        self._blocks.append(doc.Figures(tuple(figure for figure, _ in figures)))

    def add_table(self, table: doc.Table, source: Source) -> None:
        """Add a table."""
        self._sources[f"/blocks/{len(self._blocks)}"] = source
        self._blocks.append(table)

    def add_chart(self, chart: doc.Chart) -> None:
        """Add a picture of a table that the section has, too."""
        self._blocks.append(chart)

    def add_findings(
        self, findings: Sequence[doc.Finding], *, optional: Collection[str] = ()
    ) -> None:
        """Add findings, of which the section's status is the worst.

        Args:
            findings: The findings.
            optional: The ids of those that need not be evaluated: where they are not, the others
                alone make the status.
        """
        if findings:
            self._blocks.append(doc.Findings(tuple(findings)))
        self._statuses |= {
            one.status
            for one in findings
            if one.id not in optional or one.status is not doc.Status.not_evaluated
        }

    def built(self) -> BuiltSection:
        """The section."""
        counted = (status for status in WORST_FIRST if status in self._statuses)
        status = next(counted, doc.Status.not_evaluated)
        made = doc.Section(self._id, self._title, tuple(self._blocks), status, self._intro)
        return BuiltSection(made, dict(self._sources))

    def not_evaluated(self, reason: str) -> BuiltSection:
        """The section without anything but why it is not evaluated."""
        place = f"{self._inputs.lake.uri}/"  # which is nobody's to know
        said = one_line(reason).replace(place, "")
        text = doc.Paragraph(f"Not evaluated: {said.rstrip('.')}.")
        status = doc.Status.not_evaluated
        return BuiltSection(doc.Section(self._id, self._title, (text,), status, self._intro))


def section(
    section_id: str, title: str, intro: str, *, of_all_tenants: str | None = None
) -> Callable[
    [Callable[[Inputs, Draft], None]],
    Callable[[Inputs], BuiltSection],
]:
    """Make a function that fills a draft one that gives the section, whatever happens in it.

    Args:
        section_id: The section's id.
        title: Its heading.
        intro: What it is about.
        of_all_tenants: What of it cannot be told apart by tenant, so that a report of one tenant
            has nothing of it but these words; None if the function leaves out what is of others.
    """

    def decorated(
        fill: Callable[[Inputs, Draft], None],
    ) -> Callable[[Inputs], BuiltSection]:
        @wraps(fill)
        def build(inputs: Inputs, /) -> BuiltSection:
            draft = Draft(inputs, section_id, title, intro)
            if inputs.tenant is not None and of_all_tenants is not None:
                return draft.not_evaluated(
                    f"{of_all_tenants}, so that a report of one tenant leaves them out"
                )
            try:
                fill(inputs, draft)
                return draft.built()
            except ChimeraError as error:
                return draft.not_evaluated(without_userinfo(str(error)))
            except Exception as error:  # noqa: BLE001 - one section takes no other with it
                # Its words may hold values of rows.
                return draft.not_evaluated(f"it failed with {type(error).__name__}")

        return build

    return decorated


def table_of(
    name: str, title: str, columns: Sequence[doc.Column], answer: Answer, *, shown: int = 50
) -> tuple[doc.Table, Source]:
    """A table of an answer, whose columns are in the same order."""
    rows = tuple(tuple(map(plain, row)) for row in answer.rows)
    table = doc.Table(name, title, tuple(columns), rows, shown)
    return table, Source(name, title, answer.sql, answer.read)


def figure_of(
    name: str, answer: Answer, title: str, kind: doc.Kind = doc.Kind.number, unit: str = ""
) -> tuple[doc.Figure, Source]:
    """A figure of an answer of one value."""
    figure = doc.Figure(title, plain(answer.rows[0][0]), kind, unit)
    return figure, Source(name, title, answer.sql, answer.read)
